package safefile

import "golang.org/x/sys/unix"

// ranges is a variable so that tests try the other way, too.
var ranges rangeHolder = descriptions{}

// descriptions locks by open file description: each range has one of its own.
type descriptions struct{}

func (descriptions) sleeps() bool { return true }

func (descriptions) open(path string, writable bool) (int, error) { return openRange(path, writable) }

func (descriptions) close(fd int, _ fileID, _ bool) { unix.Close(fd) }

func (descriptions) lock(fd int, _ fileID, r *Range, wait bool) error {
	how := unix.F_OFD_SETLK
	if wait {
		how = unix.F_OFD_SETLKW
	}
	return setRange(fd, how, *r, kindOf(r))
}

func (descriptions) unlock(fd int, _ fileID, r *Range) error {
	return setRange(fd, unix.F_OFD_SETLK, *r, unix.F_UNLCK)
}
