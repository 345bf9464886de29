package hunt

import (
	"syscall"

	"golang.org/x/sys/unix"
)

// becomeReaper makes daemons that detach children of this process, so that none
// is left as a zombie elsewhere.
func becomeReaper() { unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) }

// workerAttributes: the terminal's Ctrl-C is for the coordinator, which closes the pipe.
func workerAttributes() *syscall.SysProcAttr { return &syscall.SysProcAttr{} }
