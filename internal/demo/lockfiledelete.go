package demo

import (
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

const (
	appLock = "app.lock"
	appLog  = "app.log"
)

// Three processes guard their work by a lock file and unlink it when done. The
// second may be waiting for a lock on the file that the first unlinks; the third
// then makes a new file of the same name, and locks that one.
var lockfileDelete = Demo{
	Name:   "lockfile-delete",
	Title:  "three processes work under a lock file that each removes when it is done",
	Rule:   "unlinked-lock",
	Actors: []string{"A", "B", "C"},

	setup: func(Options) error { return layOut([]string{appLock}, appLog, "") },
	act: func(c *caller, o Options, actor string) {
		log, _ := c.open(appLog, unix.O_WRONLY|unix.O_APPEND)
		fd, _ := c.open(appLock, unix.O_RDWR|unix.O_CREAT)
		c.flock(fd)
		c.write(log, actor+" in\n")
		c.write(log, actor+" out\n")
		if !o.Safe {
			c.unlink(appLock)
		}
		c.close(fd)
	},
	tell: func(Options, []Answer) (Result, error) {
		log, err := os.ReadFile(appLog)
		if err != nil {
			return Result{}, err
		}
		return Result{Text: whoWasIn(string(log))}, nil
	},
}

// whoWasIn reads a log of lines "NAME in" and "NAME out".
func whoWasIn(log string) string {
	var inside, order []string
	both := ""
	for line := range strings.Lines(log) {
		name, what, _ := strings.Cut(strings.TrimSpace(line), " ")
		if what == "out" {
			inside = inside[:len(inside)-1]
			continue
		}
		inside = append(inside, name)
		order = append(order, name)
		if len(inside) > 1 && both == "" {
			both = strings.Join(inside, " and ")
		}
	}
	if both != "" {
		return both + " held the lock at the same time"
	}
	return "one at a time: " + strings.Join(order, ", ")
}
