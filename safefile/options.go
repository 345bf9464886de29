package safefile

import "io/fs"

// Option changes how a file is locked or written. One that does not concern a
// function has no effect there.
type Option func(*options)

type options struct {
	perm      fs.FileMode
	noFollow  bool
	bare      bool
	remove    bool
	owner     bool
	noSync    bool
	exclusive bool
	framed    bool
}

const defaultPerm = 0o666

func collect(list []Option) options {
	if len(list) == 0 {
		return options{perm: defaultPerm}
	}
	o := options{perm: defaultPerm} // options get its address, so it is allocated
	for _, set := range list {
		set(&o)
	}
	return o
}

// Perm is the mode of a file that is created, less the umask: 0666 if not given.
func Perm(mode fs.FileMode) Option { return func(o *options) { o.perm = mode.Perm() } }

// NoFollow refuses, with ErrSymlink, a path whose last element is a symbolic link.
// Otherwise the file that it leads to is meant.
func NoFollow() Option { return func(o *options) { o.noFollow = true } }

// Bare locks without an anchor: nothing but the lock file itself is made. The lock
// still bears removal by holders and before it is held, but who deletes the file
// while it is held lets a second one in. For locking a data file in place.
func Bare() Option { return func(o *options) { o.bare = true } }

// RemoveAfter deletes the lock file when the lock is given up, while it is still
// held, so that never two are let in. Of shared holders, the last one deletes it.
func RemoveAfter() Option { return func(o *options) { o.remove = true } }

// WithOwner writes the process id into the lock file, for Owner and for people. A
// file that holds anything but a process id is refused with ErrNotRecord. It costs
// a read and two writes more; a shared lock is not recorded.
func WithOwner() Option { return func(o *options) { o.owner = true } }

// NoSync leaves out fsync(2) of the file and of its directory: still whole for every
// reader, but after a crash of the machine the file may be the old one or, on some
// file systems, empty.
func NoSync() Option { return func(o *options) { o.noSync = true } }

// Exclusive lets Commit fail with fs.ErrExist if there is a file of that name already.
func Exclusive() Option { return func(o *options) { o.exclusive = true } }

// Framed puts a header with length and checksum before each appended record, so
// that Records finds every whole one between the remains of torn ones.
func Framed() Option { return func(o *options) { o.framed = true } }
