package openhold

import (
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// watchAll watches one new directory and one process.
func watchAll(t *testing.T) (*Watcher, *opener, string) {
	t.Helper()
	dir, o := t.TempDir(), newOpener(t)
	w, err := Watch(Pids(o.pid()), dir)
	if errors.Is(err, ErrPrivilege) && os.Geteuid() != 0 {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { w.Close() })
	return w, o, filepath.Join(dir, "file")
}

func trials() int {
	if testing.Short() {
		return 100
	}
	return 1000
}

func TestRemovalInsideOpen(t *testing.T) {
	w, o, path := watchAll(t)
	for i := range trials() {
		ino := inode(t, write(t, path))
		o.begin(path, unix.O_RDONLY)
		held := <-w.Opens
		if held.PID != o.pid() || held.TID < o.pid() || held.Path != path || held.File.Ino != ino || held.Links != 1 {
			t.Fatalf("trial %d: held %+v, want %s, inode %d, of process %d", i, held, path, ino, o.pid())
		}
		os.Remove(path)
		if err := held.Allow(); err != nil {
			t.Fatal(err)
		}
		if got := o.result(); got != (seen{0, ino, 0}) {
			t.Fatalf("trial %d: open gave %+v, want inode %d without a name", i, got, ino)
		}
	}
}

func TestReplacementInsideOpen(t *testing.T) {
	w, o, path := watchAll(t)
	for i := range trials() {
		ino := inode(t, write(t, path))
		next := inode(t, write(t, path+".new"))
		o.begin(path, unix.O_RDWR)
		held := <-w.Opens
		if err := os.Rename(path+".new", path); err != nil {
			t.Fatal(err)
		}
		held.Allow()
		if got := o.result(); got != (seen{0, ino, 0}) || inode(t, path) != next {
			t.Fatalf("trial %d: open gave %+v, want the replaced inode %d", i, got, ino)
		}
	}
}

// The variant with two steps: the file is moved away and loses its last name there.
func TestMovedAwayInsideOpen(t *testing.T) {
	w, o, path := watchAll(t)
	ino := inode(t, write(t, path))
	o.begin(path, unix.O_RDONLY)
	held := <-w.Opens
	if err := errors.Join(os.Rename(path, path+".gone"), os.Remove(path+".gone")); err != nil {
		t.Fatal(err)
	}
	held.Allow()
	if got := o.result(); got != (seen{0, ino, 0}) {
		t.Fatalf("open gave %+v, want inode %d without a name", got, ino)
	}
}

// O_CREAT makes the file before the hold, O_TRUNC empties it after.
func TestWhereAnOpenStops(t *testing.T) {
	w, o, path := watchAll(t)
	o.begin(path, unix.O_RDWR|unix.O_CREAT|unix.O_EXCL)
	held := <-w.Opens
	if ino := inode(t, path); ino != held.File.Ino {
		t.Errorf("held inode %d, the new file has %d", held.File.Ino, ino)
	}
	held.Allow()
	o.result()

	write(t, path)
	o.begin(path, unix.O_RDWR|unix.O_TRUNC)
	held = <-w.Opens
	if st, err := os.Stat(path); err != nil || st.Size() == 0 {
		t.Errorf("truncated before the hold: %v, %v", st, err)
	}
	held.Allow()
	o.result()
	if st, err := os.Stat(path); err != nil || st.Size() != 0 {
		t.Errorf("not truncated at return: %v, %v", st, err)
	}
}

func TestDeny(t *testing.T) {
	w, o, path := watchAll(t)
	write(t, path)
	o.begin(path, unix.O_RDONLY)
	held := <-w.Opens
	held.Deny()
	if got := o.result(); got.err != unix.EPERM {
		t.Errorf("a denied open gave %+v, want EPERM", got)
	}
	if err := held.Allow(); err != nil {
		t.Errorf("a second answer: %v", err)
	}
}

// Other processes and the holder itself do not wait, even while an open is held.
func TestOthersGoOn(t *testing.T) {
	w, o, path := watchAll(t)
	write(t, path)
	other := newOpener(t)
	o.begin(path, unix.O_RDONLY)
	held := <-w.Opens
	if _, err := os.ReadFile(path); err != nil {
		t.Error(err)
	}
	other.begin(path, unix.O_RDONLY)
	if got := other.result(); got.links != 1 {
		t.Errorf("the other process got %+v", got)
	}
	held.Allow()
	o.result()
}

// Many are held at a time, and answered in an order of our own.
func TestAnyOrder(t *testing.T) {
	dir := t.TempDir()
	openers := []*opener{newOpener(t), newOpener(t), newOpener(t)}
	w, err := Watch(nil)
	if errors.Is(err, ErrPrivilege) && os.Geteuid() != 0 {
		t.Skip(err)
	}
	if err == nil {
		err = w.Add(dir)
	}
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	path := write(t, filepath.Join(dir, "file"))
	held := map[int]*Open{}
	for _, o := range openers {
		o.begin(path, unix.O_RDONLY)
		h := <-w.Opens
		held[h.PID] = h
	}
	for i := len(openers) - 1; i >= 0; i-- {
		held[openers[i].pid()].Allow()
		if got := openers[i].result(); got.links != 1 {
			t.Errorf("opener %d got %+v", i, got)
		}
	}
}

func TestCloseLetsGo(t *testing.T) {
	w, o, path := watchAll(t)
	write(t, path)
	o.begin(path, unix.O_RDONLY)
	held := <-w.Opens
	before := descriptors(t)
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if got := o.result(); got.links != 1 {
		t.Errorf("open gave %+v, want the file", got)
	}
	if err := held.Allow(); err != nil {
		t.Errorf("an answer after Close: %v", err)
	}
	if _, open := <-w.Opens; open {
		t.Error("Opens is not closed")
	}
	if after := descriptors(t); after != before-3 {
		t.Errorf("%d descriptors before Close, %d after; the queue, its end and the held file make three", before, after)
	}
}

func descriptors(t *testing.T) int {
	t.Helper()
	d, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(d)
}

func TestKilledHolderLetsGo(t *testing.T) {
	_, _, path := watchAll(t) // skips without privilege
	write(t, path)
	cmd, out := role(t, "holder", filepath.Dir(path))
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer cmd.Wait()
	defer cmd.Process.Kill()
	if line, err := out.ReadString('\n'); line != "watching\n" {
		t.Fatal(line, err)
	}
	o := newOpener(t)
	o.begin(path, unix.O_RDONLY)
	if line, err := out.ReadString('\n'); line != "held "+path+"\n" {
		t.Fatal(line, err)
	}
	cmd.Process.Kill()
	if got := o.result(); got.links != 1 {
		t.Errorf("open gave %+v, want the file", got)
	}
}

func TestWholeMount(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs a mount namespace")
	}
	cmd, out := role(t, "mount", t.TempDir())
	cmd.SysProcAttr = &syscall.SysProcAttr{Unshareflags: unix.CLONE_NEWNS}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer cmd.Wait()
	if line, _ := out.ReadString('\n'); !strings.HasPrefix(line, "links, inode, errno 0 ") || !strings.HasSuffix(line, " 0\n") {
		t.Error(line)
	}
}

// A held opener sleeps in state D and has not left open(2); SIGKILL ends it all the same.
func TestKilledOpener(t *testing.T) {
	w, o, path := watchAll(t)
	write(t, path)
	o.begin(path, unix.O_RDONLY)
	held := <-w.Opens
	sleeps := func() bool {
		text, _ := os.ReadFile("/proc/" + strconv.Itoa(held.TID) + "/stat")
		_, after, _ := strings.Cut(string(text), ") ")
		return strings.HasPrefix(after, "D")
	}
	for !sleeps() { // it is on its way: the event comes first
		time.Sleep(time.Millisecond)
	}
	o.cmd.Process.Kill()
	o.cmd.Wait()
	if err := held.Allow(); err != nil {
		t.Errorf("the answer for a killed opener: %v", err)
	}
}

func TestWatchFails(t *testing.T) {
	if _, err := Watch(nil, filepath.Join(t.TempDir(), "none")); os.Geteuid() == 0 && !errors.Is(err, unix.ENOENT) {
		t.Errorf("no such directory: %v", err)
	} else if os.Geteuid() != 0 && !errors.Is(err, ErrPrivilege) {
		t.Errorf("as an ordinary user: %v", err)
	}
}
