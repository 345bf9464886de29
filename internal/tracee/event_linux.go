package tracee

import (
	"golang.org/x/sys/unix"

	"filerace/internal/op"
)

// handle acts on one event of wait4(2).
func (c *control) handle(tid int, ws unix.WaitStatus) {
	t := c.threads[tid]
	if ws.Exited() || ws.Signaled() {
		if t != nil {
			c.died(t, ws)
		}
		return
	}
	if !ws.Stopped() {
		return
	}
	if t == nil { // a child whose parent's event comes later
		c.threads[tid] = &thread{tid: tid, state: newborn, ready: true, syscall: -1}
		return
	}
	if t.state == newborn && t.proc != nil && !t.ready {
		t.ready = true
	}
	switch sig, event := ws.StopSignal(), int(ws)>>16; {
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
		t.state = stopped
		c.all = true // a parent may be waiting for the stop
		resume(unix.PTRACE_LISTEN, t.tid, 0)
	default:
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
	o := &op.Op{Kind: op.Signal, Signal: sig, FD: op.None, FD2: op.None, NewFD: op.None, NewFD2: op.None, Off: op.None}
	c.stamp(t, o)
	c.done(t, o)
	c.goOn(t, sig)
}

func (c *control) leaveFlight(t *thread) {
	if c.flying == t {
		c.flying = nil
	}
}

// forked is told inside the parent's call: the child exists and stands still.
func (c *control) forked(t *thread, vfork bool) {
	tid, err := eventMessage(t.tid)
	if err != nil || t.cur == nil {
		c.goOn(t, 0)
		return
	}
	o := t.cur
	child := c.threads[tid]
	if child == nil {
		child = &thread{tid: tid, state: newborn, syscall: -1}
		c.threads[tid] = child
	}
	p := t.proc
	if o.Flags&unix.CLONE_THREAD != 0 {
		p.numbered++
		p.threads++
		child.proc, child.actor, o.Thread = p, p.actor.Thread(p.numbered), true
	} else {
		p.children++
		child.actor = p.actor.Child(p.children)
		child.proc = &process{pid: tid, actor: child.actor, prog: p.prog, root: p.root, cwd: p.cwd, threads: 1, numbered: 1,
			shared: p.shared || o.Flags&unix.CLONE_VM != 0}
	}
	o.Child, o.Ret = child.actor, int64(tid)
	c.leaveFlight(t)
	c.done(t, o)
	c.goOn(t, 0)
	if vfork {
		t.state = forking
	}
	if child.ready {
		c.goOn(child, 0)
	}
}

// execed is told inside execve: the new program is in place, the thread bears the
// process's id, and all other threads are gone (ptrace(2), execve(2) under ptrace).
func (c *control) execed(t *thread) {
	former, err := eventMessage(t.tid)
	if err == nil && former != t.tid && c.threads[former] != nil {
		old := c.threads[former]
		t.close()
		delete(c.threads, former)
		old.close()
		old.tid, old.actor = t.tid, old.proc.actor
		c.threads[t.tid] = old
		if c.flying == t {
			c.flying = nil
		}
		t = old
	}
	for tid, other := range c.threads {
		if other != t && other.proc == t.proc {
			other.close()
			delete(c.threads, tid)
		}
	}
	p := t.proc
	p.threads, p.numbered, p.shared, p.prog = 1, 1, false, comm(p.pid)
	p.root = foreignRoot(p.pid)
	o := t.cur
	c.leaveFlight(t)
	if o != nil && o.Kind == op.Exec {
		c.became = true
		o.Prog = p.prog
		c.noteSetuid(p, o)
		op.Finish(o, 0, memory(t.tid))
		c.done(t, o)
	}
	c.goOn(t, 0)
}

// foreignRoot is how we reach the root of a process whose root is not ours.
func foreignRoot(pid int) string {
	root := "/proc/" + itoa(pid) + "/root"
	var buf [unix.PathMax]byte
	if n, err := unix.Readlink(root, buf[:]); err == nil && string(buf[:n]) != "/" {
		return root
	}
	return ""
}

// noteSetuid remembers a program that would have run with another user's rights,
// had the launcher not given up privilege gains.
func (c *control) noteSetuid(p *process, o *op.Op) {
	var st unix.Stat_t
	if unix.Stat("/proc/"+itoa(p.pid)+"/exe", &st) != nil || st.Mode&(unix.S_ISUID|unix.S_ISGID) == 0 {
		return
	}
	if st.Mode&unix.S_ISUID != 0 && int(st.Uid) == unix.Geteuid() {
		return
	}
	c.res.Setuid = append(c.res.Setuid, o.Path)
}

// died is told when a thread is gone for good, its descriptors closed and its
// parent about to learn of it.
func (c *control) died(t *thread, ws unix.WaitStatus) {
	delete(c.threads, t.tid)
	t.close()
	c.leaveFlight(t)
	c.all = true
	p := t.proc
	if p == nil {
		return
	}
	p.threads--
	o := t.cur
	if o == nil || o.Kind != op.Exit {
		o = &op.Op{Kind: op.Exit, FD: op.None, FD2: op.None, NewFD: op.None, NewFD2: op.None, Off: op.None}
		c.stamp(t, o)
	}
	if o.Call == nil || o.Call.Name == "exit_group" {
		o.Actor = p.actor
	}
	last := p.threads == 0
	if last {
		o.Actor = p.actor
	} else {
		o.Actor = t.actor
		if o.Actor == p.actor {
			return // the first thread's end is the process's, told with the last thread
		}
	}
	o.Status = ws.ExitStatus()
	if ws.Signaled() {
		o.Status, o.Signal = 128+int(ws.Signal()), int(ws.Signal())
	}
	if last && p == c.root {
		c.rootEnd = true
		c.res.Status, c.res.Signal = o.Status, o.Signal
	}
	c.done(t, o)
}
