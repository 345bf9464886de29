package demo

import (
	"fmt"
	"io"

	"golang.org/x/sys/unix"
)

// caller makes an actor's system calls, one for each method. A call that fails
// in a way that the demo does not speak of ends the actor.
type caller struct {
	said   string
	misfit bool // what it got does not fit together
}

// callError is a failed system call, as a panic value.
type callError struct {
	call string
	err  error
}

func (e callError) Error() string { return e.call + ": " + e.err.Error() }

func must(call string, err error) {
	if err != nil {
		panic(callError{call, err})
	}
}

// say keeps what the actor answers at its end.
func (c *caller) say(format string, a ...any) { c.said = fmt.Sprintf(format, a...) }

// open opens a file; but lists the errors that the demo goes on from.
func (c *caller) open(path string, flags int, but ...error) (fd int, err error) {
	fd, err = unix.Open(path, flags|unix.O_CLOEXEC, 0o666)
	return fd, among("open "+path, err, but)
}

// openat opens a file below a directory descriptor.
func (c *caller) openat(dir int, name string, flags int) int {
	fd, err := unix.Openat(dir, name, flags|unix.O_CLOEXEC, 0)
	must("openat "+name, err)
	return fd
}

func (c *caller) close(fd int) { must("close", unix.Close(fd)) }

// read makes one call: the files of the demos are far smaller than the buffer.
func (c *caller) read(fd int) string {
	buf := make([]byte, 4096)
	n, err := unix.Read(fd, buf)
	must("read", err)
	return string(buf[:n])
}

func (c *caller) write(fd int, s string) {
	_, err := unix.Write(fd, []byte(s))
	must("write", err)
}

func (c *caller) pwrite(fd int, s string, off int64) {
	_, err := unix.Pwrite(fd, []byte(s), off)
	must("pwrite", err)
}

// create writes a new file.
func (c *caller) create(path, text string) {
	fd, _ := c.open(path, unix.O_WRONLY|unix.O_CREAT|unix.O_EXCL)
	c.write(fd, text)
	c.close(fd)
}

func (c *caller) seekEnd(fd int) {
	_, err := unix.Seek(fd, 0, io.SeekEnd)
	must("lseek", err)
}

func (c *caller) fstat(fd int) unix.Stat_t {
	var st unix.Stat_t
	must("fstat", unix.Fstat(fd, &st))
	return st
}

// stat reports false when there is no such name.
func (c *caller) stat(path string) (unix.Stat_t, bool) {
	var st unix.Stat_t
	err := unix.Stat(path, &st)
	return st, among("stat "+path, err, []error{unix.ENOENT}) == nil
}

func (c *caller) mkdir(path string)       { must("mkdir "+path, unix.Mkdir(path, 0o777)) }
func (c *caller) rename(from, to string)  { must("rename "+from, unix.Rename(from, to)) }
func (c *caller) symlink(to, path string) { must("symlink "+path, unix.Symlink(to, path)) }

// unlink returns ENOENT: somebody else was faster.
func (c *caller) unlink(path string) error {
	return among("unlink "+path, unix.Unlink(path), []error{unix.ENOENT})
}

// flock waits for the lock.
func (c *caller) flock(fd int) { must("flock", unix.Flock(fd, unix.LOCK_EX)) }

// sameFile reports whether path still names the file behind fd.
func (c *caller) sameFile(fd int, path string) bool {
	held := c.fstat(fd)
	named, ok := c.stat(path)
	return ok && held.Dev == named.Dev && held.Ino == named.Ino
}

// link gives a file a second name; but lists the errors that the demo goes on from.
func (c *caller) link(from, to string, but ...error) error {
	return among("link "+to, unix.Link(from, to), but)
}

// among returns err if it is nil or one of but, and ends the actor otherwise.
func among(call string, err error, but []error) error {
	for _, b := range but {
		if err == b {
			return err
		}
	}
	must(call, err)
	return nil
}
