// Package op is the vocabulary of filerace: what an operation on a file is, who
// did it, what it touched, and the one table of system calls from which the
// seccomp filter, the decoder, the printer, the dependence relation and the
// documentation are made.
package op

import "strconv"

// Actor names a process or thread of the program under test by ancestry, never
// by pid: "1" is the command, "1.2" its second child, "1.2/3" that child's third
// thread. The first thread of a process bears the process's name.
type Actor string

// Process returns the actor's process: the name without the thread.
func (a Actor) Process() Actor {
	for i := 0; i < len(a); i++ {
		if a[i] == '/' {
			return a[:i]
		}
	}
	return a
}

// Child names the n-th child process (from 1) of the actor's process.
func (a Actor) Child(n int) Actor { return a.Process() + "." + Actor(strconv.Itoa(n)) }

// Thread names the n-th thread of the actor's process; n is 2 for the first
// thread that the process creates.
func (a Actor) Thread(n int) Actor { return a.Process() + "/" + Actor(strconv.Itoa(n)) }

// Parent returns the process that forked the actor's process, "" for "1".
func (a Actor) Parent() Actor {
	a = a.Process()
	for i := len(a) - 1; i >= 0; i-- {
		if a[i] == '.' {
			return a[:i]
		}
	}
	return ""
}

// Within reports whether a is the process p, a thread of it, or a descendant.
func (a Actor) Within(p Actor) bool {
	p = p.Process()
	return len(a) >= len(p) && a[:len(p)] == p && (len(a) == len(p) || a[len(p)] == '.' || a[len(p)] == '/')
}

// FileID is the identity of a file. An inode number alone is reused, so the
// birth time goes with it (statx(2), stx_btime); it is 0 where the file system
// keeps none.
type FileID struct {
	Dev   uint64 `json:"dev"`
	Ino   uint64 `json:"ino"`
	Birth int64  `json:"birth,omitempty"` // ns since the epoch
}

// IsZero reports whether f names no file.
func (f FileID) IsZero() bool { return f == FileID{} }

// MadeUp reports whether f stands for a file whose identity no source told: it tells the file
// from others of the same run, and no more. No file system has device number 0.
func (f FileID) MadeUp() bool { return f.Dev == 0 && f.Ino != 0 }

// FileType is what kind of object a descriptor or a name leads to.
type FileType uint8

// The file types. Proc stands for the kernel's own synthetic file systems (proc,
// sysfs, cgroupfs, devpts), whose contents other processes' file operations do
// not change.
const (
	UnknownType FileType = iota
	Regular
	Directory
	Symlink
	Pipe // FIFO or anonymous pipe
	Socket
	Device
	Proc
	Anon // epoll, eventfd, memfd without name, …
)

// File is a file as an operation met it.
type File struct {
	ID    FileID
	Path  string // absolute, by which it was reached first
	Size  int64  // bytes, at the operation's return
	Nlink uint32 // at the operation's return
	Type  FileType
}

// Name is one directory entry that an operation looked up or changed.
type Name struct {
	Dir    FileID   // the directory that holds, or would hold, the entry
	Base   string   // the entry; "." for a directory named by itself, "/" for the root
	Path   string   // absolute and free of symbolic links but for Base
	Before FileID   // the file it named when the operation began; zero: none
	After  FileID   // the file it named when the operation ended; zero: none
	Type   FileType // of Before, or of After where there was none before
	Nlink  uint32   // link count of Before (After where there was none) at the end
	Size   int64    // bytes of that file, when the operation began

	// Seen says that the source saw Before when the operation took effect, or that there was
	// none. Otherwise Before may follow from the results of other operations.
	Seen bool
}

// LockFamily tells the lock kinds apart: locks of different families on one file
// do not exclude each other.
type LockFamily uint8

// The lock families.
const (
	NoLock    LockFamily = iota
	FlockLock            // flock(2): owned by the open file description
	PosixLock            // fcntl(2) F_SETLK: owned by the process, by range
	OFDLock              // fcntl(2) F_OFD_SETLK: owned by the open file description, by range
	LeaseLock            // fcntl(2) F_SETLEASE
)

// LockMode is what is asked for.
type LockMode uint8

// The lock modes.
const (
	Unlock    LockMode = iota
	Shared             // LOCK_SH, F_RDLCK
	Exclusive          // LOCK_EX, F_WRLCK
)

// Lock is the request of a locking operation.
type Lock struct {
	Family LockFamily
	Mode   LockMode
	Wait   bool  // would sleep until it is granted (flock without LOCK_NB, F_SETLKW, F_OFD_SETLKW)
	Whence int16 // SEEK_SET, SEEK_CUR or SEEK_END of the request
	Start  int64 // first byte; whole-file families: 0. Relative to Whence at entry, absolute once the world has seen it
	End    int64 // one past the last byte; MaxOffset for "to the end"
}

// MaxOffset stands for "to the end of the file, however far it grows".
const MaxOffset int64 = 1<<63 - 1

// None marks an absent descriptor or offset.
const None = -1

