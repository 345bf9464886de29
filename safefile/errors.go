package safefile

import (
	"errors"
	"io/fs"
)

// Errors that callers tell apart with errors.Is. Each comes inside a *fs.PathError
// that names the operation and the path as it was given.
var (
	// ErrLocked: somebody else holds the lock, and the call was not to wait.
	ErrLocked = errors.New("locked by somebody else")
	// ErrNotLocked: nobody holds the lock (Owner).
	ErrNotLocked = errors.New("not locked")
	// ErrOwnerUnknown: the file is locked, and nothing tells by which process (Owner).
	ErrOwnerUnknown = errors.New("locked by an unknown process")
	// ErrNotRegular: the path names something other than a regular file.
	ErrNotRegular = errors.New("not a regular file")
	// ErrSymlink: the path is a symbolic link, and NoFollow was asked for.
	ErrSymlink = errors.New("is a symbolic link")
	// ErrNotRecord: WithOwner or PIDFile would overwrite a file that holds something
	// other than a process id.
	ErrNotRecord = errors.New("holds something other than a process id")
	// ErrUnstable: the file was replaced or changed again at every try.
	ErrUnstable = errors.New("keeps changing")
	// ErrSplit: all bytes were appended, but in more than one write, so that the
	// bytes of another process may stand between them (Append).
	ErrSplit = errors.New("appended in pieces")
	// ErrReleased: the lock, lease or pending file was given up before.
	ErrReleased = fs.ErrClosed
)

// fail puts an error into a *fs.PathError, unless it is one of that path already.
func fail(op, path string, err error) error {
	if err == nil {
		return nil
	}
	var known *fs.PathError
	if errors.As(err, &known) && known.Path == path {
		return err
	}
	return &fs.PathError{Op: op, Path: path, Err: err}
}
