package demo

import "golang.org/x/sys/unix"

var locks = []string{"flock", "lockf", "fcntl", "ofd", "lease"}

const setOFDLockWait = unix.F_OFD_SETLKW

// openLeased opens a file for writing under a write lease. The lease is granted
// only while no one else has the file open, otherwise it is EAGAIN (fcntl(2)):
// then the file is closed, so that the other can have the lease, and opened
// again. The open waits, up to /proc/sys/fs/lease-break-time (45 s), for a lease
// that the other holds; its holder is told by SIGIO, which the Go runtime
// ignores, and gives it up when it has written.
func openLeased(c *caller, path string) int {
	for {
		fd, _ := c.open(path, unix.O_WRONLY)
		_, err := unix.FcntlInt(uintptr(fd), unix.F_SETLEASE, unix.F_WRLCK)
		if among("fcntl lease", err, []error{unix.EAGAIN}) == nil {
			return fd
		}
		c.close(fd)
	}
}
