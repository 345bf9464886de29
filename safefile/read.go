//go:build unix

package safefile

import (
	"bytes"
	"context"
	"io"
	"io/fs"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// attempts is how often OpenLive opens a file that is gone when it is open. A file that is
// replaced as fast as a loop can do it is met alive after a few.
const attempts = 1000

// OpenLive opens a regular file (flag and perm as for os.OpenFile) such that path
// named it at a moment after it was open. open(2) itself can return a file that was
// deleted or replaced while it was being looked up, and some systems then show it
// empty (litmus: open-unlink).
//
// It costs open, fstat and stat. The file can be deleted or replaced right afterwards;
// who must exclude that needs a lock. FIFOs and other things are refused with
// ErrNotRegular at once, without waiting for a writer. ErrUnstable: it was gone each
// time in a thousand. On NFS, stat may be answered from what the client remembers, for seconds.
func OpenLive(path string, flag int, perm fs.FileMode) (*os.File, error) {
	f, err := openLive(path, flag, perm)
	return f, fail("open", path, err)
}

func openLive(path string, flag int, perm fs.FileMode) (*os.File, error) {
	mode := uint32(perm.Perm())
	// A file that somebody else replaced must not be cut off.
	truncate := flag&os.O_TRUNC != 0
	flag &^= os.O_TRUNC
	for range attempts {
		fd, err := open(path, flag|unix.O_NONBLOCK|unix.O_NOCTTY, mode)
		if err == unix.EWOULDBLOCK { // leased: wait until the lease is broken
			fd, err = open(path, flag|unix.O_NOCTTY, mode)
		}
		if err == unix.ENXIO { // a FIFO to be written that nobody reads
			return nil, ErrNotRegular
		}
		if err != nil {
			return nil, err
		}
		live, err := isLive(fd, path)
		if err == nil && live && truncate {
			err = unix.Ftruncate(fd, 0)
		}
		if err != nil {
			unix.Close(fd)
			return nil, err
		}
		if live {
			unix.SetNonblock(fd, false)
			return os.NewFile(uintptr(fd), path), nil
		}
		unix.Close(fd)
		if flag&os.O_EXCL != 0 {
			return nil, ErrUnstable // it was made, and is gone
		}
	}
	return nil, ErrUnstable
}

func isLive(fd int, path string) (bool, error) {
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return false, err
	}
	switch {
	case st.Mode&unix.S_IFMT == unix.S_IFDIR:
		return false, unix.EISDIR
	case !regular(&st):
		return false, ErrNotRegular
	case !revalidate:
		return true, nil
	}
	id, err := stat(path)
	return err == nil && id == identity(&st), nil
}

// tick is how coarse time stamps of files may be: Linux took them from the timer
// interrupt, at most 10 ms apart, until 6.13, and some file systems still do.
const tick = 10 * time.Millisecond

// ReadFile reads a file as it was at one moment: if it was replaced or changed
// meanwhile, it is read again, until ctx is done.
//
// Against writers that replace the file (WriteFile, Update, rename(2)) that is
// exact (litmus: replace, open-unlink). A change in place is seen by size and time stamps, and of a file changed less
// than two ticks ago by a second look after one. What nobody can see from outside is
// a writer in place that pauses in the middle of its writing; it needs a lock (litmus: truncate).
//
// It costs open, fstat, stat, read, fstat, stat and close; for a file just changed, a
// wait of 10 ms.
func ReadFile(ctx context.Context, path string) ([]byte, error) {
	var pause backoff
	for {
		data, ok, err := snapshot(ctx, path)
		switch {
		case err != nil:
			return nil, fail("read", path, err)
		case ok:
			return data, nil
		}
		if err := pause.sleep(ctx); err != nil {
			return nil, fail("read", path, err)
		}
	}
}

func snapshot(ctx context.Context, path string) (data []byte, ok bool, err error) {
	f, err := openLive(path, os.O_RDONLY, 0)
	if err != nil {
		return nil, false, err
	}
	defer f.Close()
	before, err := f.Stat()
	if err != nil {
		return nil, false, err
	}
	if data, err = io.ReadAll(f); err != nil {
		return nil, false, err
	}
	if time.Since(before.ModTime()) < 2*tick {
		if err := sleep(ctx, tick); err != nil {
			return nil, false, err
		}
		if _, err := f.Seek(0, io.SeekStart); err != nil {
			return nil, false, err
		}
		second, err := io.ReadAll(f)
		if err != nil || !bytes.Equal(data, second) {
			return nil, false, err
		}
	}
	after, err := f.Stat()
	if err != nil {
		return nil, false, err
	}
	ok = after.Size() == int64(len(data)) && after.Size() == before.Size() && after.ModTime().Equal(before.ModTime())
	return data, ok, nil
}
