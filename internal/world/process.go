package world

import (
	"slices"

	"filerace/internal/op"
)

// thread returns the actor's thread. One that is not known yet is adopted: the
// operation by which it was made returns only later (vfork), or was missed.
func (w *World) thread(o *op.Op) *thread {
	t := w.known(o.Actor, o.TID)
	if t == nil {
		t = w.adopt(o.Actor)
	}
	t.tid = o.TID
	if p := t.proc; p.PID != o.PID || p.Prog != o.Prog {
		if o.PID != 0 {
			p.PID = o.PID
		}
		if o.Prog != "" {
			p.Prog = o.Prog
		}
	}
	return t
}

// known returns the actor's thread, nil if there is none; tid may be 0.
func (w *World) known(a op.Actor, tid int) *thread {
	at := &w.recent[uint(tid)%recentThreads]
	if t := *at; t != nil && t.actor == a {
		return t
	}
	t := w.threads[a]
	if t != nil {
		*at = t
	}
	return t
}

// adopt makes the thread of an actor that nobody has announced. A process is
// taken for a fresh fork of its parent as that stands now.
func (w *World) adopt(a op.Actor) *thread {
	if p := w.procs[a.Process()]; p != nil && !p.Exited {
		t := w.newThread(a, p, p.leader.stamp(w.seq))
		t.table = p.leader.table
		t.table.users++
		return t
	}
	if parent := w.procs[a.Parent()]; parent != nil && !parent.Exited {
		t := w.begin(a.Process(), parent, parent.leader.stamp(w.seq), parent.leader.table.copied())
		if a != t.actor {
			return w.adopt(a)
		}
		return t
	}
	t := w.begin(a.Process(), nil, Stamp{}, new(table))
	if a != t.actor {
		return w.adopt(a)
	}
	return t
}

// begin adds a process with its first thread.
func (w *World) begin(a op.Actor, parent *Process, made Stamp, tab *table) *thread {
	p := &Process{Actor: a, Parent: parent, FDs: &tab.fds, number: w.numberOf(a)}
	if parent != nil {
		p.PID, p.Prog = parent.PID, parent.Prog
		if parent.children == nil {
			parent.children = map[*Process]struct{}{}
		}
		parent.children[p] = struct{}{}
	}
	p.leader = w.newThread(a, p, made)
	p.leader.table = tab
	tab.users++
	w.procs[a] = p
	return p.leader
}

// numberOf is the number of a process that begins. One whose end was seen before its last
// operation keeps the number that it had.
func (w *World) numberOf(a op.Actor) int32 {
	if p := w.procs[a]; p != nil {
		return p.number
	}
	for _, ended := range w.ended {
		if n, ok := ended[a]; ok {
			return n
		}
	}
	w.begun++
	return w.begun
}

// endedMax bounds how many processes that are forgotten keep their numbers: so many, and
// as many again.
const endedMax = 1 << 12

func (w *World) keepNumber(p *Process) {
	if w.ended[0] == nil || len(w.ended[0]) == endedMax {
		w.ended[0], w.ended[1] = map[op.Actor]int32{}, w.ended[0]
	}
	w.ended[0][p.Actor] = p.number
}

// inherit sets the descriptors with which the command began.
func (w *World) inherit(t *thread, o *op.Op) {
	for i := range o.FDs() {
		d := &o.FDs()[i]
		key := inheritKey{d.Shared, d.File.ID, d.Flags}
		if ofd := w.inherited[key]; ofd != nil && ofd.Refs > 0 {
			if t.table.fds.At(d.FD) == nil {
				t.table.share(d.FD, ofd, d.Flags&op.O_CLOEXEC != 0)
			}
			continue
		}
		f := w.file(d.File.ID)
		if d.File.ID.IsZero() {
			f = w.made(op.FileID{}, d.File.Type, Stamp{})
		}
		f.adopt(&d.File)
		made := w.install(t.table, d.FD, &OFD{File: f, Flags: d.Flags, Offset: d.Off}, d.Flags&op.O_CLOEXEC != 0)
		w.inherited[key] = made.OFD
	}
}

