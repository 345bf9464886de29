package op

import (
	"fmt"
	"io"
	"strconv"
	"strings"
)

// kindAccesses says in words what Accesses says in code.
var kindAccesses = map[Kind]string{
	Open:       "reads the name, or writes it if it creates; reads mode and leases; with O_TRUNC writes all bytes and the size",
	Close:      "writes the file's locks, the descriptor, the pipe",
	CloseRange: "as close, for each descriptor",
	Dup:        "writes the descriptor; dup2 and dup3 close the one they replace",
	Read:       "reads bytes; moves the offset if it uses it; writes the pipe",
	Write:      "writes bytes, and the size if they lie beyond the end; moves the offset if it uses it; with O_APPEND from the end on; writes the pipe",
	Seek:       "writes the offset (a mere question reads it); SEEK_END reads the size",
	Truncate:   "writes the bytes from the new end or the old on, and the size",
	Allocate:   "writes bytes, and the size unless it is kept",
	Copy:       "as a read and a write",
	Sync:       "nothing that others see",
	LockOp:     "writes the lock range; a shared request reads it; a lease is written",
	GetLock:    "as the request it asks about",
	SetFlags:   "writes the open file description's flags, or the descriptor",
	Stat:       "reads the name, metadata, size and bytes (their time), or all entries of a directory",
	AccessOp:   "reads the name and metadata",
	Readlink:   "reads the name",
	ReadDir:    "reads all entries, moves the offset",
	Unlink:     "writes the name and the file's link count",
	Rmdir:      "writes the name and all entries of the directory",
	Rename:     "writes both names, the link count of the file replaced, all entries of a directory moved or replaced",
	Link:       "reads the old name, writes the new one and the link count",
	SymlinkOp:  "writes the name",
	Mkdir:      "writes the name",
	Mknod:      "writes the name",
	Chmod:      "reads the name, writes metadata",
	Chown:      "reads the name, writes metadata",
	Utime:      "reads the name and the bytes (their time), writes metadata",
	GetXattr:   "reads the name and metadata",
	SetXattr:   "reads the name, writes metadata",
	Mmap:       "reads the bytes, and writes them if it may",
	Msync:      "nothing that others see",
	Chdir:      "reads the name, writes the process's directory",
	PipeOp:     "nothing that others see",
	Fork:       "nothing; what the child does comes after it",
	Exec:       "reads the name, metadata and bytes; closes descriptors marked so",
	Exit:       "writes the process's end; closes its descriptors",
	Wait:       "writes the end of a child",
	Kill:       "whatever its target does next",
	SocketOp:   "writes the socket it is given",
	Send:       "writes the socket",
	Recv:       "writes the socket",
	Random:     "nothing; answered from the seed",
	Sleep:      "nothing; not waited for",
	Pause:      "nothing",
	Poll:       "nothing",
	Futex:      "nothing",
	Timer:      "nothing",
	Uring:      "nothing",
}

// Document writes the table of calls in Markdown.
func Document(w io.Writer) error {
	var b strings.Builder
	b.WriteString(`# System calls

Made from the table in ` + "`internal/op`" + ` by ` + "`go test ./internal/op -run Document -update`" + `.
Where several lines have one call, the first whose condition holds counts; a call
that meets none is let through unseen. *Held*: under control the caller stops at
its entry. *Asleep*: it may sleep there until another process acts.

| call | amd64 | arm64 | if | kind | held | asleep | accesses | not modelled |
| --- | ---: | ---: | --- | --- | --- | --- | --- | --- |
`)
	for i := range Calls {
		c := &Calls[i]
		fmt.Fprintf(&b, "| %s | %s | %s | %s | %s | %s | %s | %s | %s |\n", c.Name, number(c.AMD64), number(c.ARM64),
			c.condition(), c.Kind, mark(c.Trace), mark(c.Sleep), kindAccesses[c.Kind], c.Note)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func number(nr int) string {
	if nr == None {
		return ""
	}
	return strconv.Itoa(nr)
}

func mark(b bool) string {
	if b {
		return "yes"
	}
	return ""
}

// condition writes the row's tests.
func (c *Call) condition() string {
	var tests []string
	for i := range c.When {
		t := &c.When[i]
		var values []string
		for _, v := range t.Values {
			values = append(values, c.testValue(t, v))
		}
		s := strings.Join(values, ", ")
		if t.Not {
			s = "not " + s
		}
		tests = append(tests, s)
	}
	return strings.Join(tests, "; ")
}

func (c *Call) testValue(t *Test, v uint64) string {
	switch kind := c.Args[t.Arg]; {
	case kind == ArgCmd:
		return fcntlNames[int(v)]
	case v == 0 && t.Mask != low32:
		return "no " + bitString(t.Mask, flagBits[c.Kind])
	case kind == ArgFlags || kind == ArgMapFlags:
		return bitString(v, flagBits[c.Kind])
	}
	return fmt.Sprintf("argument %d is %d", t.Arg+1, v)
}
