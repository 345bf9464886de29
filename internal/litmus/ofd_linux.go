package litmus

import (
	"io"

	"golang.org/x/sys/unix"
)

// setOFDLock sets an open file description lock of length bytes from start on, 0:
// to the end and beyond. fcntl(2), "Open file description locks".
func setOFDLock(fd, kind int, wait bool, start, length int64) error {
	cmd := unix.F_OFD_SETLK
	if wait {
		cmd = unix.F_OFD_SETLKW
	}
	l := unix.Flock_t{Type: int16(kind), Whence: io.SeekStart, Start: start, Len: length}
	return unix.FcntlFlock(uintptr(fd), cmd, &l)
}
