package world

import "filerace/internal/op"

// Enter fills in what a held operation's descriptors lead to: o.File, o.OFD and
// their like; o.Off, the description's own offset where the call has none, or the
// end of the file for O_APPEND; lock ranges, made absolute; and what an operation
// that closes descriptors closes. The world does not change, and Enter may be
// called again when it has.
func (w *World) Enter(o *op.Op) { w.resolve(w.tableOf(o.Actor, o.TID), o) }

// resolve does the work of Enter, and returns the descriptor that the operation is about, nil if
// it is about none, or that is not known. What a descriptor leads to is told by the
// table at the moment the operation takes effect, whatever an earlier look said.
func (w *World) resolve(tab *table, o *op.Op) *Descriptor {
	switch o.Kind {
	case op.Exit, op.Exec, op.CloseRange:
		if tab != nil {
			closed, locks := tab.closes(o)
			o.SetFDs(closed)
			o.NoLocks = !locks
		}
		return nil
	}
	if len(o.Names) > 0 || o.FD < 0 || tab == nil || !byDescriptor(o) {
		return nil
	}
	d := tab.fds.At(o.FD)
	if d == nil {
		return nil
	}
	o.File, o.OFD, o.OFlags, o.OldSize = d.File.report(), d.ID, d.Flags, op.None
	if d.Entry != nil { // the file may have been seen first by another name
		o.File.Path = d.Entry.Path
	}
	if d.File.seekable() {
		o.OldSize = d.File.Size
	}
	switch o.Kind {
	case op.Read:
		if own(o, d.OFD) {
			o.Off = d.position()
		}
	case op.Write:
		if appends(o, d.OFD) {
			o.Off = d.end()
		} else if own(o, d.OFD) {
			o.Off = d.position()
		}
	case op.Copy:
		w.resolveCopy(tab, d.OFD, o)
	case op.LockOp, op.GetLock:
		absolute(&o.Lock, d.OFD)
	case op.Close:
		o.NoLocks = !tab.locks(d.OFD)
	case op.Dup:
		old := w.descriptor(tab, o.FD2)
		o.NoLocks = old == nil || !tab.locks(old.OFD)
		o.OFD2 = 0
		var closed op.File
		if old != nil {
			o.OFD2, closed = old.ID, old.File.report()
		}
		o.SetFile2(closed)
	}
	return d
}

// report is the file as operations speak of it.
func (f *File) report() op.File {
	return op.File{ID: f.ID, Type: f.Type, Path: f.Path, Nlink: uint32(f.Nlink), Size: f.Size}
}

// closes tells which descriptors an operation on the whole table closes, and whether one of them bears a lock.
func (tab *table) closes(o *op.Op) (closed []op.FDInfo, locks bool) {
	lo, hi := 0, op.None
	switch o.Kind {
	case op.CloseRange:
		lo, hi = o.FD, o.FD2
		if o.Flags&op.CLOSE_RANGE_CLOEXEC != 0 {
			return nil, false
		}
	case op.Exit:
		if tab.users > 1 && o.Actor != o.Actor.Process() {
			return nil, false
		}
	}
	for _, fd := range tab.between(lo, hi) {
		d := tab.fds.At(fd)
		if o.Kind == op.Exec && !d.CloseOnExec {
			continue
		}
		closed = append(closed, op.FDInfo{FD: fd, File: d.File.report(), Flags: d.Flags, Off: d.Offset, Shared: d.ID})
		locks = locks || tab.locks(d.OFD)
	}
	return closed, locks
}

// locks reports whether a lock may fall when the table's owner closes a
// descriptor of d.
func (tab *table) locks(d *OFD) bool {
	for _, l := range d.File.Locks {
		if l.OFD == d || l.Family == op.PosixLock && l.owner == tab && d.Flags&op.O_PATH == 0 {
			return true
		}
	}
	return false
}

// byDescriptor reports whether FD is the file that the operation is about.
func byDescriptor(o *op.Op) bool {
	switch o.Kind {
	case op.Read, op.Write, op.Seek, op.Truncate, op.Allocate, op.Copy, op.Sync, op.LockOp, op.GetLock,
		op.SetFlags, op.Stat, op.ReadDir, op.Chmod, op.Chown, op.Utime, op.GetXattr, op.SetXattr, op.Mmap,
		op.Close, op.Dup, op.Send, op.Recv, op.Chdir, op.SocketOp:
		return len(o.Names) == 0 && o.FD >= 0
	}
	return false
}

