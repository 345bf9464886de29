package tracee

import (
	"encoding/binary"

	"golang.org/x/sys/unix"

	"filerace/internal/op"
)

// A wait with a timeout sleeps in the kernel, since its end may come from another
// thread of the process, unseen. When all of the run sleeps, and nothing from
// outside can wake anybody, the timeout that comes first is made to expire: the
// wait is interrupted (PTRACE_INTERRUPT, ptrace(2)) and its result replaced by the
// one that the kernel would have given in the end.

// never is the deadline of a sleep that time does not end, or that the world
// outside may end earlier.
const never = int64(-1)

// expiry is when the timeout of a sleeper comes, in virtual time, or never.
func (c *control) expiry(t *thread) int64 {
	if t.state != asleep {
		return never
	}
	if t.timing {
		return t.deadline
	}
	t.timing, t.deadline = true, never
	call := t.sleepCall()
	if call == nil || call.Kind != op.Futex && call.Kind != op.Poll {
		return never
	}
	o := &op.Op{}
	op.Decode(o, call, t.sleepArg, memory(t.tid))
	left := o.Len
	if call.Kind == op.Futex {
		left = futexTimeout(o)
	}
	if left >= 0 && c.fromInside(t, o) {
		t.pause, t.deadline = left, t.since+left
	}
	return t.deadline
}

// Operations of futex(2), linux/futex.h.
const (
	futexWait       = 0
	futexWaitBitset = 9
	futexRealtime   = 256 // FUTEX_CLOCK_REALTIME
)

// futexTimeout is how long a wait had to go when it began, in ns; None: for ever, or
// of a kind that changes more than the caller's sleep when it is given up.
func futexTimeout(o *op.Op) int64 {
	if o.Len < 0 {
		return op.None
	}
	switch o.Args[1] &^ (futexPrivate | futexRealtime) {
	case futexWait:
		return o.Len
	case futexWaitBitset: // until a time of the clock
		clock := int32(unix.CLOCK_MONOTONIC)
		if o.Args[1]&futexRealtime != 0 {
			clock = unix.CLOCK_REALTIME
		}
		var now unix.Timespec
		if unix.ClockGettime(clock, &now) == nil {
			return max(o.Len-now.Nano(), 0)
		}
	}
	return op.None
}

// expire has the timeout of a sleeper come now.
func (c *control) expire(t *thread) {
	if ptrace(unix.PTRACE_INTERRUPT, t.tid, 0, 0) != nil {
		t.check = true // gone: an event will tell
		return
	}
	t.expiring = true
	c.woke(t)
}

// expired is the stop of an interrupted wait. A wait that has ended by itself in
// the meantime keeps its result.
func (c *control) expired(t *thread) {
	t.expiring = false
	var r registers
	call := t.sleepCall()
	if call == nil || getRegisters(t.tid, &r) != nil || !interruptedIn(&r, t) {
		return
	}
	result := int64(0)
	if call.Kind == op.Futex {
		result = -int64(unix.ETIMEDOUT)
	} else if emptySets(t, call.Name) != nil {
		return
	}
	endCall(t, &r, result)
}

// emptySets writes what select(2) leaves when its time is over: no descriptor in any
// set, and no time. poll(2) has written its answers already (do_sys_poll, fs/select.c).
func emptySets(t *thread, call string) error {
	m := memory(t.tid)
	var none [1024 / 8]byte
	if call == "ppoll" {
		return m.WriteMemory(t.sleepArg[2], none[:16])
	}
	if call != "select" && call != "pselect6" {
		return nil
	}
	size := setSize(t.sleepArg[0])
	if size > len(none) {
		return unix.EINVAL
	}
	for _, set := range t.sleepArg[1:4] {
		if set == 0 {
			continue
		}
		if err := m.WriteMemory(set, none[:size]); err != nil {
			return err
		}
	}
	return m.WriteMemory(t.sleepArg[4], none[:16])
}

// setSize is the size of a set of n descriptors in bytes: whole words of 64 bits.
func setSize(n uint64) int { return int(min(n, 1<<20)+63) / 64 * 8 }

// selectsInside is inside for all descriptors that a select(2) waits for.
func (c *control) selectsInside(t *thread) bool {
	var set [1024 / 8]byte
	size := setSize(t.sleepArg[0])
	if size > len(set) {
		return false
	}
	for _, addr := range t.sleepArg[1:4] {
		if addr == 0 {
			continue
		}
		if n, _ := memory(t.tid).ReadMemory(addr, set[:size]); n != size {
			return false
		}
		for i := 0; i < size; i += 8 {
			word := binary.LittleEndian.Uint64(set[i:])
			for bit := range 64 {
				if fd := i*8 + bit; word>>bit&1 != 0 && uint64(fd) < t.sleepArg[0] && !c.inside(t, fd) {
					return false
				}
			}
		}
	}
	return true
}
