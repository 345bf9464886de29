//go:build linux && (amd64 || arm64)

package probe

import (
	"os"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// bell is what the pump sleeps by. It sleeps in Go's poller: as long as a thread waits in a
// system call of its own, the runtime looks after it some ten thousand times a second
// (runtime/proc.go, sysmon), which took a third of what a watch cost.
type bell struct {
	ring *os.File
	conn syscall.RawConn
}

// newBell makes a bell that the kernel programs ring, too, through the ring of that descriptor.
func newBell(ring int) (*bell, error) {
	fd, err := unix.FcntlInt(uintptr(ring), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	if err := unix.SetNonblock(fd, true); err != nil { // for os.NewFile; nobody reads from it
		unix.Close(fd)
		return nil, err
	}
	b := &bell{ring: os.NewFile(uintptr(fd), "ring")}
	if b.conn, err = b.ring.SyscallConn(); err == nil {
		err = b.ring.SetReadDeadline(time.Now())
	}
	if err != nil {
		b.ring.Close()
		return nil, err
	}
	return b, nil
}

// sleep returns when the bell has been rung, after d at the latest, or at once if awake says
// so: it is asked when ringing wakes already.
func (b *bell) sleep(d time.Duration, awake func() bool) {
	if b.ring.SetReadDeadline(time.Now().Add(d)) != nil {
		return
	}
	slept := false
	b.conn.Read(func(uintptr) bool {
		if slept || awake() {
			return true
		}
		slept = true
		return false
	})
}

// strike wakes who sleeps.
func (b *bell) strike() { b.ring.SetReadDeadline(time.Now()) }

func (b *bell) close() { b.ring.Close() }
