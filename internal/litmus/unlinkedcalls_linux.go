package litmus

import (
	"strconv"

	"golang.org/x/sys/unix"
)

// openNameless makes a file that has no name yet.
func openNameless() (int, error) {
	return unix.Open(".", unix.O_TMPFILE|unix.O_RDWR|unix.O_CLOEXEC, 0o666)
}

// nameByProc gives an open file a name: linkat(2) with AT_SYMLINK_FOLLOW on the
// symbolic link in /proc that stands for the descriptor.
func nameByProc(fd int, name string) error {
	return unix.Linkat(unix.AT_FDCWD, "/proc/self/fd/"+strconv.Itoa(fd), unix.AT_FDCWD, name, unix.AT_SYMLINK_FOLLOW)
}

// settleRoom brings what is freed into the count of free bytes: some file systems
// free blocks only as they commit.
func settleRoom(fd int) { unix.Syncfs(fd) }
