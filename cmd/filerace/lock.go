package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"os/signal"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
	"golang.org/x/term"

	"filerace/safefile"
)

// lockAbout tells what a user has to know; the reasons are at runHolding.
const lockAbout = `Runs CMD while it holds the lock on FILE, which is created if there is none. It is a flock(1) that
cannot be split: whoever deletes or replaces FILE, never two get in that use this command or the
package safefile, and flock(1) is shut out as long as nobody deletes FILE.

A hidden file .FILE.anchor appears beside FILE: a second name of the same file, by which it is found
when FILE is deleted. It stays, as FILE does; --remove deletes both. Where it cannot be made (a
directory that you cannot write, a file system without hard links), two can get in if FILE is
deleted or replaced while the lock is held.

The lock is held until CMD ends, no longer and no shorter: what CMD leaves in the background does not
keep it, and if this command is killed with SIGKILL, CMD and what it started keep it to their end.
Signals go on to CMD.

Exit status: that of CMD, or 128 and the number of the signal that ended it. If the lock is not got
(--nonblock, --timeout): 1 as with flock(1), or what --busy says. 127 if there is no CMD, 126 if it
cannot be run, 2 for wrong usage, 3 if FILE cannot be locked.`

func lockCommand(ctx context.Context, c *console, args []string) int {
	f := newFlags(c, "lock", "[flags] FILE -- CMD [ARG…]", lockAbout)
	var (
		timeout  = f.Duration("timeout", 0, "wait for the lock this `time` at most, as in 90s or 5m; 0: for ever")
		nonblock = f.Bool("nonblock", false, "do not wait")
		shared   = f.Bool("shared", false, "take a shared lock")
		remove   = f.Bool("remove", false, "delete FILE before the lock is given up, so that never two get in")
		busy     = f.Int("busy", 1, "exit `status` if the lock is not got")
	)
	if stop, status := parse(c, f, args); stop {
		return status
	}
	rest := f.Args()
	if len(rest) > 1 && rest[1] == "--" {
		rest = append(rest[:1:1], rest[2:]...)
	}
	switch {
	case len(rest) < 2:
		return wrong(c, "lock", "give a file and a command, as in `filerace lock app.lock -- make install`")
	case *timeout < 0:
		return wrong(c, "lock", "--timeout must be at least 0")
	case *busy < 0 || *busy > 255:
		return wrong(c, "lock", "--busy must be from 0 to 255")
	}
	var opts []safefile.Option
	if *remove {
		opts = append(opts, safefile.RemoveAfter())
	}
	held, err := lockFile(ctx, rest[0], *shared, *nonblock, *timeout, opts)
	switch {
	case errors.Is(err, safefile.ErrLocked):
		return *busy
	case err != nil && ctx.Err() != nil:
		return interrupted(c, "lock")
	case err != nil:
		return failed(c, "lock", &remedied{err, lockRemedy(err)})
	}
	status := runHolding(c, held, rest[1:])
	if err := held.Unlock(); err != nil {
		fmt.Fprintln(c.err, "filerace lock: give the lock up:", err)
	}
	return status
}

// lockRemedy is what to do about a FILE that cannot be locked.
func lockRemedy(err error) string {
	switch {
	case errors.Is(err, unix.ENOLCK), errors.Is(err, errors.ErrUnsupported):
		return "the file system keeps no locks, as NFS does without its lock daemon: give a FILE on a local one"
	case errors.Is(err, unix.ENOSPC), errors.Is(err, unix.EDQUOT):
		return "make room, or give a FILE on another file system"
	}
	return "FILE must be a regular file, or a new one in a directory that you can write"
}

// lockFile returns safefile.ErrLocked when the time is over, too.
func lockFile(ctx context.Context, name string, shared, nonblock bool, timeout time.Duration, opts []safefile.Option) (*safefile.Held, error) {
	try, wait := safefile.TryAcquire, safefile.Acquire
	if shared {
		try, wait = safefile.TryAcquireShared, safefile.AcquireShared
	}
	if nonblock {
		return try(name, opts...)
	}
	limited := ctx
	if timeout > 0 {
		var cancel context.CancelFunc
		limited, cancel = context.WithTimeout(ctx, timeout)
		defer cancel()
	}
	held, err := wait(limited, name, opts...)
	if errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil {
		err = safefile.ErrLocked
	}
	return held, err
}

// runHolding runs the command and returns its status. The command inherits the
// descriptor that carries the lock: if this process is killed, the kernel keeps the
// lock for the command, which works on as if it held it. At the command's orderly end the lock is
// given up explicitly, for all who inherited it: a daemon that it left behind must
// not lock everybody out, as it does with flock(1).
func runHolding(c *console, held *safefile.Held, argv []string) int {
	// A copy: the file that is given to the command is closed here afterwards.
	fd, err := unix.FcntlInt(held.Fd(), unix.F_DUPFD_CLOEXEC, 3)
	if err != nil {
		return failed(c, "lock", fmt.Errorf("duplicate the descriptor: %w", err))
	}
	heir := os.NewFile(uintptr(fd), "lock")
	defer heir.Close()
	cmd := exec.Command(argv[0], argv[1:]...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = c.in, c.out, c.err
	cmd.ExtraFiles = []*os.File{heir}
	signals := make(chan os.Signal, 16)
	signal.Notify(signals, syscall.SIGHUP, syscall.SIGINT, syscall.SIGQUIT, syscall.SIGTERM, syscall.SIGUSR1, syscall.SIGUSR2, syscall.SIGALRM, syscall.SIGCONT)
	defer signal.Stop(signals)
	if err := cmd.Start(); err != nil {
		fmt.Fprintf(c.err, "filerace lock: %v\n", err)
		if errors.Is(err, fs.ErrNotExist) || errors.Is(err, exec.ErrNotFound) {
			return 127
		}
		return 126
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	for {
		select {
		case s := <-signals:
			if forwarded(s) {
				cmd.Process.Signal(s)
			}
		case err := <-ended:
			return commandStatus(c, err)
		}
	}
}

// forwarded tells whether a signal is passed on. What a terminal's keys send, the
// terminal has sent to the command already.
func forwarded(s os.Signal) bool {
	return s != syscall.SIGINT && s != syscall.SIGQUIT || !inForeground()
}

// inForeground tells whether the process group has the terminal.
func inForeground() bool {
	fd := int(os.Stdin.Fd())
	if !term.IsTerminal(fd) {
		return false
	}
	group, err := unix.IoctlGetInt(fd, unix.TIOCGPGRP)
	return err == nil && group == unix.Getpgrp()
}

func commandStatus(c *console, err error) int {
	var exit *exec.ExitError
	switch {
	case err == nil:
		return exitClean
	case !errors.As(err, &exit):
		return failed(c, "lock", err)
	}
	if w, ok := exit.Sys().(syscall.WaitStatus); ok && w.Signaled() {
		return 128 + int(w.Signal())
	}
	return exit.ExitCode()
}
