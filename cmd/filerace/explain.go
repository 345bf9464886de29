package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"time"

	"filerace/internal/op"
	"filerace/internal/race"
	"filerace/internal/report"
	"filerace/internal/trace"
	"filerace/internal/trace/logs"
	"filerace/internal/trace/saved"
)

func explainCommand(ctx context.Context, c *console, args []string) int {
	f := newFlags(c, "explain", "[flags] TRACE…", "Finds the races in a run that was recorded: by filerace (run --record, watch --record), by strace -f\n(-ttt and -T tell most; several files are those of strace -ff), by perf trace, or by openclosesnoop.\nExit status: 66 if a race was found, 3 if the trace could not be read to its end, else 0.")
	strict := f.Bool("strict", false, "exit 66 for possible races, too")
	all := f.Bool("all", false, "leave nothing out: all possible races, all steps")
	out := outputFlags(f)
	if stop, status := parse(c, f, args); stop {
		return status
	}
	if f.NArg() == 0 {
		return wrong(c, "explain", "no trace: give a recorded run or a log, as in `filerace explain strace.log`")
	}
	if slices.Contains(f.Args(), "") {
		return wrong(c, "explain", "the name of a trace is empty: a variable that is not set?")
	}
	out.all = *all
	defer collectingTraces.begin()()
	a := &analysis{stream: race.NewStream(nil)}
	switch opened, err := a.openUnless(ctx, f.Args()); {
	case !opened:
		return interrupted(c, "explain")
	case err != nil:
		return failed(c, "explain", err)
	}
	defer a.source.Close()
	if s, ok := a.source.(interface{ Interrupt() }); ok {
		defer context.AfterFunc(ctx, s.Interrupt)()
	}
	if err := out.open(c); err != nil {
		return failed(c, "explain", err)
	}
	begun := time.Now()
	err := a.run(ctx)
	r := a.report(race.End{All: *all, Failed: a.failed})
	r.Seconds = time.Since(begun).Seconds()
	switch { // what was found before stands
	case err == nil:
	case ctx.Err() != nil:
		fmt.Fprintf(c.err, "filerace explain: interrupted; %s\n", a.cut)
	case a.stream.Len() > 0:
		failed(c, "explain", fmt.Errorf("%w; %s", err, a.cut))
	default:
		return failed(c, "explain", err)
	}
	if werr := a.tell(c, out, r, err == nil); werr != nil {
		return failed(c, "explain", werr)
	}
	if v := verdict(r, *strict); v != exitClean || err == nil {
		return v
	}
	return exitFail
}

// openUnless opens the trace, which may be a pipe that has no writer yet. It reports false if the
// context ended first.
func (a *analysis) openUnless(ctx context.Context, paths []string) (bool, error) {
	opened := make(chan error, 1)
	go func() { opened <- a.open(paths) }()
	select {
	case err := <-opened:
		return true, err
	case <-ctx.Done():
		return false, nil
	}
}

// tell writes the report, or says that there is nothing to tell; whole: of all of the trace.
func (a *analysis) tell(c *console, out *output, r *report.Report, whole bool) error {
	told := whole && (out.asJSON || out.name != "") || len(r.Findings) > 0
	if !told || out.asJSON || out.name != "" { // a text says it at its end
		for _, note := range r.Missed {
			fmt.Fprintln(c.err, "filerace explain:", note)
		}
	}
	if a.cut != "" {
		r.Missed = append([]string{a.cut}, r.Missed...)
	}
	if told {
		return out.write(r, a.home(), false)
	}
	fmt.Fprintf(c.err, "filerace explain: no race found in %s\n", count(a.stream.Len(), "operation"))
	return nil
}

// analysis is one pass over a trace.
type analysis struct {
	source trace.Source
	stream *race.Stream
	flow   *trace.Flow   // of logs
	saved  *saved.Reader // of a recorded run, whose operations are complete and in order
	failed bool          // the traced command ended with a status other than 0
	sifted bool          // what cannot have to do with a race is left out of it
	now    int64         // ns since the start, of the operation taken last
	cut    string        // why not all could be taken, a sentence; "" if all was
}

