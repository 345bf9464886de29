package tracee

import (
	"path"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"filerace/internal/op"
)

// resolver finds what names lead to. It looks at the same file system as the
// tracees while they stand still, so what it sees is what the held call will see.
// Directories are kept open (O_PATH) and found again by the text that led to them,
// until an operation changes what directories there are.
type resolver struct {
	dirs map[dirKey]*dir
	ids  map[op.FileID]*dir
	buf  [unix.PathMax]byte
}

// dirKey is a directory as a program names it: relative to a working directory or
// descriptor that is known by its canonical path.
type dirKey struct{ from, text string }

// dir is one directory, held open.
type dir struct {
	fd   int
	id   op.FileID
	path string // canonical; kernel file systems start with /proc, /sys or /dev
	kind op.FileType
}

const (
	maxDirs  = 512 // descriptors kept; beyond it all are closed and looked up anew
	maxLinks = 40  // as the kernel (namei.c, MAXSYMLINKS)
	statMask = unix.STATX_BASIC_STATS | unix.STATX_BTIME
)

func newResolver() *resolver { return &resolver{dirs: map[dirKey]*dir{}, ids: map[op.FileID]*dir{}} }

// forget closes all directories: one was removed, renamed, or a link changed.
func (r *resolver) forget() {
	for k, d := range r.dirs {
		unix.Close(d.fd)
		delete(r.dirs, k)
	}
	clear(r.ids)
}

// base is where a relative path starts: a path that leads into the tracee's own
// view ("/proc/PID/cwd" or "/proc/PID/fd/N") and the canonical text for it.
type base struct{ magic, text string }

// name resolves one path as the call would. follow tells whether a final symbolic
// link is followed. ok is false if the name lies in a file system of the kernel's
// own or cannot be reached by us: then only Path is filled.
func (r *resolver) name(p *process, b base, text string, follow bool) op.Name {
	n := op.Name{Path: joinPath(b.text, text), Base: path.Base(text)}
	for range maxLinks {
		text = ownProc(p.pid, text)
		if kernelPath(joinPath(b.text, text)) {
			n.Path, n.Type = joinPath(b.text, text), op.Proc
			return n
		}
		parent, last := split(text)
		d := r.dir(p, b, parent)
		for d == nil { // the parent itself is missing: its name is what was looked up
			if parent == "" || parent == "/" {
				return n
			}
			parent, last = split(strings.TrimRight(parent, "/"))
			d, follow = r.dir(p, b, parent), false
		}
		n = r.entry(d, last)
		if n.Type != op.Symlink || !follow {
			return n
		}
		target := r.readlink(d.fd, last)
		if target == "" {
			return n
		}
		b, text = base{magic: "/proc/self/fd/" + strconv.Itoa(d.fd), text: d.path}, target
	}
	return n
}

// entry looks one entry of an open directory up.
func (r *resolver) entry(d *dir, last string) op.Name {
	n := op.Name{Dir: d.id, Base: last, Path: joinPath(d.path, last)}
	if d.kind == op.Proc {
		n.Type = op.Proc
		return n
	}
	var st unix.Statx_t
	flags := unix.AT_SYMLINK_NOFOLLOW | unix.AT_NO_AUTOMOUNT
	look := last
	if last == "." || last == ".." || last == "/" {
		n.Base, n.Path = ".", joinPath(d.path, strings.Trim(last, "/"))
		if look == "/" {
			look = "."
		}
	}
	if unix.Statx(d.fd, look, flags, statMask, &st) != nil {
		return n
	}
	n.Before, n.Type, n.Nlink, n.Size = identity(&st), fileType(&st), st.Nlink, int64(st.Size)
	n.After = n.Before
	return n
}

