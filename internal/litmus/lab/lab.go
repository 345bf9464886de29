// Package lab builds file systems to try the litmus tests on, each on a loop
// device of its own, in a mount namespace that nobody else sees.
//
// Nothing is left behind, also when the program is killed. The mounts are in a
// namespace that ends with its last process; the loop devices detach themselves at
// their last close (LO_FLAGS_AUTOCLEAR, loop(4)); the files behind them never
// have a name; the mount points are in a tmpfs of the same namespace; and whatever
// was started is killed with the process that started it.
package lab

import (
	"errors"

	"filerace/internal/litmus"
)

// Errors of Enter and Build.
var (
	// ErrUnsupported: file systems are built on Linux only.
	ErrUnsupported = errors.New("file systems can be made on Linux only")
	// ErrPrivilege: mounting needs root.
	ErrPrivilege = errors.New("making file systems needs root")
	// ErrOutside: the process is not in a mount namespace of its own; see Enter.
	ErrOutside = errors.New("not in a mount namespace of its own")
)

// UnknownError is a file system that the lab cannot make.
type UnknownError struct{ Name string }

func (e *UnknownError) Error() string { return "no file system " + e.Name + " can be made" }

// Missing is a file system that cannot be made here, and why not.
type Missing struct{ Name, Why string }

// Lab is the file systems that were made.
type Lab struct {
	Places  []litmus.Place // in the order asked for
	Missing []Missing

	ground *ground
}

// kind is a file system that lives on a block device.
type kind struct {
	name    string
	maker   string   // the program that makes it
	of      string   // the Debian package of that program
	args    []string // before the device
	options string   // for mount(2)
}

// kinds are the file systems on block devices. XFS wants 300 MB at least.
var kinds = []kind{
	{"ext4", "mkfs.ext4", "e2fsprogs", []string{"-q", "-F"}, "noinit_itable"},
	{"xfs", "mkfs.xfs", "xfsprogs", []string{"-q", "-f"}, ""},
	{"btrfs", "mkfs.btrfs", "btrfs-progs", []string{"-q", "-f"}, ""},
}

// Size of each file system in bytes; its file is sparse.
const Size = 512 << 20

// tmpfsSize in bytes: the memory is taken when a test fills it.
const tmpfsSize = 128 << 20

// Names are the file systems that Build knows.
func Names() []string {
	var names []string
	for _, k := range kinds {
		names = append(names, k.name)
	}
	return append(names, "tmpfs", "overlay", "fuse")
}
