package openhold

import (
	"fmt"
	"os"
	"os/signal"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// Lease holds the opens of one file by a write lease. An opener sleeps in the kernel
// until the lease is let go or /proc/sys/fs/lease-break-time (45 s unless set
// otherwise) has passed. One that asked for O_NONBLOCK does not sleep: it gets
// EWOULDBLOCK, and the lease counts as asked for all the same. The holder's own
// opens sleep, too: it must have none.
type Lease struct {
	file   *os.File
	wanted chan struct{}
	signal chan os.Signal
	once   sync.Once
}

// TakeLease takes a write lease on a file that nobody has open. The process gets
// SIGIO for each lease that is asked for.
func TakeLease(path string) (*Lease, error) {
	f, err := os.OpenFile(path, os.O_RDWR|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	l := &Lease{file: f, wanted: make(chan struct{}), signal: make(chan os.Signal, 1)}
	signal.Notify(l.signal, unix.SIGIO)
	if err := l.set(unix.F_WRLCK); err != nil {
		signal.Stop(l.signal)
		f.Close()
		return nil, fmt.Errorf("take a lease on %s: %w", path, because(err))
	}
	go l.listen()
	return l, nil
}

// Wanted is closed when somebody opens the file and waits, or was sent away with
// EWOULDBLOCK. It is closed by Release, too.
func (l *Lease) Wanted() <-chan struct{} { return l.wanted }

// recheck bounds how late a lost signal is noticed: two that arrive together are
// one, and another user of SIGIO may have the first.
const recheck = 10 * time.Millisecond

func (l *Lease) listen() {
	defer close(l.wanted)
	for !l.asked() {
		select {
		case _, open := <-l.signal:
			if !open {
				return
			}
		case <-time.After(recheck):
		}
	}
}

// asked reports whether the lease is being broken: F_GETLEASE then names what it
// shall become instead of what it is (fcntl_getlease, fs/locks.c).
func (l *Lease) asked() bool {
	var kind int
	err := l.control(func(fd uintptr) (err error) {
		kind, err = unix.FcntlInt(fd, unix.F_GETLEASE, 0)
		return err
	})
	return err != nil || kind != unix.F_WRLCK
}

func (l *Lease) set(kind int) error {
	return l.control(func(fd uintptr) error {
		_, err := unix.FcntlInt(fd, unix.F_SETLEASE, kind)
		return err
	})
}

func (l *Lease) control(f func(fd uintptr) error) error {
	conn, err := l.file.SyscallConn()
	if err != nil {
		return err
	}
	var inner error
	if err := conn.Control(func(fd uintptr) { inner = f(fd) }); err != nil {
		return err
	}
	return inner
}

// Release gives the lease back: openers go on.
func (l *Lease) Release() (err error) {
	l.once.Do(func() {
		signal.Stop(l.signal)
		close(l.signal)
		err = l.set(unix.F_UNLCK)
		l.file.Close()
		<-l.wanted
	})
	return err
}
