package tracee

import "golang.org/x/sys/unix"

const auditArch = 0xc000003e // AUDIT_ARCH_X86_64

// registers are the general registers of a stopped thread.
type registers = unix.PtraceRegs

func getRegisters(tid int, r *registers) error { return unix.PtraceGetRegs(tid, r) }
func setRegisters(tid int, r *registers) error { return unix.PtraceSetRegs(tid, r) }

// setArg changes system call argument i, from 0.
func setArg(r *registers, i int, v uint64) {
	switch i {
	case 0:
		r.Rdi = v
	case 1:
		r.Rsi = v
	case 2:
		r.Rdx = v
	case 3:
		r.R10 = v
	}
}

// skipCall makes the kernel leave out the call at whose entry the thread stands
// and return ret in its place (seccomp(2), SECCOMP_RET_TRACE).
func skipCall(tid int, r *registers, ret int64) error {
	r.Orig_rax = ^uint64(0)
	r.Rax = uint64(ret)
	return setRegisters(tid, r)
}

// again makes the thread execute the same system call once more: the program
// counter goes back over the two bytes of the instruction.
func again(r *registers, nr uint64) {
	r.Rip -= 2
	r.Rax = nr
}

// firstRegister is what the result register must hold for the call to start over.
func firstRegister(r *registers, t *thread) int64 { return int64(t.nr) }

// interruptedIn reports whether the thread stands at a stop that has interrupted the
// call in which it slept: the result is one of those that never reach the program
// (ERESTARTSYS and its kin, 512 to 516), or EINTR.
func interruptedIn(r *registers, t *thread) bool {
	ret := int64(r.Rax)
	return int64(r.Orig_rax) == t.sleepNr && (ret == -int64(unix.EINTR) || ret <= -512 && ret >= -516)
}

// endCall gives an interrupted call a result; it is not started anew.
func endCall(t *thread, r *registers, ret int64) error { return skipCall(t.tid, r, ret) }
