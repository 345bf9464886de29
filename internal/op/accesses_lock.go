package op

func (s *sink) lease(f *File, write bool) {
	s.add(Object{Kind: ObjLease, File: f.ID}, write, f.Path)
}

// busy adds that f gains or loses a writer, if its flags say so.
func (s *sink) busy(f *File, flags uint64) {
	if flags&O_ACCMODE != O_RDONLY {
		s.add(Object{Kind: ObjBusy, File: f.ID}, true, f.Path)
	}
}

func (s *sink) locked(f *File, lo, hi int64, write bool) {
	s.add(Object{Kind: ObjLock, File: f.ID, Lo: max(lo, 0), Hi: hi}, write, f.Path)
}

// lock adds a request for a lock. Shared ones commute; to give one back does not
// commute with any request.
func (s *sink) lock() {
	f, ok := s.target()
	if !ok {
		return
	}
	l := s.op.Lock
	switch {
	case l.Family == NoLock:
	case l.Family == LeaseLock:
		s.lease(&f, true)
	case l.Whence != SEEK_SET: // not resolved yet
		s.locked(&f, 0, MaxOffset, l.Mode != Shared)
	default:
		s.locked(&f, l.Start, l.End, l.Mode != Shared)
	}
}

// getLock adds a question: would this lock be granted? Its answer for an
// exclusive one depends on shared ones, so that it counts as a request.
func (s *sink) getLock() { s.lock() }

// closed adds what the end of a descriptor means for others: the locks on the
// file may fall (an fcntl lock with any descriptor of the file, close(2)), a
// pipe's other side may see the end, a writer may have gone.
func (s *sink) closed(f *File, ofd int, flags uint64) {
	switch f.Type {
	case Proc, Device:
		return
	}
	if f.ID.IsZero() || s.stream(f, ofd) {
		return
	}
	if !s.op.NoLocks {
		s.locked(f, 0, MaxOffset, true)
	}
	s.lease(f, false)
	s.busy(f, flags)
}

func (s *sink) close() { s.closed(&s.op.File, s.op.OFD, s.op.OFlags) }

func (s *sink) closeAll() {
	if s.op.Flags&CLOSE_RANGE_CLOEXEC != 0 {
		return
	}
	for i := range s.op.FDs() {
		d := &s.op.FDs()[i]
		s.closed(&d.File, d.Shared, d.Flags)
	}
}

// dup adds the closing of the descriptor that dup2 replaces.
func (s *sink) dup() {
	if s.op.FD2 >= 0 && s.op.FD2 != s.op.FD {
		f := s.op.File2()
		s.closed(&f, s.op.OFD2, O_RDWR)
	}
}

func (s *sink) setFlags() {
	if f, ok := s.target(); ok && s.op.Cmd == F_SETFL {
		s.add(Object{Kind: ObjOffset, File: f.ID, OFD: s.op.OFD, Lo: 1, Hi: 2}, true, f.Path)
	}
}

// exec reads the program; the descriptors marked close-on-exec are closed.
func (s *sink) exec() {
	s.readMeta()
	if f, ok := s.target(); ok {
		s.bytes(&f, 0, MaxOffset, false)
		s.add(Object{Kind: ObjBusy, File: f.ID}, false, f.Path)
	}
	s.closeAll()
}

func (s *sink) exit() {
	s.add(Object{Kind: ObjProcess, Proc: s.op.Actor.Process()}, true, "")
	s.closeAll()
}

// wait takes one ended child, the named one if that is known.
func (s *sink) wait() {
	obj := Object{Kind: ObjProcess, Proc: s.op.Actor.Process(), Base: "*"}
	if c := s.op.Child; c != "" && !s.op.Done {
		obj.Proc, obj.Base = c.Process(), ""
	}
	s.add(obj, true, "")
}

// kill finds its target there or gone.
func (s *sink) kill() {
	if c := s.op.Child; c != "" {
		s.add(Object{Kind: ObjProcess, Proc: c.Process()}, false, "")
	}
}

func (s *sink) signal() {
	s.add(Object{Kind: ObjProcess, Proc: s.op.Actor.Process()}, false, "")
}
