package tracee

import (
	"fmt"
	"os"
	"runtime"
	"slices"
	"strconv"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"

	"filerace/internal/op"
	"filerace/internal/tracee/launcher"
)

// Launcher starts runs. The first one starts a process, traced like the rest, of
// which each command is then a child, made by vfork(2) with CLONE_PARENT: so the
// command's parent is this process. A Launcher belongs to one goroutine, which it
// locks to its thread from the first run to Close. The zero value is ready.
type Launcher struct {
	pid      int // 0: not started
	socket   int
	core     int
	noFilter bool
	unpin    func()
}

// launcherFile returns a descriptor of the launcher program, made once for each
// kind. It lives in memory; where that is forbidden (sysctl vm.memfd_noexec) the
// start fails and says so.
func launcherFile(noFilter bool) (int, error) {
	if noFilter {
		return bareLauncher()
	}
	return filterLauncher()
}

var (
	filterLauncher = sync.OnceValues(func() (int, error) { return makeLauncher(filter(op.Native, auditArch)) })
	bareLauncher   = sync.OnceValues(func() (int, error) { return makeLauncher(nil) })
)

func makeLauncher(f []launcher.Instruction) (int, error) {
	fd, err := unix.MemfdCreate("filerace-launcher", unix.MFD_CLOEXEC)
	if err != nil {
		return -1, fmt.Errorf("make the launcher: memfd_create: %w", err)
	}
	defer unix.Close(fd)
	if _, err := unix.Write(fd, launcher.ELF(f)); err != nil {
		return -1, fmt.Errorf("write the launcher: %w", err)
	}
	// A file that is open for writing cannot be executed (ETXTBSY).
	ro, err := unix.Open("/proc/self/fd/"+strconv.Itoa(fd), unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return -1, fmt.Errorf("open the launcher: %w", err)
	}
	return ro, nil
}

// ready starts the process, unless it is there already and of the right kind.
func (l *Launcher) ready(cfg *Config) error {
	if l.pid != 0 && l.core == cfg.Core && l.noFilter == cfg.NoFilter {
		return nil
	}
	l.Close()
	quietStops()
	runtime.LockOSThread()
	l.core, l.noFilter, l.unpin = cfg.Core, cfg.NoFilter, func() {}
	if cfg.Core >= 0 {
		l.unpin = pin(cfg.Core)
	}
	if err := l.begin(); err != nil {
		l.end()
		return err
	}
	return nil
}

// begin starts the process and seizes it.
func (l *Launcher) begin() error {
	exe, err := launcherFile(l.noFilter)
	if err != nil {
		return err
	}
	null, err := unix.Open(os.DevNull, unix.O_RDWR|unix.O_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("open %s: %w", os.DevNull, err)
	}
	defer unix.Close(null)
	ends, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("make a socket: %w", err)
	}
	n := uintptr(null)
	pid, err := syscall.ForkExec("/proc/self/fd/"+strconv.Itoa(exe), []string{"filerace-launcher"},
		&syscall.ProcAttr{Files: []uintptr{n, n, n, uintptr(ends[1])}})
	unix.Close(ends[1])
	if err != nil {
		unix.Close(ends[0])
		return fmt.Errorf("start the launcher: %w", err)
	}
	l.pid, l.socket = pid, ends[0]
	if err := seize(pid); err != nil {
		return fmt.Errorf("%w: PTRACE_SEIZE: %w", ErrPtrace, err)
	}
	// ForkExec returns before the new program is mapped (begin_new_exec, fs/exec.c, closes
	// descriptors first), but no process stops before it is.
	if err := ptrace(unix.PTRACE_INTERRUPT, pid, 0, 0); err != nil {
		return fmt.Errorf("%w: PTRACE_INTERRUPT: %w", ErrPtrace, err)
	}
	if ws := awaitStop(pid); !ws.Stopped() {
		l.pid = 0
		return fmt.Errorf("start the launcher: it ended with status %#x", int(ws))
	}
	if err := memory(pid).WriteMemory(launcher.Area, launcher.Blank()); err != nil {
		return fmt.Errorf("%w: write the launcher's memory: %w", ErrPtrace, err)
	}
	if _, err := unix.Write(l.socket, []byte{1}); err != nil {
		return fmt.Errorf("wake the launcher: %w", err)
	}
	l.goOn()
	return nil
}

// awaitStop waits for a tracee to stop or to end.
func awaitStop(pid int) unix.WaitStatus {
	var ws unix.WaitStatus
	for {
		if _, err := unix.Wait4(pid, &ws, unix.WALL, nil); err != unix.EINTR {
			return ws
		}
	}
}

