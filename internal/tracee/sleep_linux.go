package tracee

import (
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"filerace/internal/op"
)

// virtual is the time that sleeps are measured in: real time plus what skipped
// sleeps would have taken; ns since the run began.
func (c *control) virtual() int64 { return c.now() + c.clock }

// lieDown takes up a sleep that need not be waited for.
func (c *control) lieDown(t *thread, o *op.Op) {
	t.state, t.pause, t.deadline = napping, o.Len, c.virtual()+o.Len
	if o.Call.Name != "clock_nanosleep" || o.Flags&unix.TIMER_ABSTIME == 0 {
		return
	}
	// The program's clock stands still in skipped sleeps: its deadline counts in real time.
	var now unix.Timespec
	if unix.ClockGettime(int32(o.Args[0]), &now) == nil {
		t.deadline = c.now() + max(o.Len-now.Nano(), 0)
	}
}

// firstNap is the sleeper whose deadline comes first, nil if there is none. Timeouts
// in the kernel count in real time while an answer from outside may be on its way.
func (c *control) firstNap() *thread {
	first := c.earliest(true)
	if first != nil && first.state == asleep && c.mayWake() {
		return c.earliest(false)
	}
	return first
}

func (c *control) earliest(inKernel bool) *thread {
	var first *thread
	for _, t := range c.live {
		sleeps := t.state == napping || inKernel && c.expiry(t) != never
		if sleeps && (first == nil || t.deadline < first.deadline ||
			t.deadline == first.deadline && byActor(t, first) < 0) {
			first = t
		}
	}
	return first
}

// maxNaps is how many sleeps in a row are skipped while nothing else happens.
// A program that waits for a wall-clock deadline needs real time to pass: its
// timeouts seem to come early, and it waits again for the rest.
const maxNaps = 50

// fire ends a sleep, and the virtual clock stands at its end: the call is skipped,
// or interrupted if the thread is in it already.
func (c *control) fire(t *thread) {
	c.naps++
	if c.naps > maxNaps {
		rest(min(time.Duration(t.pause), 10*time.Millisecond))
	}
	if late := t.deadline - c.virtual(); late > 0 {
		c.clock += late
	}
	if t.state == asleep {
		c.expire(t)
		return
	}
	c.fake(t, t.cur, 0)
}

// waker tells what can end a sleep.
type waker uint8

const (
	byAnything waker = iota
	byChild          // wait4(2): a child's end or stop, a signal
	byMemory         // a private futex: threads of the process
	byPipe           // pipes: their other end's reads, writes, opens and closes
)

// classify tells by the call in which a thread sleeps what can end that.
func (c *control) classify(t *thread) waker {
	call := t.sleepCall()
	if call == nil {
		return byAnything
	}
	switch call.Kind {
	case op.Wait:
		return byChild
	case op.Futex:
		if t.sleepArg[1]&futexPrivate != 0 && !t.proc.shared {
			return byMemory
		}
	case op.Read, op.Write, op.Copy:
		if t.cur != nil && t.cur.File.Type == op.Pipe && t.cur.FD2 < 0 {
			return byPipe
		}
	}
	return byAnything
}

func (t *thread) sleepCall() *op.Call {
	if t.sleepNr < 0 {
		return nil
	}
	return op.Find(op.Native, uint64(t.sleepNr), &t.sleepArg)
}

// disturb marks the sleepers that an operation, or what the thread does after it,
// may have woken.
func (c *control) disturb(by *thread, o *op.Op) {
	switch o.Kind {
	case op.Kill, op.Signal:
		c.wakeAll()
		if o.Signal != int32(unix.SIGCHLD) { // which frees nobody else
			c.recheckStopped(true)
		}
		return
	case op.Exit: // an orphaned group's stopped members are sent SIGHUP and SIGCONT
		c.wakeAll()
		c.recheckStopped(false)
		return
	case op.Exec:
		c.wakeAll()
		return
	}
	if c.all {
		c.wakeAll()
		return
	}
	for _, t := range c.live {
		if t.state != asleep || t.check {
			continue
		}
		switch t.wakes {
		case byAnything:
			t.check = true
		case byMemory:
			t.check = t.proc == by.proc
		case byPipe:
			t.check = !quiet(o)
		}
	}
}

