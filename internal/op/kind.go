package op

// Kind is what an operation does, whichever system call it came by.
type Kind uint8

// The kinds.
const (
	NoKind Kind = iota
	Open        // open, openat, openat2, creat
	Close
	CloseRange
	Dup
	Read  // at the descriptor's offset or at Off
	Write // likewise
	Seek
	Truncate // by path or by descriptor
	Allocate // fallocate
	Copy     // copy_file_range, sendfile, splice: FD is written, FD2 read
	Sync
	LockOp   // flock, fcntl locks and leases: see Op.Lock
	GetLock  // F_GETLK, F_GETLEASE…
	SetFlags // F_SETFL, F_SETFD
	Stat
	AccessOp // access, faccessat
	Readlink
	ReadDir
	Unlink // unlink, unlinkat without AT_REMOVEDIR
	Rmdir
	Rename
	Link
	SymlinkOp
	Mkdir
	Mknod
	Chmod
	Chown
	Utime
	GetXattr
	SetXattr
	Mmap // of a shared file mapping: marked, not modelled
	Msync
	Chdir
	PipeOp
	Fork
	Exec
	Exit // exit, exit_group: the thread's or the process's end
	Wait
	Kill
	SocketOp // socket, socketpair, accept, connect
	Send
	Recv
	Random
	Sleep // a pause with no other purpose: nanosleep, poll and select without descriptors
	Poll  // waits for descriptors
	Futex
	Timer // alarm, setitimer, timer_settime
	Uring
	Inherit // a process begins: its descriptors
	Signal  // a signal is delivered to a handler, or kills
	Pause   // waits for a signal: pause, rt_sigsuspend
	kindMax
)

// Kinds is how many there are.
const Kinds = int(kindMax)
