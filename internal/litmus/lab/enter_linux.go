package lab

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"
)

// insideVar in the environment tells the program that it was started by Enter.
const insideVar = "FILERACE_LAB"

// Inside reports whether the process was started by Enter, in a mount namespace
// that its parent does not share.
func Inside() bool {
	if os.Getenv(insideVar) == "" {
		return false
	}
	own, err := os.Readlink("/proc/self/ns/mnt")
	parents, err2 := os.Readlink("/proc/" + strconv.Itoa(os.Getppid()) + "/ns/mnt")
	return err == nil && err2 == nil && own != parents
}

// Enter runs this program once more with the same arguments, in a mount namespace
// of its own, and returns its exit status. Signals to end are handed on. The
// other one is killed if this one is.
func Enter() (status int, err error) {
	if os.Geteuid() != 0 {
		return 0, ErrPrivilege
	}
	if os.Getenv(insideVar) != "" {
		return 0, ErrOutside
	}
	exe, err := os.Executable()
	if err != nil {
		return 0, fmt.Errorf("find this program: %w", err)
	}
	cmd := exec.Command(exe, os.Args[1:]...)
	cmd.Env = append(os.Environ(), insideVar+"=1")
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	// With CLONE_NEWNS the package syscall makes all mounts private, too.
	cmd.SysProcAttr = &syscall.SysProcAttr{Unshareflags: unix.CLONE_NEWNS, Pdeathsig: syscall.SIGKILL}
	return follow(cmd)
}

// follow waits for the command and hands signals on to it. The signal at a parent's
// death comes when the thread that forked ends (prctl(2), PR_SET_PDEATHSIG), so that
// thread must stay.
func follow(cmd *exec.Cmd) (status int, err error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	signals := make(chan os.Signal, 4)
	signal.Notify(signals, unix.SIGINT, unix.SIGTERM, unix.SIGHUP)
	defer signal.Stop(signals)
	if err := cmd.Start(); err != nil {
		if errors.Is(err, unix.EPERM) {
			return 0, fmt.Errorf("%w: %w", ErrPrivilege, err)
		}
		return 0, fmt.Errorf("start in a mount namespace: %w", err)
	}
	done := make(chan struct{})
	go func() {
		for {
			select {
			case s := <-signals:
				cmd.Process.Signal(s)
			case <-done:
				return
			}
		}
	}()
	err = cmd.Wait()
	close(done)
	if end, ok := errors.AsType[*exec.ExitError](err); ok && end.Exited() {
		return end.ExitCode(), nil
	}
	if err != nil {
		return 0, fmt.Errorf("in the mount namespace: %w", err)
	}
	return 0, nil
}
