package op

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"sort"
	"strings"
	"syscall"
	"testing"
	"unsafe"
)

// selfMemory is the memory of the test itself, so that the calls it makes are
// decoded as a tracer would decode them.
type selfMemory struct{ f *os.File }

func (m selfMemory) ReadMemory(addr uint64, b []byte) (int, error) {
	return m.f.ReadAt(b, int64(addr))
}

// scene is a fresh scratch directory with the descriptors of two actors.
type scene struct {
	t      *testing.T
	dir    string
	mem    selfMemory
	label  map[uint64]string // inode → what it was called at the beginning
	fds    []int             // by number as in scratchFDs
	offs   []int             // open file description of each
	pinned []int             // descriptors that keep the inode numbers of the beginning from being used again
	pins   runtime.Pinner
}

// scratchFDs are the descriptors that a scene opens: both actors have their own
// of each file, and the last one is a duplicate that they share.
var scratchFDs = []struct {
	path  string
	flags int
	ofd   int
}{
	{"data", O_RDWR, 1}, {"data", O_RDWR | O_APPEND, 2}, {"two", O_RDONLY, 3}, {".", O_RDONLY, 4}, {"data", O_RDWR, 9},
	{"data", O_RDWR, 5}, {"data", O_RDWR | O_APPEND, 6}, {"two", O_RDWR, 7}, {".", O_RDONLY, 8}, {"data", O_RDWR, 9},
}

