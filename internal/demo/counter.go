package demo

import (
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

const counterFile = "counter"

var added = map[string]int{"A": 1, "B": 10}

// Two processes read a number, add to it and write it back: one adds 1, the other
// 10. When both read before either writes, one addition is lost.
var counter = Demo{
	Name:   "counter",
	Title:  "two processes add to a number in a file",
	Rule:   "lost-update",
	Actors: []string{"A", "B"},

	setup: func(Options) error { return layOut(nil, counterFile, "100\n") },
	act: func(c *caller, o Options, actor string) {
		fd, _ := c.open(counterFile, unix.O_RDWR)
		if o.Safe {
			c.flock(fd)
		}
		text := c.read(fd)
		n, err := strconv.Atoi(strings.TrimSpace(text))
		must("parse "+counterFile, err)
		c.pwrite(fd, strconv.Itoa(n+added[actor])+"\n", 0)
		c.close(fd)
	},
	tell: func(Options, []Answer) (Result, error) {
		b, err := os.ReadFile(counterFile)
		if err != nil {
			return Result{}, err
		}
		return Result{Text: "100, plus 1, plus 10 is " + strings.TrimSpace(string(b))}, nil
	},
}
