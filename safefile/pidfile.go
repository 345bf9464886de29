//go:build unix

package safefile

import (
	"errors"
	"fmt"
)

// PIDFile writes the id of this process into a file and keeps it locked until the
// returned function is called, which deletes the file, or the process ends. It cannot be
// stolen: whether the file is another live process's is decided by the kernel's lock and
// never by the number in it, so a stale file, a reused id and two starts at once do no
// harm (litmus: flock, lock-removal).
//
// If it is another's, the error wraps ErrLocked and says which process that is, if that can be
// told. A child that inherits no descriptors does not keep it; a process that forks
// itself into the background has to call PIDFile afterwards.
//
// The content is the id in decimal and a line end. A file that holds anything else is refused
// with ErrNotRecord. Readers who only compare numbers see what they always saw.
func PIDFile(path string, opts ...Option) (remove func() error, err error) {
	h, err := TryAcquire(path, append([]Option{Perm(0o644)}, append(opts, WithOwner(), RemoveAfter())...)...)
	if err == nil {
		return h.Unlock, nil
	}
	if errors.Is(err, ErrLocked) {
		if pid, e := Owner(path); e == nil {
			err = fail("pidfile", path, fmt.Errorf("%w: process %d", ErrLocked, pid))
		}
	}
	return nil, err
}
