package tracee

import (
	"os/exec"
	"runtime"
	"testing"

	"golang.org/x/sys/unix"
)

// Who is killed inside a fork may leave a child that no event has told of. It ends with the run, too.
func TestEndInsideAFork(t *testing.T) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	forked := start(t, "sleep", "1000")
	if err := seize(forked); err != nil {
		t.Fatal(err)
	}
	c := newControl(Config{}, nil, &Launcher{})
	if err := c.killAll(); err != nil || unix.Kill(forked, 0) != nil {
		t.Fatalf("a process that nobody forked was killed: %v", err)
	}
	c.forkers = []*thread{{}}
	if err := c.killAll(); err != nil {
		t.Fatal(err)
	}
	if err := unix.Kill(forked, 0); err != unix.ESRCH {
		t.Errorf("it is still there: %v", err)
	}
}

// What is left of another run is not taken for the command, whenever it is told of.
func TestEventsOfOthersWhileACommandIsStarted(t *testing.T) {
	stop, end := unix.WaitStatus(unix.PTRACE_EVENT_STOP<<16|int(unix.SIGTRAP)<<8|0x7f), unix.WaitStatus(0)
	for _, test := range []struct {
		seen           strays
		stopped, ended bool
	}{
		{nil, false, false},
		{strays{{7, stop}}, true, false},
		{strays{{7, stop}, {8, stop}}, true, false},
		{strays{{7, stop}, {8, end}}, true, false},
		{strays{{8, stop}, {8, end}}, false, false},
		{strays{{8, stop}, {7, end}}, false, true},
	} {
		if stopped, ended := test.seen.stopped(7), test.seen.ended(7); stopped != test.stopped || ended != test.ended {
			t.Errorf("%v: stopped %v, ended %v", test.seen, stopped, ended)
		}
	}
}

// start starts a program as a child of this thread.
func start(t *testing.T, name string, args ...string) (pid int) {
	t.Helper()
	cmd := exec.Command(name, args...)
	if err := cmd.Start(); err != nil {
		t.Skip(err)
	}
	t.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait() // somebody else may have done so
	})
	return cmd.Process.Pid
}
