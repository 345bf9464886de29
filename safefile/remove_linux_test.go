package safefile

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// After Remove has looked at the path, and before it takes it away, a stranger puts another file there.
func TestRemoveGivesBackWhatIsNotItsOwn(t *testing.T) {
	dir := t.TempDir()
	name := filepath.Join(dir, "lock")
	h := must(TryAcquire(name))(t)
	ok(t, h.unlink(anchorOf(name)))
	ok(t, os.WriteFile(filepath.Join(dir, "x"), []byte("a stranger's"), 0o666))
	ok(t, os.Rename(filepath.Join(dir, "x"), name))
	if more, err := h.aside(); more || err != nil {
		t.Errorf("more %v, error %v", more, err)
	}
	if got, err := os.ReadFile(name); string(got) != "a stranger's" {
		t.Errorf("the path leads to %q (%v)", got, err)
	}
	ok(t, h.Unlock())
	ok(t, must(TryLock(name))(t)()) // which an anchor of the wrong file would prevent
}

// Where no anchor can be made, the lock excludes all the same, and nothing is left beside.
func TestLockWithoutAnchor(t *testing.T) {
	if os.Geteuid() == 0 {
		t.Skip("root may write every directory")
	}
	dir := t.TempDir()
	name := filepath.Join(dir, "lock")
	ok(t, os.WriteFile(name, nil, 0o666))
	ok(t, os.Chmod(dir, 0o555))
	defer os.Chmod(dir, 0o777)
	unlock := must(TryLock(name))(t)
	_, err := TryLock(name)
	want(t, err, ErrLocked)
	ok(t, unlock())
	if names := entries(t, dir); !slices.Equal(names, []string{"lock"}) {
		t.Errorf("left: %v", names)
	}
}

// Between the two steps of Remove somebody gives the anchored file its path back: it must not stay.
func TestRemoveLooksAgain(t *testing.T) {
	dir := t.TempDir()
	name := filepath.Join(dir, "lock")
	h := must(TryAcquire(name))(t)
	ok(t, h.unlink(anchorOf(name)))
	if more, err := h.aside(); !more || err != nil {
		t.Fatalf("more %v, error %v", more, err)
	}
	if names := entries(t, dir); !slices.Equal(names, []string{".lock.anchor"}) {
		t.Errorf("the path is not aside: %v", names)
	}
	if _, err := TryLock(name); err == nil {
		t.Error("let in while the lock is held")
	}
	if names := entries(t, dir); !slices.Equal(names, []string{".lock.anchor", "lock"}) {
		t.Errorf("the path was not given back: %v", names)
	}
	ok(t, h.Remove())
	if names := entries(t, dir); len(names) > 0 {
		t.Errorf("left: %v", names)
	}
}
