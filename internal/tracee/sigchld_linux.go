package tracee

import (
	"sync"
	"unsafe"

	"golang.org/x/sys/unix"
)

// sigaction is struct kernel_sigaction of amd64 and arm64.
type sigaction struct {
	handler  uintptr
	flags    uint64
	restorer uintptr
	mask     uint64
}

const saNoCldStop = 1 // SA_NOCLDSTOP

// quietStops keeps the kernel from sending a SIGCHLD for every stop of a tracee,
// two for each operation, each of which the Go runtime would handle: that is a
// quarter of the cost of an operation. SIGCHLD for the end of a child is still
// sent. Nothing in Go waits for the stops of children by signal.
var quietStops = sync.OnceFunc(func() {
	var a sigaction
	if _, _, e := unix.RawSyscall6(unix.SYS_RT_SIGACTION, uintptr(unix.SIGCHLD), 0, uintptr(unsafe.Pointer(&a)), 8, 0, 0); e != 0 {
		return
	}
	a.flags |= saNoCldStop
	unix.RawSyscall6(unix.SYS_RT_SIGACTION, uintptr(unix.SIGCHLD), uintptr(unsafe.Pointer(&a)), 0, 8, 0, 0)
})
