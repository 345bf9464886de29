package demo

import "golang.org/x/sys/unix"

// openLocked opens and locks a file without waiting: -1 if it is not there or
// somebody else has the lock. Linux needs two calls.
func openLocked(c *caller, path string) int {
	fd, err := c.open(path, unix.O_RDWR|unix.O_NONBLOCK, unix.ENOENT)
	if err != nil {
		return -1
	}
	err = unix.Flock(fd, unix.LOCK_EX|unix.LOCK_NB)
	if among("flock "+path, err, []error{unix.EWOULDBLOCK}) != nil {
		c.close(fd)
		return -1
	}
	return fd
}
