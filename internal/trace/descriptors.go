package trace

import (
	"strconv"
	"strings"

	"filerace/internal/op"
)

// inherited gives the descriptors of a process that was there before the trace an
// identity where the source has only their paths.
func (f *Flow) inherited(it *item) {
	for i := range it.op.FDs() {
		d := &it.op.FDs()[i]
		f.byPath(&d.File, it.tree)
	}
}

// byPath identifies a file of which only the path is known, as in /proc and in logs.
func (f *Flow) byPath(file *op.File, t *tree) {
	if !file.ID.IsZero() || file.Path == "" {
		return
	}
	kind, rest, special := strings.Cut(file.Path, ":[")
	if special && file.Path[0] != '/' {
		ino, _ := strconv.ParseUint(strings.TrimSuffix(rest, "]"), 10, 64)
		file.ID, file.Type = op.FileID{Ino: ino | 1<<62}, op.Socket
		if kind == "pipe" {
			file.Type = op.Pipe
		}
		return
	}
	if file.Path[0] != '/' {
		return
	}
	n := f.names.find(t, nil, file.Path, false)
	if n.kernel {
		file.Type = op.Proc
	}
	typ := file.Type
	if typ == op.UnknownType {
		typ = op.Regular
	}
	known := f.there(n, op.FileID{}, typ)
	file.ID, file.Type, file.Nlink, file.Size = known.id, known.typ, uint32(known.nlink), f.size(known)
}

// descriptors completes an operation by descriptor. The world knows what those lead to
// that it saw opened. What it does not know is taken for a channel that all share: that
// orders more than there is, and so may hide a race, but invents none.
func (f *Flow) descriptors(it *item) {
	o := it.op
	if f.world == nil || o.FD < 0 || !uses(o.Kind) {
		return
	}
	d := f.world.OFD(o.Actor, o.FD)
	switch {
	case d == nil && o.File.ID.IsZero() && o.File.Path != "":
		f.byPath(&o.File, it.tree)
	case d == nil && o.File.ID.IsZero():
		o.File = op.File{ID: op.FileID{Ino: 1 << 61}, Type: op.Socket}
	case d == nil && o.File.Type == op.Regular && o.File.ID.Dev == 0 && o.File.Size == 0:
		o.File.Size = unknownSize
	case d != nil && !o.File.ID.IsZero() && d.File.ID != o.File.ID && o.File.ID.Dev != 0 && d.File.ID.Dev != 0:
		f.reopen(it)
	case d != nil && d.Offset == op.None && o.Off >= 0 && (o.Kind == op.Read || o.Kind == op.Write):
		d.Offset = o.Off // the source saw it move
	}
}

// uses reports whether the operation is about the file that its descriptor leads to.
func uses(k op.Kind) bool {
	switch k {
	case op.Read, op.Write, op.Seek, op.Truncate, op.Allocate, op.Copy, op.LockOp, op.Send, op.Recv, op.Stat, op.ReadDir,
		op.Dup, op.Mmap:
		return true
	}
	return false
}

// reopen tells the world that a descriptor leads elsewhere than it saw: a call was
// missed, as in a gap.
func (f *Flow) reopen(it *item) {
	o := it.op
	file := o.File
	if o.Kind == op.Dup || o.Kind == op.Close {
		return // the source may speak of the new descriptor, or of one reused since
	}
	fresh := op.New(op.Inherit)
	fresh.Actor, fresh.PID, fresh.TID, fresh.Prog = o.Actor, o.PID, o.TID, o.Prog
	fresh.Enter, fresh.Exit, fresh.Done = it.from, it.from, true
	fresh.SetFDs([]op.FDInfo{{FD: o.FD, File: file, Flags: op.O_RDWR, Off: op.None, Shared: f.reopened()}})
	f.emit(Event{Op: fresh, From: it.from})
}

// reopened numbers the descriptions that were found out late.
func (f *Flow) reopened() int {
	f.derived.Reopened++
	return -f.derived.Reopened
}
