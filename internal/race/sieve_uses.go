package race

import "filerace/internal/op"

// use is what an operation has to do with one subject.
type use struct {
	subject int32 // 0: not known
	as      role
	parts   bool // a name ceases to lead there
}

type role uint8

const (
	object role = iota
	source      // it is copied
	lister      // the directory is listed, or must be empty
	maker       // an entry of the directory is changed
)

// uses tells the subjects of an operation, each once for a role. While operations are noted those that
// are not known yet become known, and names one subject with the files that they lead to.
// It is valid until the next call.
func (s *Sieve) uses(o *op.Op, note bool) []use {
	s.used = s.used[:0]
	changed := o.ChangesNames()
	for i := range o.Names {
		n := &o.Names[i]
		name := s.nameOf(n, note)
		if i < len(s.named) {
			s.named[i] = name
		}
		at := s.find(name)
		if !changed {
			s.use(use{s.same(at, s.found(o, n), note), object, false})
			continue
		}
		before, after := n.Before, n.After
		if o.Kind == op.Unlink || o.Kind == op.Rmdir {
			after = op.FileID{}
		}
		at = s.same(at, before, note)
		if after != before {
			at = s.same(at, after, note)
		}
		s.use(use{at, object, before != after && !before.IsZero()})
		if before != after {
			s.use(use{s.listingOf(n.Dir, note), maker, false})
		}
	}
	s.file(&o.File, object, note)
	if o.Kind == op.Copy || o.Kind == op.Dup {
		second := o.File2()
		s.file(&second, source, note)
	}
	switch {
	case o.Kind == op.ReadDir && !o.File.ID.IsZero():
		s.use(use{s.listingOf(o.File.ID, note), lister, false})
	case o.Kind == op.Rmdir && len(o.Names) > 0 && !o.Names[0].Before.IsZero():
		s.use(use{s.listingOf(o.Names[0].Before, note), lister, false})
	}
	if note {
		for i := range s.used { // what came first may have become part of what came later
			s.used[i].subject = s.find(s.used[i].subject)
		}
	}
	return s.used
}

// found is the file that a name led to for an operation that did not change it.
func (s *Sieve) found(o *op.Op, n *op.Name) op.FileID {
	switch {
	case dull(o.File.Type) || orders(o.File.Type) || o.Failed() || len(o.Names) > 1:
		return op.FileID{}
	case o.File.ID.IsZero():
		return n.Before
	}
	return o.File.ID
}

func (s *Sieve) use(u use) {
	for i := range s.used {
		if o := &s.used[i]; o.subject == u.subject && o.as == u.as {
			o.parts = o.parts || u.parts
			return
		}
	}
	s.used = append(s.used, u)
}

func (s *Sieve) file(f *op.File, as role, note bool) {
	if f.ID.IsZero() || dull(f.Type) || orders(f.Type) {
		return
	}
	s.use(use{s.fileOf(f.ID, 0, note), as, false})
}
