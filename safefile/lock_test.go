//go:build unix

package safefile

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

var ctx = context.Background()

func must[T any](v T, err error) func(*testing.T) T {
	return func(t *testing.T) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func want(t *testing.T, err, target error) {
	t.Helper()
	var path *fs.PathError
	if !errors.Is(err, target) || !errors.As(err, &path) {
		t.Fatalf("error %v (%T), want %v in a *fs.PathError", err, err, target)
	}
}

func ok(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// entries are the names in a directory.
func entries(t *testing.T, dir string) (names []string) {
	t.Helper()
	list, err := os.ReadDir(dir)
	ok(t, err)
	for _, e := range list {
		names = append(names, e.Name())
	}
	return names
}

// holdRole holds a lock until it is told to end: hold FILE [OPTION…].
func holdRole(args []string) {
	var opts []Option
	for _, name := range args[1:] {
		opts = append(opts, map[string]Option{"remove": RemoveAfter(), "owner": WithOwner(), "bare": Bare()}[name])
	}
	unlock, err := Lock(ctx, args[0], opts...)
	orDie(err)
	say("held")
	untilTold()
	orDie(unlock())
}

func TestLockExcludesGoroutines(t *testing.T) {
	name := filepath.Join(t.TempDir(), "lock")
	inside, sum := 0, 0 // the race detector looks on, too
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for range 50 {
				unlock, err := Lock(ctx, name)
				if err != nil {
					t.Error(err)
					return
				}
				if inside++; inside != 1 {
					t.Errorf("%d inside", inside)
				}
				sum++
				inside--
				unlock()
			}
		})
	}
	all.Wait()
	if sum != 400 {
		t.Errorf("%d rounds", sum)
	}
}

func TestTryLock(t *testing.T) {
	name := filepath.Join(t.TempDir(), "lock")
	holder := startRole(t, "hold", name)
	holder.expect("held")
	_, err := TryLock(name)
	want(t, err, ErrLocked)
	_, err = TryRLock(name)
	want(t, err, ErrLocked)
	holder.kill() // the lock ends with the process
	unlock := must(TryLock(name))(t)
	_, err = TryLock(name) // within the process, too
	want(t, err, ErrLocked)
	ok(t, unlock())
	want(t, unlock(), ErrReleased)
	a, b := must(TryRLock(name))(t), must(TryRLock(name))(t)
	_, err = TryLock(name)
	want(t, err, ErrLocked)
	ok(t, a())
	ok(t, b())
	ok(t, must(TryLock(name))(t)())
	noneQueued(t)
}

func noneQueued(t *testing.T) {
	t.Helper()
	queues.Lock()
	defer queues.Unlock()
	for _, q := range queues.of {
		if q.holders > 0 || len(q.waiting) > 0 || q != queues.last {
			t.Errorf("left in a queue: %+v", q)
		}
	}
}

// A wait that was cancelled leaves nothing: no lock, no descriptor, no place in the queue.
func TestCancelLeavesNothing(t *testing.T) {
	name := filepath.Join(t.TempDir(), "lock")
	holder := startRole(t, "hold", name)
	holder.expect("held")
	before := descriptorCount(t)
	for _, lock := range []func(context.Context, string, ...Option) (func() error, error){Lock, RLock} {
		cancelled, cancel := context.WithCancel(ctx)
		var all sync.WaitGroup
		for range 3 { // one asks the kernel, the others stand behind it
			all.Go(func() {
				_, err := lock(cancelled, name)
				want(t, err, context.Canceled)
			})
		}
		cancel()
		all.Wait()
	}
	if after := descriptorCount(t); after != before {
		t.Errorf("%d descriptors, %d before", after, before)
	}
	noneQueued(t)
	ok(t, holder.end())
	ok(t, must(TryLock(name))(t)())
}

func descriptorCount(t *testing.T) int {
	t.Helper()
	return len(entries(t, "/dev/fd"))
}

// Goroutines get the lock in the order in which they asked.
func TestGoroutinesTakeTurns(t *testing.T) {
	name := filepath.Join(t.TempDir(), "lock")
	unlock := must(Lock(ctx, name))(t)
	id := must(stat(name))(t)
	var order []int
	var all sync.WaitGroup
	for i := range 10 {
		all.Go(func() {
			u, err := Lock(ctx, name)
			if err != nil {
				t.Error(err)
				return
			}
			order = append(order, i)
			u()
		})
		untilTrue(t, func() bool {
			queues.Lock()
			defer queues.Unlock()
			return len(queues.of[id].waiting) == i+1
		})
	}
	unlock()
	all.Wait()
	if !slices.IsSorted(order) || len(order) != 10 {
		t.Errorf("the order was %v", order)
	}
}

// flock(1) is shut out, and shuts out.
func TestBesideFlockCommand(t *testing.T) {
	flockCommand, err := exec.LookPath("flock")
	if err != nil {
		t.Skip("there is no flock(1)")
	}
	name := filepath.Join(t.TempDir(), "lock")
	unlock := must(Lock(ctx, name, WithOwner()))(t)
	if err := exec.Command(flockCommand, "-n", name, "true").Run(); err == nil {
		t.Error("flock(1) got in")
	}
	ok(t, unlock())
	other := startActor(t, "", exec.Command(flockCommand, name, "sh", "-c", "echo held; cat"))
	other.expect("held")
	_, err = TryLock(name)
	want(t, err, ErrLocked)
	_, err = TryRLock(name)
	want(t, err, ErrLocked)
	ok(t, other.end())
	ok(t, must(TryLock(name))(t)())
}

