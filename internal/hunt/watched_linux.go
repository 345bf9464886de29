package hunt

import (
	"errors"
	"os"
	"os/exec"
	"runtime"
	"syscall"
)

// hold starts a command that stops when its program is in place, as a debugger would
// have it (PTRACE_TRACEME). letRun must be called by the same goroutine, whose
// thread is locked until then: the kernel takes a tracer for one thread.
func hold(cmd *exec.Cmd) (*os.Process, error) {
	runtime.LockOSThread()
	cmd.SysProcAttr = &syscall.SysProcAttr{Ptrace: true}
	if err := cmd.Start(); err != nil {
		runtime.UnlockOSThread()
		return nil, err
	}
	var ws syscall.WaitStatus
	for {
		_, err := syscall.Wait4(cmd.Process.Pid, &ws, 0, nil)
		if err == nil {
			break
		}
		if !errors.Is(err, syscall.EINTR) {
			runtime.UnlockOSThread()
			return nil, err
		}
	}
	if !ws.Stopped() {
		runtime.UnlockOSThread()
		return nil, errors.New("it ended before its first instruction")
	}
	return cmd.Process, nil
}

func letRun(pid int) error {
	defer runtime.UnlockOSThread()
	return syscall.PtraceDetach(pid)
}
