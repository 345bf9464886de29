package main

import (
	"flag"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"

	"golang.org/x/term"

	"filerace/internal/hunt"
	"filerace/internal/report"
)

// Rules of the terminal, kept here alone: the report goes to standard output,
// progress and warnings to standard error; progress and colour only on a
// terminal; NO_COLOR (no-color.org) is kept; nothing is wider than 100 columns.

// output is how the report is written.
type output struct {
	asJSON *bool
	format *string
	file   *string
	all    bool
}

func outputFlags(f *flag.FlagSet) *output {
	return &output{
		asJSON: f.Bool("json", false, "the report as JSON"),
		format: f.String("format", "text", "text or json"),
		file:   f.String("o", "", "write the report to this file"),
	}
}

func (o *output) json() bool { return *o.asJSON || *o.format == "json" }

// open opens the report's destination before the work begins, so that a bad name
// is told at once.
func (o *output) open(c *console) (w io.Writer, done func() error, err error) {
	if *o.format != "text" && *o.format != "json" {
		return nil, nil, fmt.Errorf("there is no format %q: text or json", *o.format)
	}
	if *o.file == "" {
		return c.out, func() error { return nil }, nil
	}
	f, err := os.Create(*o.file)
	if err != nil {
		return nil, nil, err
	}
	return f, f.Close, nil
}

func (o *output) write(w io.Writer, rep *report.Report, dir string) error {
	if o.json() {
		return report.JSON(w, rep)
	}
	report.Text(w, rep, report.Options{Color: colored(w), Dir: dir, All: o.all})
	return nil
}

func colored(w io.Writer) bool { return terminal(w) && os.Getenv("NO_COLOR") == "" }

func terminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// showOutput prints what the program printed in the runs that went wrong.
func showOutput(w io.Writer, rep *report.Report) {
	for _, f := range rep.Findings {
		if f.Output != "" {
			fmt.Fprintf(w, "\noutput of the program in the run above:\n%s\n", strings.TrimRight(f.Output, "\n"))
		}
	}
}

// progress is the line that tells how a hunt is going.
type progress struct {
	w     *os.File
	quiet bool
	live  bool

	mu    sync.Mutex
	shown time.Time
	dirty bool
}

func newProgress(w *os.File, quiet bool) *progress {
	return &progress{w: w, quiet: quiet, live: !quiet && terminal(w)}
}

func (p *progress) show(h hunt.Progress) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.live || time.Since(p.shown) < 100*time.Millisecond {
		return
	}
	p.shown, p.dirty = time.Now(), true
	line := fmt.Sprintf("%d runs, %.0f/s, %d orders, %s", h.Runs, float64(h.Runs)/max(h.Elapsed.Seconds(), 1e-3), h.Orders, h.Trying)
	if h.Findings > 0 {
		line += fmt.Sprintf(", %d found", h.Findings)
	}
	fmt.Fprintf(p.w, "\r\x1b[K%.99s", line)
}

func (p *progress) warn(text string) {
	p.clear()
	if !p.quiet {
		fmt.Fprintln(p.w, "filerace: "+text)
	}
}

func (p *progress) clear() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.dirty {
		fmt.Fprint(p.w, "\r\x1b[K")
		p.dirty = false
	}
}
