package litmus

import (
	"io"

	"golang.org/x/sys/unix"
)

var appending = &Test{
	Name:      "append",
	Guarantee: "Records that processes append with O_APPEND, one call each, are all there in the end, each in one piece.",
	Source:    "POSIX.1-2024 write(): with O_APPEND no modification may come between the change of the offset and the write; open(2), O_APPEND (not on NFS)",
	Cases:     appendCases(),
}

func appendCases() []*Case {
	var all []*Case
	for _, n := range sizes {
		all = append(all, appendCase("write "+sizeName(n), n, unix.Write))
	}
	for _, n := range sizes {
		all = append(all, appendCase("writev "+sizeName(n), n, writeInPieces))
	}
	return append(all, seekThenWrite)
}

// writeInPieces writes by one writev(2) of up to four pieces.
func writeInPieces(fd int, b []byte) (int, error) {
	var pieces [][]byte
	piece := max(len(b)/4, 1)
	for len(b) > 0 {
		n := min(piece, len(b))
		pieces, b = append(pieces, b[:n]), b[n:]
	}
	return writev(fd, pieces)
}

func appendCase(name string, n int, write func(int, []byte) (int, error)) *Case {
	c := appendersOf(n, unix.O_APPEND, write, seekAndWrite)
	c.Name = name
	c.Judge = func(p *Proc, said []*Said) Outcome { return judgeAppend(p, said, n, false) }
	return c
}

// Without O_APPEND, looking for the end and writing are two calls.
var seekThenWrite = func() *Case {
	const n = 512
	c := appendersOf(n, 0, seekAndWrite, func(fd int, b []byte) (int, error) {
		seekAndWrite(fd, b[:len(b)/2])
		return len(b), nil
	})
	c.Name = "lseek, then write"
	c.Allowed = "lseek and write are two calls, and only O_APPEND makes them one (POSIX.1-2024 write(), O_APPEND)."
	c.Judge = func(p *Proc, said []*Said) Outcome { return judgeAppend(p, said, n, true) }
	return c
}()

func seekAndWrite(fd int, b []byte) (int, error) {
	if _, err := unix.Seek(fd, 0, io.SeekEnd); err != nil {
		return 0, err
	}
	return unix.Write(fd, b)
}

// appendersOf is two processes that append a record of n bytes each, of their own letter.
func appendersOf(n, flags int, right, wrong func(int, []byte) (int, error)) *Case {
	act := func(p *Proc) {
		// What stands in for an append must not have the kernel's help.
		fd := p.Open("log", unix.O_WRONLY|Pick(p, flags, 0))
		defer p.Close(fd)
		write := Pick(p, right, wrong)
		record := filled("ab"[p.Index()], n)
		var got int
		var err error
		p.Race(func() { got, err = write(fd, record) })
		p.Must("append", err)
		p.Set(0, int64(got))
		p.Say("appended %d of %d bytes %q", got, n, record[0])
	}
	return &Case{
		Roles: []Role{{"first", act}, {"second", act}},
		Setup: func(p *Proc) { p.Write("log", "") },
	}
}

// judgeAppend: the log holds both records, each in one piece. One in place of both is a
// surprise if that is permitted.
func judgeAppend(p *Proc, said []*Said, n int, mayLose bool) Outcome {
	if said[0].Values[0] != int64(n) || said[1].Values[0] != int64(n) {
		return Broken("a record was written short")
	}
	all := runs(p.content("log"))
	total := 0
	for _, r := range all {
		total += r.n
	}
	switch {
	case len(all) == 2 && all[0].n == n && all[1].n == n:
		return Fine
	case total == n && mayLose:
		return Surprise("a record is lost: the log holds " + picture(all))
	case total < 2*n:
		return Broken("a record is lost: the log holds " + picture(all))
	}
	return Broken("the records are not in one piece each: the log holds " + picture(all))
}
