//go:build unix && !linux

package litmus

import "time"

// Leases are Linux's own.

func setLease(fd, kind int) error { return errHere }

func getLease(fd int) (int, error) { return 0, errHere }

func leaseBreakTime() (time.Duration, error) { return 0, errHere }
