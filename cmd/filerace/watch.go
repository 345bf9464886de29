package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"filerace/internal/probe"
	"filerace/internal/trace"
	"filerace/internal/trace/saved"
	"filerace/internal/watch"
)

const watchAbout = `Watches the running system and tells each race when it happens first; a race that happens again is
counted, in a line every ten seconds at most. Filters say what is shown: without --events all that
could order the calls is still taken into account, and only --tree and --cgroup lessen what is
watched. Ctrl-C ends it. Exit status: 66 if a race was observed, 3 if it cannot watch, else 0.`

// watchFlags are the flags as given.
type watchFlags struct {
	events, entry, json, top, all bool
	pids, names, trees            list
	path, cgroup, user, calls     string
	limit                         time.Duration
	ring                          int // MiB
	record                        string
}

func (w *watchFlags) define(f *flag.FlagSet) {
	f.BoolVar(&w.events, "events", false, "show the calls instead of the races, one a line")
	f.BoolVar(&w.entry, "entry", false, "with --events: a line when a call is entered, too")
	f.BoolVar(&w.top, "top", false, "show on a terminal which files are contended for, who holds and awaits locks,\n                     and what is deleted but open")
	f.BoolVar(&w.json, "json", false, "one JSON object a line")
	f.BoolVar(&w.all, "all", false, "show possible races, too, and all steps")
	f.Var(&w.pids, "p", "of the process `PID` only; may be given several times")
	f.Var(&w.names, "n", "of programs of this `NAME` only; may be given several times")
	f.Var(&w.trees, "tree", "watch the process `PID` and all that come of it; may be given several times")
	f.StringVar(&w.path, "path", "", "of paths that match `GLOB` only; * stays within a name, ** does not; a name alone counts in any directory")
	f.StringVar(&w.cgroup, "cgroup", "", "watch the cgroup (v2) of this `PATH` or id, and those in it")
	f.StringVar(&w.user, "uid", "", "of this `user` only, by number or name")
	f.StringVar(&w.calls, "calls", "", "with --events: these calls only, as in `open,openat,unlink`")
	f.DurationVar(&w.limit, "for", 0, "end after this `time`, as in 30s or 8h; 0: never")
	f.IntVar(&w.ring, "ring", 0, "the kernel keeps `MIB` of events until they are read, a power of two; 0: 4 to 32, by the memory there is")
	f.StringVar(&w.record, "record", "", "keep what is watched in a new directory `NAME`.filerace")
}

// ringMost is the largest ring that may be asked for, in MiB.
const ringMost = 1024

// conflict says which flags do not go together, "" if all do.
func (w *watchFlags) conflict() string {
	switch {
	case w.top && (w.events || w.json || w.entry):
		return "--top stands in place of --events, --entry and --json"
	case w.entry && !w.events:
		return "--entry goes with --events"
	case w.calls != "" && !w.events:
		return "--calls goes with --events: races are judged by all calls"
	case w.all && w.events:
		return "--all is about races, and --events shows calls"
	case w.all && w.top:
		return "--all is about the texts of races, and --top shows none"
	case w.calls != "" && w.record != "":
		return "--record keeps all calls; leave out --calls, or --record"
	case w.top && (len(w.pids) > 0 || len(w.names) > 0 || w.user != ""):
		return "--top can be narrowed by --tree, --cgroup and --path"
	case w.limit < 0:
		return "--for must be at least 0"
	case w.ring < 0 || w.ring > ringMost || w.ring&(w.ring-1) != 0:
		return fmt.Sprintf("--ring is a power of two, %d at most", ringMost)
	}
	return ""
}

func watchCommand(ctx context.Context, c *console, args []string) int {
	f := newFlags(c, "watch", "[flags]", watchAbout)
	var given watchFlags
	given.define(f)
	if stop, status := parse(c, f, args); stop {
		return status
	}
	if f.NArg() > 0 {
		return wrong(c, "watch", "it starts no command; to watch one: filerace run -- "+strings.Join(f.Args(), " "))
	}
	if name := emptyFlag(f, "path", "cgroup", "uid", "calls", "record"); name != "" {
		return wrong(c, "watch", "--"+name+" has no value")
	}
	if text := given.conflict(); text != "" {
		return wrong(c, "watch", text)
	}
	if given.top && !terminal(c.out) {
		return wrong(c, "watch", "--top draws on a terminal, and standard output is none; --events and --json do not need one")
	}
	w, err := given.plan(c)
	var usage *usageError
	switch {
	case errors.As(err, &usage):
		return wrong(c, "watch", err.Error())
	case err != nil:
		return failed(c, "watch", err)
	}
	return w.run(ctx, c)
}

