package tracee

import (
	"fmt"
	"os"
	"runtime"
	"strconv"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"filerace/internal/op"
	"filerace/internal/tracee/launcher"
)

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

// start launches the command: when it returns, the launcher is seized and about
// to install its filter.
func (c *control) start() error {
	exe, err := launcherFile(c.cfg.NoFilter)
	if err != nil {
		return err
	}
	var gate [2]int
	if err := unix.Pipe2(gate[:], unix.O_CLOEXEC); err != nil {
		return fmt.Errorf("make a pipe: %w", err)
	}
	defer unix.Close(gate[1])
	env := c.cfg.Env
	if env == nil {
		env = os.Environ()
	}
	files := []uintptr{c.cfg.Stdin.Fd(), c.cfg.Stdout.Fd(), c.cfg.Stderr.Fd(), uintptr(gate[0])}
	argv := append([]string{"filerace-launcher", c.cfg.Path}, c.cfg.Argv...)
	pid, err := syscall.ForkExec("/proc/self/fd/"+strconv.Itoa(exe), argv, &syscall.ProcAttr{
		Dir: c.cfg.Dir, Env: env, Files: files,
		// Processes that are to be left stopped get a session of their own: the kernel sends
		// SIGHUP to stopped processes whose group is orphaned by our exit (setpgid(2)).
		Sys: &syscall.SysProcAttr{Setpgid: c.cfg.NewGroup && !c.cfg.NoFilter, Setsid: c.cfg.NoFilter},
	})
	unix.Close(gate[0])
	if err != nil {
		return fmt.Errorf("start the launcher: %w", err)
	}
	p := &process{pid: pid, actor: "1", prog: comm(pid), threads: 1, numbered: 1}
	t := &thread{tid: pid, actor: "1", proc: p, ready: true, syscall: -1, stat: -1}
	if err := seize(pid); err != nil {
		unix.Kill(pid, unix.SIGKILL)
		var ws unix.WaitStatus
		unix.Wait4(pid, &ws, 0, nil)
		return fmt.Errorf("%w: PTRACE_SEIZE: %w", ErrPtrace, err)
	}
	c.root = p
	c.add(t)
	c.inherit(t)
	if c.cfg.NoFilter {
		// Calls are stopped at by PTRACE_SYSCALL, for which the thread must stop once.
		if err := ptrace(unix.PTRACE_INTERRUPT, pid, 0, 0); err != nil {
			return fmt.Errorf("%w: PTRACE_INTERRUPT: %w", ErrPtrace, err)
		}
	}
	if _, err := unix.Write(gate[1], []byte{1}); err != nil {
		return fmt.Errorf("wake the launcher: %w", err)
	}
	return nil
}

// inherit tells the handler the descriptors that the command begins with.
func (c *control) inherit(t *thread) {
	o := &op.Op{Kind: op.Inherit, FD: op.None, FD2: op.None, NewFD: op.None, NewFD2: op.None, Off: op.None}
	c.stamp(t, o)
	shared := map[string]int{}
	for fd := range 3 {
		f := c.names.descriptor(t.proc.pid, fd)
		if f.Type == op.Pipe {
			c.given[f.ID] = true
		}
		info := op.FDInfo{FD: fd, File: f, Off: op.None, Shared: fd}
		text := procFile(t.proc.pid, "fdinfo/"+strconv.Itoa(fd))
		fmt.Sscanf(string(text), "pos:\t%d\nflags:\t%o", &info.Off, &info.Flags)
		// Descriptors 1 and 2 of a terminal or of `>log 2>&1` share one description; kcmp(2)
		// would tell for sure but is often forbidden, so one file at one offset counts as one.
		key := fmt.Sprint(f.ID, info.Off, info.Flags)
		if first, ok := shared[key]; ok {
			info.Shared = first
		} else {
			shared[key] = fd
		}
		o.FDs = append(o.FDs, info)
	}
	c.done(t, o)
}

// Run runs the command under control and returns when it and all that it started
// are gone. It locks the calling goroutine to its thread and, if cfg.Core says so,
// pins that thread meanwhile. Other children of the process are left alone.
func Run(cfg Config, h Handler) (Result, error) {
	quietStops()
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if cfg.Core >= 0 {
		defer pin(cfg.Core)()
	}
	c := newControl(cfg, h)
	defer c.names.forget()
	if err := c.start(); err != nil {
		c.killAll()
		return Result{}, err
	}
	defer precise()()
	err := c.loop()
	c.res.Elapsed = time.Since(c.began)
	if c.res.Left == nil {
		if stuck := c.killAll(); err == nil {
			err = stuck
		}
	}
	switch {
	case err != nil || c.became || c.res.Signal != 0 || c.res.TimedOut || c.res.Stopped:
	case c.refusal != nil:
		err = fmt.Errorf("execute %s: %w", cfg.Path, c.refusal)
	default:
		err = fmt.Errorf("%w: the launcher ended with status %d", ErrSeccomp, c.res.Status)
	}
	return c.res, err
}

// pin moves the thread, and so what it starts, to one processor, and returns what
// undoes that. Where it is refused, only speed is lost.
func pin(core int) (unpin func()) {
	var before, set unix.CPUSet
	set.Set(core)
	if unix.SchedGetaffinity(0, &before) != nil || unix.SchedSetaffinity(0, &set) != nil {
		return func() {}
	}
	return func() { unix.SchedSetaffinity(0, &before) }
}
