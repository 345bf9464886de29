package op

// Constants of the Linux interface, spelled as in its headers. They are number
// literals so that this package builds on systems other than Linux.

// Flags of open(2), with the values of amd64. arm64 gives the four marked ones
// other bits; Decode turns those into these.
const (
	O_ACCMODE   = 0o3
	O_RDONLY    = 0o0
	O_WRONLY    = 0o1
	O_RDWR      = 0o2
	O_CREAT     = 0o100
	O_EXCL      = 0o200
	O_NOCTTY    = 0o400
	O_TRUNC     = 0o1000
	O_APPEND    = 0o2000
	O_NONBLOCK  = 0o4000
	O_DSYNC     = 0o10000
	O_ASYNC     = 0o20000
	O_DIRECT    = 0o40000  // arm64: 0o200000
	O_LARGEFILE = 0o100000 // arm64: 0o400000
	O_DIRECTORY = 0o200000 // arm64: 0o40000
	O_NOFOLLOW  = 0o400000 // arm64: 0o100000
	O_NOATIME   = 0o1000000
	O_CLOEXEC   = 0o2000000
	O_SYNC      = 0o4010000
	O_PATH      = 0o10000000
	O_TMPFILE   = 0o20000000 | O_DIRECTORY
)

// Directory descriptors and AT_* flags.
const (
	AT_FDCWD            = -100
	AT_SYMLINK_NOFOLLOW = 0x100
	AT_REMOVEDIR        = 0x200 // unlinkat
	AT_EACCESS          = 0x200 // faccessat2
	AT_SYMLINK_FOLLOW   = 0x400
	AT_NO_AUTOMOUNT     = 0x800
	AT_EMPTY_PATH       = 0x1000
)

// Resolution flags of openat2(2).
const (
	RESOLVE_NO_XDEV       = 0x1
	RESOLVE_NO_MAGICLINKS = 0x2
	RESOLVE_NO_SYMLINKS   = 0x4
	RESOLVE_BENEATH       = 0x8
	RESOLVE_IN_ROOT       = 0x10
	RESOLVE_CACHED        = 0x20
)

// Flags of renameat2(2).
const (
	RENAME_NOREPLACE = 1
	RENAME_EXCHANGE  = 2
	RENAME_WHITEOUT  = 4
)

// Operations of flock(2).
const (
	LOCK_SH = 1
	LOCK_EX = 2
	LOCK_NB = 4
	LOCK_UN = 8
)

// Commands of fcntl(2).
const (
	F_DUPFD         = 0
	F_GETFD         = 1
	F_SETFD         = 2
	F_GETFL         = 3
	F_SETFL         = 4
	F_GETLK         = 5
	F_SETLK         = 6
	F_SETLKW        = 7
	F_OFD_GETLK     = 36
	F_OFD_SETLK     = 37
	F_OFD_SETLKW    = 38
	F_SETLEASE      = 1024
	F_GETLEASE      = 1025
	F_DUPFD_CLOEXEC = 1030

	FD_CLOEXEC = 1

	// Lock types: of struct flock and of F_SETLEASE.
	F_RDLCK = 0
	F_WRLCK = 1
	F_UNLCK = 2
)

// Origins of lseek(2) and of struct flock.
const (
	SEEK_SET  = 0
	SEEK_CUR  = 1
	SEEK_END  = 2
	SEEK_DATA = 3
	SEEK_HOLE = 4
)

// Modes of fallocate(2).
const (
	FALLOC_FL_KEEP_SIZE      = 0x1
	FALLOC_FL_PUNCH_HOLE     = 0x2
	FALLOC_FL_COLLAPSE_RANGE = 0x8
	FALLOC_FL_ZERO_RANGE     = 0x10
	FALLOC_FL_INSERT_RANGE   = 0x20
)

// RWF_APPEND makes one pwritev2(2) append.
const RWF_APPEND = 0x10

// Flags of close_range(2).
const (
	CLOSE_RANGE_UNSHARE = 2
	CLOSE_RANGE_CLOEXEC = 4
)

// Flags of clone(2).
const (
	CLONE_VM       = 0x100
	CLONE_FS       = 0x200
	CLONE_FILES    = 0x400
	CLONE_VFORK    = 0x4000
	CLONE_THREAD   = 0x10000
	CLONE_UNTRACED = 0x800000
)

// Flags of mmap(2).
const (
	PROT_READ  = 1
	PROT_WRITE = 2
	PROT_EXEC  = 4

	MAP_SHARED          = 1
	MAP_PRIVATE         = 2
	MAP_SHARED_VALIDATE = 3
	MAP_TYPE            = 0xf
	MAP_ANONYMOUS       = 0x20
)

// Flags of socket(2), pipe2(2), wait4(2), waitid(2) and clock_nanosleep(2).
const (
	SOCK_NONBLOCK = O_NONBLOCK
	SOCK_CLOEXEC  = O_CLOEXEC
	MSG_DONTWAIT  = 0x40
	WNOHANG       = 1
	WNOWAIT       = 0x1000000
	TIMER_ABSTIME = 1
)

// arm64 swaps two pairs of open flags against amd64 (arch/arm64/include/uapi/asm/fcntl.h).
const (
	arm64Directory = 0o40000
	arm64NoFollow  = 0o100000
	arm64Direct    = 0o200000
	arm64LargeFile = 0o400000
)

// openFlags turns open flags of a into those of amd64.
func (a Arch) openFlags(f uint64) uint64 {
	if a != ARM64 {
		return f
	}
	g := f &^ (arm64Directory | arm64NoFollow | arm64Direct | arm64LargeFile)
	for _, p := range [...][2]uint64{
		{arm64Directory, O_DIRECTORY}, {arm64NoFollow, O_NOFOLLOW},
		{arm64Direct, O_DIRECT}, {arm64LargeFile, O_LARGEFILE},
	} {
		if f&p[0] != 0 {
			g |= p[1]
		}
	}
	return g
}
