//go:build unix

package safefile

import (
	"io"

	"golang.org/x/sys/unix"
)

// Append adds a record at the end of a file, which it creates if there is none: one
// write(2) with O_APPEND, so that no record of another process is lost or mixed with it
// (litmus: append), however long it is. It costs open, fstat, write and close. It does not sync: after
// a crash of the machine the last records may be missing or torn.
//
// A write that a full disk, a limit or a signal cut short is never hidden. Plain, the
// rest is written behind it; if that works, the error wraps ErrSplit: all is there,
// but records of others may stand between. If not, it wraps io.ErrShortWrite and the
// kernel's reason, and a part of the record stays in the file. With Framed, the whole
// record is written once more and nil means that it stands there once; Records passes
// over what was torn.
//
// What can still go wrong: NFS has no O_APPEND, there records get lost; after a
// rotation by rename the record goes to the file that had the name when it was opened.
func Append(path string, record []byte, opts ...Option) error {
	return fail("append", path, appendRecord(path, record, collect(opts)))
}

func appendRecord(path string, record []byte, o options) error {
	flags := unix.O_WRONLY | unix.O_APPEND | unix.O_CREAT | unix.O_NONBLOCK | unix.O_NOCTTY
	if o.noFollow {
		flags |= unix.O_NOFOLLOW
	}
	fd, err := open(path, flags, uint32(o.perm))
	switch {
	case refusedLink(err) && o.noFollow:
		return ErrSymlink
	case err == unix.ENXIO: // a FIFO that nobody reads
		return ErrNotRegular
	case err != nil:
		return err
	}
	defer unix.Close(fd)
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return err
	}
	if !regular(&st) {
		return ErrNotRegular
	}
	if o.framed {
		if record, err = frame(record); err != nil {
			return err
		}
	}
	return appendBytes(fd, record, o.framed)
}

// write is a variable so that tests can cut a write short.
var write = unix.Write

func appendBytes(fd int, b []byte, whole bool) error {
	split, left := false, b
	for pieces := 0; ; pieces++ {
		n, err := write(fd, left)
		switch {
		case err == unix.EINTR:
			continue
		case err != nil && split:
			return &shortWrite{err}
		case err != nil:
			return err
		case n == len(left) && split && !whole:
			return ErrSplit
		case n == len(left):
			return nil
		case n == 0 || pieces == attempts:
			return io.ErrShortWrite
		}
		if split = true; !whole {
			left = left[n:]
		}
	}
}

// shortWrite is a write that was cut short, and why the rest could not follow.
type shortWrite struct{ reason error }

func (e *shortWrite) Error() string {
	return "a part of the record was written, but the rest was not: " + e.reason.Error()
}

func (e *shortWrite) Unwrap() []error { return []error{io.ErrShortWrite, e.reason} }
