//go:build unix

package safefile

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"testing"

	"golang.org/x/sys/unix"
)

func content(t *testing.T, name, want string) {
	t.Helper()
	if b, err := os.ReadFile(name); err != nil || string(b) != want {
		t.Errorf("%s: %q, %v; want %q", filepath.Base(name), b, err, want)
	}
}

func TestWriteFileKeepsAttributes(t *testing.T) {
	dir := t.TempDir()
	name := filepath.Join(dir, "file")
	ok(t, os.WriteFile(name, []byte("old"), 0o600))
	ok(t, os.Chmod(name, 0o641))
	if os.Geteuid() == 0 {
		ok(t, os.Chown(name, 12, 34))
		ok(t, os.Chmod(name, 0o641|fs.ModeSetuid))
	}
	var before, after unix.Stat_t
	ok(t, unix.Stat(name, &before))
	ok(t, WriteFile(name, []byte("new")))
	ok(t, unix.Stat(name, &after))
	content(t, name, "new")
	if before.Ino == after.Ino {
		t.Error("it was written in place")
	}
	if before.Mode != after.Mode || before.Uid != after.Uid || before.Gid != after.Gid {
		t.Errorf("mode %o, owner %d:%d; was %o, %d:%d", after.Mode, after.Uid, after.Gid, before.Mode, before.Uid, before.Gid)
	}
	if left := entries(t, dir); !slices.Equal(left, []string{"file"}) {
		t.Errorf("there are %v", left)
	}
}

func TestWriteFileNew(t *testing.T) {
	name := filepath.Join(t.TempDir(), "file")
	ok(t, WriteFile(name, []byte("new"), Perm(0o640)))
	st := must(os.Stat(name))(t)
	umask := unix.Umask(0)
	unix.Umask(umask)
	if st.Mode() != 0o640&^fs.FileMode(umask) {
		t.Errorf("mode %v", st.Mode())
	}
}

func TestWriteFileFollowsLinks(t *testing.T) {
	dir := t.TempDir()
	ok(t, os.Mkdir(filepath.Join(dir, "sub"), 0o777))
	link, target := filepath.Join(dir, "link"), filepath.Join(dir, "sub", "target")
	ok(t, os.Symlink("sub/target", link))
	ok(t, WriteFile(link, []byte("one")))
	ok(t, WriteFile(link, []byte("two")))
	content(t, target, "two")
	want(t, WriteFile(link, []byte("three"), NoFollow()), ErrSymlink)
	content(t, target, "two")
	ok(t, os.Symlink("loop", filepath.Join(dir, "loop")))
	want(t, WriteFile(filepath.Join(dir, "loop"), nil), unix.ELOOP)
	if left := entries(t, dir); !slices.Equal(left, []string{"link", "loop", "sub"}) {
		t.Errorf("there are %v", left)
	}
}

func TestCreateExclusiveHasOneWinner(t *testing.T) {
	dir := t.TempDir()
	name := filepath.Join(dir, "file")
	var won atomic.Int32
	var all sync.WaitGroup
	for i := range 20 { // more than there are small temporary names
		all.Go(func() {
			err := CreateExclusive(name, bytes.Repeat([]byte{byte('a' + i)}, 3), NoSync())
			if err == nil {
				won.Add(1)
				return
			}
			want(t, err, fs.ErrExist)
		})
	}
	all.Wait()
	b := must(os.ReadFile(name))(t)
	if won.Load() != 1 || len(b) != 3 || b[0] != b[2] {
		t.Errorf("%d winners, content %q", won.Load(), b)
	}
	if left := entries(t, dir); !slices.Equal(left, []string{"file"}) {
		t.Errorf("there are %v", left)
	}
}

func TestPending(t *testing.T) {
	dir := t.TempDir()
	name := filepath.Join(dir, "file")
	p := must(Create(name))(t)
	must(p.Write([]byte("never seen")))(t)
	ok(t, p.Abort())
	ok(t, p.Abort())
	want(t, p.Commit(), ErrReleased)
	if left := entries(t, dir); len(left) > 0 {
		t.Errorf("left: %v", left)
	}
	p = must(Create(name))(t)
	must(p.File().WriteString("seen"))(t)
	if _, err := os.Stat(name); err == nil {
		t.Error("it is there before Commit")
	}
	ok(t, p.Commit())
	ok(t, p.Abort())
	content(t, name, "seen")
}

