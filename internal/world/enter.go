package world

import "filerace/internal/op"

// Enter fills in what a held operation's descriptors lead to: o.File; o.Off, the
// description's own offset where the call has none, or the end of the file for
// O_APPEND; and lock ranges, made absolute. The world does not change, and
// Enter may be called again when it has.
func (w *World) Enter(o *op.Op) { w.resolve(w.tableOf(o.Actor), o) }

// resolve does the work of Enter. What a descriptor leads to is told by the
// table at the moment the operation takes effect, whatever an earlier look said.
func (w *World) resolve(tab *table, o *op.Op) {
	d := w.descriptor(tab, o.FD)
	if d == nil || !byDescriptor(o) {
		return
	}
	f := d.File
	o.File = op.File{ID: f.ID, Type: f.Type, Path: f.Path, Nlink: uint32(f.Nlink), Size: f.Size}
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
		o.Off, o.Off2 = w.copyOffsets(tab, d.OFD, o)
	case op.LockOp, op.GetLock:
		absolute(&o.Lock, d.OFD)
	}
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

// reached returns the descriptor that the operation is about, nil if there is
// none. One that the world has missed (passed over a socket, made by a call that
// is not modelled) is adopted as the operation tells it.
func (w *World) reached(t *thread, o *op.Op) *Descriptor {
	if !byDescriptor(o) {
		return nil
	}
	d := w.descriptor(t.table, o.FD)
	if d == nil && !o.File.ID.IsZero() && !o.Failed() {
		f := w.file(o.File.ID)
		f.adopt(&o.File)
		d = w.install(t.table, o.FD, &OFD{File: f, Offset: op.None}, false)
	}
	return d
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

// copyOffsets returns where a copy writes (d) and reads (o.FD2).
func (w *World) copyOffsets(tab *table, d *OFD, o *op.Op) (to, from int64) {
	to, from = o.Off, o.Off2
	if copyOwn(o, op.ArgOffPtr, o.Off, d) {
		to = d.position()
		if d.Flags&op.O_APPEND != 0 {
			to = d.end() // sendfile and splice refuse such a target
		}
	}
	if src := w.descriptor(tab, o.FD2); src != nil && copyOwn(o, op.ArgOffPtr2, o.Off2, src.OFD) {
		from = src.position()
	}
	return to, from
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
