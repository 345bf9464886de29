package openhold

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"golang.org/x/sys/unix"
)

// lease takes a lease on a new file; leases need no privilege.
func lease(t *testing.T, path string) *Lease {
	t.Helper()
	l, err := TakeLease(write(t, path))
	for errors.Is(err, ErrInUse) { // a watcher still has the descriptor of our own open's event
		runtime.Gosched()
		l, err = TakeLease(path)
	}
	if errors.Is(err, ErrUnsupported) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Release() })
	return l
}

func TestRemovalInsideLeasedOpen(t *testing.T) {
	o, path := newOpener(t), filepath.Join(t.TempDir(), "file")
	for i := range trials() {
		l := lease(t, path)
		ino := inode(t, path)
		o.begin(path, unix.O_RDONLY)
		<-l.Wanted()
		os.Remove(path)
		if err := l.Release(); err != nil {
			t.Fatal(err)
		}
		if got := o.result(); got != (seen{0, ino, 0}) {
			t.Fatalf("trial %d: open gave %+v, want inode %d without a name", i, got, ino)
		}
	}
}

func TestLeaseDoesNotHoldNonblock(t *testing.T) {
	o, path := newOpener(t), filepath.Join(t.TempDir(), "file")
	l := lease(t, path)
	o.begin(path, unix.O_RDONLY|unix.O_NONBLOCK)
	if got := o.result(); got.err != unix.EWOULDBLOCK {
		t.Errorf("open gave %+v, want EWOULDBLOCK", got)
	}
	<-l.Wanted()
}

func TestLeaseIsGone(t *testing.T) {
	o, path := newOpener(t), filepath.Join(t.TempDir(), "file")
	l := lease(t, path)
	if err := errors.Join(l.Release(), l.Release()); err != nil {
		t.Error(err)
	}
	<-l.Wanted() // closed, though nobody asked
	o.begin(path, unix.O_RDONLY)
	if got := o.result(); got.links != 1 {
		t.Errorf("open gave %+v", got)
	}
}

func TestLeaseNeedsTheFileAlone(t *testing.T) {
	path := write(t, filepath.Join(t.TempDir(), "file"))
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := TakeLease(path); !errors.Is(err, ErrInUse) && !errors.Is(err, ErrUnsupported) {
		t.Errorf("%v, want ErrInUse", err)
	}
	if _, err := TakeLease(path + ".none"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("%v, want ErrNotExist", err)
	}
}

// The event's descriptor of a file under somebody's lease cannot be opened: the
// kernel refuses the held open in our place, and the watch goes on.
func TestWatchMeetsLease(t *testing.T) {
	w, o, path := watchAll(t)
	l := lease(t, path)
	o.begin(path, unix.O_RDONLY)
	if got := o.result(); got.err != unix.EPERM {
		t.Errorf("open gave %+v, want EPERM", got)
	}
	l.Release()
	o.begin(path, unix.O_RDONLY)
	held := <-w.Opens
	held.Allow()
	if got := o.result(); got.links != 1 {
		t.Errorf("open gave %+v", got)
	}
}

// Opens of FIFOs raise no permission event: looking at one would wake its other end.
func TestFIFOIsNotHeld(t *testing.T) {
	_, o, path := watchAll(t)
	if err := unix.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	o.begin(path, unix.O_WRONLY|unix.O_NONBLOCK)
	if got := o.result(); got.err != unix.ENXIO {
		t.Errorf("open gave %+v, want ENXIO", got)
	}
}
