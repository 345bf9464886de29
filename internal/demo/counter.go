package demo

import (
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

const counterFile = "counter"

// Two processes read a number and write it back increased by one. When both read
// before either writes, one increase is lost.
var counter = Demo{
	Name:   "counter",
	Title:  "two processes add one to a number in a file",
	Rule:   "lost-update",
	Actors: []string{"A", "B"},

	setup: func(Options) error { return layOut(nil, counterFile, "100\n") },
	act: func(c *caller, o Options, _ string) {
		fd, _ := c.open(counterFile, unix.O_RDWR)
		if o.Safe {
			c.flock(fd)
		}
		text := c.read(fd)
		n, err := strconv.Atoi(strings.TrimSpace(text))
		must("parse "+counterFile, err)
		c.pwrite(fd, strconv.Itoa(n+1)+"\n", 0)
		c.close(fd)
	},
	tell: func(Options, []Answer) (Result, error) {
		b, err := os.ReadFile(counterFile)
		if err != nil {
			return Result{}, err
		}
		return Result{Text: "100 and twice 1 more is " + strings.TrimSpace(string(b))}, nil
	},
}