func (a *analysis) open(paths []string) error {
	if isDir(paths[0]) {
		return a.openSaved(paths[0], paths[1:])
	}
	s, err := logs.Open(paths...)
	var foreign *logs.UnknownError
	var merge *logs.MergeError
	switch {
	case errors.As(err, &merge):
		return &remedied{err, "record with `strace -ff -ttt -T -o NAME`, and give NAME, or its files each once"}
	case (errors.Is(err, fs.ErrNotExist) || errors.As(err, &foreign)) && isDir(saved.Name(paths[0])):
		// as given to --record; something else may have the name, too
		return a.openSaved(saved.Name(paths[0]), paths[1:])
	case errors.As(err, &foreign):
		return &remedied{err, "give a recorded run (filerace run --record NAME), or a log made by `strace -f -ttt -T -o FILE`"}
	case errors.Is(err, fs.ErrNotExist):
		return &remedied{err, "give the path of a trace that is there"}
	case errors.Is(err, fs.ErrPermission):
		return &remedied{err, "make the trace readable to you"}
	case err != nil:
		return err
	}
	a.source = s
	a.flow = trace.NewFlow(a.stream.World(), a.take)
	return nil
}

func (a *analysis) openSaved(dir string, others []string) error {
	if len(others) > 0 {
		return &remedied{fmt.Errorf("open %s and others: a recorded run stands alone", dir), "explain one recorded run at a time"}
	}
	r, err := saved.Open(dir)
	if err != nil {
		return err
	}
	r.ForStream()
	a.saved, a.source = r, r
	if r.Meta().Single {
		a.stream.Foresee()
	}
	return nil
}

func isDir(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}

// run takes all records. After an error, what was taken before can be reported.
func (a *analysis) run(ctx context.Context) error {
	a.sifted = a.saved != nil && a.saved.Unfinished() == "" && a.sift(ctx)
	err := a.takeAll(ctx)
	if a.flow != nil {
		a.flow.Close()
	}
	switch {
	case err == nil && a.saved != nil && a.saved.Unfinished() != "" && a.stream.Len() == 0:
		return &remedied{errors.New("there is no operation in it: " + a.saved.Unfinished()), "record again, on a disk with room; findings.json in it may still tell what was found"}
	case err == nil:
		if a.saved != nil && (a.saved.Unfinished() != "" || len(a.saved.Meta().Command) == 0) {
			a.stream.Cut("The recording ends before the processes did.")
		}
	default:
		a.cut = "nothing was read of the trace"
		if a.stream.Len() > 0 {
			a.cut += " behind its first " + count(a.stream.Len(), "operation")
			if !a.sifted { // else of most of them no time was read
				a.cut += fmt.Sprintf(", which end %.6f s after its start", float64(a.now)/1e9)
			}
		}
		a.stream.Cut("The trace was read up to here only, and the processes may have gone on.")
	}
	return err
}

// sift lets a recorded run give only the operations that can have to do with a race. It reports false,
// and has not done so, if those are many. The run is read twice, so its recorder must have done with it.
func (a *analysis) sift(ctx context.Context) bool {
	const long = 1 << 20 // operations
	s := race.NewSieve()
	end := func() {}
	defer func() { end() }()
	for n := 0; s.More(); {
		for o := range a.saved.Glances(s.From(), s.Kept) {
			if n++; n&0xffff == 0 && (ctx.Err() != nil || s.Coarse()) {
				return false
			}
			if n == long {
				end = collectingTraces.closely()
			}
			s.Note(o)
		}
	}
	a.saved.Only(s)
	return true
}

func (a *analysis) takeAll(ctx context.Context) error {
	for n := 0; ; n++ {
		if n&0xfff == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		r, err := a.source.Next()
		if a.saved != nil {
			a.stream.Pass(a.saved.Passed())
		}
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		case a.flow != nil:
			a.flow.Put(r)
		default:
			a.replay(r)
		}
	}
}

// replay takes a record of a recorded run. Under control calls do not overlap: an
// operation's time before it was let go is no part of it.
func (a *analysis) replay(r trace.Record) {
	switch r.What {
	case trace.Gap:
		a.stream.Take(trace.Event{Lost: r.Lost})
	case trace.Returned:
		e := trace.Event{Op: r.Op, From: max(r.Op.Enter, 0), Unannounced: a.unannounced(r.Op)}
		if a.saved.Meta().Recorder == controlled {
			e.From = r.Op.Exit
		}
		a.take(e)
	}
}

