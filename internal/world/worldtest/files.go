package worldtest

import (
	"path"
	"strings"
	"syscall"

	"filerace/internal/op"
)

// inode is one file of the simulated file system.
type inode struct {
	id     op.FileID
	typ    op.FileType
	bytes  []byte
	nlink  uint32
	names  map[string]*inode // of a directory
	target string            // of a symbolic link
}

// openFile is an open file description: what dup and fork share.
type openFile struct {
	file   *inode
	flags  uint64
	offset int64
	path   string // by which it was opened
}

// place is where a path leads: an entry of a directory, there or not.
type place struct {
	dir  *inode
	base string
	path string
}

func (p place) file() *inode { return p.dir.names[p.base] }

func (p place) set(f *inode) {
	if f == nil {
		delete(p.dir.names, p.base)
		return
	}
	p.dir.names[p.base] = f
}

// make returns a new file without a name. Inode numbers are not used twice.
func (s *sim) make(typ op.FileType) *inode {
	s.inodes++
	f := &inode{id: op.FileID{Dev: 1, Ino: s.inodes + 10, Birth: int64(s.inodes) * 1000}, typ: typ}
	if typ == op.Directory {
		f.names = map[string]*inode{}
		f.nlink = 1
	}
	return f
}

// add makes a new file and gives it its first name.
func (s *sim) add(p place, typ op.FileType) *inode {
	f := s.make(typ)
	f.nlink++
	p.set(f)
	return f
}

// find walks a path from the process's working directory. The place is zero if
// one of the directories on the way is missing.
func (s *sim) find(cwd, name string, follow bool) (place, syscall.Errno) {
	if !path.IsAbs(name) {
		name = path.Join(cwd, name)
	}
	return s.walk(path.Clean(name), follow, 8)
}

func (s *sim) walk(name string, follow bool, links int) (place, syscall.Errno) {
	if links == 0 {
		return place{}, syscall.ELOOP
	}
	if name == "/" {
		return place{dir: s.rootOf, base: "/", path: "/"}, 0
	}
	dir, at := s.root, "/"
	parts := strings.Split(name[1:], "/")
	for i, base := range parts {
		f, last := dir.names[base], i == len(parts)-1
		if f != nil && f.typ == op.Symlink && (!last || follow) {
			target := f.target
			if !path.IsAbs(target) {
				target = path.Join(at, target)
			}
			rest := append([]string{target}, parts[i+1:]...)
			return s.walk(path.Join(rest...), follow, links-1)
		}
		if last {
			return place{dir, base, path.Join(at, base)}, 0
		}
		if f == nil {
			return place{}, syscall.ENOENT
		}
		if f.typ != op.Directory {
			return place{}, syscall.ENOTDIR
		}
		dir, at = f, path.Join(at, base)
	}
	panic("a path has a last part")
}

// name records the entry that an operation looks up, as it is before the operation.
func (o *call) name(p place) {
	if p.dir == nil {
		return
	}
	n := op.Name{Dir: p.dir.id, Base: p.base, Path: p.path}
	if f := p.file(); f != nil {
		n.Before, n.Type, n.Size = f.id, f.typ, int64(len(f.bytes))
	}
	o.Names = append(o.Names, n)
	o.places = append(o.places, p)
	o.were = append(o.were, p.file())
}

// settle fills in what the names lead to after the operation.
func (o *call) settle() {
	for i, p := range o.places {
		n, was, is := &o.Names[i], o.were[i], p.file()
		if is != nil {
			n.After = is.id
		}
		if was == nil {
			was = is
		}
		if was != nil {
			n.Type, n.Nlink = was.typ, was.nlink
		}
	}
	if o.reached != nil {
		f := o.reached
		o.File = op.File{ID: f.id, Type: f.typ, Path: o.reachedPath, Nlink: f.nlink, Size: int64(len(f.bytes))}
	}
}

// reach records the file that the operation reports on.
func (o *call) reach(f *inode, path string) { o.reached, o.reachedPath = f, path }

// put writes bytes at an offset; a hole before them reads as zeros.
func (f *inode) put(off int64, b []byte) {
	if end := off + int64(len(b)); end > int64(len(f.bytes)) {
		f.resize(end)
	}
	copy(f.bytes[off:], b)
}

func (f *inode) resize(n int64) {
	if n <= int64(len(f.bytes)) {
		f.bytes = f.bytes[:n:n]
		return
	}
	f.bytes = append(f.bytes, make([]byte, n-int64(len(f.bytes)))...)
}
