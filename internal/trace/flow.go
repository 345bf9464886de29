package trace

import (
	"io"

	"filerace/internal/world"
)

// Event is what comes out of a Flow.
type Event = world.Event

// Derived counts what a Flow had to find out for itself.
type Derived struct {
	Files    int // files whose identity was derived from the names' history
	NoCwd    int // processes whose working directory is not known
	NoEntry  int // operations without an entry time
	Unfit    int // operations that no order of what overlapped could explain
	Late     int // operations that arrived after their place had passed
	Reopened int // descriptors that turned out to lead elsewhere than the calls seen tell
}

// Flow turns records into operations: it names the actors (Builder), finds the order
// (Sequencer) and completes names and identities. It takes records as they come:
//
//	flow := trace.NewFlow(stream.World(), stream.Take)
//	for each record { flow.Put(r) }    // and flow.Advance(now) when nothing comes
//	flow.Close()
//
// Whoever gets an event must apply its Op to the world before returning; the
// Flow asks the world what descriptors lead to and how long files are.
type Flow struct {
	// Lag is how long, in ns, an operation that has returned is held back, as others
	// that took effect before it may still return. It may be set before the first record.
	Lag int64

	emit    func(Event)
	world   *world.World
	builder builder
	names   *model
	queue   sequencer
	derived Derived
	newest  int64 // the latest return so far
}

// DefaultLag is the lag for logs and recorded runs, in ns. A call that sleeps longer takes
// effect in the last moments before its return.
const DefaultLag = 1e9

// pendingMax bounds how many operations are held back, whatever the lag.
const pendingMax = 1 << 16

// NewFlow returns a flow that fills w by way of emit.
func NewFlow(w *world.World, emit func(Event)) *Flow {
	f := &Flow{Lag: DefaultLag, emit: emit, world: w, names: newModel()}
	f.builder.init(f)
	return f
}

// Put takes a record. The record belongs to the flow from then on.
func (f *Flow) Put(r Record) {
	if r.Op != nil {
		f.newest = max(f.newest, r.Op.Exit, r.Op.Enter)
	}
	f.builder.put(r)
	if n := len(f.queue.fresh); n >= 512 && n >= len(f.queue.sorted)/2 {
		f.builder.overdue(f.newest - f.Lag/2)
		f.release(f.newest - f.Lag)
	}
}

// Advance tells that it is now (ns since the source's start) and all that returned
// by then has been put: what has waited for the lag goes on.
func (f *Flow) Advance(now int64) {
	f.newest = max(f.newest, now)
	f.builder.overdue(f.newest - f.Lag/2)
	f.release(f.newest - f.Lag)
}

// Close lets everything out.
func (f *Flow) Close() {
	f.builder.overdue(maxTime)
	f.release(maxTime)
}

// Derived tells what was derived so far.
func (f *Flow) Derived() Derived { return f.derived }

// Home is the made-up directory of those whose working directory is not known, ""
// if there is none or more than one.
func (f *Flow) Home() string {
	if len(f.builder.homes) != 1 {
		return ""
	}
	for _, home := range f.builder.homes {
		return home.path
	}
	return ""
}

// Command says that process pid is the traced command: its actor is "1". Otherwise the
// first process is, if the first thing it does is execve.
func (f *Flow) Command(pid int) { f.builder.command = pid }

// Copy puts all records of a source and closes the flow. The error is the source's.
func (f *Flow) Copy(s Source) error {
	for {
		r, err := s.Next()
		switch {
		case err == io.EOF:
			f.Close()
			return nil
		case err != nil:
			f.Close()
			return err
		}
		f.Put(r)
	}
}

// release lets the operations out that took effect by the horizon.
func (f *Flow) release(until int64) {
	q, horizon := &f.queue, place(until)
	q.merge()
	if over := len(q.sorted) - pendingMax; over > 0 {
		horizon = max(horizon, q.sorted[over].point)
	}
	done := 0
	for done < len(q.sorted) {
		it := q.sorted[done]
		if it.point > horizon {
			break
		}
		if it.done {
			done++
			continue
		}
		if g := it.group; g != nil && !g.solved {
			f.derived.Unfit += g.solve(f.names)
			sortItems(q.sorted[done:])
			continue
		}
		done++
		q.passed = it.point
		f.seeFirst(it)
		q.leave(it)
		f.out(it)
	}
	q.sorted = q.drop(done)
}

func (f *Flow) out(it *item) {
	if it.op == nil {
		f.names.forgetStates()
		f.emit(Event{Lost: it.lost})
		return
	}
	if it.op.Enter < 0 {
		f.derived.NoEntry++
	}
	f.complete(it)
	f.names.tidy()
	f.emit(Event{Op: it.op, From: it.from, Unannounced: it.proc.unannounced})
}
