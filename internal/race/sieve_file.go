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
	mask := uint64(len(t.all) - 1)
	i := hash & mask
	for ; t.all[i].hash != 0; i = (i + 1) & mask {
		if t.all[i].hash != hash {
			continue
		}
		f := &t.all[i].files
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
	if !note || t.count == filesMax {
		return nil
	}
	t.count++
	if t.count > len(t.all)/2 {
		t.grow()
		mask = uint64(len(t.all) - 1)
		i = hash & mask
		for ; t.all[i].hash != 0; i = (i + 1) & mask {
		}
	}
	t.all[i] = inode{hash: hash, files: [2]fileAt{{birth: id.Birth}}}
	return &t.all[i].files[0]
}

func (t *fileTable) grow() {
	was := t.all
	t.all = make([]inode, 2*len(was))
	mask := uint64(len(t.all) - 1)
	for _, f := range was {
		if f.hash == 0 {
			continue
		}
		i := f.hash & mask
		for ; t.all[i].hash != 0; i = (i + 1) & mask {
		}
		t.all[i] = f
	}
}

// fileOf is the subject of a file. It is 0 if that is not known, and none is to be made, or can be.
func (s *Sieve) fileOf(id op.FileID, note bool) int32 {
	seen := &s.files.recent[(id.Ino^id.Ino>>8)%recentFiles]
	if seen.id == id && seen.subject != 0 {
		return s.find(seen.subject)
	}
	f := s.files.entry(id, note)
	if f == nil {
		return 0
	}
	if f.subject == 0 && note {
		f.subject = s.subject(0, hashOf(id))
	}
	*seen = recentFile{id, f.subject}
	return s.find(f.subject)
}

// same makes a name and a file that it leads to one subject, if operations are noted.
func (s *Sieve) same(name int32, file op.FileID, note bool) int32 {
	switch {
	case file.IsZero():
		return name
	case !note:
		if name != s.fileOf(file, false) {
			return 0 // never noted so: keep it
		}
		return name
	}
	seen := &s.files.recent[(file.Ino^file.Ino>>8)%recentFiles]
	if seen.id == file && seen.subject != 0 {
		return s.unite(name, s.find(seen.subject))
	}
	f := s.files.entry(file, true)
	switch {
	case f == nil:
		s.race(&s.all[name])
		return name
	case f.subject == 0:
		f.subject = name
	}
	*seen = recentFile{file, f.subject}
	return s.unite(name, s.find(f.subject))
}
