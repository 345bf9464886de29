//go:build unix

package safefile

import (
	"os"
	"strconv"

	"golang.org/x/sys/unix"
)

// maxRecord is the longest record of an owner: a process id and a line end.
const maxRecord = 21

// sign records this process as the owner: its id in decimal and a line end, as PID
// files have it. flock(1) and the others do not read the file.
func (h *Held) sign() error {
	var buf [maxRecord + 1]byte
	n, err := unix.Pread(h.fd, buf[:], 0)
	if err != nil {
		return err
	}
	if _, ok := parsePID(buf[:n]); n > 0 && !ok {
		return ErrNotRecord
	}
	if err := unix.Ftruncate(h.fd, 0); err != nil {
		return err
	}
	record := strconv.AppendInt(nil, int64(os.Getpid()), 10)
	_, err = unix.Pwrite(h.fd, append(record, '\n'), 0)
	return err
}

// parsePID reads a record. One that lacks its line end was being written.
func parsePID(b []byte) (pid int, ok bool) {
	if len(b) < 2 || len(b) > maxRecord || b[len(b)-1] != '\n' {
		return 0, false
	}
	pid, err := strconv.Atoi(string(b[:len(b)-1]))
	return pid, err == nil && pid > 0
}

// Owner returns the id of the process that holds the lock on the file, exclusively or
// shared (one of them): ErrNotLocked if nobody does, fs.ErrNotExist if there is no file.
//
// On Linux it asks /proc/locks, which disturbs nobody; it knows processes of the
// caller's PID namespace only, and names the process that took the lock, which may have
// left it to a child and ended. Otherwise it tries the lock for a moment, which tells a record that a killed
// process left behind from a live one, but can make a TryLock at that moment fail; a
// locked file's record (WithOwner, PIDFile) counts if that process is alive. When
// neither tells, the error is ErrOwnerUnknown: locked, by a process in another PID
// namespace, by another machine, or by a program that writes no record.
//
// The answer can be out of date when it is there. It is for people to read, not to
// decide by.
func Owner(path string) (pid int, err error) {
	pid, err = owner(path)
	return pid, fail("owner", path, err)
}

func owner(path string) (int, error) {
	fd, err := open(path, unix.O_RDONLY|unix.O_NONBLOCK|unix.O_NOCTTY, 0)
	if err != nil {
		return 0, err
	}
	defer unix.Close(fd)
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return 0, err
	}
	if !regular(&st) {
		return 0, ErrNotRegular
	}
	if pid := lockedBy(&st); pid > 0 && alive(pid) {
		return pid, nil
	}
	switch err := again(func() error { return flock(fd, unix.LOCK_SH|unix.LOCK_NB) }); err {
	case nil:
		// A shared lock was no obstacle to this try; on systems that cannot say more,
		// a file with shared holders only counts as not locked.
		return 0, ErrNotLocked
	case unix.EWOULDBLOCK:
	default:
		return 0, err
	}
	var buf [maxRecord + 1]byte
	n, err := unix.Pread(fd, buf[:], 0)
	if err != nil {
		return 0, err
	}
	if pid, ok := parsePID(buf[:n]); ok && alive(pid) {
		return pid, nil
	}
	return 0, ErrOwnerUnknown
}

// alive tells whether there is such a process. EPERM: yes, somebody else's.
func alive(pid int) bool {
	err := unix.Kill(pid, 0)
	return err == nil || err == unix.EPERM
}
