package worldtest

import (
	"syscall"

	"filerace/internal/op"
)

// row finds the operation's row of the system call table; nil for a moment that
// is no call.
func row(v verb, o *op.Op) *op.Call {
	name, args := v.call, [6]uint64{}
	switch {
	case name == "fcntl":
		args[1] = uint64(o.Cmd)
	case o.Kind == op.Exit && o.Actor != o.Actor.Process():
		name = "exit"
	}
	for i := range op.Calls {
		if c := &op.Calls[i]; c.Name == name && c.Kind == o.Kind && (name != "fcntl" || c.Matches(&args)) {
			return c
		}
	}
	return nil
}

// errnos are the errors that a script can name.
var errnos = map[string]syscall.Errno{
	"EACCES": syscall.EACCES, "EAGAIN": syscall.EAGAIN, "EBADF": syscall.EBADF, "EDEADLK": syscall.EDEADLK,
	"EEXIST": syscall.EEXIST, "EINTR": syscall.EINTR, "EINVAL": syscall.EINVAL, "EISDIR": syscall.EISDIR,
	"ELOOP": syscall.ELOOP, "ENOENT": syscall.ENOENT, "ENOLCK": syscall.ENOLCK, "ENOTDIR": syscall.ENOTDIR,
	"ENOTEMPTY": syscall.ENOTEMPTY, "EWOULDBLOCK": syscall.EWOULDBLOCK,
}
