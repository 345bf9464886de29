package tracee

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"

	"filerace/internal/op"
)

// start launches the command: when it returns, the command's process is about to
// become it.
func (c *control) start() error {
	if err := c.launcher.ready(&c.cfg); err != nil {
		return err
	}
	pid, err := c.launcher.launch(&c.cfg)
	if err != nil {
		return err
	}
	p := &process{pid: pid, actor: "1", prog: filepath.Base(c.cfg.Path), threads: 1, numbered: 1}
	t := &thread{tid: pid, actor: "1", proc: p, ready: true, syscall: -1, stat: -1}
	c.root = p
	c.add(t)
	c.inherit(t)
	c.goOn(t, 0)
	return nil
}

// inherit tells the handler the descriptors that the command begins with.
func (c *control) inherit(t *thread) {
	o := op.New(op.Inherit)
	c.stamp(t, o)
	var infos []op.FDInfo
	for fd, file := range []*os.File{c.cfg.Stdin, c.cfg.Stdout, c.cfg.Stderr} {
		ours := int(file.Fd())
		f := c.names.descriptor(os.Getpid(), ours)
		if f.Type == op.Pipe {
			c.given[f.ID] = true
		}
		info := op.FDInfo{FD: fd, File: f, Off: op.None, Shared: fd}
		if flags, err := unix.FcntlInt(uintptr(ours), unix.F_GETFL, 0); err == nil {
			info.Flags = uint64(flags)
		}
		if at, err := unix.Seek(ours, 0, io.SeekCurrent); err == nil {
			info.Off = at
		}
		// Descriptors 1 and 2 of a terminal or of `>log 2>&1` share one description; kcmp(2)
		// would tell for sure but is often forbidden, so one file at one offset counts as one.
		for _, other := range infos {
			if other.File.ID == f.ID && other.Off == info.Off && other.Flags == info.Flags {
				info.Shared = other.FD
				break
			}
		}
		infos = append(infos, info)
	}
	o.SetFDs(infos)
	c.done(t, o)
}

// Run is Launcher.Run for one run.
func Run(cfg Config, h Handler) (Result, error) {
	var l Launcher
	defer l.Close()
	return l.Run(cfg, h)
}

// Run runs the command under control and returns when it and all that it started
// are gone. If cfg.Core says so, the calling thread is pinned meanwhile. Other
// children of the process are left alone.
func (l *Launcher) Run(cfg Config, h Handler) (Result, error) {
	c := newControl(cfg, h, l)
	defer c.names.forget()
	if cfg.Inside {
		in, err := newInKernel()
		if err != nil {
			return Result{}, err
		}
		c.inKernel = in
		defer in.close()
	}
	if err := c.start(); err != nil {
		c.killAll()
		l.Close()
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
	if err != nil || c.became || c.res.Signal != 0 || c.res.TimedOut || c.res.Stopped {
		return c.res, err
	}
	refused := l.refusal()
	switch {
	case c.refusal != nil:
		err = fmt.Errorf("execute %s: %w", cfg.Path, c.refusal)
	case refused != nil:
		err = fmt.Errorf("enter %s: %w", cfg.Dir, refused)
	default:
		err = fmt.Errorf("%w: the launcher's child ended with status %d", ErrSeccomp, c.res.Status)
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
