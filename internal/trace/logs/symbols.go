package logs

import (
	"bytes"
	"strconv"

	"filerace/internal/op"
)

// symbols are the words of the C headers by which logs write numbers.
var symbols = makeSymbols()

func makeSymbols() map[string]uint64 {
	m := map[string]uint64{
		"O_ACCMODE": op.O_ACCMODE, "O_RDONLY": op.O_RDONLY, "O_WRONLY": op.O_WRONLY, "O_RDWR": op.O_RDWR,
		"O_CREAT": op.O_CREAT, "O_EXCL": op.O_EXCL, "O_NOCTTY": op.O_NOCTTY, "O_TRUNC": op.O_TRUNC,
		"O_APPEND": op.O_APPEND, "O_NONBLOCK": op.O_NONBLOCK, "O_NDELAY": op.O_NONBLOCK, "O_DSYNC": op.O_DSYNC,
		"O_ASYNC": op.O_ASYNC, "FASYNC": op.O_ASYNC, "O_DIRECT": op.O_DIRECT, "O_LARGEFILE": op.O_LARGEFILE,
		"O_DIRECTORY": op.O_DIRECTORY, "O_NOFOLLOW": op.O_NOFOLLOW, "O_NOATIME": op.O_NOATIME,
		"O_CLOEXEC": op.O_CLOEXEC, "O_SYNC": op.O_SYNC, "O_PATH": op.O_PATH, "O_TMPFILE": op.O_TMPFILE,
		"__O_TMPFILE": op.O_TMPFILE &^ op.O_DIRECTORY, "__O_SYNC": op.O_SYNC &^ op.O_DSYNC,

		"AT_SYMLINK_NOFOLLOW": op.AT_SYMLINK_NOFOLLOW, "AT_REMOVEDIR": op.AT_REMOVEDIR, "AT_EACCESS": op.AT_EACCESS,
		"AT_SYMLINK_FOLLOW": op.AT_SYMLINK_FOLLOW, "AT_NO_AUTOMOUNT": op.AT_NO_AUTOMOUNT,
		"AT_EMPTY_PATH": op.AT_EMPTY_PATH, "AT_STATX_FORCE_SYNC": 0x2000, "AT_STATX_DONT_SYNC": 0x4000,
		"RESOLVE_NO_XDEV": op.RESOLVE_NO_XDEV, "RESOLVE_NO_MAGICLINKS": op.RESOLVE_NO_MAGICLINKS,
		"RESOLVE_NO_SYMLINKS": op.RESOLVE_NO_SYMLINKS, "RESOLVE_BENEATH": op.RESOLVE_BENEATH,
		"RESOLVE_IN_ROOT": op.RESOLVE_IN_ROOT, "RESOLVE_CACHED": op.RESOLVE_CACHED,
		"RENAME_NOREPLACE": op.RENAME_NOREPLACE, "RENAME_EXCHANGE": op.RENAME_EXCHANGE, "RENAME_WHITEOUT": op.RENAME_WHITEOUT,
		"LOCK_SH": op.LOCK_SH, "LOCK_EX": op.LOCK_EX, "LOCK_NB": op.LOCK_NB, "LOCK_UN": op.LOCK_UN,

		"F_DUPFD": op.F_DUPFD, "F_GETFD": op.F_GETFD, "F_SETFD": op.F_SETFD, "F_GETFL": op.F_GETFL, "F_SETFL": op.F_SETFL,
		"F_GETLK": op.F_GETLK, "F_SETLK": op.F_SETLK, "F_SETLKW": op.F_SETLKW, "F_GETLK64": op.F_GETLK,
		"F_SETLK64": op.F_SETLK, "F_SETLKW64": op.F_SETLKW, "F_OFD_GETLK": op.F_OFD_GETLK, "F_OFD_SETLK": op.F_OFD_SETLK,
		"F_OFD_SETLKW": op.F_OFD_SETLKW, "F_SETLEASE": op.F_SETLEASE, "F_GETLEASE": op.F_GETLEASE,
		"F_DUPFD_CLOEXEC": op.F_DUPFD_CLOEXEC, "FD_CLOEXEC": op.FD_CLOEXEC, "F_SETOWN": 8, "F_GETOWN": 9, "F_SETSIG": 10,
		"F_GETSIG": 11, "F_SETOWN_EX": 15, "F_GETOWN_EX": 16, "F_NOTIFY": 1026, "F_CANCELLK": 1029, "F_SETPIPE_SZ": 1031,
		"F_GETPIPE_SZ": 1032, "F_ADD_SEALS": 1033, "F_GET_SEALS": 1034,
		"F_RDLCK": op.F_RDLCK, "F_WRLCK": op.F_WRLCK, "F_UNLCK": op.F_UNLCK,

		"SEEK_SET": op.SEEK_SET, "SEEK_CUR": op.SEEK_CUR, "SEEK_END": op.SEEK_END, "SEEK_DATA": op.SEEK_DATA, "SEEK_HOLE": op.SEEK_HOLE,
		"FALLOC_FL_KEEP_SIZE": op.FALLOC_FL_KEEP_SIZE, "FALLOC_FL_PUNCH_HOLE": op.FALLOC_FL_PUNCH_HOLE,
		"FALLOC_FL_COLLAPSE_RANGE": op.FALLOC_FL_COLLAPSE_RANGE, "FALLOC_FL_ZERO_RANGE": op.FALLOC_FL_ZERO_RANGE,
		"FALLOC_FL_INSERT_RANGE": op.FALLOC_FL_INSERT_RANGE, "FALLOC_FL_UNSHARE_RANGE": 0x40, "RWF_HIPRI": 1, "RWF_DSYNC": 2,
		"RWF_SYNC": 4, "RWF_NOWAIT": 8, "RWF_APPEND": op.RWF_APPEND,
		"CLOSE_RANGE_UNSHARE": op.CLOSE_RANGE_UNSHARE, "CLOSE_RANGE_CLOEXEC": op.CLOSE_RANGE_CLOEXEC,

		"CLONE_VM": op.CLONE_VM, "CLONE_FS": op.CLONE_FS, "CLONE_FILES": op.CLONE_FILES, "CLONE_VFORK": op.CLONE_VFORK,
		"CLONE_THREAD": op.CLONE_THREAD, "CLONE_UNTRACED": op.CLONE_UNTRACED,
		"PROT_READ": op.PROT_READ, "PROT_WRITE": op.PROT_WRITE, "PROT_EXEC": op.PROT_EXEC, "MAP_SHARED": op.MAP_SHARED,
		"MAP_PRIVATE": op.MAP_PRIVATE, "MAP_SHARED_VALIDATE": op.MAP_SHARED_VALIDATE, "MAP_ANONYMOUS": op.MAP_ANONYMOUS,
		"SOCK_NONBLOCK": op.SOCK_NONBLOCK, "SOCK_CLOEXEC": op.SOCK_CLOEXEC, "MSG_DONTWAIT": op.MSG_DONTWAIT,
		"WNOHANG": op.WNOHANG, "WNOWAIT": op.WNOWAIT, "TIMER_ABSTIME": op.TIMER_ABSTIME, "XATTR_CREATE": 1, "XATTR_REPLACE": 2,
		"S_IFIFO": 0o010000, "S_IFCHR": 0o020000, "S_IFBLK": 0o060000, "S_IFREG": 0o100000, "S_IFSOCK": 0o140000,
		"R_OK": 4, "W_OK": 2, "X_OK": 1, "CLD_EXITED": 1, "CLD_KILLED": 2, "CLD_DUMPED": 3, "CLD_TRAPPED": 4,
		"CLD_STOPPED": 5, "CLD_CONTINUED": 6, "FUTEX_WAKE": 1, "FUTEX_WAIT_BITSET": 9, "FUTEX_WAKE_PRIVATE": 129,
		"FUTEX_REQUEUE": 3, "FUTEX_CMP_REQUEUE": 4, "FUTEX_WAKE_OP": 5, "FUTEX_WAKE_OP_PRIVATE": 133, "FUTEX_CMP_REQUEUE_PRIVATE": 132,
		"FUTEX_WAIT_BITSET_PRIVATE": 137,
	}
	if op.Native == op.ARM64 { // Decode takes open flags as this machine's kernel does; arm64 has others for these
		m["O_DIRECTORY"], m["O_NOFOLLOW"], m["O_DIRECT"], m["O_LARGEFILE"] = 0o40000, 0o100000, 0o200000, 0o400000
		m["O_TMPFILE"] = 0o20000000 | 0o40000
	}
	m["AT_FDCWD"] = 1<<64 - 100
	for sig := int32(1); sig <= 31; sig++ {
		m[op.SignalName(sig)] = uint64(sig)
	}
	return m
}

