package tracee

import (
	"strings"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"filerace/internal/op"
)

type event struct {
	tid int
	ws  unix.WaitStatus
}

// spins is how often the control thread gives the processor away before it asks
// the kernel whether the others sleep. On a shared core the first yield usually
// ends with the awaited stop; blocking in wait4(2) instead costs a fifth more.
const spins = 3

// The control thread sleeps so long between two looks: for threads that compute or
// wait for a disk, and for what comes from outside the run.
const (
	firstPause = 15 * time.Microsecond
	workPause  = 250 * time.Microsecond
	idlePause  = time.Millisecond
)

// patientRounds is how many short pauses come before longer ones: as long as it
// takes to start a program.
const patientRounds = 20

// precise makes short sleeps of this thread short: the kernel adds 50 µs unless
// told otherwise (PR_SET_TIMERSLACK, prctl(2)). Children would inherit it.
func precise() (restore func()) {
	unix.Prctl(unix.PR_SET_TIMERSLACK, 1000, 0, 0, 0)
	return func() { unix.Prctl(unix.PR_SET_TIMERSLACK, 0, 0, 0, 0) }
}

// waitEvent is wait4(2) for the children and tracees of this thread alone, so
// that it takes no child of other parts of the process. It is a raw call: the Go
// scheduler need not hand the processor on, since the call does not block.
func waitEvent() (event, bool) {
	var status int32
	tid, _, e := unix.RawSyscall6(unix.SYS_WAIT4, ^uintptr(0), uintptr(unsafe.Pointer(&status)),
		unix.WNOHANG|unix.WALL|unix.WNOTHREAD, 0, 0, 0)
	return event{int(tid), unix.WaitStatus(status)}, e == 0 && int(tid) > 0
}

func schedYield() { unix.RawSyscallNoError(unix.SYS_SCHED_YIELD, 0, 0, 0) }

// rest sleeps for a moment, without the timers of the Go runtime, which would
// make five times as much of twenty microseconds.
func rest(d time.Duration) {
	ts := unix.NsecToTimespec(int64(d))
	unix.RawSyscall(unix.SYS_NANOSLEEP, uintptr(unsafe.Pointer(&ts)), 0, 0)
}

// poll takes one event if there is one.
func (c *control) poll() bool {
	e, ok := waitEvent()
	if ok {
		c.arrived(e)
	}
	return ok
}

// arrived handles an event, or keeps it for later: while one operation is in
// flight, what other threads do because of it must not be seen before its return.
// Not put off are the first stop of a new thread, which nothing follows from, and
// an exec, which may be what is in flight: by it, a thread takes on the id of the
// first one of its process.
func (c *control) arrived(e event) {
	if f := c.flying; f != nil && f.tid != e.tid && e.tid != c.launcher.pid {
		t := c.threads[e.tid]
		exec := e.ws.Stopped() && int(e.ws)>>16 == unix.PTRACE_EVENT_EXEC
		first := e.ws.Stopped() && (t == nil || t.state == newborn)
		if !exec && !first {
			c.later = append(c.later, e)
			return
		}
	}
	c.handle(e.tid, e.ws)
}

// await returns after an event, or when a thread was found to have fallen asleep.
// It never blocks, so that the time of a run can be kept even where an operation
// hangs in the kernel.
func (c *control) await() {
	pause := firstPause
	for n := 0; ; n++ {
		if c.poll() || c.found() {
			return
		}
		if n < spins {
			schedYield()
			continue
		}
		if c.settle() || c.over() {
			return
		}
		rest(pause)
		if n > patientRounds {
			pause = min(pause*2, workPause)
		}
	}
}

// settle looks at the threads that do something and reports whether one has
// fallen asleep or died.
func (c *control) settle() bool {
	changed := false
	for _, t := range c.live {
		if t.state != running && t.state != flying || t.expiring { // whose stop is on its way
			continue
		}
		switch s := t.look(); s {
		case asleep:
			c.fellAsleep(t)
			changed = true
		case ended:
			if t.cur != nil && t.cur.Kind == op.Exec && t.inCall {
				continue // its id is gone, but it lives: exec gives it the one of the first thread (de_thread, fs/exec.c)
			}
			t.state, changed = ended, true
			c.leaveFlight(t)
		}
	}
	return changed
}

// fellAsleep notes a sleeper. As long as others run, it must be looked at again:
// a futex is released without an operation that we see.
func (c *control) fellAsleep(t *thread) {
	t.state, t.check = asleep, true
	t.since, t.timing = c.virtual(), false
	t.wakes = c.classify(t)
	c.leaveFlight(t)
}

// reexamine looks again at the sleepers that may have been woken. It is called
// when nothing runs: who sleeps now sleeps until another operation.
//
// Threads are looked at one after the other. One of a process may wake another
// that was looked at already, and be asleep itself when its turn comes. So if
// several of a process are in question, the number of times that each was given
// a processor (/proc/TID/schedstat) must be the same before and after the round. One
// that had it all along, woke another and fell asleep has not changed its number,
// nor has the other while it waits for a processor: so all must be asleep still.
func (c *control) reexamine() bool {
	woken := false
	before, shared := c.slices()
	for _, t := range c.live {
		if t.state != asleep || !t.check {
			continue
		}
		if t.look() == asleep {
			t.check = false
			continue
		}
		c.woke(t)
		woken = true
	}
	if !shared || woken {
		return woken
	}
	for t, text := range before {
		if t.look() != asleep || timeSlices(t) != text {
			for t := range before {
				t.check = true
			}
			return true
		}
	}
	return false
}

// slices notes how often each thread in question has run, if two of them belong
// to one process.
func (c *control) slices() (runs map[*thread]string, shared bool) {
	var one, other *thread
	for _, t := range c.live {
		if t.state != asleep || !t.check || t.proc == nil || t.proc.threads < 2 {
			continue
		}
		if one != nil && one.proc == t.proc {
			other = t
		}
		one = t
	}
	if other == nil {
		return nil, false
	}
	runs = map[*thread]string{}
	for _, t := range c.live {
		if t.state == asleep && t.check {
			runs[t] = timeSlices(t)
		}
	}
	return runs, true
}

// timeSlices is the third number of /proc/TID/schedstat
// (Documentation/scheduler/sched-stats.rst); "" if the kernel keeps none.
func timeSlices(t *thread) string {
	f := strings.Fields(string(procFile(t.tid, "schedstat")))
	if len(f) < 3 {
		return ""
	}
	return f[2]
}

// woke lets a sleeper run again. What it does before its next operation may wake
// others unseen.
func (c *control) woke(t *thread) {
	t.state, t.check = running, false
	for _, s := range c.live {
		if s.state == asleep && (s.wakes == byAnything || s.wakes == byMemory && s.proc == t.proc) {
			s.check = true
		}
	}
}

// idle waits for time to pass or for something from outside the run: a timer, a
// signal, a lock that a process outside gives back.
func (c *control) idle() {
	alarm, armed := c.nextAlarm()
	for pause := firstPause; !c.poll() && !c.over(); pause = min(pause*2, idlePause) {
		if next, ok := c.nextAlarm(); ok != armed || next != alarm {
			return
		}
		for _, t := range c.live {
			if t.state == asleep && t.look() != asleep {
				c.woke(t)
				return
			}
			if t.state == held && (t.barred != 0 && c.now() >= t.barred || t.breaking && c.lapsed(t)) {
				return
			}
		}
		if c.releaseSignalled() {
			return
		}
		rest(pause)
	}
}
