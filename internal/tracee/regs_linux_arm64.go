package tracee

import (
	"encoding/binary"
	"runtime"
	"unsafe"

	"golang.org/x/sys/unix"
)

const (
	auditArch    = 0xc00000b7 // AUDIT_ARCH_AARCH64
	ntPrstatus   = 1
	ntARMSyscall = 0x404 // NT_ARM_SYSTEM_CALL: the number that the kernel is about to execute
)

// registers are the general registers of a stopped thread.
type registers = unix.PtraceRegs

func regset(req, tid int, kind uintptr, p unsafe.Pointer, size int) error {
	iov := unix.Iovec{Base: (*byte)(p), Len: uint64(size)}
	err := ptrace(req, tid, kind, uintptr(unsafe.Pointer(&iov)))
	runtime.KeepAlive(p)
	return err
}

func getRegisters(tid int, r *registers) error {
	return regset(unix.PTRACE_GETREGSET, tid, ntPrstatus, unsafe.Pointer(r), int(unsafe.Sizeof(*r)))
}

func setRegisters(tid int, r *registers) error {
	return regset(unix.PTRACE_SETREGSET, tid, ntPrstatus, unsafe.Pointer(r), int(unsafe.Sizeof(*r)))
}

// setArg changes system call argument i, from 0.
func setArg(r *registers, i int, v uint64) { r.Regs[i] = v }

// skipCall makes the kernel leave out the call at whose entry the thread stands
// and return ret in its place.
func skipCall(tid int, r *registers, ret int64) error {
	none := int32(-1)
	if err := regset(unix.PTRACE_SETREGSET, tid, ntARMSyscall, unsafe.Pointer(&none), 4); err != nil {
		return err
	}
	r.Regs[0] = uint64(ret)
	return setRegisters(tid, r)
}

// again makes the thread execute the same system call once more. The first
// argument's register was overwritten by the result: the caller restores it.
func again(r *registers, nr uint64) {
	r.Pc -= 4
	r.Regs[8] = nr
}

// firstRegister is what the result register must hold for the call to start over.
func firstRegister(r *registers, t *thread) int64 { return int64(t.cur.Args[0]) }

// supervisorCall is the instruction svc #0.
const supervisorCall = 0xd4000001

// interruptedIn reports whether the thread stands at a stop that has interrupted the
// call in which it slept. The kernel sets the program counter back to the call before
// it tells the tracer (do_signal, arch/arm64/kernel/signal.c), or leaves EINTR.
func interruptedIn(r *registers, t *thread) bool {
	return int64(r.Regs[8]) == t.sleepNr && (rewound(r, t) || int64(r.Regs[0]) == -int64(unix.EINTR))
}

func rewound(r *registers, t *thread) bool {
	var b [4]byte
	n, _ := memory(t.tid).ReadMemory(r.Pc, b[:])
	return n == len(b) && binary.LittleEndian.Uint32(b[:]) == supervisorCall
}

// endCall gives an interrupted call a result; it is not started anew.
func endCall(t *thread, r *registers, ret int64) error {
	if rewound(r, t) {
		r.Pc += 4
	}
	r.Regs[0] = uint64(ret)
	return setRegisters(t.tid, r)
}
