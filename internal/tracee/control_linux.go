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
	cfg      Config
	h        Handler
	launcher *Launcher
	inKernel *inKernel // nil: opens are one step
	names    *resolver
	threads  map[int]*thread
	live     []*thread // the same, in order of birth
	root     *process
	rootEnd  bool
	became   bool  // the launcher has become the command
	refusal  error // why it did not

	flying   *thread // its operation is let go and has not returned
	later    []event // of other threads, while one is flying; in order of arrival
	buried   map[int]event
	forkers  []*thread          // killed inside a fork
	given    map[op.FileID]bool // pipes that the command began with: others may have them, too
	fifos    map[op.FileID]bool // made in this run
	arrivals int
	seq      int
	changes  int // operations done that may have changed what a name leads to
	turns    uint
	began    time.Time
	clock    int64 // virtual ns by which skipped sleeps are ahead
	naps     int   // sleeps fired since an operation took place
	all      bool  // every sleeper must be looked at again
	res      Result
}

func newControl(cfg Config, h Handler, l *Launcher) *control {
	return &control{cfg: cfg, h: h, launcher: l, names: newResolver(), threads: map[int]*thread{}, buried: map[int]event{},
		given: map[op.FileID]bool{}, fifos: map[op.FileID]bool{}, began: time.Now()}
}

func (c *control) add(t *thread) *thread {
	c.threads[t.tid] = t
	c.live = append(c.live, t)
	return t
}

func (c *control) remove(t *thread) {
	t.close()
	if c.threads[t.tid] == t {
		delete(c.threads, t.tid)
	}
	if i := slices.Index(c.live, t); i >= 0 {
		c.live = slices.Delete(c.live, i, i+1)
	}
}

func (c *control) loop() error {
	for {
		if c.flying == nil && len(c.later) > 0 { // older than anything that wait4(2) has
			e := c.later[0]
			c.later = c.later[1:]
			c.handle(e.tid, e.ws)
			continue
		}
		if c.poll() {
			continue
		}
		if c.turns++; len(c.live) == 0 || c.turns%64 == 0 && c.over() || c.res.TimedOut || c.res.Stopped {
			return nil
		}
		if c.flying != nil {
			c.await()
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
		if c.all {
			c.wakeAll()
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
	if ready := c.ready(); len(ready) > 0 {
		return c.choose(ready)
	}
	switch {
	case c.all, c.busy():
		// Looking at what is ready has moved something: an attempt to open has made the kernel
		// signal the holder of a lease, or a lock request was refused with EDEADLK.
		return true, nil
	case c.rootEnd:
		return false, nil // what is left sleeps: daemons
	}
	due, armed := c.nextAlarm()
	if t := c.firstNap(); t != nil && (!armed || t.deadline <= due) {
		c.fire(t)
		return true, nil
	}
	if armed || c.mayWake() {
		c.idle()
		return true, nil
	}
	c.deadlock()
	return false, nil
}

// choose lets the handler pick.
func (c *control) choose(ready []*thread) (bool, error) {
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
	for _, t := range c.live {
		t.spins = 0
	}
	c.letGo(ready[i])
	return true, nil
}

// busy reports whether a thread still does something, or is about to be seen for
// the first time.
func (c *control) busy() bool {
	for _, t := range c.live {
		if t.state == running || t.state == newborn && (t.proc != nil || c.forkUnderWay()) {
			return true
		}
	}
	return c.adopt()
}

// nextThrough is the first operation that needs no decision and would not block.
func (c *control) nextThrough() *thread {
	var first, spinner *thread
	for _, t := range c.live {
		if t.state != held || !t.through || first != nil && t.arrival > first.arrival || !c.mayGo(t) {
			continue
		}
		if t.spins > maxSpins {
			spinner = t
		} else {
			first = t
		}
	}
	if first == nil && spinner != nil && len(c.ready()) == 0 {
		return spinner
	}
	return first
}

// maxSpins is how often a thread may ask the same in a row before others that are
// held go first. It polls, without sleeping, for what one of them is to do.
const maxSpins = 300

// ready lists the held operations that would not block, sorted by actor.
func (c *control) ready() []*thread {
	var r []*thread
	for _, t := range c.live {
		if t.state == held && !t.through && c.mayGo(t) {
			r = append(r, t)
		}
	}
	slices.SortFunc(r, byActor)
	return r
}

func (c *control) sorted() []*thread {
	r := slices.Clone(c.live)
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
	default:
	}
	return c.res.TimedOut || c.res.Stopped
}

// stamp gives an operation its actor and its entry time.
func (c *control) stamp(t *thread, o *op.Op) {
	o.Actor, o.PID, o.TID, o.Prog = t.actor, t.proc.pid, t.tid, t.proc.prog
	o.Enter = c.now()
}

// now is ns since the run began.
func (c *control) now() int64 { return int64(time.Since(c.began)) }

// done tells the handler of an operation that has returned.
func (c *control) done(t *thread, o *op.Op) {
	c.seq++
	c.res.Ops++
	o.Seq, o.Exit, o.Done = c.seq, c.now(), true
	if o.Kind != op.Sleep {
		c.naps = 0
	}
	if !looksOnly(o) {
		c.changes++
	}
	switch {
	case o.Kind == op.Exec && o.Failed() && !c.became:
		c.refusal = unix.Errno(o.Errno())
	case o.Kind == op.Timer:
		c.noteTimer(t, o)
	case o.Kind == op.Mknod && len(o.Names) > 0 && o.Names[0].Type == op.Pipe:
		c.fifos[o.Names[0].After] = true
	}
	c.disturb(t, o)
	c.h.Done(o)
}

// looksOnly reports whether an operation leaves names and sizes as they are.
func looksOnly(o *op.Op) bool {
	switch o.Kind {
	case op.Stat, op.AccessOp, op.Readlink, op.ReadDir, op.Read, op.Seek, op.GetXattr, op.GetLock, op.Wait,
		op.Fork, op.Dup, op.LockOp, op.SetFlags, op.Sleep, op.Random, op.Signal, op.Kill, op.Close, op.Sync:
		return true
	case op.Open:
		return o.Flags&(op.O_CREAT|op.O_TRUNC) == 0
	}
	return false
}
