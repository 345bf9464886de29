package logs

import (
	"path"
	"slices"
	"strings"

	"filerace/internal/op"
)

// shape is what the rows of one name have in common.
type shape struct {
	name string
	rows []*op.Call
	args []op.Arg
}

// shapes are the calls of the table by the names that logs have for them.
var shapes = makeShapes()

// aliases are names of calls in logs of other architectures and of older tools;
// their arguments mean the same as far as they are looked at.
var aliases = map[string]string{
	"pread": "pread64", "pwrite": "pwrite64", "_llseek": "lseek", "fcntl64": "fcntl", "stat64": "stat", "lstat64": "lstat",
	"fstat64": "fstat", "fstatat64": "newfstatat", "fstatat": "newfstatat", "ftruncate64": "ftruncate", "truncate64": "truncate", "sendfile64": "sendfile",
	"mmap2": "mmap", "waitpid": "wait4", "chown32": "chown", "fchown32": "fchown", "lchown32": "lchown",
	"utimensat_time64": "utimensat", "ppoll_time64": "ppoll", "pselect6_time64": "pselect6",
	"clock_nanosleep_time64": "clock_nanosleep", "futex_time64": "futex", "_newselect": "select",
	"newstat": "stat", "newlstat": "lstat", "newfstat": "fstat",
}

func makeShapes() map[string]*shape {
	m := map[string]*shape{}
	for i := range op.Calls {
		c := &op.Calls[i]
		s := m[c.Name]
		if s == nil {
			s = &shape{name: c.Name, args: c.Args}
			m[c.Name] = s
		}
		s.rows = append(s.rows, c)
	}
	for other, name := range aliases {
		if s := m[name]; s != nil {
			m[other] = s
		}
	}
	return m
}

// call is one call of a log on its way to an operation.
type call struct {
	*shape
	args [6]uint64
	mem  memory
	ret  int64

	file, file2, opened op.File // what the log says that descriptors lead to
	dir, dir2           op.File // what it says that directory descriptors lead to
}

func (c *call) begin(s *shape) {
	c.mem.reset()
	c.shape, c.args, c.ret = s, [6]uint64{}, 0
	c.file, c.file2, c.opened = op.File{}, op.File{}, op.File{}
	c.dir, c.dir2 = op.File{}, op.File{}
}

// entered decodes the arguments; nil if no row of the table matches them.
func (c *call) entered() *op.Op {
	for _, row := range c.rows {
		if !row.Matches(&c.args) {
			continue
		}
		o := new(op.Op)
		op.Decode(o, row, c.args, &c.mem)
		o.File = c.file
		o.SetFile2(c.file2)
		c.names(o)
		return o
	}
	return nil
}

// returned decodes arguments and result.
func (c *call) returned() *op.Op {
	o := c.entered()
	if o == nil {
		return nil
	}
	op.Finish(o, c.ret, &c.mem)
	c.wasRead(o)
	if o.Kind == op.Open && !o.Failed() {
		o.File = c.opened
		if o.Flags&op.O_DIRECTORY != 0 && o.Flags&op.O_TMPFILE != op.O_TMPFILE {
			o.File.Type = op.Directory
		}
	}
	return o
}

// wasRead keeps the first bytes of what was read, as far as the log shows them: which
// version of the contents it was tells the order of a read and a write that overlapped.
func (c *call) wasRead(o *op.Op) {
	if o.Kind != op.Read || o.Ret <= 0 {
		return
	}
	for i, a := range o.Call.Args {
		if a == op.ArgPtr {
			b := make([]byte, min(o.Ret, op.DataMax))
			n, _ := c.mem.ReadMemory(c.args[i], b)
			o.Data = b[:n]
		}
	}
}

