package op

import (
	"strconv"
	"strings"
)

// kindWords are the words by which signatures and people know the kinds. Saved
// schedules hold them: they must not change.
var kindWords = [kindMax]string{
	NoKind: "nothing", Open: "open", Close: "close", CloseRange: "close_range", Dup: "dup", Read: "read", Write: "write", Seek: "seek",
	Truncate: "truncate", Allocate: "allocate", Copy: "copy", Sync: "sync", LockOp: "lock", GetLock: "getlock", SetFlags: "setflags",
	Stat: "stat", AccessOp: "access", Readlink: "readlink", ReadDir: "readdir", Unlink: "unlink", Rmdir: "rmdir", Rename: "rename",
	Link: "link", SymlinkOp: "symlink", Mkdir: "mkdir", Mknod: "mknod", Chmod: "chmod", Chown: "chown", Utime: "utime",
	GetXattr: "getxattr", SetXattr: "setxattr", Mmap: "mmap", Msync: "msync", Chdir: "chdir", PipeOp: "pipe", Fork: "fork",
	Exec: "exec", Exit: "exit", Wait: "wait", Kill: "kill", SocketOp: "socket", Send: "send", Recv: "receive", Random: "random",
	Sleep: "sleep", Poll: "poll", Futex: "futex", Timer: "timer", Uring: "io_uring", Inherit: "begin", Signal: "signal", Pause: "pause",
}

// String returns the kind's word.
func (k Kind) String() string {
	if k < kindMax {
		return kindWords[k]
	}
	return "kind " + strconv.Itoa(int(k))
}

// bitName is a flag, or several bits under one name.
type bitName struct {
	bits uint64
	name string
}

// Names with several bits come before those of their parts.
var (
	openBits = []bitName{
		{O_CREAT, "O_CREAT"}, {O_EXCL, "O_EXCL"}, {O_NOCTTY, "O_NOCTTY"}, {O_TRUNC, "O_TRUNC"}, {O_APPEND, "O_APPEND"},
		{O_NONBLOCK, "O_NONBLOCK"}, {O_SYNC, "O_SYNC"}, {O_DSYNC, "O_DSYNC"}, {O_ASYNC, "O_ASYNC"}, {O_DIRECT, "O_DIRECT"},
		{O_LARGEFILE, "O_LARGEFILE"}, {O_TMPFILE, "O_TMPFILE"}, {O_DIRECTORY, "O_DIRECTORY"}, {O_NOFOLLOW, "O_NOFOLLOW"},
		{O_NOATIME, "O_NOATIME"}, {O_CLOEXEC, "O_CLOEXEC"}, {O_PATH, "O_PATH"},
	}
	atBits = []bitName{
		{AT_SYMLINK_NOFOLLOW, "AT_SYMLINK_NOFOLLOW"}, {AT_REMOVEDIR, "AT_REMOVEDIR"}, {AT_SYMLINK_FOLLOW, "AT_SYMLINK_FOLLOW"},
		{AT_NO_AUTOMOUNT, "AT_NO_AUTOMOUNT"}, {AT_EMPTY_PATH, "AT_EMPTY_PATH"},
	}
	renameBits   = []bitName{{RENAME_NOREPLACE, "RENAME_NOREPLACE"}, {RENAME_EXCHANGE, "RENAME_EXCHANGE"}, {RENAME_WHITEOUT, "RENAME_WHITEOUT"}}
	mapBits      = []bitName{{MAP_SHARED_VALIDATE, "MAP_SHARED_VALIDATE"}, {MAP_SHARED, "MAP_SHARED"}, {MAP_PRIVATE, "MAP_PRIVATE"}, {MAP_ANONYMOUS, "MAP_ANONYMOUS"}}
	protBits     = []bitName{{PROT_READ, "PROT_READ"}, {PROT_WRITE, "PROT_WRITE"}, {PROT_EXEC, "PROT_EXEC"}}
	cloneBits    = []bitName{{CLONE_VM, "CLONE_VM"}, {CLONE_FS, "CLONE_FS"}, {CLONE_FILES, "CLONE_FILES"}, {CLONE_VFORK, "CLONE_VFORK"}, {CLONE_THREAD, "CLONE_THREAD"}}
	allocateBits = []bitName{
		{FALLOC_FL_KEEP_SIZE, "FALLOC_FL_KEEP_SIZE"}, {FALLOC_FL_PUNCH_HOLE, "FALLOC_FL_PUNCH_HOLE"},
		{FALLOC_FL_COLLAPSE_RANGE, "FALLOC_FL_COLLAPSE_RANGE"}, {FALLOC_FL_ZERO_RANGE, "FALLOC_FL_ZERO_RANGE"},
		{FALLOC_FL_INSERT_RANGE, "FALLOC_FL_INSERT_RANGE"},
	}
	flockBits = []bitName{{LOCK_SH, "LOCK_SH"}, {LOCK_EX, "LOCK_EX"}, {LOCK_UN, "LOCK_UN"}, {LOCK_NB, "LOCK_NB"}}
	waitBits  = []bitName{{WNOHANG, "WNOHANG"}, {WNOWAIT, "WNOWAIT"}}
)

