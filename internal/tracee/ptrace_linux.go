package tracee

import (
	"runtime"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Requests and constants of ptrace(2) that x/sys lacks.
const (
	ptraceGetSyscallInfo = 0x420e // since Linux 5.3

	infoEntry   = 1
	infoExit    = 2
	infoSeccomp = 3

	options = unix.PTRACE_O_TRACESECCOMP | unix.PTRACE_O_TRACEFORK | unix.PTRACE_O_TRACEVFORK |
		unix.PTRACE_O_TRACECLONE | unix.PTRACE_O_TRACEEXEC | unix.PTRACE_O_TRACEVFORKDONE |
		unix.PTRACE_O_TRACESYSGOOD | unix.PTRACE_O_EXITKILL
)

// syscallInfo is struct ptrace_syscall_info (linux/ptrace.h) at an entry, exit or
// seccomp stop. At an exit stop args[0] holds the return value and the low byte
// of args[1] tells whether it is an error.
type syscallInfo struct {
	op   uint8
	_    [3]uint8
	arch uint32
	ip   uint64
	sp   uint64
	nr   uint64
	args [6]uint64
	data uint32 // RET_TRACE's data, seccomp stops only
	_    uint32
}

func ptrace(req, tid int, addr, data uintptr) error {
	_, _, e := unix.RawSyscall6(unix.SYS_PTRACE, uintptr(req), uintptr(tid), addr, data, 0, 0)
	if e != 0 {
		return e
	}
	return nil
}

func seize(tid int) error { return ptrace(unix.PTRACE_SEIZE, tid, 0, options) }

// resume lets the thread go on to the next stop of the kind: PTRACE_CONT,
// PTRACE_SYSCALL or PTRACE_LISTEN, delivering sig (0: none).
func resume(kind, tid, sig int) error { return ptrace(kind, tid, 0, uintptr(sig)) }

// getSyscallInfo fills i and reports whether the thread is at a stop of a system call.
func getSyscallInfo(tid int, i *syscallInfo) error {
	err := ptrace(ptraceGetSyscallInfo, tid, unsafe.Sizeof(*i), uintptr(unsafe.Pointer(i)))
	runtime.KeepAlive(i)
	return err
}

func (i *syscallInfo) ret() int64 { return int64(i.nr) } // union: rval stands where nr does

// eventMessage is PTRACE_GETEVENTMSG: the new process of a fork, the former
// thread id at an exec.
func eventMessage(tid int) (int, error) {
	var m uint64
	err := ptrace(unix.PTRACE_GETEVENTMSG, tid, 0, uintptr(unsafe.Pointer(&m)))
	return int(m), err
}

// memory reads and writes a tracee's memory by process_vm_readv(2).
type memory int

const pageMask = 4095

// ReadMemory implements op.Memory. The request is split at page borders: the
// kernel transfers whole remote elements only, so that a string at the end of a
// mapping would otherwise not be read at all.
func (m memory) ReadMemory(addr uint64, b []byte) (int, error) {
	if len(b) == 0 {
		return 0, nil
	}
	var store [4]unix.RemoteIovec
	remote := store[:0]
	for left := uint64(len(b)); left > 0; {
		n := min(left, pageMask+1-addr&pageMask)
		remote = append(remote, unix.RemoteIovec{Base: uintptr(addr), Len: int(n)})
		addr, left = addr+n, left-n
	}
	local := [1]unix.Iovec{{Base: &b[0]}}
	local[0].SetLen(len(b))
	return unix.ProcessVMReadv(int(m), local[:], remote, 0)
}

// WriteMemory writes all of b or returns an error.
func (m memory) WriteMemory(addr uint64, b []byte) error {
	if len(b) == 0 {
		return nil
	}
	local := [1]unix.Iovec{{Base: &b[0]}}
	local[0].SetLen(len(b))
	n, err := unix.ProcessVMWritev(int(m), local[:], []unix.RemoteIovec{{Base: uintptr(addr), Len: len(b)}}, 0)
	if err == nil && n != len(b) {
		err = unix.EFAULT
	}
	return err
}
