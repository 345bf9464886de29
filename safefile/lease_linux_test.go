package safefile

import (
	"os"
	"path/filepath"
	"testing"
)

func init() {
	everything["Lease"] = func(p string) error { _, err := Lease(p, true); return err }
}

func TestLease(t *testing.T) {
	name := filepath.Join(t.TempDir(), "file")
	ok(t, os.WriteFile(name, []byte("old"), 0o666))
	f := must(os.Open(name))(t)
	_, err := Lease(name, true)
	want(t, err, ErrLocked)
	f.Close()
	l := must(Lease(name, true))(t)
	opener := startRole(t, "open", name)
	opener.expect("opening")
	<-l.Broken()
	// The opener waits: it reads what is written now.
	must(l.File().WriteAt([]byte("new"), 0))(t)
	ok(t, l.Close())
	want(t, l.Close(), ErrReleased)
	opener.expect("read new")
	ok(t, opener.end())
}

// A writer looks at the attributes of the file that it replaces: it waits for who leases it.
func TestWriteFileWaitsForLease(t *testing.T) {
	name := filepath.Join(t.TempDir(), "file")
	ok(t, os.WriteFile(name, []byte("old"), 0o666))
	l := must(Lease(name, true))(t)
	written := make(chan error, 1)
	go func() { written <- WriteFile(name, []byte("new"), NoSync()) }()
	select {
	case <-l.Broken():
	case err := <-written:
		t.Fatalf("written while the file is leased: %v", err)
	}
	ok(t, l.Close())
	ok(t, <-written)
	content(t, name, "new")
}

func TestSharedLease(t *testing.T) {
	name := filepath.Join(t.TempDir(), "file")
	ok(t, os.WriteFile(name, []byte("old"), 0o666))
	a, b := must(Lease(name, false))(t), must(Lease(name, false))(t)
	content(t, name, "old") // readers are welcome
	select {
	case <-a.Broken():
		t.Error("broken by a reader")
	default:
	}
	opener := startRole(t, "open", name)
	opener.expect("opening")
	<-a.Broken()
	<-b.Broken()
	ok(t, a.Close())
	ok(t, b.Close())
	opener.expect("read old")
	ok(t, opener.end())
	_, err := Lease(name+"2", false)
	want(t, err, os.ErrNotExist)
}
