package tracee

import (
	"golang.org/x/sys/unix"

	"filerace/internal/op"
)

// leaseRetry is how often the kernel is asked whether a lease has lapsed: its
// holder has /proc/sys/fs/lease-break-time seconds to answer. ns.
const leaseRetry = 10e6

// startBreak makes the kernel begin to break the lease that holds the operation
// up, as the operation itself would: the holder gets its signal. The operation
// stays at its entry, so that the strategy chooses when it goes on.
func (c *control) startBreak(t *thread) {
	if t.breaking || t.free {
		return
	}
	t.breaking = true
	if !c.lapsed(t) {
		c.all = true // the holder may sleep: the signal ends that
	}
}

// lapsed tries to open the file without waiting, in the tracee's stead. While the
// lease stands, the kernel answers EWOULDBLOCK (__break_lease, fs/locks.c). Any
// other answer means that the operation itself will not have to wait for us.
func (c *control) lapsed(t *thread) bool {
	if t.free || c.now() < t.retry {
		return t.free
	}
	t.retry = c.now() + leaseRetry
	n := &t.cur.Names[len(t.cur.Names)-1]
	mode := unix.O_RDONLY
	if t.cur.Kind == op.Truncate || t.cur.Flags&op.O_ACCMODE != op.O_RDONLY || t.cur.Flags&op.O_TRUNC != 0 {
		mode = unix.O_WRONLY
	}
	fd, err := unix.Open(t.proc.root+n.Path, mode|unix.O_NONBLOCK|unix.O_CLOEXEC|unix.O_NOFOLLOW|unix.O_NOCTTY, 0)
	if err == nil {
		unix.Close(fd)
	}
	t.free = err != unix.EWOULDBLOCK
	return t.free
}
