package tracee

import (
	"encoding/binary"
	"math/rand/v2"

	"golang.org/x/sys/unix"

	"filerace/internal/op"
)

// onward is how a thread that is not inside an operation is resumed.
func (c *control) onward() int {
	if c.cfg.NoFilter {
		return unix.PTRACE_SYSCALL
	}
	return unix.PTRACE_CONT
}

// goOn lets a thread run to its next stop. A thread that is gone is told of by
// its own event: errors need no answer.
func (c *control) goOn(t *thread, sig int) {
	t.state, t.cur, t.inCall = running, nil, false
	resume(c.onward(), t.tid, sig)
}

// atEntry takes an operation up: the thread stands at the entry of a call.
func (c *control) atEntry(t *thread, info *syscallInfo) {
	if info.arch != auditArch || info.nr >= x32Calls { // under a filter these come with data foreign
		c.res.Foreign = true
		c.goOn(t, 0)
		return
	}
	call := op.Find(op.Native, info.nr, &info.args)
	if call == nil || !call.Trace || !c.became && call.Kind != op.Exec { // the launcher's own calls do not count
		c.goOn(t, 0)
		return
	}
	if o := t.parked; o != nil { // a lock that someone outside has: the same call once more
		t.parked = nil
		if t.nr == info.nr && o.Args == info.args {
			t.cur, t.state = o, held
			return
		}
	}
	o := &op.Op{}
	op.Decode(o, call, info.args, memory(t.tid))
	c.stamp(t, o)
	if t.nr == info.nr && (o.Kind == op.Wait || t.last == info.args[0]) {
		t.spins++
	} else {
		t.spins = 0
	}
	t.last = info.args[0]
	t.cur, t.nr, t.state, t.waits = o, info.nr, held, false
	t.breaking, t.free, t.retry = false, false, 0
	t.arrival = c.arrivals
	c.arrivals++
	switch o.Kind {
	case op.Random:
		c.random(t, o)
		return
	case op.Uring:
		c.fake(t, o, -int64(unix.ENOSYS))
		return
	case op.Sleep:
		if o.Len >= 0 {
			c.lieDown(t, o)
			return
		}
		t.through = true // pause(2): until a signal
		return
	}
	c.resolve(t, o)
	t.through = c.h.Enter(o) == Through
}

// mayGo reports whether the held operation would not sleep for a lock or a lease,
// and tells the handler once if it would.
func (c *control) mayGo(t *thread) bool {
	o := t.cur
	switch {
	case t.within != nil:
		return true
	case o.Kind == op.LockOp && o.Lock.Wait:
		if t.barred != 0 && c.now() < t.barred {
			return false
		}
	case o.Kind == op.Open, o.Kind == op.Truncate && len(o.Names) > 0:
	default:
		return true
	}
	if t.free || c.h.Ready(o) {
		return true
	}
	if o.Lock.Family == op.PosixLock && c.h.Deadlocks(o) {
		c.fake(t, o, -int64(unix.EDEADLK))
		return false
	}
	if !t.waits {
		t.waits = true
		c.h.Waits(o)
	}
	if o.Kind != op.LockOp && len(o.Names) > 0 {
		c.startBreak(t)
		return t.free
	}
	return false
}

// letGo lets the held operation take effect.
func (c *control) letGo(t *thread) {
	o := t.cur
	if t.within != nil {
		c.letOn(t)
		return
	}
	if len(o.Names) > 0 && t.resolved != c.changes {
		c.resolve(t, o) // others may have changed what the names lead to
	}
	t.state, c.flying, t.barred, t.inCall = flying, t, 0, true
	o.Waits = false
	c.inKernel.prepare(t, o)
	switch o.Kind {
	case op.Fork:
		c.traceChild(t, o)
	case op.LockOp:
		c.unblock(t, o)
	case op.Close:
		if o.File.Type == op.UnknownType && !hasDescriptor(t.proc.pid, o.FD) {
			c.closeNothing(t, o)
			return
		}
	case op.Exit:
		c.leaving(t, o)
		resume(c.onward(), t.tid, 0)
		return
	}
	resume(unix.PTRACE_SYSCALL, t.tid, 0)
}

// closeNothing lets the thread close a descriptor that is not open. Daemons close all
// there could be; the result is known, so its return need not be waited for.
func (c *control) closeNothing(t *thread, o *op.Op) {
	c.flying, t.inCall = nil, false
	op.Finish(o, -int64(unix.EBADF), memory(t.tid))
	c.done(t, o)
	c.goOn(t, 0)
}

func hasDescriptor(pid, fd int) bool {
	var st unix.Stat_t
	return unix.Lstat("/proc/"+itoa(pid)+"/fd/"+itoa(fd), &st) != unix.ENOENT
}

// leaving marks the threads that an exit_group takes along.
func (c *control) leaving(t *thread, o *op.Op) {
	t.inCall = false
	if o.Call.Name != "exit_group" || t.proc.threads == 1 {
		return
	}
	for _, other := range c.live {
		if other != t && other.proc == t.proc && other.state != ended {
			other.state = running
		}
	}
}

