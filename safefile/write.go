//go:build unix

package safefile

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// WriteFile gives path the content data as a whole: every reader finds the old file or
// the new one, never neither and never a part (litmus: replace). When it returns nil, the new
// file also survives a crash of the machine: file and directory are synced.
//
// A file that was there keeps its mode, owner, group, extended attributes and ACL; if
// they cannot be kept (somebody else's file), that is an error and the old file stays. Its other
// hard links keep the old content. A new file gets Perm, less the umask. A symbolic link stays and
// the file that it leads to is replaced, unless NoFollow refuses it.
//
// It costs a temporary file in the same directory, two fsync(2) and a rename(2). After
// an error the old content is intact and no temporary file is left, with one exception:
// when syncing the directory fails, the new file is there, but may not survive a
// crash. A writer that is killed leaves its temporary file; the next writer of the
// same path deletes it.
//
// What can still go wrong: the right to write the old file is not asked for, only
// that to write the directory; of two writers the last one wins (Update loses nothing); a lease
// on the old file (Lease) is waited for, as by any open; a reader on another NFS client may get ESTALE.
func WriteFile(path string, data []byte, opts ...Option) error {
	f, err := create("write", path, collect(opts))
	if err != nil {
		return err
	}
	if _, err := f.Write(data); err != nil {
		f.Abort()
		return err
	}
	return f.Commit()
}

// CreateExclusive makes a file with the content data if there is none of that name: of
// any number of callers exactly one succeeds, and the others get an error that wraps
// fs.ErrExist (litmus: create). The file appears whole. Where a file system has no hard
// links, Linux renames without replacing; elsewhere that is an error. It costs what WriteFile does, and an
// unlink(2) more.
//
// What can still go wrong: on NFS the winner gets fs.ErrExist, too, if the answer to its link(2) is lost and
// the client asks again. Who is killed between link and unlink leaves a second name of
// the file, which the next writer deletes as it does temporary files.
func CreateExclusive(path string, data []byte, opts ...Option) error {
	return WriteFile(path, data, append(opts[:len(opts):len(opts)], Exclusive())...)
}

// Pending is a file that is being written and not to be seen yet. It is not for
// several goroutines at once.
type Pending struct {
	path, name string // as given; the file to replace
	temp       string
	file       *os.File
	old        *unix.Stat_t // what is replaced, if anything
	o          options
}

// Create starts a file that takes the place of path at Commit, as WriteFile does.
// Until then it is a temporary file beside path. Abort or Commit must be called;
// Abort may be deferred.
func Create(path string, opts ...Option) (*Pending, error) {
	return create("create", path, collect(opts))
}

func create(op, path string, o options) (*Pending, error) {
	p := &Pending{path: path, o: o}
	if err := p.start(); err != nil {
		return nil, fail(op, path, err)
	}
	return p, nil
}

func (p *Pending) start() (err error) {
	if p.name, err = resolve(p.path, p.o.noFollow); err != nil {
		return err
	}
	perm := uint32(p.o.perm)
	var st unix.Stat_t
	switch err := unix.Lstat(p.name, &st); {
	case errors.Is(err, unix.ENOENT):
	case err != nil:
		return err
	case p.o.exclusive:
		return unix.EEXIST
	case st.Mode&unix.S_IFMT == unix.S_IFDIR:
		return unix.EISDIR
	case !regular(&st):
		return ErrNotRegular
	default:
		p.old, perm = &st, 0o600 // not for more eyes than the old one, until it is finished
	}
	fd, temp, err := createTemp(p.name, perm)
	if err != nil {
		return err
	}
	p.temp, p.file = temp, os.NewFile(uintptr(fd), p.path)
	return nil
}

// Write writes to the file.
func (p *Pending) Write(b []byte) (n int, err error) { return p.file.Write(b) }

// File is the file to write to; it must not be closed. Its Name is the path at which it will appear.
func (p *Pending) File() *os.File { return p.file }

// Abort gives up: the temporary file is deleted. After Commit it does nothing.
func (p *Pending) Abort() error {
	if p.file == nil {
		return nil
	}
	err := unix.Unlink(p.temp) // while its lock says that we live
	p.file.Close()
	p.file = nil
	return fail("abort", p.path, err)
}

// Commit makes the file visible under its name, whole and durable. After an error
// other than that of syncing the directory, the temporary file is gone and the old
// one in place.
func (p *Pending) Commit() error {
	if p.file == nil {
		return fail("commit", p.path, ErrReleased)
	}
	err := p.finish()
	if err == nil {
		err = p.publish()
	}
	if err != nil {
		p.Abort()
		return fail("commit", p.path, err)
	}
	p.file.Close()
	p.file = nil
	if p.o.noSync {
		return nil
	}
	return fail("commit", p.path, syncDir(filepath.Dir(p.name)))
}

// finish completes the temporary file. Data first: writing takes away capabilities and setuid.
func (p *Pending) finish() error {
	fd := int(p.file.Fd())
	if p.old != nil {
		old, err := open(p.name, unix.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0)
		if err == unix.EWOULDBLOCK { // leased: wait until the lease is broken
			old, err = open(p.name, unix.O_RDONLY|unix.O_NOFOLLOW, 0)
		}
		if err == nil {
			err = copyAttributes(old, fd)
			unix.Close(old)
		}
		// An old file that is not there any more or that we may not read keeps
		// at least what stat told.
		if err != nil && err != unix.ENOENT && err != unix.EACCES {
			return err
		}
		if err := copyModeOwner(p.old, fd); err != nil {
			return err
		}
	}
	if p.o.noSync {
		return nil
	}
	return again(func() error { return fsync(fd) })
}

// publish gives the temporary file its name.
func (p *Pending) publish() error {
	if !p.o.exclusive {
		return unix.Rename(p.temp, p.name)
	}
	switch err := unix.Link(p.temp, p.name); err {
	case nil:
		return unix.Unlink(p.temp)
	case unix.EPERM, unix.ENOTSUP, unix.ENOSYS:
		return renameExclusive(p.temp, p.name, err)
	default:
		return err
	}
}

// copyModeOwner gives a new file the mode and the owner of the old one. chown(2)
// comes first, as it takes setuid away.
func copyModeOwner(old *unix.Stat_t, fd int) error {
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return err
	}
	if st.Uid != old.Uid || st.Gid != old.Gid {
		if err := unix.Fchown(fd, int(old.Uid), int(old.Gid)); err != nil {
			return err
		}
	}
	if st.Mode&0o7777 == old.Mode&0o7777 && st.Uid == old.Uid {
		return nil
	}
	return again(func() error { return unix.Fchmod(fd, uint32(old.Mode&0o7777)) })
}

// syncDir makes a change of names durable. Not every file system can sync a directory.
func syncDir(dir string) error {
	fd, err := open(dir, unix.O_RDONLY|unix.O_DIRECTORY, 0)
	if errors.Is(err, fs.ErrPermission) {
		return nil // a directory that may be written but not read cannot be opened
	}
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	err = again(func() error { return fsync(fd) })
	if err == unix.EINVAL || err == unix.ENOTSUP {
		return nil
	}
	return err
}
