package tracee

import (
	"fmt"
	"os"
	"os/signal"
	"runtime"
	"sync"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// roles are the programs that the test binary plays.
var roles = map[string]func(args []string){
	"calls":        roleCalls,
	"threads":      roleThreads,
	"exec-thread":  roleExecThread,
	"leader-exits": roleLeaderExits,
	"append":       roleAppend,
	"random":       roleRandom,
	"uring":        roleUring,
	"untraced":     roleUntraced,
	"lease":        roleLease,
	"lease-deaf":   roleLeaseDeaf,
	"stop-child":   roleStopChild,
}

func check(err error) {
	if err != nil {
		fmt.Println("error:", err)
		os.Exit(98)
	}
}

// roleCalls prints the result of one call of each sort.
func roleCalls([]string) {
	say := func(name string, err error, v ...any) { fmt.Println(name, fmt.Sprint(v...), err) }
	fd, err := unix.Open("f", unix.O_CREAT|unix.O_RDWR|unix.O_EXCL, 0o640)
	say("open", err, fd)
	_, err = unix.Open("f", unix.O_CREAT|unix.O_RDWR|unix.O_EXCL, 0o640)
	say("open again", err)
	_, err = unix.Open("no/f", unix.O_RDONLY, 0)
	say("open in nothing", err)
	n, err := unix.Write(fd, []byte("hello"))
	say("write", err, n)
	n, err = unix.Pwrite(fd, []byte("J"), 0)
	say("pwrite", err, n)
	off, err := unix.Seek(fd, 1, unix.SEEK_SET)
	say("seek", err, off)
	b := make([]byte, 10)
	n, err = unix.Read(fd, b)
	say("read", err, n, string(b[:max(n, 0)]))
	n, err = unix.Readv(fd, [][]byte{b})
	say("readv at the end", err, n)
	say("truncate", unix.Ftruncate(fd, 2))
	var st unix.Stat_t
	err = unix.Fstat(fd, &st)
	say("fstat", err, st.Size, st.Nlink, st.Mode)
	say("chmod", unix.Fchmod(fd, 0o600))
	say("link", unix.Link("f", "g"))
	say("link again", unix.Link("f", "g"))
	say("rename", unix.Rename("g", "h"))
	say("symlink", unix.Symlink("h", "s"))
	n, err = unix.Readlink("s", b)
	say("readlink", err, string(b[:max(n, 0)]))
	err = unix.Stat("s", &st)
	say("stat", err, st.Nlink)
	say("unlink", unix.Unlink("h"))
	say("unlink again", unix.Unlink("h"))
	say("dangling", unix.Stat("s", &st))
	say("mkdir", unix.Mkdir("d", 0o700))
	say("rmdir a file", unix.Rmdir("f"))
	say("rmdir", unix.Rmdir("d"))
	say("flock", unix.Flock(fd, unix.LOCK_EX))
	say("fcntl", unix.FcntlFlock(uintptr(fd), unix.F_SETLKW, &unix.Flock_t{Type: unix.F_WRLCK, Start: 1, Len: 1}))
	say("close", unix.Close(fd))
	say("close again", unix.Close(fd))
	_, err = unix.Write(fd, b)
	say("write to nothing", err)
	_, _, e := unix.Syscall(unix.SYS_OPENAT, ^uintptr(99), 1, 0)
	say("open of no memory", e)
	_, err = unix.Wait4(-1, nil, 0, nil)
	say("wait for nobody", err)
	say("signal to nobody", unix.Kill(1<<22-1, 0))
	r, w, err := os.Pipe()
	check(err)
	w.Close()
	n, err = r.Read(b)
	say("end of a pipe", err, n)
}

// roleThreads has threads of the kernel add to one file in turn.
func roleThreads([]string) {
	f, err := os.OpenFile("f", os.O_CREATE|os.O_APPEND|os.O_RDWR, 0o600)
	check(err)
	var wg sync.WaitGroup
	var mu sync.Mutex
	sum := 0
	for i := range 4 {
		wg.Go(func() {
			runtime.LockOSThread()
			for range 5 {
				_, err := f.Write([]byte{byte(i)})
				check(err)
				mu.Lock()
				sum++
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	st, err := f.Stat()
	check(err)
	fmt.Println(sum, st.Size())
}

// roleExecThread lets a thread that is not the first one become another program.
func roleExecThread([]string) {
	done := make(chan struct{})
	go func() {
		runtime.LockOSThread()
		for unix.Gettid() == unix.Getpid() { // the first thread is not to be used
			runtime.Gosched()
		}
		check(syscall.Exec("/bin/sh", []string{"sh", "-c", "echo became; echo x >f; exit 6"}, os.Environ()))
	}()
	<-done
}

func init() {
	// The first thread must stay with the main goroutine for the roles that care
	// which thread is the first.
	if len(os.Args) > 2 && os.Args[1] == "role" {
		runtime.LockOSThread()
	}
}

// roleLeaderExits ends the first thread of the process before the others.
func roleLeaderExits([]string) {
	go func() {
		runtime.LockOSThread()
		for {
			// A dead first thread is a zombie until the others are gone.
			text, err := os.ReadFile(fmt.Sprintf("/proc/self/task/%d/stat", unix.Getpid()))
			check(err)
			if i := len(text); i > 0 && letterOf(text) == 'Z' {
				break
			}
			time.Sleep(time.Millisecond)
		}
		check(os.WriteFile("f", []byte("x"), 0o600))
		fmt.Println("the second thread lives")
		unix.Exit(5)
	}()
	unix.RawSyscall(unix.SYS_EXIT, 0, 0, 0)
}

func letterOf(stat []byte) byte {
	for i := len(stat) - 1; i > 0; i-- {
		if stat[i] == ')' {
			return stat[i+2]
		}
	}
	return '?'
}

// roleAppend writes lines of its own to the end of a file that others write to.
func roleAppend(args []string) {
	fd, err := unix.Open(args[0], unix.O_CREAT|unix.O_APPEND|unix.O_WRONLY, 0o600)
	check(err)
	for i := range 30 {
		_, err := unix.Write(fd, fmt.Appendf(nil, "%s %d\n", args[1], i))
		check(err)
	}
}

func roleRandom([]string) {
	b := make([]byte, 20)
	_, err := unix.Getrandom(b, 0)
	check(err)
	fmt.Printf("%x\n", b)
}

func roleUring([]string) {
	var params [120]byte
	_, _, e := unix.Syscall(unix.SYS_IO_URING_SETUP, 1, uintptr(unsafe.Pointer(&params)), 0)
	fmt.Println(e == unix.ENOSYS)
}

// roleUntraced clones a child that asks not to be traced; the child makes a file.
func roleUntraced([]string) {
	path, err := unix.BytePtrFromString("made")
	check(err)
	pid, _, e := unix.RawSyscall6(unix.SYS_CLONE, uintptr(unix.CLONE_UNTRACED|uintptr(unix.SIGCHLD)), 0, 0, 0, 0, 0)
	if e == 0 && pid == 0 {
		unix.RawSyscall6(unix.SYS_MKDIRAT, uintptr(unix.AT_FDCWD&(1<<64-1)), uintptr(unsafe.Pointer(path)), 0o700, 0, 0, 0)
		unix.RawSyscall(unix.SYS_EXIT_GROUP, 0, 0, 0)
	}
	var ws unix.WaitStatus
	for {
		if _, err = unix.Wait4(int(pid), &ws, 0, nil); err != unix.EINTR {
			break
		}
	}
	fmt.Println(err, ws.ExitStatus())
}

// takeLease opens f and leases it for writing.
func takeLease() int {
	fd, err := unix.Open("f", unix.O_CREAT|unix.O_RDWR, 0o600)
	check(err)
	_, err = unix.FcntlInt(uintptr(fd), unix.F_SETLEASE, unix.F_WRLCK)
	check(err)
	check(os.WriteFile("leased", nil, 0o600))
	return fd
}

// roleLease gives the lease back when it is asked to, and not before it is done.
func roleLease([]string) {
	asked := make(chan os.Signal, 1)
	signal.Notify(asked, unix.SIGIO)
	fd := takeLease()
	<-asked
	_, err := unix.Pwrite(fd, []byte("whole"), 0)
	check(err)
	_, err = unix.FcntlInt(uintptr(fd), unix.F_SETLEASE, unix.F_UNLCK)
	check(err)
}

// roleLeaseDeaf ignores the signal and ends after a while.
func roleLeaseDeaf([]string) {
	signal.Ignore(unix.SIGIO)
	takeLease()
	time.Sleep(300 * time.Millisecond)
}

// roleStopChild waits for its child to stop, lets it go on and waits for its end.
func roleStopChild([]string) {
	c, err := os.StartProcess("/bin/sh", []string{"sh", "-c", "echo one; kill -STOP $$; echo two; exit 3"},
		&os.ProcAttr{Files: []*os.File{nil, os.Stdout, os.Stdout}})
	check(err)
	wait := func() unix.WaitStatus {
		var ws unix.WaitStatus
		for {
			if _, err := unix.Wait4(c.Pid, &ws, unix.WUNTRACED, nil); err != unix.EINTR {
				check(err)
				return ws
			}
		}
	}
	ws := wait()
	fmt.Println("stopped:", ws.Stopped(), ws.StopSignal())
	check(unix.Kill(c.Pid, unix.SIGCONT))
	fmt.Println("status:", wait().ExitStatus())
}