// flagBits gives the names of the flags argument by kind; AT_* where none is given.
var flagBits = map[Kind][]bitName{
	Open: openBits, PipeOp: openBits, Dup: openBits, SocketOp: {{SOCK_NONBLOCK, "SOCK_NONBLOCK"}, {SOCK_CLOEXEC, "SOCK_CLOEXEC"}},
	Rename: renameBits, Mmap: mapBits, Fork: cloneBits, Allocate: allocateBits, Wait: waitBits,
	Stat: atBits, AccessOp: atBits, Unlink: atBits, Rmdir: atBits, Link: atBits, Chmod: atBits, Chown: atBits, Utime: atBits, Exec: atBits,
	CloseRange: {{CLOSE_RANGE_UNSHARE, "CLOSE_RANGE_UNSHARE"}, {CLOSE_RANGE_CLOEXEC, "CLOSE_RANGE_CLOEXEC"}},
	Write:      {{RWF_APPEND, "RWF_APPEND"}}, Sleep: {{TIMER_ABSTIME, "TIMER_ABSTIME"}},
	SetXattr: {{1, "XATTR_CREATE"}, {2, "XATTR_REPLACE"}},
}

// bitString writes flags as C does; bits without a name come last, in hexadecimal.
func bitString(v uint64, names []bitName) string {
	var parts []string
	for _, b := range names {
		if v&b.bits == b.bits {
			parts = append(parts, b.name)
			v &^= b.bits
		}
	}
	if v == 0 && len(parts) == 0 {
		return "0"
	}
	if v != 0 {
		parts = append(parts, "0x"+strconv.FormatUint(v, 16))
	}
	return strings.Join(parts, "|")
}

// openString writes the flags of open, with the access mode first.
func openString(v uint64) string {
	mode := [4]string{"O_RDONLY", "O_WRONLY", "O_RDWR", "O_ACCMODE"}[v&O_ACCMODE]
	if v &^= O_ACCMODE; v == 0 {
		return mode
	}
	return mode + "|" + bitString(v, openBits)
}

var fcntlNames = map[int]string{
	F_DUPFD: "F_DUPFD", F_SETFD: "F_SETFD", F_SETFL: "F_SETFL", F_GETLK: "F_GETLK", F_SETLK: "F_SETLK", F_SETLKW: "F_SETLKW",
	F_OFD_GETLK: "F_OFD_GETLK", F_OFD_SETLK: "F_OFD_SETLK", F_OFD_SETLKW: "F_OFD_SETLKW",
	F_SETLEASE: "F_SETLEASE", F_GETLEASE: "F_GETLEASE", F_DUPFD_CLOEXEC: "F_DUPFD_CLOEXEC",
}

var signalNames = strings.Fields(`HUP INT QUIT ILL TRAP ABRT BUS FPE KILL USR1 SEGV USR2 PIPE ALRM TERM STKFLT
CHLD CONT STOP TSTP TTIN TTOU URG XCPU XFSZ VTALRM PROF WINCH IO PWR SYS`)

// SignalName returns the name of a signal, such as SIGTERM.
func SignalName(sig int32) string {
	if sig >= 1 && int(sig) <= len(signalNames) {
		return "SIG" + signalNames[sig-1]
	}
	return "signal " + strconv.Itoa(int(sig))
}

// String returns UN, SH or EX.
func (m LockMode) String() string {
	return [...]string{Unlock: "UN", Shared: "SH", Exclusive: "EX"}[m]
}

// String returns the word by which the family's locks are taken.
func (f LockFamily) String() string {
	return [...]string{NoLock: "lock", FlockLock: "flock", PosixLock: "fcntl", OFDLock: "ofd", LeaseLock: "lease"}[f]
}