// abandonRole leaves temporary files behind when it is killed: abandon FILE.
func abandonRole(args []string) {
	for range 3 {
		p, err := Create(args[0])
		orDie(err)
		p.Write([]byte("half"))
		defer p.Abort()
	}
	say("written")
	untilTold()
}

func TestTemporaryFilesOfTheDeadGo(t *testing.T) {
	dir := t.TempDir()
	name := filepath.Join(dir, "file")
	a := startRole(t, "abandon", name)
	a.expect("written")
	ok(t, WriteFile(name, []byte("one"))) // they live: theirs stay
	if left := entries(t, dir); len(left) != 4 {
		t.Errorf("there are %v", left)
	}
	a.kill()
	ok(t, WriteFile(name, []byte("two")))
	content(t, name, "two")
	if left := entries(t, dir); !slices.Equal(left, []string{"file"}) {
		t.Errorf("there are %v", left)
	}
}

// A trap under a temporary name is neither written, nor waited for, nor followed.
func TestTemporaryNamesAreNotTrusted(t *testing.T) {
	dir := t.TempDir()
	name := filepath.Join(dir, "file")
	ok(t, os.WriteFile(filepath.Join(dir, "victim"), []byte("safe"), 0o666))
	ok(t, os.Symlink("victim", filepath.Join(dir, ".file.temp-0")))
	ok(t, unix.Mkfifo(filepath.Join(dir, ".file.temp-1"), 0o666))
	ok(t, os.Mkdir(filepath.Join(dir, ".file.temp-2"), 0o777))
	ok(t, WriteFile(name, []byte("new")))
	content(t, name, "new")
	content(t, filepath.Join(dir, "victim"), "safe")
}

// What is synced, and in which order, is what makes it durable.
func TestWriteFileSyncs(t *testing.T) {
	dir := t.TempDir()
	name := filepath.Join(dir, "file")
	var synced []string
	defer func(real func(int) error) { fsync = real }(fsync)
	fsync = func(fd int) error {
		var st, now unix.Stat_t
		ok(t, unix.Fstat(fd, &st))
		named := unix.Stat(name, &now) == nil && now.Ino == st.Ino
		switch {
		case st.Mode&unix.S_IFMT == unix.S_IFDIR && unix.Stat(name, &now) == nil:
			synced = append(synced, "directory after rename")
		case st.Size == 3 && !named:
			synced = append(synced, "file before rename")
		}
		return nil
	}
	ok(t, WriteFile(name, []byte("new")))
	if !slices.Equal(synced, []string{"file before rename", "directory after rename"}) {
		t.Error(synced)
	}
	fsync = func(int) error { return unix.EIO }
	want(t, WriteFile(name, []byte("newer")), unix.EIO)
	content(t, name, "new")
	if left := entries(t, dir); !slices.Equal(left, []string{"file"}) {
		t.Errorf("there are %v", left)
	}
}

func TestUpdate(t *testing.T) {
	dir := t.TempDir()
	name := filepath.Join(dir, "sum")
	ok(t, os.Symlink("sum", filepath.Join(dir, "alias")))
	var all sync.WaitGroup
	for i := range 8 {
		path := name
		if i%2 == 1 {
			path = filepath.Join(dir, "alias")
		}
		all.Go(func() {
			for range 10 {
				if err := Update(ctx, path, func(old []byte) ([]byte, error) { return append(old, 'x'), nil }, NoSync()); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	content(t, name, string(bytes.Repeat([]byte("x"), 80)))
	failed := fs.ErrInvalid
	if err := Update(ctx, name, func([]byte) ([]byte, error) { return nil, failed }); err != failed {
		t.Error(err)
	}
	id := must(stat(name))(t)
	ok(t, Update(ctx, name, func(old []byte) ([]byte, error) { return old, nil }))
	if must(stat(name))(t) != id {
		t.Error("written although nothing changed")
	}
}
