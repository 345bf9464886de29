//go:build unix

package safefile

import (
	"crypto/rand"
	"path/filepath"
	"strconv"

	"golang.org/x/sys/unix"
)

// Temporary files stand beside the file and are called .NAME.temp-N with small
// numbers. Whoever makes one holds its lock until it is renamed or deleted, so one
// that can be locked was left behind by somebody who is gone, and the next writer
// deletes it. Between its creation and its locking a live one looks dead, so its maker looks,
// once it has the lock, whether the name is still that of the file. A file is never
// taken over: it may be somebody else's trap.

// slots is how many writers at once get a small number; further ones draw lots.
const slots = 16

// createTemp makes a temporary file for name, open for reading and writing, and locked.
func createTemp(name string, perm uint32) (fd int, temp string, err error) {
	dir, short := filepath.Split(anchorOf(name)) // .NAME.anchor
	prefix := dir + short[:len(short)-len("anchor")] + "temp-"
	for slot := 0; ; slot++ {
		temp = prefix + strconv.Itoa(slot)
		if slot >= slots {
			temp = prefix + rand.Text()
		}
		fd, err = open(temp, unix.O_RDWR|unix.O_CREAT|unix.O_EXCL|unix.O_NOFOLLOW, perm)
		if err == unix.EEXIST && slot < slots {
			if clean(temp) {
				slot--
			}
			continue
		}
		if err != nil {
			return -1, "", err
		}
		switch err := again(func() error { return flock(fd, unix.LOCK_EX|unix.LOCK_NB) }); {
		case err == nil && still(temp, fd):
			sweep(prefix, slot+1)
			return fd, temp, nil
		case err != nil && err != unix.EWOULDBLOCK:
			// No locks here: nobody can find out that it is dead, either.
			return fd, temp, nil
		}
		unix.Close(fd) // a cleaner was faster
		slot--
	}
}

// sweep deletes the dead among the files that follow, up to the first that is not there.
func sweep(prefix string, slot int) {
	for ; slot < slots; slot++ {
		temp := prefix + strconv.Itoa(slot)
		if _, err := lstat(temp); err != nil {
			return
		}
		clean(temp)
	}
}

// clean deletes a temporary file if its maker is gone, and tells whether the name is free.
func clean(temp string) bool {
	fd, err := open(temp, unix.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK|unix.O_NOCTTY, 0)
	if err != nil {
		return err == unix.ENOENT
	}
	defer unix.Close(fd)
	if again(func() error { return flock(fd, unix.LOCK_EX|unix.LOCK_NB) }) != nil || !still(temp, fd) {
		return false
	}
	return unix.Unlink(temp) == nil
}
