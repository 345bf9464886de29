package tracee

import (
	"fmt"
	"slices"
	"time"

	"golang.org/x/sys/unix"

	"filerace/internal/op"
)

// control is one run.
type control struct {
	cfg     Config
	h       Handler
	names   *resolver
	threads map[int]*thread
	root    *process
	rootEnd bool
	became  bool // the launcher has become the command

	flying   *thread // its operation is let go and has not returned
	later    []event // of other threads, while one is flying
	arrivals int
	seq      int
	began    time.Time
	clock    int64 // virtual ns by which skipped sleeps are ahead
	naps     int   // sleeps fired since an operation took place
	outside  bool  // a lock is held by someone outside the run
	all      bool  // every sleeper must be looked at again
	res      Result
}

type event struct {
	tid int
	ws  unix.WaitStatus
}

// spins is how often the control thread gives the processor away before it asks
// the kernel whether the others sleep. On a shared core the first yield usually
// ends with the awaited stop.
const spins = 3

func (c *control) loop() error {
	for {
		for c.poll() {
		}
		switch {
		case len(c.threads) == 0 || c.over():
			return nil
		case c.flying != nil:
			c.await()
			continue
		case len(c.later) > 0:
			e := c.later[0]
			c.later = c.later[1:]
			c.handle(e.tid, e.ws)
			continue
		}
		if t := c.nextThrough(); t != nil {
			c.letGo(t)
			continue
		}
		if c.busy() {
			c.await()
			continue
		}
		if c.reexamine() {
			continue
		}
		more, err := c.decide()
		if !more || err != nil {
			return err
		}
	}
}

// decide is called when every thread is held, asleep or gone. It reports whether
// the run goes on.
func (c *control) decide() (bool, error) {
	ready := c.ready()
	if len(ready) > 0 {
		ops := make([]*op.Op, len(ready))
		for i, t := range ready {
			ops[i] = t.cur
		}
		i := c.h.Pick(ops)
		switch {
		case i == Stop:
			c.res.Stopped = true
			return false, nil
		case i == Leave:
			return false, c.leave()
		case i < 0 || i >= len(ready):
			return false, fmt.Errorf("the strategy chose %d of %d held operations", i, len(ready))
		}
		c.res.Decisions++
		c.letGo(ready[i])
		return true, nil
	}
	if c.rootEnd {
		return false, nil // what is left sleeps: daemons
	}
	if t := c.firstNap(); t != nil {
		c.fire(t)
		return true, nil
	}
	if c.mayWake() {
		c.await()
		return true, nil
	}
	for _, t := range c.sorted() {
		if t.cur != nil {
			c.res.Deadlock = append(c.res.Deadlock, t.cur)
		}
	}
	c.res.Stopped = true
	return false, nil
}

// poll handles one event if there is one.
func (c *control) poll() bool {
	var ws unix.WaitStatus
	tid, err := unix.Wait4(-1, &ws, unix.WNOHANG|wAll, nil)
	if err != nil || tid <= 0 {
		return false
	}
	c.arrived(tid, ws)
	return true
}

// arrived handles an event, or keeps it for later: while one operation is in
// flight, threads that it woke must not be seen to return before it.
func (c *control) arrived(tid int, ws unix.WaitStatus) {
	f := c.flying
	if f != nil && f.tid != tid && ws.Stopped() && c.threads[tid] != nil && c.threads[tid].state != newborn {
		if former := c.threads[tid]; former.proc != f.proc { // an exec by another thread of the process concerns f
			c.later = append(c.later, event{tid, ws})
			return
		}
	}
	c.handle(tid, ws)
}

// await returns after an event, or when a thread was found to have fallen asleep.
func (c *control) await() {
	if f := c.flying; f != nil && !f.cur.Call.Sleep && f.cur.Kind != op.Exit {
		var ws unix.WaitStatus
		if tid, err := unix.Wait4(-1, &ws, wAll, nil); err == nil && tid > 0 {
			c.arrived(tid, ws)
		}
		return
	}
	pause := 20 * time.Microsecond
	for n := 0; !c.over(); n++ {
		if c.poll() {
			return
		}
		if n < spins {
			schedYield()
			continue
		}
		if c.settle() {
			return
		}
		time.Sleep(pause)
		pause = min(pause*2, time.Millisecond)
	}
}

// settle looks at the threads that run, and at those whose sleep may end by
// itself, and reports whether one changed.
func (c *control) settle() bool {
	changed := false
	for _, t := range c.threads {
		switch t.state {
		case running, flying:
			switch t.look() {
			case asleep:
				c.fellAsleep(t)
				changed = true
			case newborn:
				t.state, changed = newborn, true
				if c.flying == t {
					c.flying = nil
				}
			}
		case asleep:
			if t.check && t.look() == running {
				t.state, changed = running, true
			}
			t.check = false
		}
	}
	return changed
}

func (c *control) fellAsleep(t *thread) {
	t.state, t.check = asleep, false
	if c.flying == t {
		c.flying = nil
	}
}

// reexamine looks again at the sleepers that the last operation may have woken.
func (c *control) reexamine() bool {
	woken := false
	for _, t := range c.threads {
		if t.state != asleep || !t.check {
			continue
		}
		t.check = false
		if t.look() != asleep {
			t.state, woken = running, true
		}
	}
	return woken
}

func (c *control) busy() bool {
	for _, t := range c.threads {
		if t.state == running || t.state == newborn && t.proc == nil {
			return true
		}
	}
	return false
}

// nextThrough is the first operation that needs no decision and would not block.
func (c *control) nextThrough() *thread {
	var first *thread
	for _, t := range c.threads {
		if t.state == held && t.through && (first == nil || t.arrival < first.arrival) && c.mayGo(t) {
			first = t
		}
	}
	return first
}

// ready lists the held operations that would not block, sorted by actor.
func (c *control) ready() []*thread {
	var r []*thread
	for _, t := range c.threads {
		if t.state == held && !t.through && c.mayGo(t) {
			r = append(r, t)
		}
	}
	slices.SortFunc(r, byActor)
	return r
}

func (c *control) sorted() []*thread {
	var r []*thread
	for _, t := range c.threads {
		if t.proc != nil {
			r = append(r, t)
		}
	}
	slices.SortFunc(r, byActor)
	return r
}

func byActor(a, b *thread) int { return compareActors(a.actor, b.actor) }

// over reports whether the run must end now.
func (c *control) over() bool {
	if c.cfg.RunTime > 0 && time.Since(c.began) > c.cfg.RunTime {
		c.res.TimedOut = true
	}
	select {
	case <-c.cfg.Interrupt:
		c.res.Stopped = true
		return true
	default:
	}
	return c.res.TimedOut
}

// stamp gives an operation its actor and its entry time.
func (c *control) stamp(t *thread, o *op.Op) {
	o.Actor, o.PID, o.TID, o.Prog = t.actor, t.proc.pid, t.tid, t.proc.prog
	o.Enter = int64(time.Since(c.began))
}

// done tells the handler of an operation that has returned.
func (c *control) done(t *thread, o *op.Op) {
	c.seq++
	c.res.Ops++
	o.Seq, o.Exit, o.Done = c.seq, int64(time.Since(c.began)), true
	if o.Kind != op.Sleep {
		c.naps = 0
	}
	c.disturb(t, o)
	c.h.Done(o)
}

func schedYield() { unix.RawSyscallNoError(unix.SYS_SCHED_YIELD, 0, 0, 0) }