func newScene(t *testing.T, mem selfMemory) *scene {
	t.Helper()
	dir, err := os.MkdirTemp(t.TempDir(), "")
	must(t, err)
	s := &scene{t: t, dir: dir, mem: mem, label: map[uint64]string{}}
	must(t, os.WriteFile(s.at("data"), []byte(strings.Repeat("abcdefghij", 10)), 0o644))
	must(t, os.WriteFile(s.at("two"), []byte("second"), 0o600))
	must(t, os.Link(s.at("two"), s.at("twin")))
	must(t, os.Mkdir(s.at("empty"), 0o755))
	must(t, os.Mkdir(s.at("full"), 0o755))
	must(t, os.WriteFile(s.at("full/x"), []byte("x"), 0o644))
	must(t, os.Symlink("data", s.at("sym")))
	shared := map[int]int{}
	for _, d := range scratchFDs {
		fd, again := shared[d.ofd]
		if again {
			fd, err = syscall.Dup(fd)
		} else {
			fd, err = syscall.Open(s.at(d.path), d.flags|O_CLOEXEC, 0)
			shared[d.ofd] = fd
		}
		must(t, err)
		s.fds, s.offs = append(s.fds, fd), append(s.offs, d.ofd)
	}
	must(t, filepath.WalkDir(dir, func(p string, _ fs.DirEntry, err error) error {
		if st := s.lstat(p); st != nil {
			s.label[st.Ino] = strings.TrimPrefix(p, dir)
			fd, err := syscall.Open(p, O_PATH|O_NOFOLLOW|O_CLOEXEC, 0)
			must(t, err)
			s.pinned = append(s.pinned, fd)
		}
		return err
	}))
	return s
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func (s *scene) close() {
	s.pins.Unpin()
	for _, fd := range s.pinned {
		must(s.t, syscall.Close(fd))
	}
	for _, fd := range s.fds {
		syscall.Close(fd) // some are closed already: that was one of the calls
	}
	must(s.t, os.RemoveAll(s.dir))
}

func (s *scene) at(path string) string { return filepath.Join(s.dir, path) }

func (s *scene) lstat(path string) *syscall.Stat_t {
	var st syscall.Stat_t
	if syscall.Lstat(path, &st) != nil {
		return nil
	}
	return &st
}

func (s *scene) pin(b []byte) uint64 {
	s.pins.Pin(&b[0])
	return uint64(uintptr(unsafe.Pointer(&b[0])))
}

func (s *scene) ident(st *syscall.Stat_t) string {
	if l, ok := s.label[st.Ino]; ok {
		return l
	}
	return "new"
}

// fillFile is what the world knows of a file.
func (s *scene) fillFile(st *syscall.Stat_t) File {
	types := map[uint32]FileType{syscall.S_IFREG: Regular, syscall.S_IFDIR: Directory, syscall.S_IFLNK: Symlink}
	return File{ID: FileID{Dev: st.Dev, Ino: st.Ino}, Type: types[st.Mode&syscall.S_IFMT], Size: st.Size, Nlink: uint32(st.Nlink)}
}

// fillName looks one path up as the kernel would at this moment. The symbolic
// links that it follows on the way are names read, too.
func (s *scene) fillName(o *Op, path string, follow bool) Name {
	for links := 0; follow && links < 4; links++ {
		to, err := os.Readlink(path)
		if err != nil {
			break
		}
		o.SetVia(append(o.Via(), s.entry(path)))
		if !filepath.IsAbs(to) {
			to = filepath.Join(filepath.Dir(path), to)
		}
		path = to
	}
	return s.entry(path)
}

// entry returns the directory entry of a path, or the first one on the way that is missing.
func (s *scene) entry(path string) Name {
	if s.lstat(filepath.Dir(path)) == nil {
		return s.entry(filepath.Dir(path))
	}
	n := Name{Base: filepath.Base(path), Path: path}
	n.Dir = s.fillFile(s.lstat(filepath.Dir(path))).ID
	if st := s.lstat(path); st != nil {
		f := s.fillFile(st)
		n.Before, n.Type, n.Size, n.Nlink = f.ID, f.Type, f.Size, f.Nlink
	}
	return n
}

// enter decodes a call and fills in what the world would.
func (s *scene) enter(c *scratchCall, actor Actor) *Op {
	o := &Op{Actor: actor}
	Decode(o, c.row, c.args(s), s.mem)
	if o.Path != "" {
		o.Names = append(o.Names, s.fillName(o, o.Path, o.Follows(0)))
		if o.Kind == Rename || o.Kind == Link {
			o.Names = append(o.Names, s.fillName(o, o.Path2, o.Follows(1)))
		}
		o.OldSize = o.Names[0].Size
		return o
	}
	var st syscall.Stat_t
	if syscall.Fstat(o.FD, &st) == nil {
		o.File = s.fillFile(&st)
		o.OldSize = st.Size
		o.OFD, o.OFlags = c.ofd, uint64(scratchFDs[c.fd].flags)
		if off, err := syscall.Seek(o.FD, 0, SEEK_CUR); err == nil && o.Off == None {
			o.Off = off
		}
	}
	return o
}

// run makes the call and returns what its caller can see of the result.
func (s *scene) run(c *scratchCall, o *Op) string {
	a := o.Args
	r, _, errno := syscall.Syscall6(uintptr(Native.Number(c.row)), uintptr(a[0]), uintptr(a[1]), uintptr(a[2]), uintptr(a[3]), uintptr(a[4]), uintptr(a[5]))
	ret := int64(r)
	if errno != 0 {
		ret = -int64(errno)
	}
	Finish(o, ret, s.mem)
	if o.Failed() {
		return errno.Error()
	}
	switch o.Kind {
	case Open:
		defer syscall.Close(int(ret))
		var st syscall.Stat_t
		must(s.t, syscall.Fstat(int(ret), &st))
		o.File = s.fillFile(&st)
		return "open " + s.ident(&st)
	case Stat:
		st := (*syscall.Stat_t)(unsafe.Pointer(&c.buf[0]))
		return fmt.Sprint(s.ident(st), st.Mode, st.Nlink, st.Size)
	case ReadDir:
		return s.dirents(c.buf[:ret])
	case Read, Readlink:
		return fmt.Sprint(ret, string(c.buf[:ret]))
	}
	return fmt.Sprint(ret)
}

func (s *scene) dirents(b []byte) string {
	_, _, names := syscall.ParseDirent(b, -1, nil)
	sort.Strings(names)
	return strings.Join(names, " ")
}

// state describes all that the two calls can have left behind.
func (s *scene) state() string {
	var b strings.Builder
	must(s.t, filepath.WalkDir(s.dir, func(p string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		st := s.lstat(p)
		fmt.Fprintln(&b, strings.TrimPrefix(p, s.dir), s.ident(st), st.Mode, st.Nlink)
		if e.Type().IsRegular() {
			content, err := os.ReadFile(p)
			fmt.Fprintf(&b, "%q\n", content)
			return err
		}
		return nil
	}))
	for i, fd := range s.fds {
		var st syscall.Stat_t
		if syscall.Fstat(fd, &st) != nil {
			continue
		}
		off, _ := syscall.Seek(fd, 0, SEEK_CUR)
		if st.Mode&syscall.S_IFMT == syscall.S_IFDIR {
			off = min(off, 1) // a directory's offsets mean nothing to us
		}
		flags, _, _ := syscall.Syscall(syscall.SYS_FCNTL, uintptr(fd), F_GETFL, 0)
		fmt.Fprintln(&b, i, off, st.Nlink, st.Size, flags)
	}
	for _, path := range []string{"data", "two"} { // who can lock it now?
		if fd, err := syscall.Open(s.at(path), O_RDONLY|O_CLOEXEC, 0); err == nil {
			fmt.Fprintln(&b, syscall.Flock(fd, LOCK_SH|LOCK_NB), syscall.Flock(fd, LOCK_EX|LOCK_NB))
			syscall.Close(fd)
		}
	}
	return b.String()
}
