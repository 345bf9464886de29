package trace

import (
	"filerace/internal/op"
)

// returned takes a call that has returned: what follows from it for the process is
// kept, and the operation goes to the sequencer.
func (b *builder) returned(t *thread, o *op.Op) {
	p := t.proc
	switch o.Kind {
	case op.Exit:
		t.last = max(t.last, o.Enter) // Ended tells
		return
	case op.Fork:
		b.forked(t, o)
		return
	case op.Wait:
		b.waited(t, o)
	case op.Kill:
		if pid := int(int32(o.Args[0])); pid > 0 && b.threads[pid] != nil {
			o.Child = b.threads[pid].proc.actor
		}
	case op.Exec:
		if !o.Failed() {
			b.alone(t, o)
		}
	}
	it := b.send(t, o)
	b.follow(p, o, it)
}

// alone leaves a process with one thread and a new program.
func (b *builder) alone(t *thread, o *op.Op) {
	p := t.proc
	if o.Prog != "" {
		p.prog = o.Prog
	}
	if p.threads <= 1 {
		return
	}
	for tid, other := range b.threads {
		if other.proc == p && tid != p.pid {
			delete(b.threads, tid)
		}
	}
	b.threads[p.pid] = t
	p.threads = 1
}

// forked is told when a fork returns in the parent.
func (b *builder) forked(t *thread, o *op.Op) {
	if o.Failed() {
		b.send(t, o)
		return
	}
	pid := int(o.Ret)
	if o.Thread || o.Flags&op.CLONE_THREAD != 0 {
		if b.threads[pid] == nil {
			b.addThread(t.proc, pid).last = max(o.Enter, t.last)
		}
		t.last = max(t.last, o.Exit)
		b.letGo(pid)
		return
	}
	var c *process
	if old := b.threads[pid]; old != nil {
		if c = old.proc; c.claimed || c.pid != pid || c.parent != nil && c.parent != t.proc {
			b.end(c, max(o.Enter, 0), op.None, 0)
			c = nil
		}
	} else if old := b.dead[pid]; old != nil && !old.claimed && old.parent == t.proc {
		c = old // a vfork returns when the child may be gone
	}
	if c == nil {
		c = b.child(t.proc, pid, max(o.Enter, t.last), o.Flags)
	}
	c.claimed = true
	o.Child = c.actor
	b.send(t, o)
	b.letGo(pid)
}

// waited finds the child whose end was seen. One that has not been told to have ended
// has, by now.
func (b *builder) waited(t *thread, o *op.Op) {
	if o.Failed() || o.Reaped <= 0 {
		return
	}
	pid := int(o.Reaped)
	c := b.dead[pid]
	if c == nil {
		live := b.threads[pid]
		if live == nil || live.proc.pid != pid {
			return
		}
		c = live.proc
		b.end(c, max(o.Enter, live.last), o.Status, 0)
	}
	delete(b.dead, pid)
	o.Child = c.actor
}

// names finds the names of an operation's paths, and the lock's.
func (b *builder) names(it *item) {
	o, m := it.op, b.flow.names
	if o.Call == nil {
		return
	}
	if o.Path != "" || len(o.Names) > 0 {
		it.names[0] = b.name(it.proc, o, 0)
		if o.Kind == op.Rename || o.Kind == op.Link {
			it.names[1] = b.name(it.proc, o, 1)
		}
	}
	m.learnLinks(o, it.names[0], it.names[1])
}

// name resolves path i of an operation. A source that knows the absolute path says so.
func (b *builder) name(p *process, o *op.Op, i int) *node {
	m := b.flow.names
	if i < len(o.Names) && len(o.Names[i].Path) > 0 && o.Names[i].Path[0] == '/' {
		return m.find(p.tree, nil, o.Names[i].Path, false)
	}
	text, fd, kind := o.Path, op.AT_FDCWD, op.ArgDirFD
	if i == 1 {
		text, kind = o.Path2, op.ArgDirFD2
	}
	if text == "" {
		return nil
	}
	if text[0] == '/' {
		return m.find(p.tree, nil, text, o.Follows(i))
	}
	for _, a := range o.Call.Args {
		if a == kind {
			if fd = o.FD; i == 1 {
				fd = o.FD2
			}
		}
	}
	return m.find(p.tree, b.dir(p, fd), text, o.Follows(i))
}