// names says where paths lead that are relative to a directory of which the log
// tells the path. A path that climbs stays as it is: what ".." leaves behind may
// be a symbolic link.
func (c *call) names(o *op.Op) {
	if o.Path == "" && o.Flags&op.AT_EMPTY_PATH != 0 {
		o.File = c.dir
		return
	}
	if c.dir.Path == "" && c.dir2.Path == "" || absolute(o) {
		return
	}
	first, ok := nameIn(c.dir, o.Path)
	if !ok {
		return
	}
	o.Names = []op.Name{first}
	if o.Kind != op.Rename && o.Kind != op.Link {
		return
	}
	if second, ok := nameIn(c.dir2, o.Path2); ok {
		o.Names = append(o.Names, second)
	} else {
		o.Names = nil
	}
}

func nameIn(dir op.File, name string) (op.Name, bool) {
	if name == "" || name[0] != '/' && dir.Nlink == 0 || climbs(name) {
		return op.Name{}, false
	}
	if name[0] != '/' {
		name = dir.Path + "/" + name
	}
	name = path.Clean(name)
	return op.Name{Path: name, Base: path.Base(name)}, true
}

// climbs reports whether a path has a ".." behind a name, which may be that of a
// symbolic link. At the beginning it is safe: directories are told by their real path.
func climbs(name string) bool {
	if !strings.Contains(name, "..") {
		return false
	}
	below := name[0] == '/'
	for part := range strings.SplitSeq(name, "/") {
		switch {
		case part == ".." && below:
			return true
		case part != ".." && part != "." && part != "":
			below = true
		}
	}
	return false
}

// absolute reports whether all paths are absolute as the program gave them: then there
// is nothing to add.
func absolute(o *op.Op) bool {
	two := o.Kind == op.Rename || o.Kind == op.Link
	return strings.HasPrefix(o.Path, "/") && (!two || strings.HasPrefix(o.Path2, "/"))
}

// placeNames says where the paths lead that are relative to the working directory.
func placeNames(o *op.Op, cwd string) {
	if cwd == "" || len(o.Names) > 0 || o.Path == "" || o.Call == nil || absolute(o) {
		return
	}
	var names [2]op.Name
	n := 1
	if o.Kind == op.Rename || o.Kind == op.Link {
		n = 2
	}
	paths, kinds, fds := [2]string{o.Path, o.Path2}, [2]op.Arg{op.ArgDirFD, op.ArgDirFD2}, [2]int{o.FD, o.FD2}
	for i := range n {
		dir := op.File{Path: cwd, Nlink: 1}
		if slices.Contains(o.Call.Args, kinds[i]) && fds[i] != op.AT_FDCWD {
			dir = op.File{}
		}
		name, ok := nameIn(dir, paths[i])
		if !ok {
			return
		}
		names[i] = name
	}
	o.Names = append([]op.Name(nil), names[:n]...)
}

// fileOf reads what a log writes about a descriptor between angle brackets: a path,
// or a kind of object such as pipe:[123]. device is what -yy adds for a device.
func fileOf(text, device string, deleted bool) op.File {
	if cut, ok := strings.CutSuffix(text, " (deleted)"); ok { // as /proc writes it, in older logs
		text, deleted = cut, true
	}
	if text == "" {
		return op.File{}
	}
	if text[0] != '/' {
		return op.File{Type: objectType(text), Path: text}
	}
	f := op.File{Path: text, Nlink: 1}
	if deleted {
		f.Nlink = 0
	}
	switch {
	case strings.HasPrefix(text, "/proc/"), strings.HasPrefix(text, "/sys/"), strings.HasPrefix(text, "/dev/pts/"):
		f.Type = op.Proc
	case strings.HasPrefix(device, "char "), strings.HasPrefix(device, "block "):
		f.Type = op.Device
	}
	return f
}

func objectType(text string) op.FileType {
	word, _, _ := strings.Cut(text, ":")
	switch {
	case word == "pipe":
		return op.Pipe
	case word == "anon_inode", word == "pid":
		return op.Anon
	}
	return op.Socket // socket:[1], TCP:[…], UNIX-STREAM:[…], NETLINK:[…]
}
