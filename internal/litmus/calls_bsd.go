//go:build unix && !linux

package litmus

import "golang.org/x/sys/unix"

func fallocate(fd int, at, n int64) error { return errHere }

func signalThread(pid, _ int, sig unix.Signal) error { return unix.Kill(pid, sig) }

func room(string) (int64, error) { return 0, errHere }

// openExclusivelyLocked opens "file" and locks it by one call, O_EXLOCK.
func openExclusivelyLocked() (int, error) {
	return unix.Open("file", unix.O_RDWR|unix.O_EXLOCK|unix.O_CLOEXEC, 0)
}

// openAgain makes another open file description of a file that may have no name:
// here it cannot be done.
func openAgain(int) (int, error) { return -1, errHere }
