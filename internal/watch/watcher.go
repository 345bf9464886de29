package watch

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"syscall"
	"time"

	"filerace/internal/op"
	"filerace/internal/race"
	"filerace/internal/report"
	"filerace/internal/trace"
)

// watcher is one watch. All of it belongs to the goroutine of Run.
type watcher struct {
	o      Options
	source trace.Source
	start  time.Time // wall time of time 0
	begun  time.Time
	now    int64 // ns, of the newest record or of the clock
	sum    Summary

	judge  *judge
	flow   *trace.Flow
	tally  *tally
	origin origins
	users  users

	lines   *eventLines
	early   early
	entries bool // the source tells of entries itself

	contention *contention
	locks      *lockTable
	picture    picture

	losses      losses
	saidDropped map[string]bool
	buf         []byte
	sink        *sink

	ctx     context.Context // until its end a slow reader of the output is waited for
	leaving bool
	gone    bool  // the reader of the output has gone
	err     error // the first that ends the watch
}

func newWatcher(ctx context.Context, source trace.Source, o Options, out io.Writer) *watcher {
	w := &watcher{
		o: o, source: source, start: source.Notes().Start, begun: time.Now(), tally: newTally(cmp.Or(o.Every, AgainEvery)), sink: newSink(out),
		origin: newOrigins(), contention: newContention(), saidDropped: map[string]bool{}, locks: newLockTable(o.Proc), ctx: ctx,
	}
	w.lines = newEventLines(w.start)
	w.early.entries = o.Entry
	w.early.shown = o.Show == Calls
	w.judge = newJudge(!o.Partial, w.found)
	if w.judge.stream != nil {
		w.judge.stream.Repeated = func(f *race.Finding) { w.tally.again(f, w.now) }
	}
	w.flow = trace.NewFlow(w.judge.world(), w.emit)
	w.flow.Lag = lag
	return w
}

// take takes a record as it comes from the source.
func (w *watcher) take(r trace.Record) {
	if r.Op != nil {
		w.now = max(w.now, r.Op.Exit, r.Op.Enter)
		w.users.see(r.Op.PID, r.UID)
	}
	switch r.What {
	case trace.Gap:
		w.sum.Lost += r.Lost
		w.losses.add(w.sum.Lost)
	case trace.Entered:
		w.entries = true
		w.early.add(r, r.Op.Enter)
		return
	case trace.Returned:
		w.sum.Events++
		if w.early.shown && !w.entries && r.Op.Enter != op.None {
			entry := *r.Op
			w.early.add(trace.Record{What: trace.Entered, Op: &entry, UID: r.UID, Cgroup: r.Cgroup}, entry.Enter)
		}
		if madeThread(r.Op) {
			w.early.add(r, r.Op.Exit)
		} else if w.asksOrigin() {
			w.origin.put(&r)
		}
	}
	w.flow.Put(r)
}

// madeThread: the flow keeps such calls to itself.
func madeThread(o *op.Op) bool {
	return o.Kind == op.Fork && !o.Failed() && (o.Thread || o.Flags&op.CLONE_THREAD != 0)
}

// emit takes an operation in its place in the order.
func (w *watcher) emit(e trace.Event) {
	if e.Op == nil {
		w.judge.take(e)
		if w.o.Show == Calls && e.Lost > 0 {
			w.printGap(e.Lost)
		}
		w.keep(trace.Record{What: trace.Gap, Lost: e.Lost})
		return
	}
	w.judge.take(e)
	if w.o.Show == Picture {
		w.contention.see(e.Op)
	}
	if !w.asksOrigin() {
		return
	}
	r := w.origin.take(e.Op, &w.users)
	if w.o.Show == Calls && e.Op.Call != nil {
		w.printEarly(e.Op.Exit)
		if w.o.Filter.call(&r) {
			w.printCall(&r)
		}
	}
	w.keep(r)
}

// asksOrigin reports whether anybody is told of calls one by one.
func (w *watcher) asksOrigin() bool { return w.o.Show == Calls || w.o.Keep != nil }

func (w *watcher) keep(r trace.Record) {
	if w.o.Keep != nil && w.err == nil {
		w.fail(w.o.Keep(r))
	}
}

