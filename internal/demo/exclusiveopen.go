package demo

import (
	"strconv"

	"golang.org/x/sys/unix"
)

const pidFile = "exclusive.pid"

// Listing 5-1 of Kerrisk, The Linux Programming Interface, 2010: a file is
// created because it was not there, and so both processes can believe that they
// alone created it.
var exclusiveOpen = Demo{
	Name:   "exclusive-open",
	Title:  "two processes create a file that was not there a moment ago (TLPI 5.1)",
	Rule:   "check-then-create",
	Actors: []string{"A", "B"},

	setup: func(Options) error { return layOut([]string{pidFile}) },
	act: func(c *caller, o Options, _ string) {
		flags := unix.O_WRONLY | unix.O_CREAT
		if o.Safe {
			flags |= unix.O_EXCL
		} else if fd, err := c.open(pidFile, unix.O_WRONLY, unix.ENOENT); err == nil {
			c.close(fd)
			c.say("found it there")
			return
		}
		fd, err := c.open(pidFile, flags, unix.EEXIST)
		if err != nil {
			c.say("found it there")
			return
		}
		c.write(fd, strconv.Itoa(unix.Getpid())+"\n")
		c.close(fd)
		c.say("created it exclusively")
	},
	tell: func(_ Options, say []Answer) (Result, error) { return Result{Text: lines(say)}, nil },
}