// Op is one operation of one actor: usually one system call, else a moment of a
// process's life (Inherit, Signal). Fields that an operation does not have are
// zero, or None for descriptors and offsets.
type Op struct {
	// What nearly every operation is judged by comes first: it is a few cache lines.

	Seq    int // position in the run, from 1, in order of return
	Actor  Actor
	TID    int
	PID    int   // process (thread group) id
	Call   *Call // row of the table; nil for Inherit and Signal
	Kind   Kind
	Done   bool   // the result fields are valid
	Waits  bool   // a lock that is not free: the actor now sleeps; nothing else happened
	Inside bool   // Open: it was stopped in the kernel with the file found; what its name leads to may have changed since
	Faked  bool   // control answered in the kernel's place (sleep skipped, getrandom, io_uring_setup)
	Thread bool   // Fork: the child shares the descriptor table and memory (a thread)
	Sum    uint32 // CRC-32C of the bytes written; 0 if unknown

	// NoLocks says that nothing this operation closes bears a lock (Close, Dup,
	// CloseRange, Exec, Exit). The world sets it; without it Accesses assumes a lock.
	NoLocks bool

	Ret    int64  // result; -errno on failure
	FD     int    // descriptor argument; a directory descriptor if Names has paths relative to it
	Flags  uint64 // O_*, AT_*, RENAME_*, CLONE_*, fcntl argument, … by Kind
	Names  []Name // entries looked up: one, or two for rename and link (from, to); where the way there ends early, the entry that is missing
	File   File   // the file reached, through a descriptor or by path
	Off    int64  // first byte touched, None if the descriptor's own offset was used and is not known
	Len    int64  // bytes asked for; new length for Truncate; ns for Sleep, Poll and Futex, None for ever
	OFD    int    // open file description that FD leads to, numbered by the world; 0: not known
	OFlags uint64 // O_* of the open file description that FD leads to; filled in by the world

	OldSize     int64  // bytes of File when the operation began; None: not known
	Enter, Exit int64  // ns since the run began
	Prog        string // the program's name, as in /proc/PID/comm
	Args        [6]uint64
	Path        string // as the program gave it

	Lock   Lock
	Data   []byte // the first bytes written, or read where a log shows them (DataMax at most); kept in memory only, never on disk
	FD2    int    // second descriptor argument (dup2 target, copy source…)
	NewFD  int    // descriptor that the operation returned
	NewFD2 int    // second one (pipe, socketpair)
	Cmd    int    // fcntl command; flock operation as given; RESOLVE_* of openat2; protection of mmap
	Whence int    // lseek
	Path2  string

	Child  Actor // Fork: the new process or thread; Wait: the one reaped; Kill: the target, if it is one process
	Reaped int32 // Wait: id of the process that had ended or stopped; 0: none
	Status int32 // Exit, Wait: exit status, or 128 + signal; Wait: None if not known
	Signal int32 // Kill, Signal

	// Next is Sum as it would be if the bytes were counted one up, where they are one number (NumberMax): in decimal
	// or with the least significant byte first, and with the most significant byte first; 0: they are none. So two sums tell
	// whether a number was counted up or down.
	Next [2]uint32

	// Same is where the operation wrote bytes that were there already (or where nothing was), from the first to behind the
	// last, counted from Off; of several such ranges the longest. Filled in by the world where Data tells.
	Same [2]uint16

	Off2 int64 // Copy: first byte read, as Off
	OFD2 int   // the description that FD2 leads to, as OFD
	Rare *Rare // Via, FDs and File2, which are asked for and set by methods; nil: none of them

	Decision int // place among the decisions of a controlled run, from 1; 0: it was none
}

// New returns an operation without descriptors and offsets.
func New(k Kind) *Op {
	return &Op{Kind: k, FD: None, FD2: None, NewFD: None, NewFD2: None, Off: None, Off2: None, OldSize: None}
}

// FDInfo is one descriptor that a process begins with.
type FDInfo struct {
	FD     int
	File   File
	Flags  uint64 // O_*
	Off    int64
	Shared int // descriptors with one open file description have one number
}

// DataMax bounds Op.Data, in bytes.
const DataMax = 4096

// Failed reports whether the operation returned an error.
func (o *Op) Failed() bool { return IsError(o.Ret) }

// IsError reports whether a system call's result is an error: one of the last 4095 numbers (include/linux/err.h).
func IsError(ret int64) bool { return ret < 0 && ret >= -4095 }

// Errno returns the error number, 0 on success.
func (o *Op) Errno() int {
	if o.Failed() {
		return int(-o.Ret)
	}
	return 0
}

// FindsNoLink reports whether the operation asked what a symbolic link says of what is none, as realpath(3) does for
// each part of a path: nothing is learnt of the file.
func (o *Op) FindsNoLink() bool { return o.Kind == Readlink && o.Errno() == EINVAL }

// EINVAL is the error number that Linux gives on all architectures (include/uapi/asm-generic/errno-base.h).
const EINVAL = 22

// TakesNameAway reports whether the operation took a name away from a file: by removal, by moving it, or by another
// file that came in its place.
func (o *Op) TakesNameAway() bool { return (o.Kind == Unlink || o.Kind == Rename) && !o.Failed() }

// AsksForLock reports whether the operation asks for a lock that excludes others, or is shared; leases are none.
func (o *Op) AsksForLock() bool {
	return o.Kind == LockOp && o.Lock.Family != LeaseLock && o.Lock.Mode != Unlock
}
