package worldtest

import (
	"strings"
	"syscall"

	"filerace/internal/op"
)

// verb is one operation of the script language.
type verb struct {
	call  string // row of the system call table
	kind  op.Kind
	least int // words needed
	do    func(*sim, *call, []string)
}

var verbs map[string]verb

func init() {
	verbs = map[string]verb{
		"fork":      {"fork", op.Fork, 1, fork},
		"thread":    {"clone", op.Fork, 1, thread},
		"exec":      {"execve", op.Exec, 1, exec},
		"exit":      {"exit_group", op.Exit, 1, exit},
		"wait":      {"wait4", op.Wait, 1, wait},
		"kill":      {"kill", op.Kill, 2, kill},
		"signal":    {"", op.Signal, 1, func(s *sim, o *call, a []string) { o.Signal = int32(s.number(a[0])) }},
		"sleep":     {"clock_nanosleep", op.Sleep, 0, func(_ *sim, o *call, _ []string) { o.Len = 1e6 }},
		"open":      {"openat", op.Open, 1, open},
		"creat":     {"creat", op.Open, 1, func(s *sim, o *call, a []string) { open(s, o, []string{a[0], "wronly,creat,trunc"}) }},
		"close":     {"close", op.Close, 1, closeFD},
		"dup":       {"dup", op.Dup, 1, dup},
		"dup2":      {"dup2", op.Dup, 2, dup},
		"pipe":      {"pipe2", op.PipeOp, 2, pipe},
		"read":      {"read", op.Read, 1, read},
		"pread":     {"pread64", op.Read, 3, read},
		"write":     {"write", op.Write, 2, write},
		"pwrite":    {"pwrite64", op.Write, 3, write},
		"seek":      {"lseek", op.Seek, 3, seek},
		"truncate":  {"truncate", op.Truncate, 2, truncate},
		"ftruncate": {"ftruncate", op.Truncate, 2, truncate},
		"flock":     {"flock", op.LockOp, 2, flock},
		"lock":      {"fcntl", op.LockOp, 2, posixLock},
		"ofdlock":   {"fcntl", op.LockOp, 2, ofdLock},
		"lease":     {"fcntl", op.LockOp, 2, lease},
		"getlock":   {"fcntl", op.GetLock, 1, func(s *sim, o *call, a []string) { s.slot(o, a[0]); o.Cmd = op.F_GETLK }},
		"fstat":     {"fstat", op.Stat, 1, onFD},
		"fsync":     {"fsync", op.Sync, 1, onFD},
		"readdir":   {"getdents64", op.ReadDir, 1, readDir},
		"stat":      {"stat", op.Stat, 1, stat},
		"lstat":     {"lstat", op.Stat, 1, lstat},
		"access":    {"access", op.AccessOp, 1, stat},
		"chmod":     {"chmod", op.Chmod, 1, stat},
		"readlink":  {"readlink", op.Readlink, 1, lstat},
		"chdir":     {"chdir", op.Chdir, 1, chdir},
		"unlink":    {"unlink", op.Unlink, 1, remove},
		"rmdir":     {"rmdir", op.Rmdir, 1, remove},
		"mkdir":     {"mkdir", op.Mkdir, 1, mkdir},
		"symlink":   {"symlink", op.SymlinkOp, 2, symlink},
		"link":      {"link", op.Link, 2, link},
		"rename":    {"renameat2", op.Rename, 2, rename},
	}
}

func (o *call) fail(e syscall.Errno) { o.Ret = -int64(e) }

// lookup resolves a path and records the name; nil if a directory on the way is missing.
func (s *sim) lookup(o *call, name string, follow bool) *place {
	p, errno := s.find(o.proc.cwd, name, follow)
	if errno != 0 {
		o.fail(errno)
		return nil
	}
	o.name(p)
	return &p
}

func (s *sim) newProcess(o *call, child op.Actor) *process {
	if s.tids[child] != 0 {
		s.t.Fatalf("%s: %s is there already", s.where, child)
	}
	c := s.begin(child, o.proc.prog)
	c.cwd = o.proc.cwd
	o.Child, o.Ret = child, int64(c.pid)
	return c
}

func fork(s *sim, o *call, a []string) {
	c := s.newProcess(o, op.Actor(a[0]))
	for fd, d := range o.proc.fds {
		copied := *d
		c.fds[fd] = &copied
	}
}

