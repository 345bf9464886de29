// Package worldtest simulates the file operations of a few processes for tests:
// a script in, operations as a recorder would report them out.
//
// A script has one line per operation, in the order in which they took effect;
// the operation of the n-th such line has Seq n. Lines without an actor set the
// stage and make no operation. All names are relative to /w.
//
//	have conf "a=0\n"                 # a file that was there before; mkdir d: a directory
//	1    fork 1.1                     # thread 1/2, exec PROG, exit N, wait 1.1, kill 1.1 15, signal 15, sleep
//	1.1  open L rdwr,creat,excl = 9   # also wronly, rdonly, append, trunc, cloexec, directory, nofollow
//	1.1  flock 9 EX waits             # sleeps; a second line without "waits" is the grant
//	1.1  flock 9 SH nb = -EAGAIN      # locks are not simulated: the script says how they went
//	1.1  lock 9 WR 0 10               # F_SETLKW; ofdlock 9 RD; UN unlocks; lease 9 WR; getlock 9
//	1.1  read 9 100                   # pread 9 4 2; no count: 4096
//	1.1  write 9 "text"               # write 9 n=100; pwrite 9 0 "text"; seek 9 0 end
//	1.1  write log append "text"      # by name: short for open, write and close, three operations
//	1.1  rename a b noreplace         # unlink, rmdir, mkdir, link a b, symlink target name, readlink
//	1.1  truncate a 0                 # ftruncate 9 0
//	1.1  stat a = -ENOENT             # lstat, fstat 9, access, chmod, readdir 9, chdir d
//	1    pipe 3 4                     # dup 3 = 5; dup2 3 5; close 9
//
// "= N" chooses the descriptor that an operation returns; for the others it is an
// assertion on the result.
package worldtest

import (
	"strconv"
	"strings"
	"syscall"
	"testing"

	"filerace/internal/op"
)

// sim is the simulated machine.
type sim struct {
	t      testing.TB
	where  string // the line, for messages
	root   *inode
	rootOf *inode // a directory that holds "/" alone
	inodes uint64
	pids   int
	procs  map[op.Actor]*process
	tids   map[op.Actor]int
	ops    []*op.Op
}

type process struct {
	pid    int
	status int32
	prog   string
	cwd    string
	fds    map[int]*slot
	exited bool
}

// slot is an entry of a descriptor table.
type slot struct {
	*openFile
	cloexec bool
}

// call is an operation in the making.
type call struct {
	*op.Op
	proc        *process
	want        string // what follows "=", "" if nothing does
	places      []place
	were        []*inode
	reached     *inode
	reachedPath string
}

// Ops plays a script and returns its operations. A line that makes no sense, or
// whose result is not the one asserted, fails the test.
func Ops(t testing.TB, script string) []*op.Op {
	t.Helper()
	s := &sim{t: t, procs: map[op.Actor]*process{}, tids: map[op.Actor]int{}, pids: 99}
	s.root = s.make(op.Directory)
	s.rootOf = &inode{typ: op.Directory, names: map[string]*inode{"/": s.root}}
	s.add(place{s.root, "w", "/w"}, op.Directory)
	s.begin("1", "sh")
	for i, line := range strings.Split(script, "\n") {
		s.where = "line " + strconv.Itoa(i+1) + " " + strconv.Quote(strings.TrimSpace(line))
		if words := s.split(line); len(words) > 0 {
			s.play(words)
		}
	}
	return s.ops
}

// split cuts a line into words; quoted text is one word that keeps its first quote.
func (s *sim) split(line string) []string {
	var words []string
	for {
		line = strings.TrimLeft(line, " \t")
		if line == "" || line[0] == '#' {
			return words
		}
		end := strings.IndexAny(line, " \t")
		if line[0] == '"' {
			quoted, err := strconv.QuotedPrefix(line)
			s.check(err)
			text, err := strconv.Unquote(quoted)
			s.check(err)
			words, line = append(words, `"`+text), line[len(quoted):]
			continue
		}
		if end < 0 {
			return append(words, line)
		}
		words, line = append(words, line[:end]), line[end:]
	}
}

