//go:build unix

package safefile

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// Update replaces the content of a file by what change makes of it: no update is lost, and
// readers see the old content or the new one, whole. old is nil if there is no file.
// If change returns an error or the content that it was given, nothing is written;
// its error is returned as it is. change is called once, while the lock is held, and must not
// call Update on the same path.
//
// It holds for all that use Update: it takes the lock of .NAME.lock beside the file
// (after following symbolic links), as Lock does, and writes as WriteFile does, at the cost of both. The lock
// file stays. flock(1) on .NAME.lock joins in.
//
// What can still go wrong: an error from syncing the directory means that the
// update is there, but may not survive a crash of the machine. Who is killed has made the
// update or has not; both are whole.
func Update(ctx context.Context, path string, change func(old []byte) (new []byte, err error), opts ...Option) error {
	o := collect(opts)
	name, err := resolve(path, o.noFollow)
	if err != nil {
		return fail("update", path, err)
	}
	dir, base := filepath.Split(name)
	unlock, err := Lock(ctx, dir+"."+base+".lock", Perm(o.perm))
	if err != nil {
		return fail("update", path, err)
	}
	defer unlock()
	old, err := readRegular(name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		old = nil
	case err != nil:
		return fail("update", path, err)
	case old == nil:
		old = []byte{}
	}
	before := string(old)
	data, err := change(old)
	if err != nil {
		return err
	}
	if old != nil && string(data) == before {
		return nil
	}
	return fail("update", path, WriteFile(name, data, opts...))
}

// readRegular reads a file that nobody changes meanwhile.
func readRegular(name string) ([]byte, error) {
	f, err := openLive(name, os.O_RDONLY, 0)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(f)
}
