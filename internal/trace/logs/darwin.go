package logs

import (
	"strings"

	"filerace/internal/op"
)

// Open flags of Darwin (bsd/sys/fcntl.h) beside ours.
const (
	darwinNonblock  = 0x4
	darwinShlock    = 0x10
	darwinExlock    = 0x20
	darwinDirectory = 0x100000
	darwinNofollow  = 0x100
)

var darwinBits = []struct {
	theirs uint64
	ours   string
}{
	{darwinNonblock, "O_NONBLOCK"}, {0x8, "O_APPEND"}, {0x40, "O_ASYNC"}, {0x80, "O_SYNC"},
	{darwinNofollow, "O_NOFOLLOW"}, {0x200, "O_CREAT"}, {0x400, "O_TRUNC"}, {0x800, "O_EXCL"}, {0x20000, "O_NOCTTY"},
	{darwinDirectory, "O_DIRECTORY"}, {0x400000, "O_DSYNC"}, {0x1000000, "O_CLOEXEC"}, {0x20000000, "O_NOFOLLOW"},
}

// darwinFlags turns the flags of a Darwin call into those that op.Decode takes.
func darwinFlags(f uint64, s *shape) uint64 {
	if s.rows[0].Kind != op.Open {
		return f
	}
	g := f & op.O_ACCMODE
	for _, b := range darwinBits {
		if f&b.theirs != 0 {
			g |= symbols[b.ours]
		}
	}
	return g
}

// darwinLock returns the operation of flock(2) that an open with these flags
// carries out, 0 if none.
func darwinLock(f uint64) uint64 {
	lock := uint64(0)
	switch {
	case f&darwinExlock != 0:
		lock = op.LOCK_EX
	case f&darwinShlock != 0:
		lock = op.LOCK_SH
	default:
		return 0
	}
	if f&darwinNonblock != 0 {
		lock |= op.LOCK_NB
	}
	return lock
}

// darwinCall gives our name of a Darwin call (bsd/kern/syscalls.master): the
// cancellation points have a twin that is none, and some a guarded or extended one.
func darwinCall(name string) string {
	name = strings.TrimSuffix(name, "_nocancel")
	switch name {
	case "guarded_open_np", "open_extended", "open_dprotected_np", "guarded_open_dprotected_np":
		return "open"
	case "openat_dprotected_np":
		return "openat"
	case "guarded_close_np":
		return "close"
	case "stat_extended", "stat64_extended":
		return "stat"
	case "lstat_extended", "lstat64_extended":
		return "lstat"
	}
	return name
}

// linuxErrno turns an error number of Darwin (bsd/sys/errno.h) into ours. The first
// 34 are the same but for EDEADLK, which makes way for EAGAIN at 35.
func linuxErrno(e int) int {
	switch e {
	case 11:
		return errnos["EDEADLK"]
	case 35:
		return errnos["EAGAIN"]
	case 45, 102:
		return errnos["EOPNOTSUPP"]
	case 62:
		return errnos["ELOOP"]
	case 63:
		return errnos["ENAMETOOLONG"]
	case 66:
		return errnos["ENOTEMPTY"]
	case 69:
		return errnos["EDQUOT"]
	case 70:
		return errnos["ESTALE"]
	case 77:
		return errnos["ENOLCK"]
	case 78:
		return errnos["ENOSYS"]
	}
	return e
}