// dir is the directory in which a relative path starts.
func (b *builder) dir(p *process, fd int) *node {
	if fd == op.AT_FDCWD {
		if p.cwd == nil {
			p.cwd = b.home(p)
		}
		return p.cwd
	}
	if fd >= 0 && fd < len(p.fds) && p.fds[fd].node != nil {
		return p.fds[fd].node
	}
	return b.flow.names.node(p.tree, nowhere+"/(descriptor of "+string(p.actor)+")")
}

// nowhere is where made-up directories are: so deep that paths with ".." stay within.
const nowhere = "/(..)/(..)/(..)"

// home makes up a working directory for those whose own is not known: one for the
// traced command and all that come of it, and one for each program.
func (b *builder) home(p *process) *node {
	of := p.prog
	if p.actor.Within("1") {
		of = ""
	}
	n := b.homes[of]
	if n == nil {
		name := "/(working directory)"
		if of != "" {
			name = "/(working directory of " + of + ")"
		}
		n = b.flow.names.node(b.flow.names.home, nowhere+name)
		b.homes[of] = n
	}
	b.flow.derived.NoCwd++
	return n
}

// sees is told which view of the file system a process has. One that got another root (chroot(2), pivot_root(2),
// setns(2)) is there, or goes there before it uses relative paths.
func (b *builder) sees(p *process, view View) {
	if p.tree.view == view {
		return
	}
	was := p.tree
	if p.tree = b.flow.names.tree(view); p.tree.under() != was.under() {
		p.cwd = p.tree.root
	}
}

// follow keeps what later paths of the process depend on.
func (b *builder) follow(p *process, o *op.Op, it *item) {
	if o.Failed() && o.Kind != op.Close {
		return
	}
	switch o.Kind {
	case op.Chdir:
		if n := it.names[0]; n != nil {
			p.cwd = n
		} else if o.FD >= 0 {
			p.cwd = b.dir(p, o.FD)
		}
	case op.Open:
		p.setFD(int(o.Ret), it.names[0], o.Flags&op.O_CLOEXEC != 0)
	case op.Close:
		p.setFD(o.FD, nil, false)
	case op.CloseRange:
		for fd := max(o.FD, 0); fd < len(p.fds) && fd <= o.FD2; fd++ {
			if o.Flags&op.CLOSE_RANGE_CLOEXEC != 0 {
				p.fds[fd].cloexec = true
			} else {
				p.fds[fd] = slot{}
			}
		}
	case op.Dup:
		var n *node
		if o.FD >= 0 && o.FD < len(p.fds) {
			n = p.fds[o.FD].node
		}
		p.setFD(int(o.Ret), n, o.Flags&op.O_CLOEXEC != 0)
	case op.SetFlags:
		if o.Cmd == op.F_SETFD && o.FD >= 0 && o.FD < len(p.fds) {
			p.fds[o.FD].cloexec = o.Flags&op.FD_CLOEXEC != 0
		}
	case op.PipeOp, op.SocketOp:
		p.setFD(o.NewFD, nil, false)
		p.setFD(o.NewFD2, nil, false)
	case op.Exec:
		for fd := range p.fds {
			if p.fds[fd].cloexec {
				p.fds[fd] = slot{}
			}
		}
	}
}

func (p *process) setFD(fd int, n *node, cloexec bool) {
	if fd < 0 || fd >= fdMax || n == nil && fd >= len(p.fds) {
		return
	}
	for len(p.fds) <= fd {
		p.fds = append(p.fds, slot{})
	}
	p.fds[fd] = slot{n, cloexec}
}