// While the file is held, it is deleted, replaced, renamed: nobody gets in.
func TestDeletionLetsNobodyIn(t *testing.T) {
	for what, act := range map[string]func(name string) error{
		"deleted":           os.Remove,
		"renamed":           func(name string) error { return os.Rename(name, name+"2") },
		"replaced":          func(name string) error { return os.WriteFile(name+"2", nil, 0o666) },
		"deleted and taken": func(name string) error { return errors.Join(os.Remove(name), os.WriteFile(name, nil, 0o666)) },
	} {
		name := filepath.Join(t.TempDir(), "lock")
		holder := startRole(t, "hold", name)
		holder.expect("held")
		ok(t, act(name))
		if what == "replaced" {
			ok(t, os.Rename(name+"2", name))
		}
		if _, err := TryLock(name); !errors.Is(err, ErrLocked) {
			t.Errorf("%s: %v, want ErrLocked", what, err)
		}
		if _, err := TryRLock(name); !errors.Is(err, ErrLocked) {
			t.Errorf("%s: shared: %v, want ErrLocked", what, err)
		}
		ok(t, holder.end())
		ok(t, must(Lock(ctx, name))(t)())
	}
	noneQueued(t)
}

// Who had opened a file that is gone meanwhile finds path and anchor to be one file:
// there is nothing to move, and nothing to wait for.
func TestNothingToMove(t *testing.T) {
	name := filepath.Join(t.TempDir(), "lock")
	ok(t, must(Lock(ctx, name))(t)())
	ok(t, moveAnchor(ctx, name, anchorOf(name), true))
	ok(t, os.Remove(anchorOf(name)))
	ok(t, moveAnchor(ctx, name, anchorOf(name), true))
}

// Who waits while the holder deletes the file does not get in with the dead one.
func TestRemoveStartsWaitersOver(t *testing.T) {
	for _, opts := range [][]Option{nil, {Bare()}} {
		dir := t.TempDir()
		name := filepath.Join(dir, "lock")
		h := must(Acquire(ctx, name, opts...))(t)
		got := make(chan *Held)
		go func() {
			next, err := Acquire(ctx, name, opts...)
			if err != nil {
				t.Error(err)
			}
			got <- next
		}()
		untilTrue(t, func() bool {
			queues.Lock()
			defer queues.Unlock()
			return len(queues.of[h.id].waiting) == 1
		})
		ok(t, h.Remove())
		next := <-got
		// Its inode may well have the number of the deleted one.
		if next.named() != settled {
			t.Error("the lock is on a file that has no name")
		}
		_, err := TryLock(name, opts...)
		want(t, err, ErrLocked)
		ok(t, next.Remove())
		if left := entries(t, dir); len(left) > 0 {
			t.Errorf("left: %v", left)
		}
	}
}

// Of shared holders the last one deletes.
func TestRemoveShared(t *testing.T) {
	dir := t.TempDir()
	name := filepath.Join(dir, "lock")
	a, b := must(RLock(ctx, name, RemoveAfter()))(t), must(RLock(ctx, name, RemoveAfter()))(t)
	ok(t, a())
	if !slices.Contains(entries(t, dir), "lock") {
		t.Error("deleted under the other holder")
	}
	ok(t, b())
	if left := entries(t, dir); len(left) > 0 {
		t.Errorf("left: %v", left)
	}
}

// A child that inherited the descriptor does not keep the lock after Unlock.
func TestUnlockReleasesForHeirs(t *testing.T) {
	name := filepath.Join(t.TempDir(), "lock")
	h := must(Acquire(ctx, name))(t)
	heir := must(unix.Dup(int(h.Fd())))(t)
	defer unix.Close(heir)
	_, err := TryLock(name)
	want(t, err, ErrLocked)
	ok(t, h.Unlock())
	ok(t, must(TryLock(name))(t)())
}

// A child that is being started has a copy of every descriptor until its execve(2).
func TestUnlockReleasesWhileAChildStarts(t *testing.T) {
	name := filepath.Join(t.TempDir(), "lock")
	h := must(Acquire(ctx, name))(t)
	syscall.ForkLock.Lock() // as os.StartProcess does
	defer syscall.ForkLock.Unlock()
	heir := must(unix.Dup(h.fd))(t)
	defer unix.Close(heir)
	ok(t, h.Unlock())
	ok(t, must(TryLock(name))(t)())
}

// While children are started all the time, a lock that was given up is free.
func TestUnlockBesideChildren(t *testing.T) {
	name := filepath.Join(t.TempDir(), "lock")
	var done atomic.Bool
	var starter sync.WaitGroup
	starter.Go(func() {
		for !done.Load() {
			if err := exec.Command("true").Run(); err != nil {
				t.Error(err)
			}
		}
	})
	for range 500 {
		unlock, err := TryLock(name)
		if err != nil {
			t.Error(err)
			break
		}
		ok(t, unlock())
	}
	done.Store(true)
	starter.Wait()
}

func TestLockFollowsLinks(t *testing.T) {
	dir := t.TempDir()
	name, link := filepath.Join(dir, "lock"), filepath.Join(dir, "link")
	ok(t, os.Symlink("lock", link))
	unlock := must(Lock(ctx, link))(t) // makes the file, not the link
	_, err := TryLock(name)
	want(t, err, ErrLocked)
	ok(t, os.Remove(name))
	_, err = TryLock(link)
	want(t, err, ErrLocked)
	ok(t, unlock())
	_, err = Lock(ctx, link, NoFollow())
	want(t, err, ErrSymlink)
	if left := entries(t, dir); !slices.Equal(left, []string{".lock.anchor", "link", "lock"}) {
		t.Errorf("there are %v", left)
	}
}
