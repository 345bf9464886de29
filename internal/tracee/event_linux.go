package tracee

import (
	"golang.org/x/sys/unix"

	"filerace/internal/op"
)

// handle acts on one event of wait4(2).
func (c *control) handle(tid int, ws unix.WaitStatus) {
	if tid == c.launcher.pid {
		c.launcher.event(event{tid, ws})
		return
	}
	t := c.threads[tid]
	if ws.Exited() || ws.Signaled() {
		c.gone(t, event{tid, ws})
		return
	}
	if !ws.Stopped() {
		return
	}
	if t == nil { // a child whose parent's event comes later
		c.add(&thread{tid: tid, state: newborn, ready: true, syscall: -1, stat: -1})
		return
	}
	t.ready = true
	sig, event := ws.StopSignal(), int(ws)>>16
	if event != unix.PTRACE_EVENT_STOP {
		t.expiring = false // any stop does away with an interruption (ptrace_stop, kernel/signal.c)
	}
	switch {
	case sig == unix.SIGTRAP|0x80, event == unix.PTRACE_EVENT_SECCOMP:
		c.callStop(t)
	case event == unix.PTRACE_EVENT_FORK, event == unix.PTRACE_EVENT_VFORK, event == unix.PTRACE_EVENT_CLONE:
		c.forked(t, event == unix.PTRACE_EVENT_VFORK)
	case event == unix.PTRACE_EVENT_EXEC:
		c.execed(t)
	case event == unix.PTRACE_EVENT_STOP:
		c.halted(t, sig)
	case event != 0: // VFORK_DONE
		c.goOn(t, 0)
	default:
		c.signalled(t, int(sig))
	}
}

// callStop is an entry, exit or seccomp stop.
func (c *control) callStop(t *thread) {
	var info syscallInfo
	if getSyscallInfo(t.tid, &info) != nil {
		return
	}
	switch info.op {
	case infoEntry, infoSeccomp:
		c.atEntry(t, &info)
	case infoExit:
		c.atReturn(t, info.ret())
	default:
		c.goOn(t, 0)
	}
}

// halted is a PTRACE_EVENT_STOP: a new thread's first stop, a group stop, or the
// end of one.
func (c *control) halted(t *thread, sig unix.Signal) {
	switch sig {
	case unix.SIGSTOP, unix.SIGTSTP, unix.SIGTTIN, unix.SIGTTOU:
		t.state, t.cur = stopped, nil
		c.leaveFlight(t)
		c.all = true // a parent may be waiting for the stop
		resume(unix.PTRACE_LISTEN, t.tid, 0)
	default:
		if t.expiring {
			c.expired(t)
		}
		if t.inCall { // interrupted inside an operation, which goes on
			resume(unix.PTRACE_SYSCALL, t.tid, 0)
			return
		}
		c.goOn(t, 0)
	}
}

// signalled is a signal-delivery stop: the signal is delivered.
func (c *control) signalled(t *thread, sig int) {
	c.leaveFlight(t)
	o := op.New(op.Signal)
	o.Signal = int32(sig)
	c.stamp(t, o)
	c.done(t, o)
	c.goOn(t, sig)
}

func (c *control) leaveFlight(t *thread) {
	if c.flying == t {
		c.flying = nil
	}
}
