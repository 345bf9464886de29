//go:build unix && !linux

package litmus

// setOFDLock: open file description locks are Linux's own.
func setOFDLock(fd, kind int, wait bool, start, length int64) error { return errHere }