func thread(s *sim, o *call, a []string) {
	s.pids++
	o.Child, o.Ret, o.Thread = op.Actor(a[0]), int64(s.pids), true
	o.Flags = op.CLONE_FILES | op.CLONE_VM | op.CLONE_THREAD
	s.tids[o.Child] = s.pids
}

func exec(_ *sim, o *call, a []string) {
	o.proc.prog, o.Prog, o.Path = a[0], a[0], "/bin/"+a[0]
	for fd, d := range o.proc.fds {
		if d.cloexec {
			delete(o.proc.fds, fd)
		}
	}
}

func exit(s *sim, o *call, a []string) {
	o.Status = int32(s.number(a[0]))
	if o.Actor != o.Actor.Process() { // exit(2) of one thread
		return
	}
	o.proc.exited, o.proc.status, o.proc.fds = true, o.Status, map[int]*slot{}
}

func wait(s *sim, o *call, a []string) {
	o.Child = op.Actor(a[0])
	c := s.procs[o.Child]
	if o.Waits {
		return
	}
	if c == nil || !c.exited {
		s.t.Fatalf("%s: %s has not exited", s.where, o.Child)
	}
	o.Ret, o.Status = int64(c.pid), c.status
}

func kill(s *sim, o *call, a []string) {
	o.Args[0], o.Signal, o.Child = uint64(s.of(op.Actor(a[0])).pid), int32(s.number(a[1])), op.Actor(a[0])
}

var openFlags = map[string]uint64{
	"rdonly": op.O_RDONLY, "wronly": op.O_WRONLY, "rdwr": op.O_RDWR, "creat": op.O_CREAT,
	"excl": op.O_EXCL, "trunc": op.O_TRUNC, "append": op.O_APPEND, "cloexec": op.O_CLOEXEC,
	"directory": op.O_DIRECTORY, "nofollow": op.O_NOFOLLOW,
}

func open(s *sim, o *call, a []string) {
	o.Path = a[0]
	if len(a) > 1 {
		for _, w := range strings.Split(a[1], ",") {
			bit, ok := openFlags[w]
			if !ok {
				s.t.Fatalf("%s: flag %q", s.where, w)
			}
			o.Flags |= bit
		}
	}
	const exclusive = op.O_CREAT | op.O_EXCL
	p := s.lookup(o, a[0], o.Flags&exclusive != exclusive && o.Flags&op.O_NOFOLLOW == 0)
	if p == nil || o.Waits {
		return
	}
	f := p.file()
	switch {
	case f == nil && o.Flags&op.O_CREAT == 0:
		o.fail(syscall.ENOENT)
		return
	case f != nil && o.Flags&exclusive == exclusive:
		o.fail(syscall.EEXIST)
		return
	case f != nil && f.typ == op.Directory && o.Flags&(op.O_ACCMODE|op.O_CREAT) != 0:
		o.fail(syscall.EISDIR)
		return
	case f == nil:
		f = s.add(*p, op.Regular)
	}
	if o.Flags&op.O_TRUNC != 0 && f.typ == op.Regular {
		f.resize(0)
	}
	o.NewFD = s.install(o, &openFile{file: f, flags: o.Flags, path: p.path})
	o.Ret = int64(o.NewFD)
	o.reach(f, p.path)
}

// install enters a description at the descriptor that the script chose, or the lowest free one from 3.
func (s *sim) install(o *call, of *openFile) int {
	fd := 3
	if isNumber(o.want) && !strings.HasPrefix(o.want, "-") {
		fd = int(s.number(o.want))
		if o.proc.fds[fd] != nil {
			s.t.Fatalf("%s: descriptor %d is in use", s.where, fd)
		}
	}
	for o.proc.fds[fd] != nil {
		fd++
	}
	o.proc.fds[fd] = &slot{of, of.flags&op.O_CLOEXEC != 0}
	return fd
}

func closeFD(s *sim, o *call, a []string) {
	s.slot(o, a[0])
	delete(o.proc.fds, o.FD)
}

func dup(s *sim, o *call, a []string) {
	d := s.slot(o, a[0])
	if len(a) > 1 {
		o.FD2 = int(s.number(a[1]))
		o.proc.fds[o.FD2] = &slot{openFile: d.openFile}
		o.NewFD = o.FD2
	} else {
		o.NewFD = s.install(o, d.openFile)
		o.proc.fds[o.NewFD].cloexec = false
	}
	o.Ret = int64(o.NewFD)
}

