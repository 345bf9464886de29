package tracee

import (
	"bytes"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"filerace/internal/op"
)

// state is what a thread is doing, as far as the control loop knows.
type state uint8

const (
	running state = iota // user code, or a call that is not in the table
	held                 // at the entry of cur, not let go yet
	flying               // cur is let go and has not returned
	asleep               // in the kernel, until another thread does something
	forking              // a vfork parent: it sleeps until its child execs or ends
	stopped              // by a stop signal
	napping              // at the entry of a sleep that is over at deadline
	newborn              // not seen yet, or its parent's fork is not yet told
	ended                // a zombie: a leader whose threads live on, or one whose end is about to be told
)

// thread is one traced thread.
type thread struct {
	tid   int
	actor op.Actor
	proc  *process
	state state

	cur     *op.Op    // held, flying or slept in
	nr      uint64    // its system call number
	through bool      // cur needs no decision
	waits   bool      // the handler knows that cur waits for a lock
	altered bool      // cur was made non-blocking: its argument is restored at return
	arrival int       // order of arrival at the entry
	entry   registers // at the entry of an altered call

	inCall   bool  // stopped inside cur: PTRACE_SYSCALL is under way, an exit stop will come
	deadline int64 // napping: virtual time in ns
	naps     int   // sleeps since it last did something else
	ready    bool  // newborn: its first stop has been seen
	check    bool  // asleep: something happened that may have woken it
	sleepNr  int64 // asleep: the call it sleeps in
	sleepArg [6]uint64
	syscall  int // descriptor of /proc/TID/syscall, -1: none
}

// process is one traced process (thread group).
type process struct {
	pid      int
	actor    op.Actor
	prog     string
	root     string // "/proc/PID/root" if its root is not ours
	cwd      string // canonical, "" when it must be read again
	threads  int
	children int  // numbers given to child processes
	numbered int  // numbers given to threads, the first thread being 1
	timers   bool // it armed a timer that will end in a signal
	shared   bool // shares memory with another process
	exit     *op.Op
	draws    uint64 // random bytes drawn
}

// base tells where a relative path of the process starts, by descriptor or AT_FDCWD.
func (r *resolver) base(p *process, fd int) base {
	pid := strconv.Itoa(p.pid)
	if fd == unix.AT_FDCWD {
		if p.cwd == "" {
			p.cwd = r.readlink(unix.AT_FDCWD, "/proc/"+pid+"/cwd")
		}
		return base{magic: "/proc/" + pid + "/cwd", text: p.cwd}
	}
	magic := "/proc/" + pid + "/fd/" + strconv.Itoa(fd)
	return base{magic: magic, text: r.readlink(unix.AT_FDCWD, magic)}
}

// look reads from the kernel whether a running thread sleeps. It is never wrong
// about a sleeper: /proc/TID/syscall names a call only of a thread that is off the
// processor (proc(5), syscall), and the state letter S tells an interruptible
// sleep from waiting for a disk (D).
func (t *thread) look() state {
	var buf [256]byte
	if t.syscall < 0 {
		fd, err := unix.Open("/proc/"+strconv.Itoa(t.tid)+"/syscall", unix.O_RDONLY|unix.O_CLOEXEC, 0)
		if err == nil {
			t.syscall = fd
		}
	}
	if t.syscall >= 0 {
		n, err := unix.Pread(t.syscall, buf[:], 0)
		if err == nil && n > 0 {
			text := string(buf[:n])
			if strings.HasPrefix(text, "running") {
				return running
			}
			t.parseSyscall(text)
		}
	}
	switch t.letter() {
	case 'S':
		return asleep
	case 'Z', 'X':
		return ended
	}
	return running
}

func (t *thread) parseSyscall(text string) {
	t.sleepNr = -1
	for i, f := range strings.Fields(text) {
		if i == 0 {
			t.sleepNr, _ = strconv.ParseInt(f, 10, 64)
		} else if i <= 6 {
			t.sleepArg[i-1], _ = strconv.ParseUint(strings.TrimPrefix(f, "0x"), 16, 64)
		}
	}
}

// letter is the state in /proc/TID/stat.
func (t *thread) letter() byte {
	var buf [128]byte
	fd, err := unix.Open("/proc/"+strconv.Itoa(t.tid)+"/stat", unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return 'X'
	}
	n, _ := unix.Read(fd, buf[:])
	unix.Close(fd)
	i := bytes.LastIndexByte(buf[:max(n, 0)], ')')
	if i < 0 || i+2 >= n {
		return '?'
	}
	return buf[i+2]
}

func (t *thread) close() {
	if t.syscall >= 0 {
		unix.Close(t.syscall)
		t.syscall = -1
	}
}

// comm reads the program's name as ps(1) shows it.
func comm(pid int) string {
	b, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/comm")
	if err != nil {
		return ""
	}
	return strings.TrimSuffix(string(b), "\n")
}
