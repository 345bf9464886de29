package tracee

import (
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"filerace/internal/op"
)

// forked is told inside the parent's call: the child exists and stands still.
func (c *control) forked(t *thread, vfork bool) {
	tid, err := eventMessage(t.tid)
	if err != nil { // killed: adopt finds the child
		return
	}
	o := t.cur
	if o == nil { // a call of another ABI
		o = op.New(op.Fork)
		if tgid(tid) == t.proc.pid {
			o.Flags = unix.CLONE_THREAD
		}
		c.stamp(t, o)
	}
	child := c.threads[tid]
	if child == nil {
		child = c.add(&thread{tid: tid, state: newborn, syscall: -1, stat: -1})
	}
	c.leaveFlight(t)
	c.born(t, o, child)
	c.goOn(t, 0)
	if vfork {
		t.state, child.proc.forker = forking, t
	}
	if e, ok := c.buried[tid]; ok { // seen to die before it was known
		delete(c.buried, tid)
		c.gone(child, e)
	} else if child.ready {
		c.goOn(child, 0)
	}
}

// born gives the child of the fork o its place, and tells the handler.
func (c *control) born(parent *thread, o *op.Op, child *thread) {
	p := parent.proc
	if o.Flags&unix.CLONE_THREAD != 0 {
		p.numbered++
		p.threads++
		child.proc, child.actor, o.Thread = p, p.actor.Thread(p.numbered), true
	} else {
		p.children++
		child.actor = p.actor.Child(p.children)
		child.proc = &process{pid: child.tid, actor: child.actor, prog: p.prog, root: p.root, cwd: p.cwd, threads: 1, numbered: 1,
			shared: p.shared || o.Flags&unix.CLONE_VM != 0}
		p.shared = p.shared || o.Flags&unix.CLONE_VM != 0
	}
	o.Child, o.Ret = child.actor, int64(child.tid)
	c.done(parent, o)
}

// forkUnderWay reports whether a thread is inside a fork, whose event will name the child.
func (c *control) forkUnderWay() bool {
	return slices.ContainsFunc(c.live, func(t *thread) bool { return t.cur != nil && t.cur.Kind == op.Fork && t.inCall })
}

// adopt takes in the children whose parent was killed inside its fork, so that no
// event names them, and reports whether there were any.
func (c *control) adopt() bool {
	for _, child := range c.live {
		if child.proc != nil {
			continue
		}
		parent, o := &thread{tid: c.root.pid, actor: c.root.actor, proc: c.root}, op.New(op.Fork)
		if n := len(c.forkers); n > 0 {
			parent, c.forkers = c.forkers[n-1], c.forkers[:n-1]
			o = parent.cur
		}
		c.stamp(parent, o)
		c.born(parent, o, child)
		c.goOn(child, 0)
		return true
	}
	return false
}

// execed is told inside execve: the new program is in place, the thread bears the
// process's id, and all other threads are gone (ptrace(2), execve(2) under ptrace).
// Those that wait4(2) has not told of yet are still to come, as unknown threads.
func (c *control) execed(t *thread) {
	former, err := eventMessage(t.tid)
	if old := c.threads[former]; err == nil && former != t.tid && old != nil {
		c.remove(t)
		delete(c.threads, former)
		old.close()
		old.tid, old.actor = t.tid, old.proc.actor
		c.threads[t.tid] = old
		t = old
	}
	p := t.proc
	for _, other := range slices.Clone(c.live) {
		if other != t && other.proc == p {
			c.leaveFlight(other)
			c.remove(other)
			c.later = slices.DeleteFunc(c.later, func(e event) bool { return e.tid == other.tid })
		}
	}
	c.later = slices.DeleteFunc(c.later, func(e event) bool { return e.tid == t.tid || e.tid == former })
	c.release(p)
	p.threads, p.numbered, p.shared, p.prog = 1, 1, false, progName(p, t.cur)
	p.root = foreignRoot(p.pid)
	c.leaveFlight(t)
	if o := t.cur; o != nil && o.Kind == op.Exec {
		c.became = true
		o.Actor, o.TID, o.Prog = t.actor, t.tid, p.prog
		c.noteSetuid(p, o)
		op.Finish(o, 0, memory(t.tid))
		c.done(t, o)
	}
	c.goOn(t, 0)
}

// progName is the name that an exec gives the process: the last element of the path
// as it was called, 15 bytes of it (begin_new_exec, fs/exec.c).
func progName(p *process, o *op.Op) string {
	if o == nil || o.Path == "" {
		return comm(p.pid)
	}
	name := o.Path[strings.LastIndexByte(o.Path, '/')+1:]
	return name[:min(len(name), 15)]
}

// release lets the parent of a vfork go on.
func (c *control) release(p *process) {
	if t := p.forker; t != nil && t.state == forking {
		t.state = running
	}
	p.forker = nil
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
	var st, who unix.Statx_t
	flags, mask := unix.AT_NO_AUTOMOUNT, unix.STATX_MODE|unix.STATX_UID|unix.STATX_GID
	if unix.Statx(unix.AT_FDCWD, "/proc/"+itoa(p.pid)+"/exe", flags, mask, &st) != nil || st.Mode&(unix.S_ISUID|unix.S_ISGID) == 0 {
		return
	}
	// A process's own directory belongs to its effective user and group.
	if unix.Statx(unix.AT_FDCWD, "/proc/"+itoa(p.pid), flags, mask, &who) == nil && privileged(&st, who.Uid, who.Gid) {
		c.res.Setuid = append(c.res.Setuid, o.Path)
	}
}

// gone is told when a thread is dead, its descriptors closed and its parent about
// to learn of it. The first thread of a process is told of last.
func (c *control) gone(t *thread, e event) {
	if t == nil {
		return
	}
	c.remove(t)
	c.leaveFlight(t)
	c.all = true
	p := t.proc
	if p == nil {
		c.buried[e.tid] = e
		return
	}
	if t.cur != nil && t.cur.Kind == op.Fork && t.inCall {
		c.forkers = append(c.forkers, t)
	}
	p.threads--
	last := p.threads == 0
	if last {
		c.release(p)
	} else if t.actor == p.actor {
		return
	}
	o := t.cur
	if o == nil || o.Kind != op.Exit {
		o = op.New(op.Exit)
		c.stamp(t, o)
	}
	if last {
		o.Actor = p.actor
	}
	o.Status = int32(e.ws.ExitStatus())
	if e.ws.Signaled() {
		o.Status, o.Signal = 128+int32(e.ws.Signal()), int32(e.ws.Signal())
	}
	if last && p == c.root {
		c.rootEnd = true
		c.res.Status, c.res.Signal = int(o.Status), int(o.Signal)
	}
	c.done(t, o)
}