// launch makes a child that is about to become the command, and returns it
// standing still.
func (l *Launcher) launch(cfg *Config) (pid int, err error) {
	o := launcher.Order{Path: cfg.Path, Argv: cfg.Argv, Env: cfg.Env, Dir: cfg.Dir}
	if o.Env == nil {
		o.Env = os.Environ()
	}
	if o.Dir == "" {
		o.Dir = "."
	}
	switch {
	case cfg.NoFilter:
		// Processes that are to be left stopped get a session of their own: the kernel sends
		// SIGHUP to stopped processes whose group is orphaned by our exit (setpgid(2)).
		o.Session = launcher.Own
	case cfg.NewGroup:
		o.Session = launcher.NewGroup
	}
	texts, err := o.Layout()
	if err != nil {
		return 0, fmt.Errorf("start %s: %w", cfg.Path, err)
	}
	for at, part := range texts {
		if err := memory(l.pid).WriteMemory(at, part); err != nil {
			return 0, fmt.Errorf("write the launcher's memory: %w", err)
		}
	}
	rights := unix.UnixRights(int(cfg.Stdin.Fd()), int(cfg.Stdout.Fd()), int(cfg.Stderr.Fd()))
	if err := unix.Sendmsg(l.socket, []byte{1}, rights, nil, 0); err != nil {
		return 0, fmt.Errorf("hand the standard files to the launcher: %w", err)
	}
	var seen strays
	for n := 0; pid == 0 || !seen.stopped(pid); n++ {
		e, ok := waitEvent()
		switch {
		case !ok && n < spins:
			schedYield()
		case !ok:
			rest(firstPause)
		case e.tid != l.pid:
			seen = append(seen, e) // the child's first stop, or what is left of another run
		case e.ws.Stopped() && int(e.ws)>>16 == unix.PTRACE_EVENT_VFORK:
			if pid, err = eventMessage(l.pid); err != nil {
				return 0, fmt.Errorf("start %s: PTRACE_GETEVENTMSG: %w", cfg.Path, err)
			}
			l.goOn()
		default:
			if !l.event(e) {
				return 0, fmt.Errorf("%w: the launcher ended with status %d", ErrSeccomp, e.ws.ExitStatus())
			}
		}
		if seen.ended(pid) {
			return 0, fmt.Errorf("start %s: somebody killed it before it began", cfg.Path)
		}
	}
	seen.killBut(pid)
	return pid, nil
}

// strays are events of other processes than the launcher's while a command is started.
type strays []event

func (s strays) stopped(pid int) bool {
	return slices.ContainsFunc(s, func(e event) bool { return e.tid == pid && e.ws.Stopped() })
}

func (s strays) ended(pid int) bool {
	return slices.ContainsFunc(s, func(e event) bool { return e.tid == pid && !e.ws.Stopped() })
}

// killBut kills those that stand still, but for one.
func (s strays) killBut(pid int) {
	for _, e := range s {
		if e.tid != pid && e.ws.Stopped() {
			unix.Kill(e.tid, unix.SIGKILL)
			resume(unix.PTRACE_CONT, e.tid, 0)
		}
	}
}

// event acts on an event of the launcher's own process, and reports whether it
// lives on. Signals, from a terminal for example, are not for it.
func (l *Launcher) event(e event) bool {
	if !e.ws.Stopped() {
		l.pid = 0
		return false
	}
	l.goOn()
	return true
}

func (l *Launcher) goOn() {
	kind := unix.PTRACE_CONT
	if l.noFilter {
		kind = unix.PTRACE_SYSCALL
	}
	resume(kind, l.pid, 0)
}

// refusal is why the last command's directory could not be entered, nil if it could.
func (l *Launcher) refusal() error {
	if l.pid == 0 {
		return nil
	}
	if n := launcher.Refusal(memory(l.pid)); n != 0 {
		return unix.Errno(n)
	}
	return nil
}

// Close ends the launcher's process. Another run starts it anew.
func (l *Launcher) Close() {
	if l.unpin != nil {
		l.end()
	}
}

func (l *Launcher) end() {
	if l.pid != 0 {
		unix.Kill(l.pid, unix.SIGKILL)
		for awaitStop(l.pid).Stopped() {
		}
	}
	if l.socket > 0 {
		unix.Close(l.socket)
	}
	l.unpin()
	*l = Launcher{}
	runtime.UnlockOSThread()
}
