package demo

import (
	"fmt"
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

const (
	blockFile = "blocks"
	blockLen  = 16 // bytes
	blocksBy  = 4  // blocks that each actor writes
)

// Two processes fill the same range of one file block by block, each with its
// own letter. Each block is whole, the range may be a mixture of both.
var overlappingWrite = Demo{
	Name:   "overlapping-write",
	Title:  "two processes write the same blocks of a file",
	Rule:   "overlapping-write",
	Actors: []string{"A", "B"},
	Flags: []Flag{
		{Name: "gap", Title: "each writes blocks of its own: nothing overlaps"},
		{Name: "with", Value: strings.Join(locks, "|"), Title: "each takes this lock around all of its writing (--safe: flock)"},
	},

	setup: func(o Options) error {
		return layOut(nil, blockFile, strings.Repeat(".", blockLen*len(o.ranges())*blocksBy))
	},
	act: func(c *caller, o Options, actor string) {
		first := o.ranges()[0]
		if actor == "B" {
			first = o.ranges()[len(o.ranges())-1]
		}
		fd := openUnder(c, blockFile, o.lock())
		for i := first; i < first+blocksBy; i++ {
			c.pwrite(fd, strings.Repeat(actor, blockLen), int64(i*blockLen))
		}
		c.close(fd) // frees a lock of any kind
	},
	tell: func(o Options, _ []Answer) (Result, error) {
		b, err := os.ReadFile(blockFile)
		if err != nil {
			return Result{}, err
		}
		letters := blockLetters(b)
		text := "blocks: " + letters
		if !o.On("gap") && strings.Trim(letters, letters[:1]) != "" {
			text += ", a mixture of both"
		}
		return Result{Text: text}, nil
	},
}

// ranges gives the first block of each distinct range.
func (o Options) ranges() []int {
	if o.On("gap") {
		return []int{0, blocksBy}
	}
	return []int{0}
}

func (o Options) lock() string {
	if o.Safe && o.Value("with") == "" {
		return "flock"
	}
	return o.Value("with")
}

// blockLetters gives the letter of each block, '?' for a torn one.
func blockLetters(b []byte) string {
	var s strings.Builder
	for len(b) >= blockLen {
		c := b[0]
		if strings.Trim(string(b[:blockLen]), string(c)) != "" {
			c = '?'
		}
		s.WriteByte(c)
		b = b[blockLen:]
	}
	return s.String()
}

// openUnder opens a file for writing and waits until it has the lock of that
// kind on it; "" is none.
func openUnder(c *caller, path, kind string) int {
	if kind == "lease" {
		return openLeased(c, path)
	}
	fd, _ := c.open(path, unix.O_WRONLY)
	switch kind {
	case "":
	case "flock":
		c.flock(fd)
	case "lockf":
		// lockf(3) locks from the current offset on, by fcntl(2).
		c.fcntlLock(fd, unix.F_SETLKW, 0)
	case "fcntl":
		c.fcntlLock(fd, unix.F_SETLKW, blocksBy*blockLen)
	case "ofd":
		c.fcntlLock(fd, setOFDLockWait, 0)
	default:
		panic(fmt.Sprintf("no lock of kind %q", kind))
	}
	return fd
}

// fcntlLock waits for an exclusive lock of the first n bytes; 0: of all.
func (c *caller) fcntlLock(fd, cmd int, n int64) {
	l := unix.Flock_t{Type: unix.F_WRLCK, Whence: 0, Len: n}
	must("fcntl lock", unix.FcntlFlock(uintptr(fd), cmd, &l))
}
