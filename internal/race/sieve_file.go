package race

import "filerace/internal/op"

// fileTable tells which subjects files belong to. An inode number is used again when the file that had it is gone for good, so
// that one entry does for all that have a number one after the other.
type fileTable struct {
	all    []fileAt // by hash
	count  int
	recent [recentFiles]recentFile
}

type fileAt struct {
	hash    uint64 // of device and inode number; 0: nothing is here
	birth   int64
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

// entry returns the entry of a file; nil if there is none, or another file's that had the number later. If operations are noted,
// there is one afterwards, unless there are too many. A file that is older than the one that has the number now, or
// of which that is not known, is taken for that one.
func (t *fileTable) entry(id op.FileID, note bool) *fileAt {
	hash := max(mixed(id.Dev, id.Ino), 1)
	mask := uint64(len(t.all) - 1)
	i := hash & mask
	for ; t.all[i].hash != 0; i = (i + 1) & mask {
		f := &t.all[i]
		if f.hash != hash {
			continue
		}
		switch {
		case f.birth == id.Birth:
		case !note:
			return nil
		case id.Birth > f.birth:
			if f.birth != 0 {
				f.subject = 0
			}
			f.birth = id.Birth
		}
		return f
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
	t.all[i] = fileAt{hash: hash, birth: id.Birth}
	return &t.all[i]
}

func (t *fileTable) grow() {
	was := t.all
	t.all = make([]fileAt, 2*len(was))
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
		f.subject = s.subject(0, f.hash)
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