func pipe(s *sim, o *call, a []string) {
	f := s.make(op.Pipe)
	o.NewFD, o.NewFD2 = int(s.number(a[0])), int(s.number(a[1]))
	o.proc.fds[o.NewFD] = &slot{openFile: &openFile{file: f, flags: op.O_RDONLY}}
	o.proc.fds[o.NewFD2] = &slot{openFile: &openFile{file: f, flags: op.O_WRONLY}}
	o.reach(f, "")
}

// read plays `read FD [COUNT]` and `pread FD OFFSET COUNT`.
func read(s *sim, o *call, a []string) {
	d := s.slot(o, a[0])
	off := &d.offset
	o.Len = 4096
	switch len(a) {
	case 2:
		o.Len = s.number(a[1])
	case 3:
		o.Off, o.Len = s.number(a[1]), s.number(a[2])
		at := o.Off
		off = &at
	}
	if o.Waits {
		return
	}
	have := int64(len(d.file.bytes))
	if d.file.typ == op.Pipe {
		o.Ret = min(o.Len, have)
		d.file.bytes = d.file.bytes[o.Ret:]
		return
	}
	o.Ret = max(0, min(o.Len, have-*off))
	*off += o.Ret
}

// write plays `write FD "text"`, `write FD n=LEN` and `pwrite FD OFFSET "text"`.
func write(s *sim, o *call, a []string) {
	d := s.slot(o, a[0])
	off := &d.offset
	if len(a) == 3 {
		o.Off = s.number(a[1])
		at := o.Off
		off = &at
	}
	text := a[len(a)-1]
	var b []byte
	if n, ok := strings.CutPrefix(text, "n="); ok { // the recorder did not see the bytes
		b = []byte(strings.Repeat("?", int(s.number(n))))
	} else {
		b = []byte(strings.TrimPrefix(text, `"`))
		o.SetSums(b)
		o.Data = b[:min(len(b), op.DataMax)]
	}
	o.Len, o.Ret = int64(len(b)), int64(len(b))
	if d.flags&op.O_ACCMODE == op.O_RDONLY {
		o.fail(syscall.EBADF)
		return
	}
	if d.flags&op.O_APPEND != 0 || d.file.typ == op.Pipe {
		*off = int64(len(d.file.bytes))
	}
	d.file.put(*off, b)
	*off += int64(len(b))
}

func seek(s *sim, o *call, a []string) {
	d := s.slot(o, a[0])
	o.Off = s.number(a[1])
	at := o.Off
	switch a[2] {
	case "set":
		o.Whence = op.SEEK_SET
	case "cur":
		o.Whence = op.SEEK_CUR
		at += d.offset
	case "end":
		o.Whence = op.SEEK_END
		at += int64(len(d.file.bytes))
	default:
		s.t.Fatalf("%s: seek from %q", s.where, a[2])
	}
	d.offset, o.Ret = at, at
}

func truncate(s *sim, o *call, a []string) {
	o.Len = s.number(a[1])
	if isNumber(a[0]) {
		s.slot(o, a[0]).file.resize(o.Len)
		return
	}
	o.Path = a[0]
	p := s.lookup(o, a[0], true)
	if p == nil {
		return
	}
	f := p.file()
	if f == nil {
		o.fail(syscall.ENOENT)
		return
	}
	f.resize(o.Len)
	o.reach(f, p.path)
}

func onFD(s *sim, o *call, a []string) {
	d := s.slot(o, a[0])
	if o.Kind == op.Stat {
		o.reach(d.file, d.path)
	}
}

func readDir(s *sim, o *call, a []string) {
	d := s.slot(o, a[0])
	o.reach(d.file, d.path)
	o.Len = 32768
	if d.offset == 0 {
		d.offset, o.Ret = 1, int64(24*len(d.file.names)+48)
	}
}

func stat(s *sim, o *call, a []string)  { look(s, o, a[0], true) }
func lstat(s *sim, o *call, a []string) { look(s, o, a[0], false) }

func look(s *sim, o *call, name string, follow bool) {
	o.Path = name
	p := s.lookup(o, name, follow)
	if p == nil {
		return
	}
	f := p.file()
	if f == nil {
		o.fail(syscall.ENOENT)
		return
	}
	if o.Kind == op.Readlink {
		if f.typ != op.Symlink {
			o.fail(syscall.EINVAL)
			return
		}
		o.Ret = int64(len(f.target))
	}
	o.reach(f, p.path)
}

func chdir(s *sim, o *call, a []string) {
	look(s, o, a[0], true)
	if !o.Failed() {
		o.proc.cwd = o.places[0].path
	}
}
