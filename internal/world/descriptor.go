package world

import (
	"math"

	"filerace/internal/op"
)

// table is a descriptor table. Threads share one, and so do processes made with
// CLONE_FILES; it is the owner of POSIX locks.
type table struct {
	fds   FDs
	users int // threads
}

type inheritKey struct {
	shared int
	file   op.FileID
	flags  uint64
}

func (w *World) descriptor(tab *table, fd int) *Descriptor {
	if tab == nil || fd < 0 {
		return nil
	}
	return tab.fds.At(fd)
}

// tableOf returns the table of an actor, that of its process if the thread is
// new; nil if neither is known.
func (w *World) tableOf(a op.Actor, tid int) *table {
	if t := w.known(a, tid); t != nil {
		return t.table
	}
	if p := w.procs[a.Process()]; p != nil {
		return p.leader.table
	}
	return nil
}

// slotted is a descriptor with the description it was made with: one allocation.
type slotted struct {
	d Descriptor
	o OFD
}

// install makes a new description and a first descriptor for it. A descriptor
// that the world believed open was closed behind its back.
func (w *World) install(tab *table, fd int, made *OFD, cloexec bool) *Descriptor {
	w.closeUnseen(tab, fd)
	s := &slotted{o: *made}
	w.ofds++
	s.o.ID, s.o.Place = w.ofds, w.ofdPlaces.take()
	s.o.Refs = 1
	s.o.File.Opens++
	if s.o.Entry != nil {
		s.o.Entry.opened++
	}
	s.d = Descriptor{OFD: &s.o, CloseOnExec: cloexec}
	tab.fds.set(fd, &s.d)
	return &s.d
}

// closeUnseen closes a descriptor, if it is open, at a time that is not known, so that nothing is ordered by it.
func (w *World) closeUnseen(tab *table, fd int) {
	if tab.fds.At(fd) == nil {
		return
	}
	unseen := &Effect{}
	w.closeFD(tab, fd, unseen)
	w.effect.Closed = append(w.effect.Closed, unseen.Closed...)
	w.effect.Freed = append(w.effect.Freed, unseen.Freed...)
}

// share gives an existing description another descriptor.
func (tab *table) share(fd int, d *OFD, cloexec bool) {
	tab.fds.set(fd, &Descriptor{OFD: d, CloseOnExec: cloexec})
	d.Refs++
}

func (tab *table) copied() *table {
	c := &table{fds: FDs{low: make([]*Descriptor, 0, len(tab.fds.low)), used: make([]uint64, 0, len(tab.fds.used))}}
	all := make([]Descriptor, 0, tab.fds.Len())
	for fd, d := range tab.fds.All() {
		all = append(all, *d)
		c.fds.set(fd, &all[len(all)-1])
		d.Refs++
	}
	return c
}

// closeFD closes one descriptor: with it go all POSIX locks that the table's
// owner has on the file, through whichever descriptor they were taken
// (fcntl_locks(7)), and with the description's last descriptor its own locks.
func (w *World) closeFD(tab *table, fd int, e *Effect) {
	d := tab.fds.At(fd)
	if d == nil {
		return
	}
	tab.fds.drop(fd)
	if len(d.File.Locks) > 0 && d.Flags&op.O_PATH == 0 { // filp_flush spares O_PATH
		w.dropPosix(tab, fd, d.File, e)
	}
	switch d.File.Type {
	case op.Pipe:
		if d.Flags&op.O_ACCMODE != op.O_RDONLY && !e.At.IsZero() {
			d.File.closed.add(e.At)
		}
	case op.Socket:
		if !e.At.IsZero() {
			w.stream(d.File, true).add(e.At)
		}
	}
	d.Refs--
	if d.Refs > 0 {
		return
	}
	if len(d.File.Locks) > 0 {
		w.dropOwned(d.OFD, e)
	}
	e.Closed = append(e.Closed, d.OFD)
	d.File.Opens--
	if d.Entry != nil {
		d.Entry.opened--
	}
	w.letGo(d.File)
}

// letGo drops the file if nothing leads to it any more.
func (w *World) letGo(f *File) {
	if f.Opens > 0 || len(f.Names) > 0 || f.Nlink > 0 || f.forgotten {
		return
	}
	if w.files[f.ID] == f {
		delete(w.files, f.ID)
	}
	f.forgotten = true
	w.forgotten = append(w.forgotten, f)
}

// closeRange plays close_range(2).
func (w *World) closeRange(t *thread, o *op.Op, e *Effect) {
	if o.Flags&op.CLOSE_RANGE_UNSHARE != 0 {
		w.unshare(t)
	}
	for _, fd := range t.table.between(o.FD, o.FD2) {
		if o.Flags&op.CLOSE_RANGE_CLOEXEC != 0 {
			t.table.fds.At(fd).CloseOnExec = true
		} else {
			w.closeFD(t.table, fd, e)
		}
	}
}