// errnos are the error numbers by name. The kernel's own codes for a call that
// begins again count as an interruption: nothing has happened yet.
var errnos = makeErrnos()

func makeErrnos() map[string]int {
	const eintr = 4
	m := map[string]int{"EWOULDBLOCK": 11, "EDEADLOCK": 35, "ENOTSUP": 95, "ERESTARTSYS": eintr,
		"ERESTARTNOINTR": eintr, "ERESTARTNOHAND": eintr, "ERESTART_RESTARTBLOCK": eintr}
	for e := 1; e < 134; e++ {
		m[op.ErrnoName(e)] = e
	}
	return m
}

// number reads a decimal, octal (0…) or hexadecimal number at the start of s, and
// returns what follows it.
func number(s []byte) (v uint64, rest []byte, ok bool) {
	neg := len(s) > 0 && s[0] == '-'
	if neg {
		s = s[1:]
	}
	unit := uint64(10)
	switch {
	case len(s) > 2 && s[0] == '0' && s[1] == 'x':
		unit, s = 16, s[2:]
	case len(s) > 1 && s[0] == '0':
		unit = 8
	}
	i := 0
	for ; i < len(s); i++ {
		d := hexDigit(s[i])
		if d < 0 || uint64(d) >= unit {
			break
		}
		v = v*unit + uint64(d)
	}
	if neg {
		v = -v
	}
	return v, s[i:], i > 0
}

