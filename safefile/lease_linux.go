package safefile

import (
	"os"
	"os/signal"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
)

// leases are those of this process that are not known to be broken. The kernel tells by
// SIGIO that one of them is being broken, and F_GETLEASE which.
var leases struct {
	sync.Mutex
	held    map[*Leased]int // the kind: F_RDLCK or F_WRLCK
	signals chan os.Signal
}

// Lease opens a file and takes a lease on it (fcntl(2), F_SETLEASE): an exclusive one is
// against every other open, a shared one against opens for writing and truncation. Who
// opens it waits until the holder has brought the file in order and calls Close (litmus: lease).
//
// The file must be the caller's own, or the process needs CAP_LEASE: EACCES. It must be open
// nowhere else (exclusive), or not for writing (shared): else ErrLocked. Of a file that is leased in a way
// that excludes this one, the other's lease is broken first, as by any open. SIGIO is caught while
// there is a lease.
//
// It costs open, fstat, stat and fcntl; who opens the file sleeps until Close.
//
// What can still go wrong: a lease ends by force after lease-break-time; the
// opener already has the inode, so replacing the file while it waits gives it the
// old one. NFS has leases only if the server grants a delegation.
func Lease(path string, exclusive bool) (*Leased, error) {
	flag, kind := os.O_RDONLY, unix.F_RDLCK
	if exclusive {
		flag, kind = os.O_RDWR, unix.F_WRLCK
	}
	f, err := OpenLive(path, flag, 0)
	if err != nil {
		return nil, err
	}
	l := &Leased{file: f, broken: make(chan struct{})}
	l.end = func() error { return endLease(l) }
	if err := takeLease(l, kind); err != nil {
		f.Close()
		if err == unix.EAGAIN {
			err = ErrLocked
		}
		return nil, fail("lease", path, err)
	}
	return l, nil
}

func takeLease(l *Leased, kind int) error {
	leases.Lock()
	defer leases.Unlock()
	if leases.signals == nil {
		// Before the lease: SIGIO by default ends the process.
		leases.held = map[*Leased]int{}
		leases.signals = make(chan os.Signal, 1)
		signal.Notify(leases.signals, syscall.SIGIO)
		go func(signals chan os.Signal) {
			for range signals {
				lookAtLeases()
			}
		}(leases.signals)
	}
	_, err := unix.FcntlInt(l.file.Fd(), unix.F_SETLEASE, kind)
	if err == nil {
		leases.held[l] = kind
	}
	stopWatching()
	return err
}

func endLease(l *Leased) error {
	leases.Lock()
	defer leases.Unlock()
	delete(leases.held, l)
	_, err := unix.FcntlInt(l.file.Fd(), unix.F_SETLEASE, unix.F_UNLCK)
	if err == unix.EAGAIN { // ended by force
		err = nil
	}
	l.file.Close()
	stopWatching()
	return fail("unlease", l.file.Name(), err)
}

// stopWatching lets SIGIO alone when there is no lease any more.
func stopWatching() {
	if len(leases.held) == 0 {
		signal.Stop(leases.signals)
		close(leases.signals)
		leases.signals = nil
	}
}

// lookAtLeases finds the broken ones: F_GETLEASE tells what a lease is to become.
func lookAtLeases() {
	leases.Lock()
	defer leases.Unlock()
	for l, kind := range leases.held {
		if now, err := unix.FcntlInt(l.file.Fd(), unix.F_GETLEASE, 0); err == nil && now != kind {
			select {
			case <-l.broken:
			default:
				close(l.broken)
			}
		}
	}
}
