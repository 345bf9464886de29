// Package openhold stops an open(2) between finding the file and returning it.
// Whoever holds it there can remove, replace or rename the file and then let the
// open go on: what happens by chance one time in a million happens every time.
//
// There are two holds. A [Watcher] is a fanotify(7) permission event on
// directories or on a mount; it needs CAP_SYS_ADMIN and tells who opens what. A
// [Lease] is a fcntl(2) write lease on one file; the file's owner may take it, and
// it tells only that somebody opens. In both the kernel has found the inode when
// the opener is put to sleep (do_dentry_open, fs/open.c: first the permission
// event, then the lease, then the file system's own open; a file that O_CREAT makes
// exists by then, and O_TRUNC has not yet truncated).
//
// Nothing stays held. When the holder closes its hold, ends, or is killed, the kernel
// lets all openers go (fanotify_release, fs/notify/fanotify/fanotify_user.c;
// locks_remove_lease, fs/locks.c). An opener that is held may be killed; it cannot
// be stopped by a signal otherwise while a Watcher holds it.
package openhold

import (
	"errors"

	"filerace/internal/op"
)

// Errors of Watch, WatchMount, Add and TakeLease. Each wraps what the kernel said.
var (
	// ErrUnsupported: this operating system, kernel or file system has no such hold.
	// Permission events need Linux with CONFIG_FANOTIFY_ACCESS_PERMISSIONS.
	ErrUnsupported = errors.New("opens cannot be held here")
	// ErrPrivilege: permission events need CAP_SYS_ADMIN in the first user namespace,
	// a lease the file's owner or CAP_LEASE.
	ErrPrivilege = errors.New("no privilege to hold opens")
	// ErrInUse: a write lease needs a file that nobody else has open.
	ErrInUse = errors.New("the file is open elsewhere")
)

// Open is an open(2) in the kernel: the file is found and not yet returned. It
// is answered once, by Allow or Deny; further answers do nothing.
type Open struct {
	PID, TID int       // the opener, 0 if it is in a foreign pid namespace or gone
	File     op.FileID // the file that was found; without the time of birth
	Links    uint64    // its link count when the open was stopped
	Path     string    // its name then; " (deleted)" follows if it had none
	held     *heldOpen
}
