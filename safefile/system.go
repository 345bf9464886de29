//go:build unix

package safefile

import (
	"errors"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// flock and others are variables so that tests can let them fail as file systems
// do that are not at hand: ENOLCK of an NFS without its lock daemon.
var (
	flock      = unix.Flock
	fcntlFlock = unix.FcntlFlock
	fsync      = unix.Fsync
)

// fileID names a file as long as somebody has it open or it has a name. The
// number of an inode comes back as soon as the inode is freed (litmus:
// reuse), so two identities may be compared only while a descriptor of one
// of them is open.
type fileID struct{ dev, ino uint64 }

func identity(st *unix.Stat_t) fileID { return fileID{uint64(st.Dev), st.Ino} }

func regular(st *unix.Stat_t) bool { return st.Mode&unix.S_IFMT == unix.S_IFREG }

// again calls f until it is not interrupted by a signal: flock(2) on a slow file
// system and open(2) of a leased file return EINTR even with SA_RESTART.
func again(f func() error) error {
	for {
		if err := f(); err != unix.EINTR {
			return err
		}
	}
}

func open(name string, flags int, perm uint32) (fd int, err error) {
	for {
		fd, err = unix.Open(name, flags|unix.O_CLOEXEC, perm)
		if err != unix.EINTR {
			return fd, err
		}
	}
}

func stat(name string) (id fileID, err error) {
	var st unix.Stat_t
	if err := unix.Stat(name, &st); err != nil {
		return id, err
	}
	return identity(&st), nil
}

// lstat is stat for a name that must not be a symbolic link.
func lstat(name string) (id fileID, err error) {
	var st unix.Stat_t
	if err := unix.Lstat(name, &st); err != nil {
		return id, err
	}
	return identity(&st), nil
}

// refusedLink tells whether open(2) with O_NOFOLLOW met a symbolic link: ELOOP on
// Linux, macOS and OpenBSD, EMLINK on FreeBSD, EFTYPE on NetBSD.
func refusedLink(err error) bool { return err == unix.ELOOP || err == unix.EMLINK || err == eftype }

// maxLinks is how many symbolic links a path may lead through, as on Linux.
const maxLinks = 40

// follow returns the name to which a symbolic link leads, one step.
func follow(name string) (string, error) {
	buf := make([]byte, 4096) // PATH_MAX
	n, err := unix.Readlink(name, buf)
	if err != nil {
		return "", err
	}
	to := string(buf[:n])
	if !filepath.IsAbs(to) {
		// Not cleaned: .. after a symbolic link leads elsewhere than its text says.
		to = filepath.Dir(name) + "/" + to
	}
	return to, nil
}

// resolve follows the symbolic links that the last element of path is, so that
// what is made beside the file is made beside the same file whatever it is called.
func resolve(path string, refuse bool) (string, error) {
	if path == "" {
		return "", unix.ENOENT
	}
	name := path
	for range maxLinks {
		var st unix.Stat_t
		err := unix.Lstat(name, &st)
		switch {
		case errors.Is(err, unix.ENOENT):
			return name, nil
		case err != nil:
			return "", err
		case st.Mode&unix.S_IFMT != unix.S_IFLNK:
			return name, nil
		case refuse:
			return "", ErrSymlink
		}
		if name, err = follow(name); err != nil {
			return "", err
		}
	}
	return "", unix.ELOOP
}
