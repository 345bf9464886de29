package op

import "math"

// satAdd adds a length to an offset, staying at MaxOffset.
func satAdd(off, n int64) int64 {
	if n > math.MaxInt64-off {
		return MaxOffset
	}
	return off + n
}

// description adds the use of an open file description: its flags are read,
// and its offset moves if the operation uses that.
func (s *sink) description(f *File, ofd int, moves bool) {
	if moves {
		s.add(Object{Kind: ObjOffset, File: f.ID, OFD: ofd, Lo: 0, Hi: 1}, true, f.Path)
	}
	s.add(Object{Kind: ObjOffset, File: f.ID, OFD: ofd, Lo: 1, Hi: 2}, false, f.Path)
}

// stream adds the use of a pipe, socket or the like and reports whether f is one.
// Every use writes: what one reader takes, another does not get.
func (s *sink) stream(f *File, ofd int) bool {
	switch f.Type {
	case Pipe:
		s.add(Object{Kind: ObjPipe, File: f.ID}, true, "")
	case Socket:
		s.add(Object{Kind: ObjPipe}, true, "")
	case Anon: // all anonymous inodes are one (fs/anon_inodes.c)
		s.add(Object{Kind: ObjPipe, OFD: ofd}, true, "")
	default:
		return false
	}
	return true
}

func (s *sink) channel() {
	if f, ok := s.target(); ok {
		s.stream(&f, s.op.OFD)
	}
}

func (s *sink) read() {
	if f, ok := s.target(); ok {
		o := s.op
		s.readFrom(&f, o.OFD, o.Off, usesOwnOffset(o, ArgOff, ArgOffPtr))
	}
}

func (s *sink) readFrom(f *File, ofd int, off int64, own bool) {
	if s.stream(f, ofd) {
		return
	}
	s.description(f, ofd, own)
	if off == None {
		s.bytes(f, 0, MaxOffset, false)
	} else {
		s.bytes(f, off, satAdd(off, s.op.Len), false)
	}
}

func (s *sink) write() {
	if f, ok := s.target(); ok {
		s.writeTo(&f, usesOwnOffset(s.op, ArgOff, ArgOffPtr))
	}
}

func (s *sink) copy() {
	s.write()
	o := s.op
	if f := o.File2(); !f.ID.IsZero() && f.Type != Proc && f.Type != Device {
		s.readFrom(&f, o.OFD2, o.Off2, usesOwnOffset(o, ArgOffPtr2, ArgOffPtr2))
	}
}

// usesOwnOffset reports whether the call moves the description's offset: it has
// no offset argument of either kind, or passes the value that stands for none.
func usesOwnOffset(o *Op, value, pointer Arg) bool {
	if o.Call == nil {
		return o.Off == None
	}
	for i, a := range o.Call.Args {
		switch a {
		case pointer:
			return o.Args[i] == 0
		case value:
			return int64(o.Args[i]) == None && o.Call.Sleep // preadv2, pwritev2; pread64 refuses -1
		}
	}
	return true
}

// oldSize returns the length of f when the operation began, None if unknown.
func (s *sink) oldSize(f *File) int64 {
	o := s.op
	switch {
	case o.OldSize != None:
		return o.OldSize
	case !o.Done:
		return f.Size
	case len(o.Names) > 0 && o.Names[0].Before == f.ID:
		return o.Names[0].Size
	}
	return None
}

func (s *sink) writeTo(f *File, own bool) {
	o := s.op
	if s.stream(f, o.OFD) {
		return
	}
	s.description(f, o.OFD, own)
	if o.Len == 0 {
		return
	}
	old := s.oldSize(f)
	appends := o.OFlags&O_APPEND != 0 || o.Kind == Write && o.Flags&RWF_APPEND != 0
	switch {
	case appends:
		if old == None && o.Ret > 0 {
			old = f.Size - o.Ret
		}
		s.bytes(f, old, MaxOffset, true)
		s.size(f, true)
	case o.Off == None:
		s.bytes(f, 0, MaxOffset, true)
		s.size(f, true)
	default:
		s.fill(f, old, o.Off, satAdd(o.Off, o.Len))
	}
}

// fill adds the writing of bytes [lo, hi). Beyond the end of the file this makes
// it longer, and what lay between reads as zeros from then on.
func (s *sink) fill(f *File, old, lo, hi int64) {
	extends := hi > old
	if old == None {
		extends = hi >= f.Size // f.Size is the length afterwards
	}
	if extends {
		s.size(f, true)
		lo = min(lo, max(old, 0))
	}
	s.bytes(f, lo, hi, true)
}

func (s *sink) truncate() {
	s.readMeta()
	f, ok := s.target()
	if !ok {
		return
	}
	s.bytes(&f, min(s.op.Len, max(s.oldSize(&f), 0)), MaxOffset, true)
	s.size(&f, true)
	if len(s.op.Names) > 0 {
		s.lease(&f, false)
	}
}

func (s *sink) allocate() {
	f, ok := s.target()
	if !ok {
		return
	}
	o := s.op
	lo, hi := o.Off, satAdd(o.Off, o.Len)
	switch {
	case o.Flags&(FALLOC_FL_COLLAPSE_RANGE|FALLOC_FL_INSERT_RANGE) != 0:
		s.bytes(&f, lo, MaxOffset, true)
		s.size(&f, true)
	case o.Flags&FALLOC_FL_KEEP_SIZE != 0:
		s.bytes(&f, lo, hi, true)
	default:
		s.fill(&f, s.oldSize(&f), lo, hi)
	}
}

func (s *sink) seek() {
	f, ok := s.target()
	if !ok {
		return
	}
	o := s.op
	tells := o.Whence == SEEK_CUR && o.Off == 0
	s.add(Object{Kind: ObjOffset, File: f.ID, OFD: o.OFD, Lo: 0, Hi: 1}, !tells, f.Path)
	switch o.Whence {
	case SEEK_END:
		s.size(&f, false)
	case SEEK_DATA, SEEK_HOLE:
		s.size(&f, false)
		s.bytes(&f, 0, MaxOffset, false)
	}
}

// mmap adds what the mapping lets its owner do; when it does so is not seen.
func (s *sink) mmap() {
	if f, ok := s.target(); ok {
		off := max(s.op.Off, 0)
		s.bytes(&f, off, satAdd(off, s.op.Len), s.op.Cmd&PROT_WRITE != 0)
	}
}
