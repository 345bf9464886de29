package litmus

import (
	"strconv"

	"golang.org/x/sys/unix"
)

func renameNoReplace(from, to string) error {
	return unix.Renameat2(unix.AT_FDCWD, from, unix.AT_FDCWD, to, unix.RENAME_NOREPLACE)
}

func renameExchange(a, b string) error {
	return unix.Renameat2(unix.AT_FDCWD, a, unix.AT_FDCWD, b, unix.RENAME_EXCHANGE)
}

func writev(fd int, pieces [][]byte) (int, error) { return unix.Writev(fd, pieces) }

const flagDirect = unix.O_DIRECT

// fallocate makes room for a range and makes the file long enough for it.
func fallocate(fd int, at, n int64) error { return unix.Fallocate(fd, 0, at, n) }

func signalThread(pid, tid int, sig unix.Signal) error { return unix.Tgkill(pid, tid, sig) }

// room is how many bytes of the file system are free.
func room(dir string) (int64, error) {
	var st unix.Statfs_t
	err := unix.Statfs(dir, &st)
	return int64(st.Bavail) * st.Bsize, err
}

// openExclusivelyLocked opens "file" and locks it by one call, O_EXLOCK.
func openExclusivelyLocked() (int, error) { return -1, errHere }

// openAgain makes another open file description of a file that may have no name.
func openAgain(fd int) (int, error) {
	return unix.Open("/proc/self/fd/"+strconv.Itoa(fd), unix.O_RDWR|unix.O_CLOEXEC, 0)
}
