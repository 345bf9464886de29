package demo

import (
	"slices"
	"strings"
)

var samples = []string{"a.sample", "b.sample", "c.sample"}

// Two workers share a directory of jobs. Each opens a job, locks it without
// waiting, does it, and unlinks it. Open and lock are two steps: a worker that
// opened the file before the other had unlinked it gets a lock on a file without
// a name, and does the job a second time.
var unlinkViolation = Demo{
	Name:   "unlink-violation",
	Title:  "two workers lock, do and unlink the same jobs: one is done twice",
	Rule:   "unlinked-lock",
	Actors: []string{"A", "B"},

	setup: func(Options) error {
		var files []string
		for _, s := range samples {
			files = append(files, s, "the job "+s+"\n")
		}
		return layOut(nil, files...)
	},
	act: func(c *caller, o Options, _ string) {
		var done []string
		for _, path := range samples {
			if doSample(c, path, o.Safe) {
				done = append(done, path)
			}
		}
		c.say("%s", strings.Join(done, " "))
	},
	tell: func(_ Options, say []Answer) (Result, error) {
		twice := inBoth(strings.Fields(say[0].Text), strings.Fields(say[1].Text))
		text := lines([]Answer{
			{"A", "did: " + say[0].Text},
			{"B", "did: " + say[1].Text},
		})
		if len(twice) > 0 {
			text += "\ndone twice: " + strings.Join(twice, " ")
		}
		return Result{Text: text}, nil
	},
}

// doSample reports whether this worker did the job.
func doSample(c *caller, path string, safe bool) bool {
	fd := openLocked(c, path)
	if fd < 0 {
		return false
	}
	defer c.close(fd)
	if safe && !c.sameFile(fd, path) {
		return false // locked, but it is no longer the file of that name
	}
	c.read(fd)
	c.unlink(path)
	return true
}

func inBoth(a, b []string) []string {
	return slices.DeleteFunc(slices.Clone(a), func(s string) bool { return !slices.Contains(b, s) })
}
