//go:build unix && !linux

package litmus

import "golang.org/x/sys/unix"

func openNameless() (int, error) { return -1, errHere }

func nameByProc(fd int, name string) error { return errHere }

func settleRoom(int) { unix.Sync() }
