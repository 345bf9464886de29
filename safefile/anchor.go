//go:build unix

package safefile

import (
	"context"
	"errors"
	"hash/fnv"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// A lock belongs to an inode, not to a name. If somebody deletes the lock file while
// it is held, the next one would make a new inode and lock that. So the file has a
// second, hidden name: its anchor, a hard link. Whoever locks must hold the lock of
// the inode that the anchor names, and who finds the path gone gives the anchored
// inode its name back instead of making a new one.
//
// The invariant: as long as somebody is inside with the inode X, the anchor names X.
// It is made by link(2), which never replaces (litmus: create); it is
// taken away only by one who has X locked exclusively. Who is inside has locked X
// and seen the anchor name X while X was open, so X cannot have been freed and its
// number given to another file between (litmus: reuse).
//
// Where the file cannot be linked (no right to write the directory, vfat, the
// kernel's protected_hardlinks), what remains is to compare with the path itself.

// anchorOf is the hidden name beside the file.
func anchorOf(name string) string {
	cut := strings.LastIndexByte(name, '/') + 1
	dir, base := name[:cut], name[cut:]
	if len(base) > 216 { // NAME_MAX is 255; temp- and 26 letters may follow
		h := fnv.New64a()
		h.Write([]byte(base))
		base = base[:200] + strconv.FormatUint(h.Sum64(), 16)
	}
	return dir + "." + base + ".anchor"
}

// open opens the lock file, in whatever way is allowed, following symbolic links to
// the file itself: the anchor has to stand beside it.
func (h *Held) open() error {
	// O_NONBLOCK lest a FIFO or a modem keeps us; for regular files it means nothing,
	// but that a leased one is refused instead of waited for.
	access := unix.O_RDONLY
	if h.o.owner && !h.shared {
		access = unix.O_RDWR
	}
	const flags = unix.O_NOFOLLOW | unix.O_NONBLOCK | unix.O_NOCTTY
	create := 0
	h.name = h.path
	for links := 0; links <= maxLinks; {
		fd, err := open(h.name, access|create|flags, uint32(h.o.perm))
		switch {
		case err == nil:
			h.fd = fd
			return nil
		case refusedLink(err) && h.o.noFollow:
			return ErrSymlink
		case refusedLink(err):
			links++
			to, err := follow(h.name)
			if err != nil && err != unix.ENOENT && err != unix.EINVAL { // it was one just now
				return err
			}
			if err == nil {
				h.name = to
			}
		case err == unix.ENOENT && create == 0:
			if h.o.bare || unix.Link(anchorOf(h.name), h.name) != nil {
				create = unix.O_CREAT
			}
		case err == unix.EACCES && access == unix.O_RDONLY:
			access = unix.O_WRONLY
		case err == unix.EWOULDBLOCK: // leased: opening it in earnest breaks the lease
			if fd, err = open(h.name, access|unix.O_NOFOLLOW|unix.O_NOCTTY, 0); err != nil {
				return err
			}
			h.fd = fd
			return nil
		default:
			return err
		}
	}
	return unix.ELOOP
}

// openForWriting opens the same file once more.
func (h *Held) openForWriting() error {
	fd, err := open(h.name, unix.O_RDWR|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0)
	if err != nil {
		return err
	}
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil || identity(&st) != h.id {
		unix.Close(fd)
		return unix.ESTALE
	}
	unix.Close(h.fd)
	h.fd = fd
	return nil
}

// verdict is what became of a file between its opening and its locking.
type verdict int

const (
	settled   verdict = iota // all agree on this inode
	gone                     // the path names another one or none
	elsewhere                // the path names this one, the anchor another
)

// settle tells whether the locked inode is the one on which all agree.
func (h *Held) settle() verdict {
	if !revalidate {
		return settled
	}
	if h.o.bare {
		return h.named()
	}
	anchor := anchorOf(h.name)
	switch id, err := lstat(anchor); {
	case err == nil && id == h.id:
		return settled
	case err == nil:
		return elsewhere
	case err != unix.ENOENT:
		return h.named()
	}
	// Nothing is anchored: this file, if it still has its name. An anchor made for
	// another one would stay behind when its holder is about to delete it.
	if h.named() == gone {
		return gone
	}
	switch unix.Link(h.name, anchor) {
	case nil:
		if id, err := lstat(anchor); err == nil && id == h.id {
			return settled
		}
		return gone // the path had been given away just before
	case unix.EEXIST, unix.ENOENT:
		return gone
	}
	return h.named()
}

// named compares with what the path names now.
func (h *Held) named() verdict {
	if id, err := lstat(h.name); err != nil || id != h.id {
		return gone
	}
	return settled
}

// moveAnchor lets the anchor name the file that the path names. It needs both locks:
// with the anchored one nobody is inside, with the other one nobody moves it again.
// Two who lock them in different order would have seen different states; the one
// whose state is over notices at its next try.
func moveAnchor(ctx context.Context, name, anchor string, try bool) error {
	const flags = unix.O_RDONLY | unix.O_NOFOLLOW | unix.O_NONBLOCK | unix.O_NOCTTY
	var fds [2]int
	for i, n := range []string{name, anchor} {
		fd, err := open(n, flags, 0)
		switch {
		case err == unix.ENOENT, n == name && refusedLink(err):
			return nil // changed meanwhile
		case refusedLink(err):
			return fail("open", anchor, ErrSymlink)
		case err != nil:
			return fail("open", n, err)
		}
		defer unix.Close(fd)
		fds[i] = fd
	}
	var pause backoff
	for {
		// One file by now: somebody else moved the anchor, or made the path anew from it. Its two
		// descriptors would wait for each other.
		if !still(name, fds[0]) || !still(anchor, fds[1]) || still(name, fds[1]) {
			return nil
		}
		err := again(func() error { return flock(fds[0], unix.LOCK_EX|unix.LOCK_NB) })
		if err == nil {
			if err = again(func() error { return flock(fds[1], unix.LOCK_EX|unix.LOCK_NB) }); err == nil {
				break
			}
			flock(fds[0], unix.LOCK_UN)
		}
		switch {
		case err != unix.EWOULDBLOCK:
			return err
		case try:
			return ErrLocked
		}
		if err := pause.sleep(ctx); err != nil {
			return err
		}
	}
	if !still(name, fds[0]) || !still(anchor, fds[1]) {
		return nil
	}
	if err := unix.Unlink(anchor); err != nil && err != unix.ENOENT {
		return fail("unlink", anchor, err)
	}
	unix.Link(name, anchor) // else the next one makes it, or compares with the path
	return nil
}

// still tells whether a name is that of an open file.
func still(name string, fd int) bool {
	var st unix.Stat_t
	if unix.Fstat(fd, &st) != nil {
		return false
	}
	id, err := lstat(name)
	return err == nil && id == identity(&st)
}

// remove deletes the lock file and its anchor. Until the lock is given up nobody can
// get in with the inode, and afterwards everybody finds that the anchor is gone.
func (h *Held) remove() error {
	if h.shared {
		// Not atomic: another holder may get in between and leave first. But if it
		// succeeds, nobody else has the lock.
		if again(func() error { return flock(h.fd, unix.LOCK_EX|unix.LOCK_NB) }) != nil {
			return nil
		}
	}
	for {
		if !h.o.bare {
			if err := h.unlink(anchorOf(h.name)); err != nil {
				return err
			}
		}
		if again, err := h.takeName(); err != nil || !again {
			return err
		}
	}
}

// unlink deletes a name of the locked file, and leaves it alone if it is another's.
func (h *Held) unlink(name string) error {
	id, err := lstat(name)
	if err == nil && id == h.id {
		err = unix.Unlink(name)
	}
	if err == unix.ENOENT {
		return nil
	}
	return err
}

// takeName takes the path away from the locked file if it has it; more: look again.
func (h *Held) takeName() (more bool, err error) {
	if id, err := lstat(h.name); err != nil || id != h.id {
		return false, nil
	}
	if h.o.bare {
		return false, h.unlink(h.name)
	}
	return h.aside()
}

// aside takes the path away from whatever file has it, and gives it back if that is not the
// locked one: after a look at the path, a stranger may delete it and the next one put his
// own file there, on which he is inside. So the path is renamed to the anchor, where it
// can be looked at; should this process be killed, an anchored file without a path is
// what everybody knows how to mend. Somebody may have done so with the right file
// before it was deleted: more.
func (h *Held) aside() (more bool, err error) {
	anchor := anchorOf(h.name)
	switch err := renameExclusive(h.name, anchor, errors.ErrUnsupported); err {
	case nil:
	case unix.ENOENT, unix.EEXIST: // the path is gone; another file is anchored, and has the path
		return false, nil
	case errors.ErrUnsupported:
		return false, h.unlink(h.name)
	default:
		return false, err
	}
	if id, err := lstat(anchor); err != nil || id == h.id {
		return err == nil, nil
	}
	if err := unix.Link(anchor, h.name); err != nil && err != unix.EEXIST {
		renameExclusive(anchor, h.name, nil) // no hard links here
	}
	return false, nil
}