// dir opens the directory part of a path; nil if there is no such directory.
func (r *resolver) dir(p *process, b base, text string) *dir {
	if strings.HasPrefix(text, "/") {
		b = base{magic: p.root, text: "/"}
	}
	key := dirKey{b.text, text}
	if d := r.dirs[key]; d != nil {
		return d
	}
	look := text
	switch {
	case text == "":
		look = b.magic
	case !strings.HasPrefix(text, "/"):
		look = b.magic + "/" + text
	case p.root != "":
		look = p.root + text
	}
	if look == "" {
		look = "/"
	}
	fd, err := unix.Open(look, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil
	}
	d := &dir{fd: fd, path: r.readlink(unix.AT_FDCWD, "/proc/self/fd/"+strconv.Itoa(fd)), kind: op.Directory}
	var st unix.Statx_t
	if unix.Statx(fd, "", unix.AT_EMPTY_PATH, statMask, &st) == nil {
		d.id = identity(&st)
	}
	if kernelPath(d.path) {
		d.kind = op.Proc
	}
	if len(r.dirs) >= maxDirs {
		r.forget()
	}
	r.dirs[key], r.ids[d.id] = d, d
	return d
}

func (r *resolver) readlink(dirfd int, name string) string {
	n, err := unix.Readlinkat(dirfd, name, r.buf[:])
	if err != nil || n <= 0 {
		return ""
	}
	return string(r.buf[:n])
}

// descriptor tells what a descriptor of the process leads to.
func (r *resolver) descriptor(pid, fd int) op.File {
	magic := "/proc/" + strconv.Itoa(pid) + "/fd/" + strconv.Itoa(fd)
	var st unix.Statx_t
	if unix.Statx(unix.AT_FDCWD, magic, unix.AT_NO_AUTOMOUNT, statMask, &st) != nil {
		return op.File{}
	}
	f := op.File{ID: identity(&st), Type: fileType(&st), Nlink: st.Nlink, Size: int64(st.Size)}
	f.Path = strings.TrimSuffix(r.readlink(unix.AT_FDCWD, magic), " (deleted)")
	if f.Type == op.Regular && strings.HasPrefix(f.Path, "anon_inode:") {
		f.Type = op.Anon
	}
	if f.Type != op.Pipe && kernelPath(f.Path) {
		f.Type = op.Proc
	}
	return f
}

func identity(st *unix.Statx_t) op.FileID {
	id := op.FileID{Dev: unix.Mkdev(st.Dev_major, st.Dev_minor), Ino: st.Ino}
	if st.Mask&unix.STATX_BTIME != 0 {
		id.Birth = st.Btime.Sec*1e9 + int64(st.Btime.Nsec)
	}
	return id
}

func fileType(st *unix.Statx_t) op.FileType {
	switch st.Mode & unix.S_IFMT {
	case unix.S_IFREG:
		return op.Regular
	case unix.S_IFDIR:
		return op.Directory
	case unix.S_IFLNK:
		return op.Symlink
	case unix.S_IFIFO:
		return op.Pipe
	case unix.S_IFSOCK:
		return op.Socket
	case unix.S_IFCHR, unix.S_IFBLK:
		return op.Device
	}
	return op.UnknownType
}

// kernelPath reports whether a path lies where the kernel makes the files up:
// their contents change without file operations. /dev/shm is a real file system.
func kernelPath(p string) bool {
	switch {
	case strings.HasPrefix(p, "/dev/shm"), strings.HasPrefix(p, "/dev/mqueue"):
		return false
	}
	for _, top := range [...]string{"/proc", "/sys", "/dev"} {
		if strings.HasPrefix(p, top) && (len(p) == len(top) || p[len(top)] == '/') {
			return true
		}
	}
	return false
}

// ownProc turns /proc/self into the tracee's own directory: for us, it would be ours.
func ownProc(pid int, text string) string {
	rest, ok := strings.CutPrefix(text, "/proc/self")
	if ok && (rest == "" || rest[0] == '/') {
		return "/proc/" + strconv.Itoa(pid) + rest
	}
	return text
}

// split parts a path before its last component; trailing slashes belong to it.
func split(text string) (parent, last string) {
	t := strings.TrimRight(text, "/")
	if t == "" {
		return "/", "/"
	}
	i := strings.LastIndexByte(t, '/')
	switch {
	case i < 0:
		return "", t
	case i == 0:
		return "/", t[1:]
	}
	return t[:i], t[i+1:]
}

func joinPath(dir, text string) string {
	if strings.HasPrefix(text, "/") || dir == "" {
		return path.Clean("/" + text)
	}
	return path.Join(dir, text)
}
