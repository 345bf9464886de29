package safefile

import "golang.org/x/sys/unix"

const noAttribute = unix.ENODATA

// renameExclusive is rename(2) that fails with EEXIST, for file systems without hard
// links; refused is what link(2) said.
func renameExclusive(from, to string, refused error) error {
	err := unix.Renameat2(unix.AT_FDCWD, from, unix.AT_FDCWD, to, unix.RENAME_NOREPLACE)
	if err == unix.EINVAL || err == unix.ENOSYS {
		return refused
	}
	return err
}
