package tracee

import (
	"fmt"
	"slices"

	"golang.org/x/sys/unix"
)

// killAll ends every process of the run and reaps it. Daemons that detached are
// tracees, too, and so end with the rest.
func (c *control) killAll() {
	for range 100 { // a process may fork while it is being killed
		for _, t := range c.threads {
			unix.Kill(t.tid, unix.SIGKILL)
			if t.proc != nil {
				unix.Kill(t.proc.pid, unix.SIGKILL)
			}
		}
		if !c.reap() {
			break
		}
	}
	for tid, t := range c.threads {
		t.close()
		delete(c.threads, tid)
	}
}

// reap waits until no child is left, and reports whether new threads came up that
// must be killed as well.
func (c *control) reap() bool {
	for {
		var ws unix.WaitStatus
		tid, err := unix.Wait4(-1, &ws, wAll, nil)
		switch {
		case err == unix.EINTR:
			continue
		case err != nil: // ECHILD
			return false
		case ws.Stopped():
			unix.Kill(tid, unix.SIGKILL)
			resume(unix.PTRACE_CONT, tid, 0)
			if c.threads[tid] == nil {
				c.threads[tid] = &thread{tid: tid, syscall: -1}
				return true
			}
		default:
			if t := c.threads[tid]; t != nil {
				t.close()
				delete(c.threads, tid)
			}
		}
	}
}

// leave stops every process with SIGSTOP and detaches, for a debugger to take over.
func (c *control) leave() error {
	if !c.cfg.NoFilter {
		return fmt.Errorf("leave: under a filter, calls of processes without a tracer fail with ENOSYS")
	}
	for _, t := range c.sorted() {
		switch t.state {
		case asleep, forking, stopped: // detaching needs a stopped thread
			ptrace(unix.PTRACE_INTERRUPT, t.tid, 0, 0)
			var ws unix.WaitStatus
			unix.Wait4(t.tid, &ws, wAll, nil)
		}
		if t.state == held || t.state == napping {
			c.rewind(t)
		}
		if !slices.Contains(c.res.Left, t.proc.pid) {
			c.res.Left = append(c.res.Left, t.proc.pid)
			unix.Kill(t.proc.pid, unix.SIGSTOP)
		}
		if err := ptrace(unix.PTRACE_DETACH, t.tid, 0, uintptr(unix.SIGSTOP)); err != nil {
			return fmt.Errorf("let go of process %d: %w", t.proc.pid, err)
		}
		t.close()
	}
	clear(c.threads)
	return nil
}

// rewind makes a thread at the entry of a call leave the call out and stand before
// it again, so that letting go of the thread does not carry the call out.
func (c *control) rewind(t *thread) {
	var r registers
	if getRegisters(t.tid, &r) != nil {
		return
	}
	again(&r, t.nr)
	skipCall(t.tid, &r, firstRegister(&r, t))
}
