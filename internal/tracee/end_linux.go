package tracee

import (
	"bytes"
	"fmt"
	"os"
	"slices"
	"strconv"
	"time"

	"golang.org/x/sys/unix"
)

// killTime is how long killed processes get to end. One that hangs in the kernel
// (a file server that does not answer) may need longer than anyone will wait.
const killTime = 10 * time.Second

// killAll ends every process of the run and reaps it. Daemons that detached are
// tracees, too, and so end with the rest. Children that are not ours are left alone.
func (c *control) killAll() error {
	unseen := c.forkUnderWay() || len(c.forkers) > 0 // who is killed inside a fork leaves a child of which no event tells
	for _, t := range c.live {
		kill(t)
	}
	deadline := time.Now().Add(killTime)
	pause := time.Duration(0)
	for {
		if len(c.live) == 0 {
			if !unseen {
				break
			}
			unseen = c.killUnseen()
			continue
		}
		e, ok := waitEvent()
		if ok {
			c.reaped(e)
			pause = 0
			continue
		}
		if time.Now().After(deadline) {
			break
		}
		schedYield()
		if pause > 0 {
			rest(pause)
			c.forgetGone()
		}
		pause = min(pause+firstPause, idlePause)
	}
	var stuck error
	for _, t := range slices.Clone(c.live) {
		stuck = fmt.Errorf("end the run: thread %d (%s) does not die", t.tid, t.actor)
		c.remove(t)
	}
	return stuck
}

// killUnseen kills processes that are traced by this thread and were never told of, and reports whether there are any.
func (c *control) killUnseen() bool {
	all, _ := os.ReadDir("/proc")
	tracer := []byte("\nTracerPid:\t" + strconv.Itoa(unix.Gettid()) + "\n")
	for _, e := range all {
		pid, err := strconv.Atoi(e.Name())
		if err == nil && pid != c.launcher.pid && bytes.Contains(procFile(pid, "status"), tracer) {
			kill(c.add(&thread{tid: pid, syscall: -1, stat: -1}))
		}
	}
	return len(c.live) > 0
}

func kill(t *thread) {
	unix.Kill(t.tid, unix.SIGKILL)
	if t.proc != nil && t.proc.pid != t.tid {
		unix.Kill(t.proc.pid, unix.SIGKILL)
	}
}

// reaped acts on an event of a run that is being killed. A process may have forked
// while it was.
func (c *control) reaped(e event) {
	if e.tid == c.launcher.pid {
		c.launcher.event(e)
		return
	}
	t := c.threads[e.tid]
	if !e.ws.Stopped() {
		if t != nil {
			c.remove(t)
		}
		return
	}
	if t == nil {
		t = c.add(&thread{tid: e.tid, syscall: -1, stat: -1})
	}
	kill(t)
	resume(unix.PTRACE_CONT, e.tid, 0)
}

// forgetGone drops the threads that will never be told of: those whose process
// went over to another program, and a newborn that was never seen.
func (c *control) forgetGone() {
	for _, t := range slices.Clone(c.live) {
		if unix.Kill(t.tid, 0) == unix.ESRCH {
			c.remove(t)
		}
	}
}

// leave stops every process with SIGSTOP and detaches, for a debugger to take over.
func (c *control) leave() error {
	if !c.cfg.NoFilter {
		return fmt.Errorf("leave: under a filter, calls of processes without a tracer fail with ENOSYS")
	}
	if i := slices.IndexFunc(c.live, func(t *thread) bool { return t.state == forking }); i >= 0 {
		return fmt.Errorf("leave: process %d waits in vfork, where nothing can stop it", c.live[i].proc.pid)
	}
	if i := slices.IndexFunc(c.live, func(t *thread) bool { return t.within != nil }); i >= 0 {
		return fmt.Errorf("leave: process %d stands inside an open, where nothing can stop it", c.live[i].proc.pid)
	}
	for _, t := range c.sorted() {
		switch t.state {
		case ended:
			continue
		case asleep, stopped: // detaching needs a stopped thread
			ptrace(unix.PTRACE_INTERRUPT, t.tid, 0, 0)
			var ws unix.WaitStatus
			unix.Wait4(t.tid, &ws, unix.WALL, nil)
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
	c.live = nil
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
