//go:build unix

package safefile

import (
	"context"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// everything is each operation on a path that it cannot do its work on.
var everything = map[string]func(path string) error{
	"Lock":      func(p string) error { _, err := Lock(ctx, p); return err },
	"TryRLock":  func(p string) error { _, err := TryRLock(p); return err },
	"Bare":      func(p string) error { _, err := Lock(ctx, p, Bare()); return err },
	"LockRange": func(p string) error { _, err := TryLockRange(p, Range{}); return err },
	"PIDFile":   func(p string) error { _, err := PIDFile(p); return err },
	"WriteFile": func(p string) error { return WriteFile(p, []byte("new")) },
	"Create":    func(p string) error { _, err := Create(p); return err },
	"Append":    func(p string) error { return Append(p, []byte("new")) },
	"Update": func(p string) error {
		return Update(ctx, p, func([]byte) ([]byte, error) { return []byte("new"), nil })
	},
	"CreateExclusive": func(p string) error { return CreateExclusive(p, []byte("new")) },
	"OpenLive":        func(p string) error { _, err := OpenLive(p, os.O_RDWR, 0); return err },
	"ReadFile":        func(p string) error { _, err := ReadFile(ctx, p); return err },
	"Owner":           func(p string) error { _, err := Owner(p); return err },
}

func TestBadPaths(t *testing.T) {
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	ok(t, os.WriteFile(at("file"), []byte("old"), 0o666))
	ok(t, os.Mkdir(at("directory"), 0o777))
	ok(t, unix.Mkfifo(at("fifo"), 0o666))
	ok(t, os.Symlink("loop", at("loop")))
	before := entries(t, dir)
	descriptors := descriptorCount(t)
	for what, act := range everything {
		for name, wanted := range map[string][]error{
			"none/file":              {fs.ErrNotExist},
			"file/file":              {unix.ENOTDIR},
			"directory":              {unix.EISDIR, ErrNotRegular},
			"fifo":                   {ErrNotRegular},
			"loop":                   {unix.ELOOP},
			"":                       {unix.ENOENT, unix.EISDIR, ErrNotRegular},
			strings.Repeat("x", 256): {unix.ENAMETOOLONG},
			"a\x00b":                 {unix.EINVAL},
		} {
			path := name
			if name != "" {
				path = at(name)
			}
			if what == "CreateExclusive" && (name == "directory" || name == "fifo") {
				wanted = []error{fs.ErrExist}
			}
			err := act(path)
			if err == nil {
				t.Errorf("%s of %q succeeds", what, name)
				continue
			}
			if !slices.ContainsFunc(wanted, func(w error) bool { return isPathError(err, w) }) {
				t.Errorf("%s of %q: %v (%T), want %v", what, name, err, err, wanted)
			}
		}
	}
	after := slices.DeleteFunc(entries(t, dir), isLockFile)
	if !slices.Equal(before, after) {
		t.Errorf("there are %v, were %v", after, before)
	}
	if after := descriptorCount(t); after != descriptors {
		t.Errorf("%d descriptors, %d before", after, descriptors)
	}
	noneQueued(t)
}

// What is in the way of a tree is told, and not tried again for ever.
func TestBadTrees(t *testing.T) {
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	ok(t, os.WriteFile(at("file"), []byte("old"), 0o666))
	ok(t, unix.Mkfifo(at("fifo"), 0o666))
	ok(t, os.Symlink("loop", at("loop")))
	before := entries(t, dir)
	for name, wanted := range map[string][]error{
		"file":                   {unix.ENOTDIR},
		"file/a/b":               {unix.ENOTDIR},
		"fifo/a":                 {unix.ENOTDIR},
		"loop":                   {unix.ELOOP, fs.ErrExist},
		"loop/a":                 {unix.ELOOP, fs.ErrExist},
		strings.Repeat("x", 256): {unix.ENAMETOOLONG},
		"a\x00b":                 {unix.EINVAL},
	} {
		err := MkdirAll(ctx, at(name), 0o777)
		if !slices.ContainsFunc(wanted, func(w error) bool { return isPathError(err, w) }) {
			t.Errorf("MkdirAll of %q: %v (%T), want %v", name, err, err, wanted)
		}
	}
	want(t, MkdirAll(ctx, "", 0o777), fs.ErrNotExist)
	want(t, RemoveAll(ctx, at("a\x00b")), unix.EINVAL)
	if after := entries(t, dir); !slices.Equal(before, after) {
		t.Errorf("there are %v, were %v", after, before)
	}
	for _, name := range []string{"none", "none/none", "loop", "fifo", "file"} {
		ok(t, RemoveAll(ctx, at(name)))
	}
	if left := entries(t, dir); len(left) > 0 {
		t.Errorf("left: %v", left)
	}
}

func isPathError(err, wanted error) bool {
	_, path := err.(*fs.PathError)
	return path && errorsIs(err, wanted)
}

// isLockFile: Update's lock file stays, whatever becomes of the update.
func isLockFile(name string) bool {
	return strings.HasSuffix(name, ".lock") || strings.HasSuffix(name, ".anchor")
}

// An NFS without its lock daemon.
func TestNoLocks(t *testing.T) {
	dir := t.TempDir()
	name := filepath.Join(dir, "file")
	ok(t, os.WriteFile(name, []byte("old"), 0o666))
	defer func() { flock, fcntlFlock = unix.Flock, unix.FcntlFlock }()
	flock = func(int, int) error { return unix.ENOLCK }
	fcntlFlock = func(uintptr, int, *unix.Flock_t) error { return unix.ENOLCK }
	before := descriptorCount(t)
	_, err := Lock(ctx, name)
	want(t, err, unix.ENOLCK)
	_, err = LockRange(ctx, name, Range{Length: 1})
	want(t, err, unix.ENOLCK)
	_, err = PIDFile(name + ".pid")
	want(t, err, unix.ENOLCK)
	want(t, Update(ctx, name, func([]byte) ([]byte, error) { return []byte("new"), nil }), unix.ENOLCK)
	content(t, name, "old")
	ok(t, WriteFile(name, []byte("new"))) // needs none
	content(t, name, "new")
	for _, left := range entries(t, dir) {
		if strings.Contains(left, ".temp-") {
			t.Errorf("left: %s", left)
		}
	}
	if after := descriptorCount(t); after != before {
		t.Errorf("%d descriptors, %d before", after, before)
	}
	noneQueued(t)
}

// limitedRole writes where it may or can not: limited DIR WHAT. It answers with the errors.
func limitedRole(args []string) {
	dir := args[0]
	if args[1] == "size" {
		orDie(unix.Setrlimit(unix.RLIMIT_FSIZE, &unix.Rlimit{Cur: 64 << 10, Max: 64 << 10}))
	}
	big := make([]byte, 1<<20)
	for name, err := range map[string]error{
		"WriteFile": WriteFile(filepath.Join(dir, "file"), big),
		"Update": Update(context.Background(), filepath.Join(dir, "file"),
			func([]byte) ([]byte, error) { return big, nil }),
		"CreateExclusive": CreateExclusive(filepath.Join(dir, "new"), big),
	} {
		_, path := err.(*fs.PathError)
		say("%s: %v, %v", name, err, path)
	}
	_, err := Lock(context.Background(), filepath.Join(dir, "lock"))
	say("Lock: %v", err)
}

// checkLimited runs the role and looks that everybody got that error and nothing changed.
func checkLimited(t *testing.T, dir, errno string, cmd *exec.Cmd) {
	t.Helper()
	cmd.Env = append(os.Environ(), roleVariable+"=limited", "GORACE=atexit_sleep_ms=0")
	out, err := cmd.CombinedOutput()
	if err != nil || strings.Count(string(out), errno+", true") != 3 {
		t.Errorf("%v\n%s", err, out)
	}
	content(t, filepath.Join(dir, "file"), "old")
	left := slices.DeleteFunc(entries(t, dir), isLockFile)
	if left = slices.DeleteFunc(left, func(n string) bool { return n == "lock" || n == "fill" }); !slices.Equal(left, []string{"file"}) {
		t.Errorf("there are %v", left)
	}
}

func TestFileSizeLimit(t *testing.T) {
	dir := t.TempDir()
	ok(t, os.WriteFile(filepath.Join(dir, "file"), []byte("old"), 0o666))
	checkLimited(t, dir, "file too large", exec.Command(os.Args[0], dir, "size"))
}

// Root may do everything, so it becomes somebody else for this.
func TestNoPermission(t *testing.T) {
	dir, self := t.TempDir(), os.Args[0]
	var nobody *syscall.SysProcAttr
	if os.Geteuid() == 0 {
		nobody = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
		self = publicCopy(t)
	}
	ok(t, os.WriteFile(filepath.Join(dir, "file"), []byte("old"), 0o666))
	ok(t, os.Chmod(dir, 0o555))
	defer os.Chmod(dir, 0o777)
	cmd := exec.Command(self, dir, "permission")
	cmd.SysProcAttr = nobody
	checkLimited(t, dir, "permission denied", cmd)
	if left := entries(t, dir); len(left) != 1 {
		t.Errorf("there are %v", left)
	}
	if nobody == nil {
		ok(t, must(Lock(ctx, filepath.Join(dir, "file")))(t)()) // needs no more than to open it
	}
}

// publicCopy is this program at a place where everybody may run it.
func publicCopy(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for parent := dir; len(parent) > len(os.TempDir()); parent = filepath.Dir(parent) {
		ok(t, os.Chmod(parent, 0o755))
	}
	self := filepath.Join(dir, "test")
	program, err := os.ReadFile(os.Args[0])
	ok(t, err)
	ok(t, os.WriteFile(self, program, 0o755))
	return self
}