// watching is one use of the command: what to watch, and what to show of it.
type watching struct {
	flags   watchFlags
	what    string // in words
	probe   probe.Options
	options watch.Options
	dir     string // where one stands
	record  string // directory of the recording, "" for none
}

func (w *watching) run(ctx context.Context, c *console) int {
	ctx, stop := signal.NotifyContext(ctx, syscall.SIGHUP)
	defer stop()
	// A reader who has gone shows as EPIPE then, which ends the watch as Ctrl-C does.
	gone := make(chan os.Signal, 1)
	signal.Notify(gone, syscall.SIGPIPE)
	defer signal.Stop(gone)
	defer stepAside()()

	source, err := probe.Open(w.probe)
	if err != nil {
		return failed(c, "watch", cannotWatch(err))
	}
	kept, err := w.openRecording(source.Notes())
	if err != nil {
		source.Close()
		return failed(c, "watch", err)
	}
	if w.flags.limit > 0 { // from now on: opening takes a second
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, w.flags.limit)
		defer cancel()
	}
	fmt.Fprintf(c.err, "filerace watch: %s; %s\n", w.what, w.ending())
	sum, err := w.show(ctx, c, source)
	for _, text := range sum.Forgot {
		fmt.Fprintln(c.err, "filerace watch: "+text)
	}
	if sum.Unread {
		fmt.Fprintln(c.err, "filerace watch: the end of the output was not read, and is lost")
	}
	fmt.Fprintf(c.err, "filerace watch: %s\n", w.summary(&sum))
	if cerr := kept.close(w, &sum); err == nil { // else it is the same, or less
		err = cerr
	}
	if err != nil {
		failed(c, "watch", watchFailed(err))
	}
	switch {
	case sum.Observed > 0:
		return exitRace
	case err != nil:
		return exitFail
	}
	return exitClean
}

func (w *watching) show(ctx context.Context, c *console, source *probe.Probe) (watch.Summary, error) {
	if w.flags.top {
		return w.onScreen(ctx, c, source)
	}
	w.options.Say = func(text string) { fmt.Fprintln(c.err, "filerace watch: "+text) }
	w.options.Color = colored(c.out)
	return watch.Run(ctx, source, w.options, c.out)
}

func (w *watching) ending() string {
	switch {
	case w.flags.top:
		return "q ends it"
	case w.flags.limit > 0:
		return fmt.Sprintf("for %v, or until Ctrl-C", w.flags.limit)
	}
	return "Ctrl-C ends it"
}

func (w *watching) summary(sum *watch.Summary) string {
	if w.options.Partial {
		text, _, _ := strings.Cut(sum.String(), " lost,")
		return text + " lost; no races were looked for, as not all calls were watched"
	}
	return sum.String()
}

// cannotWatch says what to do about a probe that does not open.
func cannotWatch(err error) error {
	var u *probe.Unavailable
	if errors.As(err, &u) && u.Hint != "" {
		return &remedied{err, u.Hint}
	}
	return err
}

// watchFailed says what to do about what ended a watch.
func watchFailed(err error) error {
	var broken *saved.Error
	switch {
	case errors.As(err, &broken):
		return &remedied{err, broken.Do()}
	case errors.Is(err, watch.ErrOutput):
		return &remedied{err, "make room for the output, or send it elsewhere"}
	}
	return err
}

// recording is where a watch is kept; nil: nowhere.
type recording struct {
	*saved.Writer
	findings []json.RawMessage
}

// recordedFindings bounds the findings in a recording; explain finds all again.
const recordedFindings = 1000

func (w *watching) openRecording(n trace.Notes) (*recording, error) {
	if w.record == "" {
		return nil, nil
	}
	writer, err := saved.Create(w.record, saved.Meta{
		Dir: w.dir, Recorder: n.Kind, Start: n.Start, Notes: saved.Notes{NoEntry: n.NoEntry, Calls: n.Calls, Identities: n.Identities},
	})
	if err != nil {
		return nil, watchFailed(err)
	}
	r := &recording{Writer: writer}
	w.options.Keep = r.Record
	w.options.KeepFinding = func(text json.RawMessage) {
		if len(r.findings) < recordedFindings {
			r.findings = append(r.findings, text)
		}
	}
	return r, nil
}

// close ends the recording with what was found.
func (r *recording) close(w *watching, sum *watch.Summary) error {
	if r == nil {
		return nil
	}
	text, err := watch.Report(r.findings, sum)
	return errors.Join(err, r.Close(text, nil))
}
