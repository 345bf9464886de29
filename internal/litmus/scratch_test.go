package litmus

import (
	"context"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"golang.org/x/sys/unix"
)

// What a dead run left is cleared by the next one, what a living one has is not.
func TestNextRunClearsTheDead(t *testing.T) {
	dir := t.TempDir()
	empty, full := filepath.Join(dir, scratchPrefix+"1"), filepath.Join(dir, scratchPrefix+"2", "case")
	if err := os.MkdirAll(empty, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(full, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(full, "file"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	alive, remove, err := makeScratch(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer remove()
	if _, err := Run(context.Background(), []Place{{Dir: dir}}, Options{Select: []string{"own/odd trials"}, Trials: 1}); err != nil {
		t.Fatal(err)
	}
	left, err := os.ReadDir(dir)
	if err != nil || len(left) != 1 || left[0].Name() != filepath.Base(alive) {
		t.Errorf("left are %v, want %s alone; %v", left, filepath.Base(alive), err)
	}
	if fd, err := unix.Open(alive, unix.O_RDONLY|unix.O_CLOEXEC, 0); err != nil {
		t.Error(err)
	} else {
		if err := unix.Flock(fd, unix.LOCK_EX|unix.LOCK_NB); err != unix.EWOULDBLOCK {
			t.Errorf("the living run's lock: %v", err)
		}
		unix.Close(fd)
	}
}

// A directory may be taken for dead between its making and its locking; then another is made.
func TestScratchBearsCompany(t *testing.T) {
	dir := t.TempDir()
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			for range 100 {
				path, remove, err := makeScratch(dir)
				if err != nil {
					t.Error(err)
					return
				}
				if err := os.Mkdir(filepath.Join(path, "case"), 0o700); err != nil {
					t.Error(err)
				}
				remove()
			}
		})
	}
	all.Wait()
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

// Somebody else's directory, a file or a symbolic link of such a name is left alone.
func TestOnlyDirectoriesAreCleared(t *testing.T) {
	dir := t.TempDir()
	other := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, scratchPrefix+"file"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(other, filepath.Join(dir, scratchPrefix+"link")); err != nil {
		t.Fatal(err)
	}
	clearDead(dir)
	clearIfDead(filepath.Join(dir, scratchPrefix+"link"))
	left, err := os.ReadDir(dir)
	if err != nil || len(left) != 2 {
		t.Errorf("left are %v, %v", left, err)
	}
	if _, err := os.Stat(other); err != nil {
		t.Error(err)
	}
}
