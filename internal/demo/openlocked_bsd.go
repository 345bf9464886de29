//go:build darwin || dragonfly || freebsd || netbsd || openbsd

package demo

import "golang.org/x/sys/unix"

// openLocked opens and locks a file without waiting: -1 if it is not there or
// somebody else has the lock. The BSDs do it in one call (open(2), O_EXLOCK), and
// yet look up the name and take the lock one after the other.
func openLocked(c *caller, path string) int {
	fd, err := c.open(path, unix.O_RDWR|unix.O_NONBLOCK|unix.O_EXLOCK, unix.ENOENT, unix.EWOULDBLOCK)
	if err != nil {
		return -1
	}
	return fd
}
