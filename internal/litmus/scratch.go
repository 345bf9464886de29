package litmus

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"golang.org/x/sys/unix"
)

// scratchPrefix begins the names of the directories in which runs do their work.
const scratchPrefix = ".filerace-litmus-"

// makeScratch makes a directory of the run's own below dir, and removes what runs that
// are dead left there. As long as the run lives it holds a lock on its directory,
// which the kernel drops at its end, however that comes. remove ends the directory.
func makeScratch(dir string) (path string, remove func(), err error) {
	clearDead(dir)
	for {
		path, err = os.MkdirTemp(dir, scratchPrefix)
		if err != nil {
			return "", nil, fmt.Errorf("%w: %w", ErrPlace, err)
		}
		lock, err := os.Open(path)
		if errors.Is(err, fs.ErrNotExist) {
			continue // another run took it for dead: it was not locked yet
		}
		if err != nil {
			os.Remove(path)
			return "", nil, fmt.Errorf("%w: %w", ErrPlace, err)
		}
		// Where directories cannot be locked, NFS for one, nobody else gets the lock either.
		locked := flockWait(int(lock.Fd()), unix.LOCK_EX) == nil
		if locked && !names(path, lock) {
			lock.Close()
			continue
		}
		return path, func() {
			os.RemoveAll(path)
			lock.Close()
		}, nil
	}
}

// names tells whether a path leads to an open file.
func names(path string, f *os.File) bool {
	named, err := os.Lstat(path)
	if err != nil {
		return false
	}
	held, err := f.Stat()
	return err == nil && os.SameFile(named, held)
}

// clearDead removes this user's scratch directories that nobody holds a lock on. A run that
// was killed removes its own by its first process; this is for the rest: all of its
// processes were killed, or the first had not begun.
func clearDead(dir string) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return
	}
	for _, e := range entries {
		if ok, _ := filepath.Match(scratchPrefix+"*", e.Name()); ok && e.IsDir() {
			clearIfDead(filepath.Join(dir, e.Name()))
		}
	}
}

func clearIfDead(path string) {
	f, err := os.OpenFile(path, os.O_RDONLY|unix.O_NOFOLLOW, 0)
	if err != nil {
		return
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil || !info.IsDir() {
		return
	}
	if st, ok := info.Sys().(*syscall.Stat_t); !ok || int(st.Uid) != os.Geteuid() {
		return
	}
	if unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB) == nil && names(path, f) {
		os.RemoveAll(path)
	}
}