// quiet reports whether an operation cannot have touched a pipe.
func quiet(o *op.Op) bool {
	switch o.Kind {
	case op.Open, op.Close, op.Read, op.Write, op.Copy, op.SetFlags:
		return o.File.Type == op.Regular && o.FD2 < 0 || o.File.Type == op.Directory || o.Failed()
	case op.Dup:
		return o.FD2 < 0
	case op.CloseRange, op.Send, op.Recv, op.SocketOp:
		return false
	}
	return true
}

// wakeAll has every sleeper looked at again.
func (c *control) wakeAll() {
	c.all = false
	for _, t := range c.live {
		if t.state == asleep {
			t.check = true
		}
	}
	c.releaseSignalled()
}

// recheckStopped finds the threads that a signal has set free from a stop: SIGKILL
// ends the wait at an operation's entry, SIGCONT a group stop. They run, and an
// event will tell more.
func (c *control) recheckStopped(killed bool) {
	for _, t := range c.live {
		if t.within != nil {
			continue // it sleeps in the kernel; an event tells of its death
		}
		if (killed && (t.state == held || t.state == napping) || t.state == stopped) && t.letter() != 't' {
			t.state = running
		}
	}
}

// releaseSignalled lets sleepers and lock waiters with a deliverable signal into
// the kernel, where the signal ends their wait as it would have. It reports
// whether there were any.
func (c *control) releaseSignalled() bool {
	any := false
	for _, t := range c.live {
		if t.state != napping && (t.state != held || !t.waits) {
			continue
		}
		switch pendingSignal(t.tid) {
		case interrupts:
			// Like one that slept in the kernel and was woken.
			t.state, t.inCall, t.waits = running, true, false
			resume(unix.PTRACE_SYSCALL, t.tid, 0)
		case onlyStops: // and starts the call over when it is continued
			c.rewind(t)
			c.goOn(t, 0)
		default:
			continue
		}
		any = true
	}
	return any
}

// The signals that do nothing unless they are handled, and those that then stop.
const (
	ignoredByDefault = 1<<(unix.SIGCHLD-1) | 1<<(unix.SIGCONT-1) | 1<<(unix.SIGURG-1) | 1<<(unix.SIGWINCH-1)
	stopsByDefault   = 1<<(unix.SIGSTOP-1) | 1<<(unix.SIGTSTP-1) | 1<<(unix.SIGTTIN-1) | 1<<(unix.SIGTTOU-1)
)

type pending uint8

const (
	nothing    pending = iota
	onlyStops          // job control: an interrupted call goes on after it
	interrupts         // a handler is called, or the process ends
)

// pendingSignal reads from /proc/TID/status whether a signal awaits delivery.
func pendingSignal(tid int) pending {
	text := procFile(tid, "status")
	var waiting, blocked, ignored, caught uint64
	for line := range strings.Lines(string(text)) {
		name, value, _ := strings.Cut(line, ":")
		var mask *uint64
		switch name {
		case "SigPnd", "ShdPnd":
			bits, _ := strconv.ParseUint(strings.TrimSpace(value), 16, 64)
			waiting |= bits
			continue
		case "SigBlk":
			mask = &blocked
		case "SigIgn":
			mask = &ignored
		case "SigCgt":
			mask = &caught
		default:
			continue
		}
		*mask, _ = strconv.ParseUint(strings.TrimSpace(value), 16, 64)
	}
	waiting &^= blocked | ignored
	switch {
	case waiting&(caught|^uint64(ignoredByDefault|stopsByDefault)) != 0:
		return interrupts
	case waiting&stopsByDefault != 0:
		return onlyStops
	}
	return nothing
}

func itoa(n int) string { return strconv.Itoa(n) }

const futexPrivate = 128 // FUTEX_PRIVATE_FLAG, linux/futex.h
