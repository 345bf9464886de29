package litmus

import (
	"io"

	"golang.org/x/sys/unix"
)

const truncatedSize = 4 << 10 // bytes

var truncation = &Test{
	Name:      "truncate",
	Guarantee: "Emptying a file and filling it again are two steps: who comes between sees it empty or in part, and what was written between is lost.",
	Source:    "POSIX.1-2024 open() O_TRUNC, ftruncate(), posix_fallocate(); logrotate(8), copytruncate",
	Cases: []*Case{
		refilled("ftruncate, then write", func(p *Proc, write writing) {
			fd := p.Open("file", unix.O_WRONLY)
			defer p.Close(fd)
			p.Race(func() {
				p.Must("ftruncate", unix.Ftruncate(fd, 0))
				write(fd, filled('n', truncatedSize), 0)
			})
		}),
		refilled("open with O_TRUNC, then write", func(p *Proc, write writing) {
			p.Race(func() {
				fd := p.Open("file", unix.O_WRONLY|unix.O_TRUNC)
				write(fd, filled('n', truncatedSize), 0)
				p.Close(fd)
			})
		}),
		refilled("fallocate, then write", func(p *Proc, write writing) {
			fd := p.Open("file", unix.O_WRONLY)
			defer p.Close(fd)
			p.Race(func() {
				p.Must("fallocate", fallocate(fd, truncatedSize, truncatedSize))
				write(fd, filled('n', truncatedSize), truncatedSize)
			})
		}),
		cutAgainstWrite,
		copyTruncate("copytruncate", unix.O_APPEND),
		copyTruncate("copytruncate, log without O_APPEND", 0),
	},
}

type writing func(fd int, b []byte, at int64) (int, error)

const twoCalls = "Truncating or allocating and writing are two calls, and POSIX promises nothing about the time between; rename(2) puts a whole file in place."

// refilled is a process that fills a file anew, and one that reads it meanwhile.
func refilled(name string, refill func(*Proc, writing)) *Case {
	return &Case{
		Name: name, Allowed: twoCalls, Shares: 3, Rare: true,
		Roles: []Role{{"writer", func(p *Proc) {
			refill(p, Pick(p, unix.Pwrite, wrongByte))
			p.Say("wrote %d × 'n'", truncatedSize)
		}}, {"reader", func(p *Proc) {
			var b []byte
			var err error
			p.Race(func() {
				fd := p.Open("file", unix.O_RDONLY)
				p.Window(func() { b, err = p.readAt(fd, 2*truncatedSize) })
				p.Close(fd)
			})
			p.Must("read", err)
			all := runs(b)
			p.Say("read %s", picture(all))
			p.Set(0, int64(len(b)))
			p.Set(1, int64(len(all)))
			for i, r := range all {
				p.Set(2+min(i, 2), int64(r.letter))
			}
			if !only(all, "on\x00") {
				p.Set(5, 1)
			}
		}}},
		Setup: func(p *Proc) { p.Write("file", string(filled('o', truncatedSize))) },
		Judge: judgeRefill,
	}
}

// judgeRefill: whole is one letter of the size of the old file, or both.
func judgeRefill(p *Proc, said []*Said) Outcome {
	v := said[1].Values
	size, stretches, last := v[0], v[1], v[2+min(max(v[1]-1, 0), 2)]
	switch {
	case v[5] != 0:
		return Broken("the reader got bytes that nobody wrote")
	case size == 0:
		p.Tally("empty")
		return Surprise("the reader got an empty file")
	case last == 0:
		p.Tally("zeros")
		return Surprise("the reader got zeros that nobody wrote yet")
	case size == truncatedSize && stretches == 1, size == 2*truncatedSize && stretches == 2:
		return Fine
	}
	p.Tally("in part")
	return Surprise("the reader got the file in part")
}

// One call each: the file is empty or whole afterwards, whichever came last.
var cutAgainstWrite = &Case{
	Name: "one ftruncate, one write", Allowed: mayMix,
	Roles: []Role{{"writer", func(p *Proc) {
		fd := p.Open("file", unix.O_WRONLY)
		defer p.Close(fd)
		write := Pick(p, unix.Pwrite, wrongByte)
		var err error
		p.Race(func() { _, err = write(fd, filled('n', 16*truncatedSize), 0) })
		p.Must("write", err)
		p.Say("wrote %d × 'n'", 16*truncatedSize)
	}}, {"cutter", func(p *Proc) {
		fd := p.Open("file", unix.O_WRONLY)
		defer p.Close(fd)
		var err error
		p.Race(func() { err = unix.Ftruncate(fd, 0) })
		p.Must("ftruncate", err)
		p.Say("cut the file to 0")
	}}},
	Setup: func(p *Proc) { p.Write("file", string(filled('o', 16*truncatedSize))) },
	Judge: func(p *Proc, said []*Said) Outcome {
		all := runs(p.content("file"))
		switch {
		case !only(all, "n\x00"):
			return Broken("bytes that are neither written nor zero: " + picture(all))
		case len(all) == 0, len(all) == 1 && all[0].n == 16*truncatedSize && all[0].letter == 'n':
			return Fine
		}
		return Surprise("the cut went through the write: " + picture(all))
	},
}

// copyTruncate is a rotation that copies a log and then empties it, while a
// process logs.
func copyTruncate(name string, flags int) *Case {
	const n = 512
	return &Case{
		Name: name, Rare: true,
		Allowed: "logrotate(8), copytruncate: there is a very small time slice between copying the file and truncating it, so some logging data might be lost.",
		Roles: []Role{{"rotator", func(p *Proc) {
			fd := p.Open("log", unix.O_RDWR)
			defer p.Close(fd)
			cut := Pick(p, unix.Ftruncate, func(int, int64) error { return nil })
			var copied []byte
			p.Race(func() {
				copied, _ = p.readAt(fd, 4*n)
				p.Must("ftruncate", cut(fd, 0))
			})
			all := runs(copied)
			p.Say("copied %s, then cut", picture(all))
			if len(all) > 0 && all[len(all)-1].letter == 'n' {
				p.Set(0, 1)
			}
		}}, {"logger", func(p *Proc) {
			fd := p.Open("log", unix.O_WRONLY|flags)
			defer p.Close(fd)
			_, err := unix.Seek(fd, n, io.SeekStart)
			p.Must("lseek", err)
			p.Race(func() { _, err = unix.Write(fd, filled('n', n)) })
			p.Must("write", err)
			p.Say("logged %d × 'n'", n)
		}}},
		Setup: func(p *Proc) { p.Write("log", string(filled('o', n))) },
		Judge: func(p *Proc, said []*Said) Outcome {
			all := runs(p.content("log"))
			copied := said[0].Values[0] == 1
			holds := "the log holds " + picture(all)
			switch {
			case !only(all, "n\x00"):
				return Broken("the log was not cut: " + holds)
			case copied == (len(all) == 0):
				if copied || all[0].letter == 'n' {
					return Fine
				}
				p.Tally("zeros")
				return Surprise("the log begins with zeros: " + holds)
			case !copied:
				p.Tally("lost")
				return Surprise("the record is neither in the copy nor in the log: " + holds)
			}
			return Broken("the record is in the copy and in the log: " + holds)
		},
	}
}