// unblock turns a waiting lock request into one that fails instead, so that a
// holder whom the handler does not know of cannot put the thread to sleep in the
// kernel, where the choice of the next holder would no longer be ours.
func (c *control) unblock(t *thread, o *op.Op) {
	if !o.Lock.Wait || getRegisters(t.tid, &t.entry) != nil {
		return
	}
	r := t.entry
	switch o.Lock.Family {
	case op.FlockLock:
		setArg(&r, 1, o.Args[1]|unix.LOCK_NB)
	case op.PosixLock:
		setArg(&r, 1, unix.F_SETLK)
	case op.OFDLock:
		setArg(&r, 1, op.F_OFD_SETLK)
	default:
		return
	}
	t.altered = setRegisters(t.tid, &r) == nil
}

// traceChild strips CLONE_UNTRACED, with which a child would escape.
func (c *control) traceChild(t *thread, o *op.Op) {
	if o.Flags&unix.CLONE_UNTRACED == 0 {
		return
	}
	flags := o.Flags &^ unix.CLONE_UNTRACED
	if o.Call.Name == "clone3" {
		var b [8]byte
		binary.LittleEndian.PutUint64(b[:], flags)
		memory(t.tid).WriteMemory(o.Args[0], b[:])
		return
	}
	var r registers
	if getRegisters(t.tid, &r) == nil {
		setArg(&r, 0, o.Args[0]&^unix.CLONE_UNTRACED)
		setRegisters(t.tid, &r)
	}
}

// atReturn finishes the operation in flight: the thread stands at its exit stop.
func (c *control) atReturn(t *thread, ret int64) {
	o := t.cur
	if !t.inCall || o == nil {
		c.goOn(t, 0)
		return
	}
	if c.flying == t {
		c.flying = nil
	}
	if o.Kind == op.Open {
		c.inKernel.expectNone(t) // it ended before it came to its file
	}
	// ERESTARTSYS and its kin (512 to 516, include/linux/errno.h) never reach the
	// program: a signal interrupted the call, which starts anew or returns EINTR then.
	restart := ret <= -512 && ret >= -516
	if t.altered {
		t.altered = false
		if c.refused(t, o, ret) {
			return
		}
	}
	if restart {
		c.goOn(t, 0)
		return
	}
	op.Finish(o, ret, memory(t.tid))
	c.settleNames(t, o)
	c.done(t, o)
	c.goOn(t, 0)
}

// barTime is after how long a lock is tried again that someone outside the run has, ns.
const barTime = 5e6

// refused restores the registers of a call that unblock altered. If the lock was
// taken after all, by someone outside the run, the call is made to start over.
func (c *control) refused(t *thread, o *op.Op, ret int64) bool {
	var r registers
	if getRegisters(t.tid, &r) != nil {
		return false
	}
	taken := ret == -int64(unix.EAGAIN) || ret == -int64(unix.EACCES)
	if taken {
		again(&r, t.nr)
	}
	arg := 1
	if taken {
		setArg(&r, 0, o.Args[0]) // arm64 returns in the first argument's register
	}
	setArg(&r, arg, o.Args[arg])
	setRegisters(t.tid, &r)
	if !taken {
		return false
	}
	t.barred, t.parked = c.now()+barTime, o
	if !t.waits {
		t.waits = true
		c.h.Waits(o)
	}
	c.goOn(t, 0)
	return true
}

// fake answers the held call in the kernel's place.
func (c *control) fake(t *thread, o *op.Op, ret int64) {
	var r registers
	if getRegisters(t.tid, &r) != nil || skipCall(t.tid, &r, ret) != nil {
		return // gone: its end is told by an event
	}
	op.Finish(o, ret, memory(t.tid))
	o.Faked = true
	c.done(t, o)
	c.goOn(t, 0)
}

// random answers getrandom(2) from the seed, so that temporary names repeat. Each
// process has a stream of its own: what it draws does not depend on the others.
func (c *control) random(t *thread, o *op.Op) {
	n := min(o.Len, 1<<20)
	b := make([]byte, n)
	for i := range b {
		if i%8 == 0 {
			t.proc.draws++
			var word [8]byte
			binary.LittleEndian.PutUint64(word[:], rand.NewPCG(c.cfg.Seed^hash(t.proc.actor), t.proc.draws).Uint64())
			copy(b[i:], word[:])
		}
	}
	if memory(t.tid).WriteMemory(o.Args[0], b) != nil {
		t.through = true // a bad address: the kernel shall say so
		return
	}
	c.fake(t, o, n)
}

// hash is FNV-1a.
func hash(a op.Actor) uint64 {
	h := uint64(14695981039346656037)
	for i := range len(a) {
		h = (h ^ uint64(a[i])) * 1099511628211
	}
	return h
}
