package tracee

import (
	"encoding/binary"
	"math"

	"golang.org/x/sys/unix"

	"filerace/internal/op"
)

// alarm is the timer of a process that goes off first: alarm(2), setitimer(2),
// timer_settime(2) or timerfd_settime(2). The kernel counts it in real time.
type alarm struct {
	armed    bool
	due      int64 // in virtual time: sleeps that end later must wait for it
	real     int64 // when the kernel lets it go off, ns since the run began
	interval int64 // ns; 0: once
}

// noteTimer remembers an armed timer. That it is disarmed is only understood where
// the process has no more than one: a timer too many costs time, one too few would
// let a sleep end before it.
func (c *control) noteTimer(t *thread, o *op.Op) {
	if o.Failed() || o.Call == nil {
		return
	}
	var interval, value int64
	switch o.Call.Name {
	case "alarm":
		value = int64(uint32(o.Args[0])) * 1e9
	case "setitimer":
		interval, value = readTimes(t, o.Args[1], 1000)
	default:
		interval, value = readTimes(t, o.Args[2], 1)
		if value != 0 && o.Flags&unix.TIMER_ABSTIME != 0 {
			value = fromNow(value)
		}
	}
	a := alarm{armed: value != 0, due: c.virtual() + value, real: c.now() + value, interval: interval}
	if old := t.proc.alarm; a.armed && old.armed && old.real > c.now() && old.due < a.due {
		return
	}
	t.proc.alarm = a
}

// readTimes reads struct itimerval or itimerspec: interval and value in seconds and
// a fraction of so many ns.
func readTimes(t *thread, addr uint64, unit int64) (interval, value int64) {
	var b [32]byte
	if n, _ := memory(t.tid).ReadMemory(addr, b[:]); n != len(b) {
		return 0, 0
	}
	at := func(i int) int64 {
		sec := int64(binary.LittleEndian.Uint64(b[i:]))
		return min(sec, math.MaxInt64/4_000_000_000)*1e9 + int64(binary.LittleEndian.Uint64(b[i+8:]))*unit
	}
	return at(0), at(16)
}

// fromNow turns a time of the real or the monotonic clock into one from now on; the
// clock of the timer is not known, but only one of them has come that far.
func fromNow(value int64) int64 {
	clock := int32(unix.CLOCK_MONOTONIC)
	if value > 1e18 { // later than 2001
		clock = unix.CLOCK_REALTIME
	}
	var now unix.Timespec
	if unix.ClockGettime(clock, &now) != nil {
		return 1
	}
	return max(value-now.Nano(), 1)
}

// alarmGrace is how long after its time a timer may have gone off unseen: its
// signal is blocked, or nobody reads the descriptor. ns.
const alarmGrace = 2e6

// nextAlarm is when the first timer is due, in virtual time; ok is false if there
// is none. Timers that have gone off are wound up again or forgotten.
func (c *control) nextAlarm() (due int64, ok bool) {
	for _, t := range c.live {
		if t.proc == nil || !t.proc.alarm.armed || t.state == ended {
			continue
		}
		a := &t.proc.alarm
		for a.armed && c.now() > a.real+alarmGrace {
			a.armed = a.interval > 0
			a.due, a.real = c.virtual()+a.interval, c.now()+a.interval
		}
		if a.armed && (!ok || a.due < due) {
			due, ok = a.due, true
		}
	}
	return due, ok
}