// missed adopts the descriptor that the operation is about, if the world has missed it (passed
// over a socket, made by a call that is not modelled), as the operation tells it.
func (w *World) missed(t *thread, o *op.Op) *Descriptor {
	if o.File.ID.IsZero() || o.Failed() || !byDescriptor(o) || t.table.fds.At(o.FD) != nil {
		return nil
	}
	f := w.file(o.File.ID)
	f.adopt(&o.File)
	return w.install(t.table, o.FD, &OFD{File: f, Offset: op.None}, false)
}

// Sifted says that not all operations are applied (race.Sieve): what an operation tells of its descriptors counts, then,
// and not what the last one left behind that opened them.
func (w *World) Sifted() { w.sifted = true }

// supersede drops the descriptors that lead to other files than the operation tells.
func (w *World) supersede(tab *table, o *op.Op) {
	if !byDescriptor(o) {
		return
	}
	w.supersedeOne(tab, o.FD, o.File.ID)
	if o.Kind == op.Copy {
		w.supersedeOne(tab, o.FD2, o.File2().ID)
	}
}

func (w *World) supersedeOne(tab *table, fd int, told op.FileID) {
	if d := w.descriptor(tab, fd); d != nil && !told.IsZero() && d.File.ID != told && d.File.ID.MadeUp() == told.MadeUp() {
		w.closeUnseen(tab, fd)
	}
}

// position is the offset at which the next read or write without one goes.
func (d *OFD) position() int64 {
	if !d.File.seekable() {
		return op.None
	}
	return d.Offset
}

func (d *OFD) end() int64 {
	if !d.File.seekable() {
		return op.None
	}
	return d.File.Size
}

func (f *File) seekable() bool {
	return f.Type == op.Regular || f.Type == op.UnknownType || f.Type == op.Proc
}

// own reports whether the operation goes by the description's offset. The call's
// arguments tell; only an operation without a Call is judged by its Off.
func own(o *op.Op, d *OFD) bool {
	if o.Call == nil {
		return o.Off == op.None || o.Off == d.position() || appends(o, d)
	}
	for i, a := range o.Call.Args {
		if a == op.ArgOff {
			// preadv2 and pwritev2 take -1 for the descriptor's own offset.
			return int64(o.Args[i]) == -1
		}
	}
	return true
}

// Flags of pwritev2(2), include/uapi/linux/fs.h.
const (
	rwfAppend   = 0x10
	rwfNoAppend = 0x20
)

// appends reports whether the write goes to the end of the file. On Linux
// O_APPEND wins over the offset of pwrite(2), against POSIX.
func appends(o *op.Op, d *OFD) bool {
	return o.Kind == op.Write && (o.Flags&rwfAppend != 0 || d.Flags&op.O_APPEND != 0 && o.Flags&rwfNoAppend == 0)
}

// resolveCopy tells where a copy writes (d) and reads (o.FD2).
func (w *World) resolveCopy(tab *table, d *OFD, o *op.Op) {
	if copyOwn(o, op.ArgOffPtr, o.Off, d) {
		o.Off = d.position() // O_APPEND is refused (EBADF, EINVAL)
	}
	src := w.descriptor(tab, o.FD2)
	if src == nil {
		return
	}
	o.OFD2 = src.ID
	o.SetFile2(src.File.report())
	if copyOwn(o, op.ArgOffPtr2, o.Off2, src.OFD) {
		o.Off2 = src.position()
	}
}

// copyOwn reports whether that side of a copy goes by its description's offset:
// the pointer is null or the call has none.
func copyOwn(o *op.Op, pointer op.Arg, off int64, d *OFD) bool {
	if o.Call == nil {
		return off == op.None || off == d.position()
	}
	for i, a := range o.Call.Args {
		if a == pointer {
			return o.Args[i] == 0
		}
	}
	return true
}

// absolute makes a lock range count from the beginning of the file.
func absolute(l *op.Lock, d *OFD) {
	if l.Family != op.PosixLock && l.Family != op.OFDLock {
		l.Start, l.End = 0, op.MaxOffset
		return
	}
	base := int64(0)
	switch l.Whence {
	case 1:
		base = max(d.Offset, 0)
	case 2:
		base = d.File.Size
	}
	l.Whence = 0
	l.Start += base
	if l.End != op.MaxOffset {
		l.End += base
	}
}
