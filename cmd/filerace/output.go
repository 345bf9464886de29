package main

import (
	"bytes"
	"errors"
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

// output is where and how the report is written.
type output struct {
	asJSON bool
	name   string // of the file; "": standard output
	all    bool   // leave nothing out
	w      *os.File
}

func outputFlags(f *flag.FlagSet) *output {
	o := &output{}
	f.BoolFunc("json", "the report as JSON, for programs", func(string) error { o.asJSON = true; return nil })
	f.Func("format", "`text` or json", func(s string) error {
		if s != "text" && s != "json" {
			return fmt.Errorf("there is no format %q: text or json", s)
		}
		o.asJSON = s == "json"
		return nil
	})
	f.StringVar(&o.name, "o", "", "write the report to this `file` instead of standard output")
	return o
}

// open opens the report's file before the work begins, so that a bad name is told
// at once. An older report in it stays until there is a new one.
func (o *output) open(c *console) (err error) {
	if o.w = c.out; o.name == "" {
		return nil
	}
	if o.w, err = os.OpenFile(o.name, os.O_WRONLY|os.O_CREATE, 0o666); err != nil {
		return &remedied{fmt.Errorf("open the report: %w", err), "give -o a file that you can write, in a directory that is there"}
	}
	return nil
}

// write writes the report; output is whether what the program printed goes with it.
func (o *output) write(rep *report.Report, dir string, output bool) error {
	var text bytes.Buffer
	var err error
	if o.asJSON {
		err = report.JSON(&text, rep)
	} else {
		err = report.Text(&text, rep, report.Options{Color: colored(o.w), Dir: dir, All: o.all})
		if output {
			showOutput(&text, rep)
		}
	}
	if err != nil {
		return err
	}
	return o.put(text.Bytes())
}

// put replaces what the report's file holds.
func (o *output) put(text []byte) error {
	if o.name != "" {
		o.w.Truncate(0) // a pipe or a device has no length
	}
	_, err := o.w.Write(text)
	if o.name != "" {
		err = errors.Join(err, o.w.Close())
	}
	if err != nil {
		return &remedied{fmt.Errorf("write the report: %w", err), "make room for it, or give another file with -o"}
	}
	return nil
}

// colored: on a terminal, unless NO_COLOR is set and not empty.
func colored(w *os.File) bool { return terminal(w) && os.Getenv("NO_COLOR") == "" }

func terminal(w *os.File) bool { return term.IsTerminal(int(w.Fd())) }

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
	line := fmt.Sprintf("%d runs, %.0f/s, %d orders, %s", h.Runs, float64(h.Runs)/max(h.Elapsed.Seconds(), 1e-3), h.Orders, h.Trying)
	if h.Findings > 0 {
		line += fmt.Sprintf(", %d found", h.Findings)
	}
	p.line(line)
}

// line shows a line in the place of the last one, ten times a second at most.
func (p *progress) line(text string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.live || time.Since(p.shown) < 100*time.Millisecond {
		return
	}
	p.shown, p.dirty = time.Now(), true
	fmt.Fprintf(p.w, "\r\x1b[K%.99s", text)
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
