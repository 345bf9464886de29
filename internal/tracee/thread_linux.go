package tracee

import (
	"bytes"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"filerace/internal/op"
	"filerace/internal/openhold"
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
	ended                // dead, but not told of before the other threads of its process are
)

// thread is one traced thread.
type thread struct {
	tid   int
	actor op.Actor
	proc  *process
	state state

	cur      *op.Op         // held, flying or slept in
	nr       uint64         // its system call number
	through  bool           // cur needs no decision
	spins    int            // calls in a row that looked for the same thing without sleeping
	last     uint64         // first argument of the call before
	waits    bool           // the handler knows that cur waits for a lock
	altered  bool           // cur was made non-blocking: its argument is restored at return
	breaking bool           // cur opens a file under a lease, and the kernel has told the holder
	free     bool           // the kernel says that no lease is left
	retry    int64          // breaking: when to ask the kernel again, ns
	barred   int64          // cur asks for a lock that someone outside has: tried again then, ns
	within   *openhold.Open // cur has found its file and stands in the kernel
	parked   *op.Op         // that call, while the thread returns to its entry
	arrival  int            // order of arrival at the entry
	resolved int            // control.changes when the names of cur were looked up
	entry    registers      // at the entry of an altered call

	inCall   bool  // inside cur: PTRACE_SYSCALL is under way, an exit stop will come
	deadline int64 // napping, and asleep if timing is set: virtual time in ns
	pause    int64 // how long that sleep was to be, ns
	since    int64 // asleep: from when, virtual time in ns
	timing   bool  // asleep: the deadline of that sleep is known
	expiring bool  // its wait is interrupted as if its time were over
	ready    bool  // its first stop has been seen
	check    bool  // asleep: something happened that may have woken it
	wakes    waker // asleep: what can end it
	sleepNr  int64 // asleep: the call it sleeps in, -1: none
	sleepArg [6]uint64
	syscall  int // descriptor of /proc/TID/syscall, -1: none
	stat     int // likewise of /proc/TID/stat
}

// process is one traced process (thread group).
type process struct {
	pid      int
	actor    op.Actor
	prog     string
	root     string // "/proc/PID/root" if its root is not ours
	cwd      string // canonical, "" when it must be read again
	threads  int
	children int     // numbers given to child processes
	numbered int     // numbers given to threads, the first thread being 1
	alarm    alarm   // its first timer
	shared   bool    // shares memory with another process
	forker   *thread // the thread whose vfork waits for this process
	draws    uint64  // random bytes drawn
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

// look reads from the kernel whether a running thread sleeps. /proc/TID/syscall
// names a call only of a thread that is off the processor (wait_task_inactive in
// task_current_syscall, lib/syscall.c), and the state letter S tells an interruptible
// sleep from waiting for a disk (D). Neither is enough alone: a thread that is being
// woken is off the processor (TASK_WAKING), and one that has woken in wait4(2) wears
// the letter S while it looks for its child (do_wait, kernel/exit.c). So the letter
// must be S before and after the call was read.
func (t *thread) look() state {
	var buf [256]byte
	t.sleepNr = -1
	for range 2 {
		n := t.read(&t.syscall, "syscall", buf[:])
		if bytes.HasPrefix(buf[:n], []byte("running")) {
			return running
		}
		switch t.letter() {
		case 'S':
		case 'Z', 'X':
			return ended // its event comes with the last thread of the process
		default:
			return running
		}
		t.parseSyscall(string(buf[:n]))
	}
	return asleep
}

// read reads a file of the thread's directory, which stays open.
func (t *thread) read(fd *int, name string, b []byte) int {
	if *fd < 0 {
		f, err := unix.Open("/proc/"+strconv.Itoa(t.tid)+"/"+name, unix.O_RDONLY|unix.O_CLOEXEC, 0)
		if err != nil {
			return 0
		}
		*fd = f
	}
	n, err := unix.Pread(*fd, b, 0)
	if err != nil {
		return 0
	}
	return n
}

func (t *thread) parseSyscall(text string) {
	t.sleepNr = -1
	for i, f := range strings.Fields(text) {
		if i == 0 {
			nr, err := strconv.ParseInt(f, 10, 64)
			if err != nil {
				return
			}
			t.sleepNr = nr
		} else if i <= 6 {
			t.sleepArg[i-1], _ = strconv.ParseUint(strings.TrimPrefix(f, "0x"), 16, 64)
		}
	}
}

// letter is the state in /proc/TID/stat, X if the thread is gone.
func (t *thread) letter() byte {
	var buf [128]byte
	n := t.read(&t.stat, "stat", buf[:])
	i := bytes.LastIndexByte(buf[:n], ')')
	if i < 0 || i+2 >= n {
		return 'X'
	}
	return buf[i+2]
}

func (t *thread) close() {
	for _, fd := range []*int{&t.syscall, &t.stat} {
		if *fd >= 0 {
			unix.Close(*fd)
			*fd = -1
		}
	}
}

// comm reads the program's name as ps(1) shows it.
func comm(pid int) string {
	return strings.TrimSuffix(string(procFile(pid, "comm")), "\n")
}

// procFile reads /proc/PID/name, nil if it is gone. os.ReadFile would make four
// times as many calls, and these files are read while the tracees wait.
func procFile(pid int, name string) []byte {
	fd, err := unix.Open("/proc/"+strconv.Itoa(pid)+"/"+name, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil
	}
	defer unix.Close(fd)
	buf := make([]byte, 4096)
	n, _ := unix.Read(fd, buf)
	return buf[:max(n, 0)]
}
