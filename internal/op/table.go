package op

// Call is one row of the table: a system call that filerace knows.
type Call struct {
	Name  string
	AMD64 int // number, or None if the architecture lacks the call
	ARM64 int
	Kind  Kind
	Args  []Arg  // what the arguments mean, in order
	When  []Test // the call matters only if all hold; empty: always
	Trace bool   // control stops at it; otherwise it is only recognised when a thread sleeps in it
	Sleep bool   // may sleep until another actor does something
	Flags uint64 // flags that the call implies, joined to Op.Flags: creat, lstat, vfork…
	NewFD bool   // a result that is no error is a new descriptor
	Note  string // what is not modelled, for the documentation
}

// Arg tells what one argument register holds and thereby how it is decoded.
type Arg uint8

// The argument kinds.
const (
	ArgNone   Arg = iota
	ArgFD         // descriptor → FD
	ArgFD2        // second descriptor → FD2
	ArgDirFD      // directory of the next path, or AT_FDCWD → FD
	ArgPath       // NUL-terminated path → Path, Names[0]
	ArgDirFD2     // directory of the second path → FD2
	ArgPath2      // → Path2, Names[1]
	ArgFlags      // → Flags
	ArgMode       // permission bits; printed only
	ArgBuf        // data of length ArgLen; read for writes (Sum, Data)
	ArgLen        // → Len
	ArgOff        // → Off
	ArgOffPtr     // pointer to a 64-bit offset, 0: the descriptor's own → Off
	ArgWhence     // → Whence
	ArgIov        // struct iovec *; lengths → Len
	ArgIovCnt
	ArgFlock     // flock(2) operation → Lock, Cmd
	ArgCmd       // fcntl(2) command → Cmd; the next argument's meaning follows from it
	ArgFcntl     // fcntl(2) argument: struct flock *, lease type, flags, or descriptor floor
	ArgHow       // struct open_how * → Flags
	ArgClone     // clone flags → Flags
	ArgCloneArgs // struct clone_args * → Flags
	ArgPID       // printed only
	ArgSignal    // → Signal
	ArgFDPair    // int[2] written by the kernel → NewFD, NewFD2
	ArgTime      // struct timespec *, relative or by ArgFlags; for Sleep → Len in ns
	ArgMillis    // milliseconds; for Sleep → Len in ns
	ArgProt      // mmap protection
	ArgMapFlags  // mmap flags → Flags
	ArgStatus    // exit status → Status
	ArgInt       // printed, not interpreted
	ArgPtr       // not interpreted

	ArgLastFD     // last descriptor of a range, unsigned → FD2
	ArgOffPtr2    // pointer to the offset of the side that is read → Off2
	ArgSeek       // lseek's offset → Off, relative to ArgWhence
	ArgText       // NUL-terminated text that is not looked up: a symbolic link's target, an attribute's name → Path2
	ArgWaitStatus // int * for wait4's status → Status
	ArgSigInfo    // siginfo_t * for waitid's status → Status
	ArgTimeval    // struct timeval *; for Sleep → Len in ns
)

// Test is a condition on one argument that the seccomp filter can decide: the
// argument masked with Mask (0: all bits) is among Values, or, with Not, is not.
type Test struct {
	Arg    int
	Mask   uint64
	Values []uint64
	Not    bool
}
