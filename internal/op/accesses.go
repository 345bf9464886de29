package op

// Accesses returns what the operation touches: what it would touch if it is held
// at its entry (Done false), what it has touched otherwise. Of a failed
// operation the writes that did not happen are reads: its failure depended on
// what it read. Op.File, OldSize, OFD and OFlags must be filled in for calls by
// descriptor, Names for calls by path.
//
// Times are not an object: a file's modification time depends on all its bytes,
// so stat reads them; a directory's depends on all its entries.
func Accesses(o *Op) []Access { return AppendAccesses(make([]Access, 0, 8), o) }

// AppendAccesses appends Accesses(o) to list, for those who ask often.
func AppendAccesses(list []Access, o *Op) []Access {
	s := sink{op: o, list: list}
	from := len(list)
	s.slots()
	for i := range o.Via() {
		s.name(&o.Via()[i], false)
	}
	if by := accessesBy[o.Kind]; by != nil {
		by(&s)
	}
	if o.Done && o.Failed() {
		s.failed(from)
	}
	return s.list
}

// accessesBy says for each kind what it touches. Kinds that are missing touch
// nothing that another actor could see.
var accessesBy = [kindMax]func(*sink){
	Open: (*sink).open, Close: (*sink).close, CloseRange: (*sink).closeAll, Dup: (*sink).dup,
	Read: (*sink).read, Write: (*sink).write, Seek: (*sink).seek, Truncate: (*sink).truncate,
	Allocate: (*sink).allocate, Copy: (*sink).copy, Mmap: (*sink).mmap,
	LockOp: (*sink).lock, GetLock: (*sink).getLock, SetFlags: (*sink).setFlags,
	Stat: (*sink).stat, AccessOp: (*sink).readMeta, Readlink: (*sink).lookup, ReadDir: (*sink).readDir,
	Unlink: (*sink).unlink, Rmdir: (*sink).rmdir, Rename: (*sink).rename, Link: (*sink).link,
	SymlinkOp: (*sink).create, Mkdir: (*sink).create, Mknod: (*sink).create,
	Chmod: (*sink).writeMeta, Chown: (*sink).writeMeta, Utime: (*sink).utime,
	GetXattr: (*sink).readMeta, SetXattr: (*sink).writeMeta, Chdir: (*sink).readMeta,
	Exec: (*sink).exec, Exit: (*sink).exit, Wait: (*sink).wait,
	Kill: (*sink).kill, Signal: (*sink).signal,
	SocketOp: (*sink).channel, Send: (*sink).channel, Recv: (*sink).channel,
}

// sink gathers the accesses of one operation.
type sink struct {
	op   *Op
	list []Access
}

func (s *sink) add(obj Object, write bool, path string) {
	s.list = append(s.list, Access{Object: obj, Write: write, Path: path})
}

// failed turns the writes of a failed operation into reads. A refused lock stays
// what it was: an exclusive request that failed for a shared lock conflicts with
// that one, and two reads would not. Pipes likewise.
func (s *sink) failed(from int) {
	for i := from; i < len(s.list); i++ {
		switch s.list[i].Kind {
		case ObjName, ObjData, ObjSize, ObjMeta, ObjOffset, ObjFD:
			s.list[i].Write = false
		}
	}
}

// slots adds the descriptors used, which threads of a process share, and the
// working directory if a path starts there.
func (s *sink) slots() {
	o := s.op
	slot := func(fd int, write bool) {
		s.add(Object{Kind: ObjFD, Proc: o.Actor.Process(), Lo: int64(fd), Hi: int64(fd) + 1}, write, "")
	}
	relative := func(path string) bool { return path != "" && path[0] != '/' }
	switch {
	case o.Kind == CloseRange:
		s.add(Object{Kind: ObjFD, Proc: o.Actor.Process(), Lo: int64(o.FD), Hi: int64(o.FD2) + 1}, true, "")
		return
	case o.FD >= 0 && (o.Path == "" || relative(o.Path)):
		slot(o.FD, o.Kind == Close || o.Kind == SetFlags && o.Cmd == F_SETFD)
	case relative(o.Path):
		slot(AT_FDCWD, false)
	}
	switch {
	case o.FD2 >= 0:
		slot(o.FD2, o.Kind == Dup)
	case relative(o.Path2) && (o.Kind == Rename || o.Kind == Link):
		slot(AT_FDCWD, false)
	}
	if o.Kind == Chdir {
		slot(AT_FDCWD, true)
	}
	for _, fd := range [...]int{o.NewFD, o.NewFD2} {
		if o.Done && fd >= 0 && o.Call != nil {
			slot(fd, true)
		}
	}
}

// name adds the use of one directory entry. Permission to look it up, or to
// change it, is a matter of the directory's mode.
func (s *sink) name(n *Name, write bool) {
	if n.Type == Proc {
		return
	}
	if n.Dir.IsZero() { // not known: the path has to do
		s.add(Object{Kind: ObjName, Base: n.Path}, write, n.Path)
		return
	}
	s.add(Object{Kind: ObjName, File: n.Dir, Base: n.Base}, write, n.Path)
	s.add(Object{Kind: ObjMeta, File: n.Dir}, false, "")
}

// entries adds the use of all entries of a directory. To remove or move it is to
// write them: no path through it leads anywhere afterwards.
func (s *sink) entries(dir FileID, write bool, path string) {
	s.add(Object{Kind: ObjName, File: dir, Base: "*"}, write, path)
}

// target returns the file that the operation is about: the one reached, else
// the one that its first name leads to. ok is false if there is none or it is
// no object.
func (s *sink) target() (f File, ok bool) {
	f = s.op.File
	if f.ID.IsZero() && len(s.op.Names) > 0 {
		n := &s.op.Names[0]
		f = File{ID: n.Before, Type: n.Type, Path: n.Path, Nlink: n.Nlink, Size: n.Size}
	}
	return f, !f.ID.IsZero() && f.Type != Proc && f.Type != Device
}

func (s *sink) bytes(f *File, lo, hi int64, write bool) {
	if lo < hi {
		s.add(Object{Kind: ObjData, File: f.ID, Lo: max(lo, 0), Hi: hi}, write, f.Path)
	}
}

func (s *sink) size(f *File, write bool) {
	s.add(Object{Kind: ObjSize, File: f.ID}, write, f.Path)
}

func (s *sink) meta(f *File, write bool) {
	s.add(Object{Kind: ObjMeta, File: f.ID}, write, f.Path)
}

// lookup adds a read of each name.
func (s *sink) lookup() {
	for i := range s.op.Names {
		s.name(&s.op.Names[i], false)
	}
}

func (s *sink) readMeta() {
	s.lookup()
	if f, ok := s.target(); ok {
		s.meta(&f, false)
	}
}

func (s *sink) writeMeta() {
	s.lookup()
	if f, ok := s.target(); ok {
		s.meta(&f, true)
	}
}

func (s *sink) stat() {
	s.readMeta()
	f, ok := s.target()
	switch {
	case !ok:
	case f.Type == Directory:
		s.entries(f.ID, false, f.Path)
	default:
		s.size(&f, false)
		s.bytes(&f, 0, MaxOffset, false)
	}
}

func (s *sink) utime() {
	s.writeMeta()
	if f, ok := s.target(); ok {
		s.bytes(&f, 0, MaxOffset, false)
	}
}
