//go:build unix

package safefile

import (
	"context"
	"errors"
	"io"
	"math"
	"sync/atomic"

	"golang.org/x/sys/unix"
)

// A Range of bytes of a file to be locked. It may lie beyond the end of the file.
type Range struct {
	Offset int64 // of the first byte, at least 0
	Length int64 // 0: up to the end of the file, however long it becomes
	Shared bool  // with other shared ones
}

var errRange = errors.New("range out of bounds")

// LockRange waits for a lock on a part of the file, which must exist, and returns the function
// that gives it up. Goroutines exclude each other as processes do; ranges that do not
// overlap do not meet.
//
// On Linux it is an open file description lock (fcntl(2), F_OFD_SETLK): no close of
// another descriptor drops it and it is not merged with others (litmus: fcntl, ofd). It excludes fcntl(2)
// and lockf(3) locks of other processes, and is independent of flock(2) and Lock. Elsewhere it is an fcntl(2)
// lock, which belongs to the process and falls with the first close of any descriptor of
// that file; this package keeps one descriptor for each file and closes it with the last range, but
// a close by other code of the process still drops all.
//
// It costs open, fstat, fcntl, stat, and close. The path is compared with the locked file as
// Lock does with Bare: replacement before the lock is held is borne, later it is not. An
// exclusive lock needs the right to write the file, a shared one that to read it. Waiting
// is as in Lock. There is no detection of deadlocks: take ranges in ascending order. On NFS the server
// or its lock daemon decides, as for Lock.
func LockRange(ctx context.Context, path string, r Range) (unlock func() error, err error) {
	unlock, err = lockRange(ctx, path, r, false)
	return unlock, fail("lockrange", path, err)
}

// TryLockRange is LockRange that fails with ErrLocked where LockRange would wait.
func TryLockRange(path string, r Range) (unlock func() error, err error) {
	unlock, err = lockRange(context.Background(), path, r, true)
	return unlock, fail("lockrange", path, err)
}

// rangeHolder is how ranges of an open file are locked: by open file description, or
// with the locks of a process and a table.
type rangeHolder interface {
	// open returns a descriptor of the file, to be given back with close.
	open(path string, writable bool) (fd int, err error)
	close(fd int, id fileID, writable bool)
	// lock returns ErrLocked if the range is locked and it shall not or cannot wait.
	lock(fd int, id fileID, r *Range, wait bool) error
	unlock(fd int, id fileID, r *Range) error
	// sleeps tells whether lock can wait.
	sleeps() bool
}

func lockRange(ctx context.Context, path string, r Range, try bool) (func() error, error) {
	if r.Offset < 0 || r.Length < 0 || r.Length > math.MaxInt64-r.Offset {
		return nil, errRange
	}
	var pause backoff
	for {
		unlock, err := attemptRange(ctx, path, &r, try)
		if err != nil || unlock != nil {
			return unlock, err
		}
		if err := pause.sleep(ctx); err != nil {
			return nil, err
		}
	}
}

// attemptRange returns no function if the path named another file when the range was locked.
func attemptRange(ctx context.Context, path string, r *Range, try bool) (func() error, error) {
	fd, err := ranges.open(path, !r.Shared)
	if err != nil {
		return nil, err
	}
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		unix.Close(fd)
		return nil, err
	}
	id := identity(&st)
	giveBack := func() { ranges.close(fd, id, !r.Shared) }
	if !regular(&st) {
		giveBack()
		return nil, ErrNotRegular
	}
	if err := waitRange(ctx, fd, id, r, try); err != nil {
		giveBack()
		return nil, err
	}
	if now, err := stat(path); revalidate && (err != nil || now != id) {
		ranges.unlock(fd, id, r)
		giveBack()
		return nil, nil
	}
	var released atomic.Bool
	return func() error {
		if released.Swap(true) {
			return fail("unlockrange", path, ErrReleased)
		}
		err := ranges.unlock(fd, id, r)
		giveBack()
		return fail("unlockrange", path, err)
	}, nil
}

func waitRange(ctx context.Context, fd int, id fileID, r *Range, try bool) error {
	wait := ranges.sleeps() && !try && ctx.Done() == nil
	var pause backoff
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := ranges.lock(fd, id, r, wait); err != ErrLocked || try {
			return err
		}
		if err := pause.sleep(ctx); err != nil {
			return err
		}
	}
}

// setRange is fcntl(2) with one of its locking commands. EACCES is what POSIX allows
// for EAGAIN.
func setRange(fd, how int, r Range, kind int16) error {
	want := unix.Flock_t{Type: kind, Whence: io.SeekStart, Start: r.Offset, Len: r.Length}
	err := again(func() error { return fcntlFlock(uintptr(fd), how, &want) })
	if err == unix.EAGAIN || err == unix.EACCES {
		return ErrLocked
	}
	return err
}

func openRange(path string, writable bool) (fd int, err error) {
	access := unix.O_RDONLY
	if writable {
		access = unix.O_RDWR
	}
	return open(path, access|unix.O_NONBLOCK|unix.O_NOCTTY, 0)
}

func kindOf(r *Range) int16 {
	if r.Shared {
		return unix.F_RDLCK
	}
	return unix.F_WRLCK
}
