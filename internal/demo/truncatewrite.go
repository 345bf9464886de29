package demo

import (
	"fmt"

	"golang.org/x/sys/unix"
)

const (
	configFile = "config"
	configTemp = "config.tmp"
	configOld  = "colour = red\n"
	configNew  = "colour = blue\n"
)

// A writer empties a file and writes it anew. A reader that comes in between
// finds nothing.
var truncateWrite = Demo{
	Name:   "truncate-write",
	Title:  "a process empties a file and writes it anew while another reads it",
	Rule:   "partial-read",
	Actors: []string{"writer", "reader"},

	setup: func(Options) error { return layOut([]string{configTemp}, configFile, configOld) },
	act: func(c *caller, o Options, actor string) {
		switch {
		case actor == "reader":
			fd, _ := c.open(configFile, unix.O_RDONLY)
			c.say("%s", c.read(fd))
			c.close(fd)
		case o.Safe:
			c.create(configTemp, configNew)
			c.rename(configTemp, configFile)
		default:
			fd, _ := c.open(configFile, unix.O_WRONLY|unix.O_TRUNC)
			c.write(fd, configNew)
			c.close(fd)
		}
	},
	tell: func(_ Options, say []Answer) (Result, error) {
		switch got := say[1].Text; got {
		case configOld:
			return Result{Text: "the reader got the old file"}, nil
		case configNew:
			return Result{Text: "the reader got the new file"}, nil
		default:
			text := fmt.Sprintf("the reader got %d of %d bytes", len(got), len(configNew))
			return Result{Text: text}, nil
		}
	},
}