func (s *sim) play(words []string) {
	if words[0] == "have" || words[0] == "mkdir" {
		s.stage(words)
		return
	}
	if len(words) < 2 {
		s.t.Fatalf("%s: an actor and an operation are needed", s.where)
	}
	actor, verb, args := op.Actor(words[0]), words[1], words[2:]
	want := ""
	if n := len(args); n >= 2 && args[n-2] == "=" {
		args, want = args[:n-2], args[n-1]
	}
	waits := false
	if n := len(args); n > 0 && args[n-1] == "waits" {
		args, waits = args[:n-1], true
	}
	if (verb == "write" || verb == "read") && !isNumber(args[0]) {
		s.byName(actor, verb, args)
		return
	}
	s.do(actor, verb, args, want, waits)
}

// stage makes what was there before the run.
func (s *sim) stage(words []string) {
	p, errno := s.find("/w", words[1], true)
	if errno != 0 || p.file() != nil {
		s.t.Fatalf("%s: cannot be made", s.where)
	}
	if words[0] == "mkdir" {
		s.add(p, op.Directory)
		return
	}
	f := s.add(p, op.Regular)
	if len(words) > 2 {
		f.bytes = []byte(words[2][1:])
	}
}

// byName plays `write NAME [flags] "text"` and `read NAME` as three operations.
func (s *sim) byName(actor op.Actor, verb string, args []string) {
	fd := 3
	for s.of(actor).fds[fd] != nil {
		fd++
	}
	n := strconv.Itoa(fd)
	if verb == "read" {
		s.do(actor, "open", []string{args[0], "rdonly"}, n, false)
		s.do(actor, "read", []string{n}, "", false)
	} else {
		flags := "wronly,creat"
		if len(args) > 2 {
			flags += "," + args[1]
		}
		s.do(actor, "open", []string{args[0], flags}, n, false)
		s.do(actor, "write", []string{n, args[len(args)-1]}, "", false)
	}
	s.do(actor, "close", []string{n}, "", false)
}

func (s *sim) do(actor op.Actor, verb string, args []string, want string, waits bool) {
	v, ok := verbs[verb]
	if !ok || len(args) < v.least {
		s.t.Fatalf("%s: unknown operation, or not enough words", s.where)
	}
	p := s.of(actor)
	if p.exited {
		s.t.Fatalf("%s: %s has exited", s.where, actor)
	}
	seq := len(s.ops) + 1
	o := &call{proc: p, want: want, Op: &op.Op{
		Seq: seq, Actor: actor, Prog: p.prog, PID: p.pid, TID: s.tids[actor],
		Kind: v.kind, Enter: int64(seq) * 1000, Exit: int64(seq)*1000 + 500,
		FD: op.None, FD2: op.None, NewFD: op.None, NewFD2: op.None, Off: op.None,
		Waits: waits, Done: !waits,
	}}
	v.do(s, o, args)
	o.Call = row(v, o.Op)
	o.settle()
	s.ops = append(s.ops, o.Op)
	s.assert(o)
}

func (s *sim) assert(o *call) {
	if o.want == "" {
		return
	}
	if name, neg := strings.CutPrefix(o.want, "-"); neg {
		e, ok := errnos[name]
		if !ok || syscall.Errno(o.Errno()) != e {
			s.t.Fatalf("%s: result %d, want -%s", s.where, o.Ret, name)
		}
		return
	}
	if o.Ret != s.number(o.want) {
		s.t.Fatalf("%s: result %d, want %s", s.where, o.Ret, o.want)
	}
}

func (s *sim) begin(a op.Actor, prog string) *process {
	s.pids++
	p := &process{pid: s.pids, prog: prog, cwd: "/w", fds: map[int]*slot{}}
	s.procs[a], s.tids[a] = p, p.pid
	return p
}

func (s *sim) of(a op.Actor) *process {
	p := s.procs[a.Process()]
	if p == nil || s.tids[a] == 0 {
		s.t.Fatalf("%s: %s was never forked", s.where, a)
	}
	return p
}

func (s *sim) slot(o *call, fd string) *slot {
	o.FD = int(s.number(fd))
	d := o.proc.fds[o.FD]
	if d == nil {
		s.t.Fatalf("%s: descriptor %s is not open", s.where, fd)
	}
	return d
}

func (s *sim) number(w string) int64 {
	n, err := strconv.ParseInt(w, 10, 64)
	s.check(err)
	return n
}

func (s *sim) check(err error) {
	if err != nil {
		s.t.Fatalf("%s: %v", s.where, err)
	}
}

func isNumber(w string) bool {
	_, err := strconv.Atoi(w)
	return err == nil
}
