package tracee

import (
	"os"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"filerace/internal/op"
)

// virtual is the time that sleeps are measured in: real time plus what skipped
// sleeps would have taken; ns since the run began.
func (c *control) virtual() int64 { return int64(time.Since(c.began)) + c.clock }

// firstNap is the sleeper whose deadline comes first.
func (c *control) firstNap() *thread {
	var first *thread
	for _, t := range c.threads {
		if t.state == napping && (first == nil || t.deadline < first.deadline ||
			t.deadline == first.deadline && byActor(t, first) < 0) {
			first = t
		}
	}
	return first
}

// patience is how many sleeps in a row are skipped while nothing else happens.
// A program that waits for a wall-clock deadline needs real time to pass.
const patience = 50

// fire ends a sleep: the call is skipped, and the virtual clock stands at its end.
func (c *control) fire(t *thread) {
	c.naps++
	t.naps++
	if c.naps > patience {
		time.Sleep(min(time.Duration(t.cur.Len), 10*time.Millisecond))
	}
	if late := t.deadline - c.virtual(); late > 0 {
		c.clock += late
	}
	c.fake(t, t.cur, 0)
}

// disturb marks the sleepers that an operation may have woken. A process's end, a
// signal and anything done to pipes, sockets or unknown descriptors may wake any;
// operations on regular files wake none but those that wait for a futex of the
// same memory or for events.
func (c *control) disturb(by *thread, o *op.Op) {
	quiet := o.File.Type == op.Regular || o.File.Type == op.Directory || len(o.Names) > 0 || o.Kind == op.Inherit
	switch o.Kind {
	case op.Exit, op.Kill, op.Signal, op.Exec:
		c.all = true
	}
	for _, t := range c.threads {
		if t.state != asleep {
			continue
		}
		switch call := op.Find(op.Native, uint64(t.sleepNr), &t.sleepArg); {
		case c.all:
			t.check = true
		case call != nil && call.Kind == op.Wait:
			// Only a child's end or stop wakes it: those set c.all.
		case call != nil && call.Kind == op.Futex && t.sleepArg[1]&futexPrivate != 0 && !t.proc.shared:
			t.check = t.check || t.proc == by.proc
		default:
			t.check = t.check || !quiet || call == nil || call.Kind == op.Poll || call.Kind == op.Futex
		}
	}
	if c.all {
		c.releaseSignalled()
	}
	c.all = false
}

// releaseSignalled lets sleepers and lock waiters with a deliverable signal into
// the kernel, where the signal ends their wait as it would have.
func (c *control) releaseSignalled() {
	for _, t := range c.threads {
		waits := t.state == held && t.waits
		if t.state != napping && !waits || !pendingSignal(t.tid) {
			continue
		}
		t.state, t.inCall = asleep, true // like one that slept in the kernel and may have been woken
		t.check, t.waits = true, false
		resume(unix.PTRACE_SYSCALL, t.tid, 0)
	}
}

// ignoredByDefault are the signals that do nothing unless they are handled.
const ignoredByDefault = 1<<(unix.SIGCHLD-1) | 1<<(unix.SIGCONT-1) | 1<<(unix.SIGURG-1) | 1<<(unix.SIGWINCH-1)

// pendingSignal reads from /proc/TID/status whether a signal awaits delivery.
func pendingSignal(tid int) bool {
	text, err := os.ReadFile("/proc/" + strconv.Itoa(tid) + "/status")
	if err != nil {
		return false
	}
	var pending, blocked, ignored, caught uint64
	for line := range strings.Lines(string(text)) {
		name, value, _ := strings.Cut(line, ":")
		bits, _ := strconv.ParseUint(strings.TrimSpace(value), 16, 64)
		switch name {
		case "SigPnd", "ShdPnd":
			pending |= bits
		case "SigBlk":
			blocked = bits
		case "SigIgn":
			ignored = bits
		case "SigCgt":
			caught = bits
		}
	}
	return pending&^blocked&^ignored&(caught|^uint64(ignoredByDefault)) != 0
}

// mayWake reports whether, with nothing left to let go, time or the outside world
// can still wake a thread: a timeout, an armed timer, a lock that someone outside
// holds, a terminal, a socket. All other sleepers wait for each other.
func (c *control) mayWake() bool {
	wakes := c.outside
	c.outside = false
	for _, t := range c.threads {
		switch t.state {
		case asleep:
			if t.timed() || t.proc.timers {
				t.check, wakes = true, true
			}
		case held, napping, stopped:
			if t.proc != nil && t.proc.timers && pendingOrTimed(t) {
				wakes = true
			}
		}
	}
	if wakes {
		c.releaseSignalled()
	}
	return wakes
}

func pendingOrTimed(t *thread) bool { return t.proc.timers }

// timed reports whether the sleep of an untraced or blocking call ends by time or
// by something outside the run.
func (t *thread) timed() bool {
	if t.sleepNr < 0 {
		return true // in a page fault or the like: it will go on
	}
	call := op.Find(op.Native, uint64(t.sleepNr), &t.sleepArg)
	if call == nil {
		return true // not known: it may end at any time
	}
	o := &op.Op{}
	op.Decode(o, call, t.sleepArg, memory(t.tid))
	switch call.Kind {
	case op.Poll, op.Futex, op.Sleep:
		return o.Len >= 0
	case op.Wait, op.LockOp, op.Fork:
		return false
	}
	return t.outward(o)
}

// outward reports whether a descriptor leads out of the run: to a terminal, a
// device or a socket. Pipes are the program's own, as far as is known.
func (t *thread) outward(o *op.Op) bool {
	return o.FD < 0 || t.cur == nil || t.cur.File.Type != op.Pipe
}

func itoa(n int) string { return strconv.Itoa(n) }

const futexPrivate = 128 // FUTEX_PRIVATE_FLAG, linux/futex.h