// found takes a finding of the rules.
func (w *watcher) found(t race.Told) {
	f, ops := t.Finding, t.Ops
	if f.Evidence == race.Possible && !w.o.All || !w.o.Filter.finding(&f, ops, w.users.of) {
		return
	}
	if !w.tally.add(&f, w.now) {
		return
	}
	w.sum.Observed, w.sum.Possible = w.tally.observed, w.tally.possible
	at := w.wall(w.now)
	if w.o.KeepFinding != nil {
		text, err := rawFinding(f, ops)
		w.fail(err)
		w.o.KeepFinding(text)
	}
	switch {
	case w.o.Show == Picture:
		w.picture.newest = f.Headline
	case w.o.Show == Calls:
	case w.o.JSON:
		w.print(findingJSON(f, ops, at))
	default:
		w.print(block(f, ops, at, report.Options{Color: w.o.Color, Width: w.o.Width, Dir: w.o.Dir, All: w.o.All}))
	}
}

// foundLast takes a finding of the end: most were told when they happened.
func (w *watcher) foundLast(t race.Told) {
	if w.tally.news(&t.Finding) {
		w.found(t)
	}
}

// wall is the wall time of a moment, zero if it is not known.
func (w *watcher) wall(ns int64) time.Time {
	if w.start.IsZero() {
		return time.Time{}
	}
	return w.start.Add(time.Duration(ns))
}

// tick looks at the clock; idle tells that all that was read has been taken, which
// is all that returned by reached, in ns.
func (w *watcher) tick(at time.Time, reached int64, idle bool) {
	if !w.start.IsZero() {
		w.now = max(w.now, int64(at.Sub(w.start)))
	}
	if idle {
		known := min(w.now, reached) - unread
		w.flow.Advance(known)
		if w.o.Show == Calls {
			w.printEarly(known - lag)
		}
	}
	w.again(false)
	w.losses.tell(w.now, w.say)
	w.sayDropped()
	if w.o.Show == Picture {
		w.redraw()
	}
	w.flush()
}

// again tells of the races that were seen again.
func (w *watcher) again(all bool) {
	if w.o.Show != Races {
		return
	}
	for _, r := range w.tally.due(w.now, all) {
		if w.o.JSON {
			w.print(r.json())
		} else {
			w.print(r.line(), nil)
		}
	}
}

func (w *watcher) print(b []byte, err error) {
	w.fail(err)
	w.buf = append(w.buf, b...)
	if len(w.buf) >= flushAt {
		w.flush()
	}
}

// flush hands the output on. It waits for a slow reader; meanwhile records stay in
// the source.
func (w *watcher) flush() {
	if len(w.buf) == 0 || w.err != nil || w.gone || w.sum.Unread {
		w.buf = w.buf[:0]
		return
	}
	err := w.sink.put(w.ctx, w.buf)
	if err != nil && w.ctx.Err() != nil {
		w.leave()
		err = w.patiently(func(ctx context.Context) error { return w.sink.put(ctx, w.buf) })
	}
	w.buf = nil
	w.fail(err)
}

// patiently waits for the reader of the output as long as is granted at the end.
func (w *watcher) patiently(f func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(context.Background(), cmp.Or(w.o.Grace, time.Second))
	defer cancel()
	err := f(ctx)
	if err != nil && ctx.Err() != nil {
		w.sum.Unread = true
		return nil
	}
	return err
}

// leave begins the end: the source tells what it has.
func (w *watcher) leave() {
	if w.leaving {
		return
	}
	w.leaving = true
	if s, ok := w.source.(interface{ Stop() }); ok {
		s.Stop() // tells what it has before it ends
	} else {
		w.source.Close()
	}
}

// fail notes what ends the watch. That the reader of the output has gone is no failure.
func (w *watcher) fail(err error) {
	switch {
	case err == nil || w.err != nil:
	case errors.Is(err, syscall.EPIPE):
		w.gone = true
	default:
		w.err = err
	}
}

func (w *watcher) say(text string) {
	if w.o.Say != nil {
		w.o.Say(text)
	}
}

// finish lets everything out that is held back, and waits for the output.
func (w *watcher) finish(from *ahead) (Summary, error) {
	w.leave()
	defer w.source.Close()
	w.flow.Close()
	w.judge.end(w.o.All, w.foundLast)
	if w.o.Show == Calls {
		w.printEarly(maxTime)
	}
	w.again(true)
	w.flush()
	w.fail(w.patiently(w.sink.close))
	w.losses.tell(maxTime, w.say)
	w.sum.Elapsed = time.Since(w.begun)
	w.sum.Lost = max(w.sum.Lost, w.source.Notes().Lost)
	w.sum.Forgot = w.forgot()
	if w.err == nil && from.err != nil {
		w.err = fmt.Errorf("watch: %w", from.err)
	}
	return w.sum, w.err
}