// value reads numbers and symbols joined by |, such as O_RDWR|O_CREAT|0x8000; a
// word is also looked for with prefix before it, as perf trace leaves it away.
// What has no known number counts 0.
func value(s []byte, prefix string) uint64 {
	if bytes.Contains(s, []byte("/*")) {
		s = withoutComments(s)
	}
	if bytes.HasPrefix(s, []byte("~0")) {
		return 1<<64 - 1
	}
	v := uint64(0)
	for len(s) > 0 {
		word := s
		if i := bytes.IndexByte(s, '|'); i >= 0 {
			word, s = s[:i], s[i+1:]
		} else {
			s = nil
		}
		v |= term(bytes.TrimSpace(word), prefix)
	}
	return v
}

// withoutComments drops what strace -X verbose explains: 0x2 /* O_RDWR */|0x40.
func withoutComments(s []byte) []byte {
	var kept []byte
	for {
		before, rest, ok := bytes.Cut(s, []byte("/*"))
		kept = append(kept, before...)
		if !ok {
			return kept
		}
		_, s, _ = bytes.Cut(rest, []byte("*/"))
	}
}

func term(word []byte, prefix string) uint64 {
	if n, _, ok := number(word); ok {
		return n
	}
	if i := bytes.IndexByte(word, '<'); i > 0 {
		word = word[:i]
	}
	if v, ok := symbols[string(word)]; ok {
		return v
	}
	if prefix != "" {
		if v, ok := symbols[prefix+string(word)]; ok {
			return v
		}
	}
	if rt, ok := bytes.CutPrefix(word, []byte("SIGRT_")); ok {
		n, _ := strconv.Atoi(string(rt))
		return uint64(32 + n)
	}
	return 0
}
