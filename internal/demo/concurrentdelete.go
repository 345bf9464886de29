package demo

import (
	"fmt"
	"strings"

	"golang.org/x/sys/unix"
)

const (
	destFile  = "DEST.txt"
	destMoved = "DEST.txt.moved"
	destLock  = "DEST.lock"
	destText  = "content of DEST\n"
)

// Two readers use a file that a third process deletes. A reader that opened it
// before the deletion reads, and marks as seen, a file that nobody can find any
// more.
var concurrentDelete = Demo{
	Name:   "concurrent-delete",
	Title:  "two processes read a file, and put it back when it is gone, while a third deletes it",
	Rule:   "open-unlinked",
	Actors: []string{"R1", "R2", "deleter"},
	Flags:  []Flag{{Name: "via-rename", Title: "the deleter moves the file away before it unlinks it"}},

	setup: func(o Options) error {
		leftovers := []string{destMoved, destLock, destFile + ".R1", destFile + ".R2"}
		if o.Safe {
			return layOut(leftovers, destFile, destText, destLock, "")
		}
		return layOut(leftovers, destFile, destText)
	},
	act: func(c *caller, o Options, actor string) {
		if o.Safe {
			// The lock file has no part in the deletion: it stays.
			lock, _ := c.open(destLock, unix.O_RDWR)
			c.flock(lock)
		}
		if actor == "deleter" {
			deleteDest(c, o)
		} else {
			readDest(c, actor)
		}
	},
	tell: func(o Options, say []Answer) (Result, error) {
		text := lines(say)
		return Result{text, strings.Contains(text, "bad read")}, nil
	},
}

func deleteDest(c *caller, o Options) {
	name := destFile
	if o.On("via-rename") {
		c.rename(destFile, destMoved)
		name = destMoved
	}
	c.unlink(name)
	c.say("unlinked %s", name)
}

func readDest(c *caller, actor string) {
	fd := openOrCreateDest(c, actor)
	text := c.read(fd)
	st := c.fstat(fd)
	c.write(fd, "seen\n")
	stat := fmt.Sprintf("st_ino %d, st_nlink %d, st_size %d", st.Ino, st.Nlink, st.Size)
	switch {
	case st.Nlink == 0:
		c.say("had a bad read: %s: nobody will find the mark", stat)
	case text == "":
		c.say("had a bad read: %s: empty", stat)
	default:
		c.say("had a good read: %s", stat)
	}
}

// openOrCreateDest returns a descriptor at the beginning of the file. A file that
// is gone is made anew under another name and gets its own when it is whole, so
// that none is ever seen half made: only the deletion is left to go wrong.
func openOrCreateDest(c *caller, actor string) int {
	for {
		fd, err := c.open(destFile, unix.O_RDWR|unix.O_APPEND, unix.ENOENT)
		if err == nil {
			return fd
		}
		fresh := destFile + "." + actor
		c.create(fresh, destText)
		c.link(fresh, destFile, unix.EEXIST) // else the other one was faster
		c.unlink(fresh)
	}
}
