package demo

import (
	"fmt"
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

const (
	recordFile = "records.log"
	recordsBy  = 3 // records that each actor appends
)

// Two processes append by going to the end and writing there. What the other
// appends in between is overwritten.
var appendRecords = Demo{
	Name:   "append",
	Title:  "two processes seek to the end and write there (TLPI 5.1)",
	Rule:   "lost-append",
	Actors: []string{"A", "B"},

	setup: func(Options) error { return layOut(nil, recordFile, "") },
	act: func(c *caller, o Options, actor string) {
		flags := unix.O_WRONLY
		if o.Safe {
			flags |= unix.O_APPEND
		}
		fd, _ := c.open(recordFile, flags)
		for i := range recordsBy {
			if !o.Safe {
				c.seekEnd(fd)
			}
			c.write(fd, fmt.Sprintf("record %s%d\n", actor, i+1))
		}
		c.close(fd)
	},
	tell: func(_ Options, say []Answer) (Result, error) {
		b, err := os.ReadFile(recordFile)
		if err != nil {
			return Result{}, err
		}
		written, there := recordsBy*len(say), strings.Count(string(b), "\n")
		text := fmt.Sprintf("%d records written, %d in the file", written, there)
		return Result{Text: text}, nil
	},
}
