//go:build unix

package safefile

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"

	"golang.org/x/sys/unix"
)

var errorsIs = errors.Is

// openRole opens a file: open FILE.
func openRole(args []string) {
	say("opening")
	f, err := os.OpenFile(args[0], os.O_RDWR, 0)
	orDie(err)
	b := make([]byte, 100)
	n, _ := f.Read(b)
	say("read %s", b[:n])
}

// pidfileRole keeps a PID file: pidfile FILE.
func pidfileRole(args []string) {
	remove, err := PIDFile(args[0])
	orDie(err)
	say("%d", os.Getpid())
	untilTold()
	orDie(remove())
}

func TestPIDFileCannotBeStolen(t *testing.T) {
	dir := t.TempDir()
	name := filepath.Join(dir, "pid")
	ok(t, os.WriteFile(name, []byte("1\n"), 0o644)) // stale, though process 1 lives
	daemon := startRole(t, "pidfile", name)
	pid := daemon.line()
	content(t, name, pid+"\n")
	for _, act := range []func(){func() {}, func() { os.Remove(name) }, func() { os.WriteFile(name, nil, 0o644) }} {
		act()
		_, err := PIDFile(name)
		want(t, err, ErrLocked)
	}
	_, err := Owner(name)
	ok(t, err)
	daemon.kill()
	_, err = Owner(name)
	want(t, err, ErrNotLocked)
	daemon = startRole(t, "pidfile", name)
	content(t, name, daemon.line()+"\n")
	ok(t, daemon.end())
	if left := entries(t, dir); len(left) > 0 {
		t.Errorf("left: %v", left)
	}
	ok(t, os.WriteFile(name, []byte("something of value"), 0o644))
	_, err = PIDFile(name)
	want(t, err, ErrNotRecord)
	content(t, name, "something of value")
}

func TestOwner(t *testing.T) {
	name := filepath.Join(t.TempDir(), "lock")
	_, err := Owner(name)
	want(t, err, os.ErrNotExist)
	holder := startRole(t, "hold", name, "owner")
	holder.expect("held")
	content(t, name, fmt.Sprintln(holder.cmd.Process.Pid))
	pid := must(Owner(name))(t)
	if pid != holder.cmd.Process.Pid {
		t.Errorf("process %d, want %d", pid, holder.cmd.Process.Pid)
	}
	holder.kill()
	content(t, name, fmt.Sprintln(pid)) // stale
	_, err = Owner(name)
	want(t, err, ErrNotLocked)
	ok(t, must(Lock(ctx, name, WithOwner()))(t)())
	content(t, name, "")
}

func TestReadFileSeesWholeFiles(t *testing.T) {
	name := filepath.Join(t.TempDir(), "file")
	write := func(i int) { ok(t, WriteFile(name, fmt.Appendf(nil, "%0*d", 1+i%3*5000, i), NoSync())) }
	write(0)
	var stop atomic.Bool
	var all sync.WaitGroup
	all.Go(func() {
		for i := 1; !stop.Load(); i++ {
			write(i)
		}
	})
	for range 20 {
		b := must(ReadFile(ctx, name))(t)
		if len(b)%5000 > 10 {
			t.Errorf("%d bytes", len(b))
		}
		f := must(OpenLive(name, os.O_RDONLY, 0))(t)
		if st := must(f.Stat())(t); st.Size() == 0 {
			t.Error("an empty file")
		}
		f.Close()
	}
	stop.Store(true)
	all.Wait()
}

// A writer in place: what is read is what was there at one time.
func TestReadFileNoticesChangesInPlace(t *testing.T) {
	name := filepath.Join(t.TempDir(), "file")
	ok(t, os.WriteFile(name, []byte("aaaa"), 0o666))
	f := must(os.OpenFile(name, os.O_RDWR, 0))(t)
	defer f.Close()
	var stop atomic.Bool
	var all sync.WaitGroup
	all.Go(func() {
		for i := 0; i < 200 && !stop.Load(); i++ {
			f.WriteAt([]byte{byte('a' + i%26)}, int64(i%4))
		}
		f.WriteAt([]byte("done"), 0)
	})
	ok(t, waitFor(name, "done"))
	stop.Store(true)
	all.Wait()
}

func waitFor(name, text string) error {
	for {
		b, err := ReadFile(ctx, name)
		if err != nil || string(b) == text {
			return err
		}
	}
}

func TestOpenLiveTruncatesOnlyWhatLives(t *testing.T) {
	name := filepath.Join(t.TempDir(), "file")
	ok(t, os.WriteFile(name, []byte("old"), 0o666))
	f := must(OpenLive(name, os.O_RDWR|os.O_TRUNC, 0))(t)
	f.Close()
	content(t, name, "")
	f = must(OpenLive(name+"2", os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600))(t)
	f.Close()
	_, err := OpenLive(name+"2", os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	want(t, err, os.ErrExist)
}

// Trees are made and removed by several at once: nobody fails.
func TestTreesInCompany(t *testing.T) {
	top := filepath.Join(t.TempDir(), "tree")
	var makers, all sync.WaitGroup
	var stop atomic.Bool
	for i := range 3 {
		makers.Go(func() {
			for j := range 50 {
				dir := filepath.Join(top, fmt.Sprint(j%3), "a", "b", fmt.Sprint(i))
				if err := MkdirAll(ctx, dir, 0o777); err != nil {
					t.Error(err)
				}
				os.WriteFile(filepath.Join(dir, "file"), nil, 0o666) // may be gone already
			}
		})
		all.Go(func() {
			for !stop.Load() {
				if err := RemoveAll(ctx, top); err != nil {
					t.Error(err)
				}
			}
		})
	}
	makers.Wait()
	stop.Store(true)
	all.Wait()
	ok(t, RemoveAll(ctx, top))
	if _, err := os.Lstat(top); !errors.Is(err, unix.ENOENT) {
		t.Error(err)
	}
	ok(t, RemoveAll(ctx, top))
}
