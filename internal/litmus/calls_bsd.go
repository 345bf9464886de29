//go:build unix && !linux

package litmus

import "golang.org/x/sys/unix"

func fallocate(fd int, at, n int64) error { return errHere }

func signalThread(pid, _ int, sig unix.Signal) error { return unix.Kill(pid, sig) }

func room(string) (int64, error) { return 0, errHere }
