//go:build unix

package safefile

import (
	"context"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

// Held is a lock that this process holds until Unlock, Remove or its end.
type Held struct {
	path, name string // as given; where symbolic links led
	fd         int
	id         fileID
	queue      *queue // that it is in
	o          options
	shared     bool
	released   atomic.Bool
}

// Lock waits for the exclusive lock on the file and returns the function that gives
// it up. The file is created if there is none; it may be any regular file, and its
// content is not touched. A hidden file, .NAME.anchor, appears beside it: a second name
// of the same file, which stays as the lock file does. Remove and RemoveAfter delete
// both; Bare makes none.
//
// Guaranteed, on a local file system: of all that lock with this package, one is
// inside, be they processes or goroutines. The lock ends with the process, however
// that ends (litmus: flock). It stays exclusive if anybody deletes or replaces the
// lock file at any moment (litmus: lock-removal; see anchors in the package's
// comment). flock(1), gofrs/flock and others that call flock(2) on the path are
// excluded, too, as long as nobody deletes the file: they do not look whether what
// they locked is still what the path names.
//
// Less is guaranteed where there is no anchor: with Bare, in a directory that the caller
// may not write, for another user's file under protected_hardlinks (proc_sys_fs(5)), and on
// file systems without hard links, as vfat. There the lock bears deletion by holders and
// before it is held, but who deletes or replaces the file while it is held lets a second
// one in. fcntl(2) and lockf(3) locks are
// independent of flock's (litmus: flock-fcntl).
//
// Goroutines of one process get the lock in the order in which they asked. Between
// processes the kernel wakes all that sleep and the first one to run gets it; nobody
// is passed over for ever, as every release gives a new chance.
//
// It costs open, flock, fstat, stat, flock and close. Without a Done channel in ctx, the wait
// is a sleep in flock(2). With one, it polls, 50 µs to 2 ms apart, and gets fewer turns than those
// who sleep if the lock is hardly ever free. That is the price of leaving nothing
// behind: a sleep in flock(2) cannot be ended from outside in Go, as its runtime installs
// every handler with SA_RESTART and close(2) wakes nobody; and a goroutine left behind would keep
// a thread, the open file, and for a moment even the lock.
//
// What can still go wrong: on NFS the server or the client's lock daemon decides
// (ENOLCK, and a lock lost when the server restarts); a process stopped for long
// does not lose its lock, so everybody waits for it; advisory locks bind only
// those who ask.
func Lock(ctx context.Context, path string, opts ...Option) (unlock func() error, err error) {
	return unlocker(acquire(ctx, "lock", path, false, false, opts))
}

// TryLock is Lock that fails with ErrLocked where Lock would wait. Somebody who
// looks by trying, as Owner may do, can be the one who is in the way.
func TryLock(path string, opts ...Option) (unlock func() error, err error) {
	return unlocker(acquire(context.Background(), "lock", path, false, true, opts))
}

// RLock is Lock for a shared lock: any number of shared holders, or one exclusive.
// Holders who keep coming can shut out an exclusive one of another process;
// within a process an earlier request for the exclusive lock goes first.
func RLock(ctx context.Context, path string, opts ...Option) (unlock func() error, err error) {
	return unlocker(acquire(ctx, "rlock", path, true, false, opts))
}

// TryRLock is RLock that fails with ErrLocked where RLock would wait.
func TryRLock(path string, opts ...Option) (unlock func() error, err error) {
	return unlocker(acquire(context.Background(), "rlock", path, true, true, opts))
}

// Acquire is Lock for those who want more of it than to give it up.
func Acquire(ctx context.Context, path string, opts ...Option) (*Held, error) {
	return acquire(ctx, "lock", path, false, false, opts)
}

// AcquireShared is RLock for those who want more of it than to give it up.
func AcquireShared(ctx context.Context, path string, opts ...Option) (*Held, error) {
	return acquire(ctx, "rlock", path, true, false, opts)
}

// TryAcquire is Acquire that fails with ErrLocked where Acquire would wait.
func TryAcquire(path string, opts ...Option) (*Held, error) {
	return acquire(context.Background(), "lock", path, false, true, opts)
}

// TryAcquireShared is AcquireShared that fails with ErrLocked where that would wait.
func TryAcquireShared(path string, opts ...Option) (*Held, error) {
	return acquire(context.Background(), "rlock", path, true, true, opts)
}

func unlocker(h *Held, err error) (func() error, error) {
	if err != nil {
		return nil, err
	}
	return h.Unlock, nil
}

// patience is how many files that were gone when they were locked a call that does
// not wait bears. Each one is somebody else's removal at just that moment.
const patience = 1000

func acquire(ctx context.Context, op, path string, shared, try bool, opts []Option) (*Held, error) {
	h := &Held{path: path, name: path, o: collect(opts), shared: shared}
	var pause backoff
	for round := 0; ; round++ {
		if err := ctx.Err(); err != nil {
			return nil, fail(op, path, err)
		}
		ok, err := h.attempt(ctx, try)
		switch {
		case err != nil:
			return nil, fail(op, path, err)
		case ok:
			return h, nil
		case try && round == patience:
			return nil, fail(op, path, ErrUnstable)
		case round >= 10:
			pause.sleep(ctx)
		}
	}
}

// attempt locks what the path names now. Not ok: that is not the file any more on
// which all agree.
func (h *Held) attempt(ctx context.Context, try bool) (ok bool, err error) {
	if err := h.open(); err != nil {
		return false, err
	}
	var st unix.Stat_t
	if err := unix.Fstat(h.fd, &st); err != nil {
		unix.Close(h.fd)
		return false, err
	}
	if h.id = identity(&st); !regular(&st) {
		unix.Close(h.fd)
		return false, ErrNotRegular
	}
	if h.queue, err = enter(ctx, h.id, h.shared, try); err != nil {
		unix.Close(h.fd)
		return false, err
	}
	if err := h.wait(ctx, try); err != nil {
		unix.Close(h.fd)
		h.queue.leave()
		return false, err
	}
	switch h.settle() {
	case settled:
		if h.o.owner && !h.shared {
			err = h.sign()
		}
		if err != nil {
			h.release()
		}
		return err == nil, err
	case elsewhere:
		h.release()
		return false, moveAnchor(ctx, h.name, anchorOf(h.name), try)
	}
	h.release()
	return false, nil
}

// wait gets the kernel's lock on the open file.
func (h *Held) wait(ctx context.Context, try bool) error {
	how := unix.LOCK_EX
	if h.shared {
		how = unix.LOCK_SH
	}
	reopened := false
	var pause backoff
	for {
		wanted := how
		if try || ctx.Done() != nil {
			wanted |= unix.LOCK_NB
		}
		switch err := again(func() error { return flock(h.fd, wanted) }); {
		case err == unix.EBADF && !reopened:
			// NFS keeps flock(2) as a byte-range lock, which is exclusive only on a
			// descriptor that is open for writing (since Linux 2.6.12).
			reopened = true
			if err := h.openForWriting(); err != nil {
				return err
			}
		case err != unix.EWOULDBLOCK:
			return err
		case try:
			return ErrLocked
		default:
			if err := pause.sleep(ctx); err != nil {
				return err
			}
		}
	}
}

// Unlock gives the lock up. The second call returns an error that wraps ErrReleased
// and does nothing.
func (h *Held) Unlock() error {
	if h.released.Swap(true) {
		return fail("unlock", h.path, ErrReleased)
	}
	var err error
	if h.o.owner && !h.shared && !h.o.remove {
		unix.Ftruncate(h.fd, 0) // a record that stays is known as stale, too
	}
	if h.o.remove {
		err = h.remove()
	}
	if e := h.release(); err == nil {
		err = e
	}
	return fail("unlock", h.path, err)
}

// Remove deletes the lock file and gives the lock up, in this order, so that never
// two are let in: who waits finds out that the file is gone, and starts over. Of
// several shared holders, the last one deletes it.
func (h *Held) Remove() error {
	h.o.remove = true
	return h.Unlock()
}

// Fd is the descriptor that carries the lock, valid until Unlock. A child process
// that inherits it keeps the lock held should this process be killed; Unlock
// releases it for both.
func (h *Held) Fd() uintptr { return uintptr(h.fd) }

// release unlocks before it closes: while another thread is starting a process, the
// child has a copy of the descriptor until its execve(2), and closing alone would
// leave the lock held so long. It is the one call more than by hand, and a tenth of the
// cost. To close under a read lock on syscall.ForkLock does not save it: that lock is free
// when the vfork(2) is over, and execve(2) ends it before it closes descriptors
// (TestUnlockBesideChildren fails so).
func (h *Held) release() error {
	err := flock(h.fd, unix.LOCK_UN)
	unix.Close(h.fd)
	h.queue.leave()
	return err
}

// backoff is the pause between two tries, in ever longer steps.
type backoff struct{ last time.Duration }

const shortestPause, longestPause = 50 * time.Microsecond, 2 * time.Millisecond

func (b *backoff) sleep(ctx context.Context) error {
	b.last = min(max(b.last*2, shortestPause), longestPause)
	return sleep(ctx, b.last)
}

func sleep(ctx context.Context, d time.Duration) error {
	if ctx.Done() == nil {
		time.Sleep(d)
		return nil
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
