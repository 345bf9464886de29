//go:build unix

package safefile

import (
	"context"
	"errors"
	"io/fs"
	"os"

	"golang.org/x/sys/unix"
)

// RemoveAll deletes a file or a directory with all in it, as os.RemoveAll does, and
// bears company: others may delete and create in it meanwhile. What is created while it
// works is deleted, too, until ctx is done. No error if there is nothing. Symbolic
// links are deleted, not followed, even if one takes the place of a directory just then
// (openat(2) with O_NOFOLLOW; litmus: tree).
//
// When it returns nil there was no such name at a moment before. It costs what os.RemoveAll does, once for each
// time that somebody came between.
//
// What can still go wrong: who is killed leaves a part; nothing is synced. On NFS a file that somebody of
// this machine has open gets another name instead (.nfs…), and its directory stays until it is closed or ctx is done.
func RemoveAll(ctx context.Context, path string) error {
	var pause backoff
	for {
		err := os.RemoveAll(path)
		if !errors.Is(err, unix.ENOTEMPTY) && !errors.Is(err, unix.EEXIST) {
			return err
		}
		if e := pause.sleep(ctx); e != nil {
			return fail("removeall", path, errors.Join(e, err))
		}
	}
}

// MkdirAll creates a directory and all above it that are missing, as os.MkdirAll does, and
// bears company: it starts over when another removes a directory between, until ctx is
// done. Of several who make the same, all succeed (litmus: create).
//
// When it returns nil there was such a directory at a moment before; who must keep it
// holds a lock. It costs what os.MkdirAll does. Nothing is synced: after a crash of the machine it may be missing.
func MkdirAll(ctx context.Context, path string, perm fs.FileMode) error {
	var pause backoff
	for try := 0; ; try++ {
		err := os.MkdirAll(path, perm)
		// Without company, ENOENT means that the path is empty or the working directory gone.
		if !interfered(err) || path == "" || try == attempts {
			return err
		}
		if e := pause.sleep(ctx); e != nil {
			return fail("mkdir", path, errors.Join(e, err))
		}
	}
}

// interfered tells whether a directory on the way came or went meanwhile: it was
// missing, or in the way when it was to be made and not when it was looked at.
func interfered(err error) bool {
	if errors.Is(err, fs.ErrNotExist) {
		return true
	}
	var at *fs.PathError
	if !errors.Is(err, fs.ErrExist) || !errors.As(err, &at) {
		return false
	}
	st, err := os.Lstat(at.Path)
	return errors.Is(err, fs.ErrNotExist) || err == nil && st.IsDir()
}
