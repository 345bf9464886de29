package op

func (s *sink) open() {
	o := s.op
	for i := range o.Names {
		n := &o.Names[i]
		makes := o.Flags&O_CREAT != 0 && n.Before.IsZero() && o.Flags&O_TMPFILE != O_TMPFILE
		s.name(n, i == 0 && makes)
	}
	f, ok := s.target()
	if !ok || o.Flags&O_PATH != 0 {
		return
	}
	existed := len(o.Names) == 0 || !o.Names[0].Before.IsZero()
	s.meta(&f, false) // permission
	switch f.Type {
	case Pipe: // a FIFO waits for its other side
		s.stream(&f, 0)
	case Regular, UnknownType:
		s.lease(&f, false)
		s.busy(&f, o.Flags)
		if o.Flags&O_TRUNC != 0 && existed {
			s.bytes(&f, 0, MaxOffset, true)
			s.size(&f, true)
		}
	}
}

// create adds the making of a name; one that is there already is only looked up.
func (s *sink) create() {
	for i := range s.op.Names {
		n := &s.op.Names[i]
		s.name(n, n.Before.IsZero())
	}
}

// loses adds that the file which n leads to loses this name, or has it moved.
func (s *sink) loses(n *Name) {
	if n.Before.IsZero() {
		return
	}
	f := File{ID: n.Before, Path: n.Path}
	s.meta(&f, true)
	if n.Type == Directory {
		s.entries(n.Before, true, n.Path)
	}
}

func (s *sink) unlink() {
	for i := range s.op.Names {
		n := &s.op.Names[i]
		s.name(n, true)
		if n.Type != Directory { // EISDIR
			s.loses(n)
		}
	}
}

func (s *sink) rmdir() {
	for i := range s.op.Names {
		n := &s.op.Names[i]
		s.name(n, true)
		s.loses(n)
	}
}

func (s *sink) rename() {
	for i := range s.op.Names {
		n := &s.op.Names[i]
		s.name(n, true)
		if i == 1 || n.Type == Directory {
			s.loses(n)
		}
	}
}

func (s *sink) link() {
	names := s.op.Names
	if f, ok := s.target(); ok {
		s.meta(&f, true)
	}
	for i := range names {
		// With AT_EMPTY_PATH the only name is the new one.
		isNew := i == 1 || len(names) == 1 && s.op.Path == ""
		s.name(&names[i], isNew && names[i].Before.IsZero())
	}
}

func (s *sink) readDir() {
	if f, ok := s.target(); ok {
		s.entries(f.ID, false, f.Path)
		s.description(&f, s.op.OFD, true)
	}
}