// take lets an operation count.
func (a *analysis) take(e trace.Event) {
	a.stream.Take(e)
	if o := e.Op; o != nil {
		a.now = max(a.now, o.Exit)
		if o.Kind == op.Exit && o.Actor == "1" {
			a.failed = o.Status > 0
		}
	}
}

// unannounced reports whether an operation of a recorded run tells of a process that was there
// before it, and may hold what nobody saw: the recorder listed it with files open, or did not list it.
func (a *analysis) unannounced(o *op.Op) bool {
	p := o.Actor.Process()
	switch {
	case p.Within("1"):
		return false
	case o.Kind == op.Inherit:
		return slices.ContainsFunc(o.FDs(), func(d op.FDInfo) bool { return d.File.Type == op.Regular })
	}
	w := a.stream.World()
	return w.Process(p) == nil && (p.Parent() == "" || w.Process(p.Parent()) == nil)
}

// controlled is what recordings of controlled runs give as their recorder.
const controlled = "control"

// home is the directory in which the command ran, or the made-up one.
func (a *analysis) home() string {
	if a.saved != nil {
		return a.saved.Meta().Dir
	}
	return a.flow.Home()
}

func (a *analysis) report(end race.End) *report.Report {
	notes := a.source.Notes()
	found, older := a.found(end)
	r := &report.Report{Command: notes.Command, Runs: 1, Explored: 1, Findings: found, Missed: limits(notes)}
	if a.stream.Short() {
		r.Missed = append(r.Missed, race.ShortOfRoom)
	}
	if a.stream.Gaps() > 0 && notes.Lost == 0 {
		r.Missed = append(r.Missed, fmt.Sprintf("the trace has %s, and nothing was concluded across them", count(a.stream.Gaps(), "gap")))
	}
	if n := a.stream.Untold(); n > 0 {
		r.Missed = append(r.Missed, fmt.Sprintf("there are too many different races to keep them all: %s left out", count(n, "finding")))
	}
	if a.flow != nil {
		r.Missed = append(r.Missed, derivations(a.flow.Derived(), notes)...)
	}
	if older > 0 {
		r.Missed = append(r.Missed, fmt.Sprintf("%s of the stories told are too far back to be shown", count(older, "step")))
	}
	return r
}

// found returns what happened, and what could have; and how many steps of that are no longer kept.
func (a *analysis) found(end race.End) (found []report.Found, older int) {
	for _, t := range a.stream.End(end) {
		found = append(found, report.Found{Finding: t.Finding, Ops: t.Ops})
		older += t.Older
	}
	return found, older
}

// limits says what the source did not tell, a sentence each.
func limits(n trace.Notes) (out []string) {
	if n.Broken > 0 {
		out = append(out, fmt.Sprintf("%s could not be read and were left out; the first: %s", count(n.Broken, "line"), n.FirstBad))
	} else if n.FirstBad != "" {
		out = append(out, n.FirstBad)
	}
	if n.Absent != "" {
		out = append(out, n.Absent)
	}
	if n.Lost > 0 {
		out = append(out, fmt.Sprintf("%s were lost while it was recorded: nothing was concluded from what is not there", count(int(n.Lost), "event")))
	}
	if n.NoEntry {
		out = append(out, "the trace has no entry times: what overlapped can only be told from results")
	}
	if n.Calls != "" {
		out = append(out, "the trace has these calls only: "+n.Calls)
	}
	return out
}

// derivations says what was concluded rather than read.
func derivations(d trace.Derived, n trace.Notes) (out []string) {
	if d.Files > 0 && !n.Identities {
		out = append(out, fmt.Sprintf("the trace has no inode numbers: which names led to the same file was derived from creations, removals and renames (%s)", count(d.Files, "file")))
	}
	if d.NoCwd > 0 {
		out = append(out, "the working directory is not known: relative paths are taken to start in one directory for all processes of a program")
	}
	if d.NoEntry > 0 && !n.NoEntry {
		out = append(out, fmt.Sprintf("%s without entry time: what they overlapped can only be told from results", count(d.NoEntry, "call")))
	}
	if d.Unfit > 0 {
		out = append(out, fmt.Sprintf("%d times no order of overlapping calls explained what they returned: something was not seen", d.Unfit))
	}
	return out
}

// count says a number of things.
func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
