package saved

import (
	"math"
	"path"

	"filerace/internal/op"
	"filerace/internal/trace"
)

// rowOf makes the row of a record. What stays behind is Op.Data, as no file holds
// file contents, and registers that mean nothing later (see plainArgs).
func rowOf(rec *trace.Record) row {
	r := row{Event: events[rec.What], UID: rec.UID, Cgroup: rec.Cgroup, Parent: int32(rec.Parent), Lost: rec.Lost}
	if rec.Op != nil {
		r.put(rec.Op)
	}
	return r
}

func (r *row) put(o *op.Op) {
	r.Seq, r.Actor, r.Prog, r.PID, r.TID = int64(o.Seq), string(o.Actor), o.Prog, int32(o.PID), int32(o.TID)
	if o.Call != nil {
		r.Call = o.Call.Name
	}
	r.Kind = o.Kind.String()
	r.putArgs(o)
	r.Enter, r.Exit, r.Result = o.Enter, o.Exit, o.Ret
	if e := o.Errno(); e != 0 {
		r.Errno = op.ErrnoName(e)
	}
	r.FD, r.FD2, r.NewFD, r.NewFD2 = int32(o.FD), int32(o.FD2), int32(o.NewFD), int32(o.NewFD2)
	r.Flags, r.Cmd, r.Off, r.Len, r.Whence = o.Flags, int64(o.Cmd), o.Off, o.Len, int64(o.Whence)
	r.putLock(&o.Lock)
	r.ArgPath2 = o.Path2
	r.putNames(o)
	f := fileRowOf(&o.File)
	r.Dev, r.Ino, r.Birth, r.FileType, r.Nlink, r.Size = f.Dev, f.Ino, f.Birth, f.Type, f.Nlink, f.Size
	if r.Names == 0 {
		r.Path, r.ArgPath = o.File.Path, o.Path
	} else {
		r.FilePath, r.ArgPath = unlike(o.File.Path, r.Path), unlike(o.Path, r.Path)
	}
	second := o.File2()
	f = fileRowOf(&second)
	r.File2Dev, r.File2Ino, r.File2Birth, r.File2Type, r.File2Path, r.File2Nlink, r.File2Size =
		f.Dev, f.Ino, f.Birth, f.Type, f.Path, f.Nlink, f.Size
	r.Next, r.Next2, r.SameLo, r.SameHi = o.Next[0], o.Next[1], int32(o.Same[0]), int32(o.Same[1])
	r.Sum, r.Reaped, r.Child, r.Status, r.Signal = o.Sum, o.Reaped, string(o.Child), o.Status, o.Signal
	r.Waits, r.Faked, r.Thread, r.NoLocks, r.Done, r.Inside = o.Waits, o.Faked, o.Thread, o.NoLocks, o.Done, o.Inside
	r.Off2, r.OFlags, r.OFD, r.OFD2, r.Decision = o.Off2, o.OFlags, int64(o.OFD), int64(o.OFD2), int64(o.Decision)
	if r.Grown = math.MinInt64; o.OldSize != op.None {
		r.Grown = o.File.Size - o.OldSize
	}
	for i := range o.FDs() {
		r.FDs = append(r.FDs, fdRowOf(&o.FDs()[i]))
	}
}

func (r *row) putLock(l *op.Lock) {
	if *l == (op.Lock{}) {
		return
	}
	r.LockFamily, r.LockMode, r.LockWait = l.Family.String(), l.Mode.String(), l.Wait
	r.LockStart, r.LockEnd, r.LockWhence = l.Start, l.End, int32(l.Whence)
}

func (r *row) putNames(o *op.Op) {
	r.Names = int32(len(o.Names))
	for i := range o.Names {
		n := nameRowOf(&o.Names[i])
		if o.Names[i].Seen {
			r.Seen |= 1 << i
		}
		switch i {
		case 0:
			r.Path, r.Base, r.DirDev, r.DirIno, r.DirBirth = n.Path, n.Base, n.DirDev, n.DirIno, n.DirBirth
			r.BeforeDev, r.BeforeIno, r.BeforeBirth = n.BeforeDev, n.BeforeIno, n.BeforeBirth
			r.AfterDev, r.AfterIno, r.AfterBirth = n.AfterDev, n.AfterIno, n.AfterBirth
			r.NameType, r.NameNlink, r.NameSize = n.Type, n.Nlink, n.Size
		case 1:
			r.Path2, r.Base2, r.Dir2Dev, r.Dir2Ino, r.Dir2Birth = n.Path, n.Base, n.DirDev, n.DirIno, n.DirBirth
			r.Before2Dev, r.Before2Ino, r.Before2Birth = n.BeforeDev, n.BeforeIno, n.BeforeBirth
			r.After2Dev, r.After2Ino, r.After2Birth = n.AfterDev, n.AfterIno, n.AfterBirth
			r.Name2Type, r.Name2Nlink, r.Name2Size = n.Type, n.Nlink, n.Size
		default:
			r.Via = append(r.Via, n)
		}
	}
	for i := range o.Via() {
		r.Via = append(r.Via, nameRowOf(&o.Via()[i]))
	}
}

// unlike returns s for a column in which an empty text says that it is as said.
func unlike(s, said string) string {
	switch s {
	case said:
		return ""
	case "":
		return nothing
	}
	return s
}

// alike is the reverse.
func alike(column, said string) string {
	switch column {
	case "":
		return said
	case nothing:
		return ""
	}
	return column
}

// nothing stands for an empty text; no path holds it.
const nothing = "\x00"

func nameRowOf(n *op.Name) nameRow {
	return nameRow{
		Path: n.Path, Base: unlike(n.Base, lastOf(n.Path)), DirDev: n.Dir.Dev, DirIno: n.Dir.Ino, DirBirth: n.Dir.Birth,
		BeforeDev: n.Before.Dev, BeforeIno: n.Before.Ino, BeforeBirth: n.Before.Birth,
		AfterDev: n.After.Dev, AfterIno: n.After.Ino, AfterBirth: n.After.Birth,
		Type: types[n.Type], Nlink: n.Nlink, Size: n.Size,
	}
}

// lastOf is the entry that a path ends in, "" for no path.
func lastOf(p string) string {
	if p == "" {
		return ""
	}
	return path.Base(p)
}

func fileRowOf(f *op.File) fileRow {
	return fileRow{Dev: f.ID.Dev, Ino: f.ID.Ino, Birth: f.ID.Birth, Type: types[f.Type], Path: f.Path, Nlink: f.Nlink, Size: f.Size}
}

func fdRowOf(d *op.FDInfo) fdRow {
	f := fileRowOf(&d.File)
	return fdRow{
		FD: int32(d.FD), Dev: f.Dev, Ino: f.Ino, Birth: f.Birth, Type: f.Type, Path: f.Path, Nlink: f.Nlink, Size: f.Size,
		Flags: d.Flags, Off: d.Off, Shared: int64(d.Shared),
	}
}

// Words of the columns event and *_type. Recordings hold them: they must not change.
var (
	events = [...]string{
		trace.Returned: "call", trace.Entered: "entry", trace.Born: "born", trace.There: "there", trace.Ended: "ended", trace.Gap: "gap",
	}
	types = [...]string{
		op.UnknownType: "", op.Regular: "regular", op.Directory: "directory", op.Symlink: "symlink", op.Pipe: "pipe",
		op.Socket: "socket", op.Device: "device", op.Proc: "proc", op.Anon: "anon",
	}
)