// fork makes a process, or a thread.
func (w *World) fork(t *thread, o *op.Op, e *Effect) {
	if o.Child == "" {
		return
	}
	child := w.threads[o.Child]
	if child == nil {
		tab := t.table
		if !o.Thread && o.Flags&op.CLONE_FILES == 0 {
			tab = t.table.copied()
		}
		if o.Child.Process() == t.proc.Actor {
			child = w.newThread(o.Child, t.proc, e.At)
			child.table = tab
			tab.users++
		} else {
			child = w.begin(o.Child, t.proc, e.At, tab)
		}
	}
	if child.tid == 0 {
		child.tid = int(o.Ret)
	}
	if child.proc != t.proc && child.count == 0 {
		child.proc.PID = int(o.Ret)
	}
}

// exec leaves the process with one thread, its first, and with a table of its
// own from which the descriptors marked close-on-exec are gone.
func (w *World) exec(t *thread, e *Effect) {
	p := t.proc
	for _, other := range p.threads {
		if other != p.leader {
			w.leaveTable(other, e)
			w.endThread(other)
		}
	}
	if p.leader != t && p.leader.table != t.table {
		w.leaveTable(p.leader, e)
		t.table.users++
		p.leader.table = t.table
	}
	p.threads = append(p.threads[:0], p.leader)
	if p.leader != t {
		p.leader.learn(e.At)
		t = p.leader
	}
	w.unshare(t)
	p.FDs = &t.table.fds
	for _, fd := range t.table.between(0, -1) {
		if t.table.fds.At(fd).CloseOnExec {
			w.closeFD(t.table, fd, e)
		}
	}
}

// exit ends a thread, or the process with all its threads.
func (w *World) exit(t *thread, o *op.Op, e *Effect) {
	p := t.proc
	if t != p.leader {
		p.exits.add(e.At)
		w.leaveTable(t, e)
		w.endThread(t)
		if i := slices.Index(p.threads, t); i >= 0 {
			p.threads = slices.Delete(p.threads, i, i+1)
		}
		return
	}
	for _, each := range p.threads {
		w.leaveTable(each, e)
		w.endThread(each)
	}
	e.Trap = e.Trap[:0] // the end of the process is not a slip
	p.threads = nil
	p.Exited, p.Status, p.end = true, int(o.Status), e.At
	for child := range p.children {
		child.Parent, child.orphan = nil, true // its exit will be waited for by init
		if child.Exited {
			w.drop(child)
		}
	}
	p.children = nil
	if p.reaped || p.orphan {
		w.drop(p)
	}
}

// drop forgets an ended process.
func (w *World) drop(p *Process) {
	delete(w.procs, p.Actor)
	w.keepNumber(p)
	if p.Parent != nil {
		delete(p.Parent.children, p)
	}
}

// leaveTable takes the thread off its table; the last to leave closes it.
func (w *World) leaveTable(t *thread, e *Effect) {
	tab := t.table
	tab.users--
	if tab.users > 0 {
		return
	}
	for _, fd := range tab.between(0, -1) {
		w.closeFD(tab, fd, e)
	}
}

// reap takes a process off whose end its parent has seen.
func (w *World) reap(o *op.Op) {
	if o.Child == "" {
		return
	}
	p := w.procs[o.Child.Process()]
	if p == nil {
		return
	}
	p.reaped = true
	if p.Exited {
		w.drop(p)
	}
}

// kill remembers that a signal was sent, for its delivery.
func (w *World) kill(o *op.Op, e *Effect) {
	if o.Signal == 0 {
		return // only asks whether the process is there
	}
	p := w.target(o)
	if p == nil {
		c := w.broadcasts[o.Signal]
		c.add(e.At)
		w.broadcasts[o.Signal] = c
		return
	}
	if p.signals == nil {
		p.signals = map[int32]clock{}
	}
	c := p.signals[o.Signal]
	c.add(e.At)
	p.signals[o.Signal] = c
}

// target returns the process that a signal is for; nil for a group, and where it
// cannot be told.
func (w *World) target(o *op.Op) *Process {
	if o.Child != "" {
		return w.procs[o.Child.Process()]
	}
	pid := int(int32(o.Args[0]))
	if pid <= 0 || o.FD >= 0 { // a group, or a pidfd
		return nil
	}
	for _, p := range w.procs {
		if !p.Exited && p.PID == pid {
			return p
		}
	}
	for _, t := range w.threads {
		if t.tid == pid {
			return t.proc
		}
	}
	return nil
}