// between returns the open descriptors from lo to hi, ascending; hi < 0 is no bound.
func (tab *table) between(lo, hi int) []int {
	if hi < 0 {
		hi = math.MaxInt
	}
	var fds []int
	for fd := range tab.fds.from(lo) {
		if fd > hi {
			break
		}
		fds = append(fds, fd)
	}
	return fds
}

// unshare gives the thread a table of its own. POSIX locks stay with the old one.
func (w *World) unshare(t *thread) {
	if t.table.users == 1 {
		return
	}
	t.table.users--
	t.table = t.table.copied()
	t.table.users = 1
	if t.proc.leader == t {
		t.proc.FDs = &t.table.fds
	}
}

// dup plays dup, dup2, dup3 and F_DUPFD.
func (w *World) dup(t *thread, o *op.Op, e *Effect) {
	to := int(o.Ret)
	if e.OFD == nil {
		t.table.fds.drop(to)
		return
	}
	if to == o.FD {
		return
	}
	d := e.OFD
	d.Refs++ // before the target is closed: it may lead to the same description
	w.closeFD(t.table, to, e)
	d.Refs--
	t.table.share(to, d, o.Flags&op.O_CLOEXEC != 0)
}

// settable are the flags that F_SETFL changes (fcntl(2)).
const settable = op.O_APPEND | op.O_ASYNC | op.O_DIRECT | op.O_NOATIME | op.O_NONBLOCK

func (w *World) setFlags(t *thread, o *op.Op) {
	d := w.descriptor(t.table, o.FD)
	if d == nil {
		return
	}
	switch o.Cmd {
	case op.F_SETFL:
		d.Flags = d.Flags&^settable | o.Flags&settable
	case op.F_SETFD:
		d.CloseOnExec = o.Flags&1 != 0 // FD_CLOEXEC
	}
}

// open makes the descriptor that the operation returned.
func (w *World) open(t *thread, o *op.Op, e *Effect) {
	f := e.File
	if f == nil { // the recorder could not tell
		f = w.made(op.FileID{}, o.File.Type, Stamp{})
		e.File = f
	}
	made := OFD{File: f, Flags: o.Flags, Opened: e.At, By: o}
	if o.Flags&op.O_TMPFILE == op.O_TMPFILE {
		f.Created = e.At
	} else {
		made.Entry = openedBy(o, e)
	}
	if o.Flags&op.O_TRUNC != 0 && f.Type == op.Regular && !e.Created {
		w.truncate(e, 0)
	}
	f.adopt(&o.File)
	e.OFD = w.install(t.table, int(o.Ret), &made, o.Flags&op.O_CLOEXEC != 0).OFD
}

// find plays the first half of an open that stops inside the kernel: the file is
// found, and lives on whatever happens to its name.
func (w *World) find(o *op.Op, e *Effect) {
	if e.Before == nil {
		return
	}
	if w.finding == nil {
		w.finding = map[int]*File{}
	}
	w.leave(o) // one that was killed there
	w.finding[o.TID] = e.Before
	e.Before.Opens++
}

// leave ends what find began.
func (w *World) leave(o *op.Op) {
	if f := w.finding[o.TID]; f != nil {
		delete(w.finding, o.TID)
		f.Opens--
		w.letGo(f)
	}
}

// openedBy is the name that led to the opened file; none if it was a symbolic
// link whose target the operation does not name.
func openedBy(o *op.Op, e *Effect) *Entry {
	if e.Entry2 != nil && e.Entry2.File == e.File {
		return e.Entry2
	}
	if e.Entry != nil && e.Entry.File != e.File && e.Entry.File != nil && e.Entry.File.Type == op.Symlink {
		return nil
	}
	return e.Entry
}

// channel plays pipe, socketpair, socket, accept and connect.
func (w *World) channel(t *thread, o *op.Op, e *Effect) {
	if o.NewFD < 0 { // connect: accept learns of it
		w.net.add(e.At)
		return
	}
	typ := op.Socket
	if o.Kind == op.PipeOp {
		typ = op.Pipe
	}
	f := w.made(o.File.ID, typ, e.At)
	cloexec := o.Flags&op.O_CLOEXEC != 0
	flags := o.Flags &^ op.O_ACCMODE & settable
	first := OFD{File: f, Flags: flags | op.O_RDWR, Opened: e.At, By: o}
	if typ == op.Pipe {
		first.Flags = flags | op.O_RDONLY
	}
	e.File = f
	e.OFD = w.install(t.table, o.NewFD, &first, cloexec).OFD
	if o.NewFD2 < 0 || o.NewFD2 == o.NewFD {
		return
	}
	f.pair = true
	second := first
	if typ == op.Pipe {
		second.Flags = flags | op.O_WRONLY
	}
	w.install(t.table, o.NewFD2, &second, cloexec)
}
