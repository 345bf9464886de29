package litmus

import (
	"os"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// setLease takes, changes or gives back (F_UNLCK) a lease. fcntl(2), "Leases".
func setLease(fd, kind int) error {
	_, err := unix.FcntlInt(uintptr(fd), unix.F_SETLEASE, kind)
	return err
}

// getLease is the kind of lease on a descriptor; while it is being broken, the
// kind that it must become.
func getLease(fd int) (int, error) { return unix.FcntlInt(uintptr(fd), unix.F_GETLEASE, 0) }

// leaseBreakTime is how long the kernel waits for the holder of a lease.
func leaseBreakTime() (time.Duration, error) {
	text, err := os.ReadFile("/proc/sys/fs/lease-break-time")
	if err != nil {
		return 0, err
	}
	n, err := strconv.Atoi(strings.TrimSpace(string(text)))
	return time.Duration(n) * time.Second, err
}
