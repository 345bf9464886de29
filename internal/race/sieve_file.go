package race

import "filerace/internal/op"

// fileTable tells which subjects files belong to. An inode number is used again when the file that had it is gone for good, so
// that one entry does for all that have a number one after the other. Of the last but one it is known still, as the end
// of a call may be told late.
type fileTable struct {
	all    []inode // by hash
	count  int
	recent [recentFiles]recentFile
}

type inode struct {
	hash  uint64    // of device and inode number; 0: nothing is here
	files [2]fileAt // the last first
}

// fileAt is a file among those that have one number.
type fileAt struct {
	birth   int64 // or a generation: of two it is not known which is later
	subject int32 // 0: not known yet
}

// recentFile spares the search for what was looked for just before.
type recentFile struct {
	id      op.FileID
	subject int32
}

const (
	recentFiles = 256
	filesMax    = 1 << 20
)

// entry returns the entry of a file; nil if there is none any more. If operations are noted, there is one afterwards, unless there
// are too many. A file whose birth is not known is taken for the one that has the number now.
func (t *fileTable) entry(id op.FileID, note bool) *fileAt {
	hash := max(mixed(id.Dev, id.Ino), 1)
	n := t.place(hash)
	if n.hash == 0 {
		if !note || t.count == filesMax {
			return nil
		}
		if t.count++; t.count > len(t.all)/2 {
			t.grow()
			n = t.place(hash)
		}
		*n = inode{hash: hash, files: [2]fileAt{{birth: id.Birth}}}
	}
	f := &n.files
	switch {
	case f[0].birth == id.Birth:
	case f[1].birth == id.Birth && f[1].subject != 0:
		return &f[1]
	case !note:
		return nil
	case id.Birth == 0:
	case f[0].birth == 0:
		f[0].birth = id.Birth
	default:
		f[0], f[1] = fileAt{birth: id.Birth}, f[0]
	}
	return &f[0]
}

// place returns where the entry of a hash is, or where it would be.
func (t *fileTable) place(hash uint64) *inode {
	mask := uint64(len(t.all) - 1)
	for i := hash & mask; ; i = (i + 1) & mask {
		if n := &t.all[i]; n.hash == hash || n.hash == 0 {
			return n
		}
	}
}

func (t *fileTable) grow() {
	was := t.all
	t.all = make([]inode, 2*len(was))
	for _, n := range was {
		if n.hash != 0 {
			*t.place(n.hash) = n
		}
	}
}

// fileOf is the subject of a file, 0 if that is not known. If operations are noted, a file that is not known yet becomes part of
// the name that leads to it, or a subject of its own where name is 0, unless there are too many.
func (s *Sieve) fileOf(id op.FileID, name int32, note bool) int32 {
	seen := &s.files.recent[(id.Ino^id.Ino>>8)%recentFiles]
	if seen.id != id || seen.subject == 0 {
		f := s.files.entry(id, note)
		if f == nil {
			return 0
		}
		if f.subject == 0 && note {
			if f.subject = name; name == 0 {
				f.subject = s.subject(0, hashOf(id))
			}
		}
		*seen = recentFile{id, f.subject}
	}
	return s.find(seen.subject)
}

// same makes a name and a file that it leads to one subject, if operations are noted.
func (s *Sieve) same(name int32, file op.FileID, note bool) int32 {
	if file.IsZero() {
		return name
	}
	at := s.fileOf(file, name, note)
	switch {
	case !note && at != name:
		return 0 // never noted so: keep it
	case !note:
	case at == 0:
		s.race(&s.all[name])
	default:
		return s.unite(name, at)
	}
	return name
}
