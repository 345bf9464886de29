package litmus

import (
	"bytes"
	"os"
	"runtime/debug"

	"golang.org/x/sys/unix"
)

var mapping = &Test{
	Name:      "mmap",
	Guarantee: "A shared mapping and read and write see the same bytes; access beyond the end of a truncated file raises SIGBUS, but for the rest of its last page, which is zero.",
	Source:    "POSIX.1-2024 mmap(), ftruncate(); mmap(2), SIGBUS and NOTES",
	Cases:     []*Case{mappedWrite, mappedStore, mappedTorn, mappedTruncate, mappedTruncateRace},
}

// pages is how many pages are mapped.
const pages = 2

var pageSize = os.Getpagesize()

// mapFile maps the first pages of a file.
func (p *Proc) mapFile(fd, how int) (mem []byte, unmap func()) {
	mem, err := unix.Mmap(fd, 0, pages*pageSize, unix.PROT_READ|unix.PROT_WRITE, how)
	p.Must("mmap", err)
	return mem, func() { p.Must("munmap", unix.Munmap(mem)) }
}

// letterFile fills the file with one letter, in place: ext4 and XFS write a file to
// disk when it is closed after it was truncated to nothing.
func letterFile(p *Proc) {
	fd := p.Open("file", unix.O_WRONLY|unix.O_CREAT)
	defer p.Close(fd)
	_, err := unix.Pwrite(fd, filled('a', pages*pageSize), 0)
	p.Must("write", err)
}

// load reads a byte of a mapping, or tells that this raised SIGBUS.
func load(mem []byte, at int) (b byte, fault bool) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if e := recover(); e != nil {
			if _, ok := e.(interface{ Addr() uintptr }); !ok {
				panic(e)
			}
			fault = true
		}
	}()
	return mem[at], false
}

var mappedWrite = &Case{
	Name: "what is written is seen in a mapping", InTurn: true, Trials: 200, Setup: letterFile,
	Roles: []Role{
		{"mapper", func(p *Proc) {
			fd := p.Open("file", unix.O_RDWR)
			defer p.Close(fd)
			mem, unmap := p.mapFile(fd, Pick(p, unix.MAP_SHARED, unix.MAP_PRIVATE))
			defer unmap()
			p.Turn(0, func() { mem[1] = 'm' }) // a private page is a copy from here on
			p.Turn(2, func() { p.Say("sees %q", mem[0]) })
		}},
		{"writer", func(p *Proc) {
			fd := p.Open("file", unix.O_RDWR)
			defer p.Close(fd)
			p.Turn(1, func() {
				_, err := unix.Pwrite(fd, []byte{'w'}, 0)
				p.Must("write", err)
			})
		}},
	},
	Judge: says(0, "sees 'w'", "the mapping does not show what was written"),
}

var mappedStore = &Case{
	Name: "what is stored in a mapping is read", InTurn: true, Trials: 200, Setup: letterFile,
	Roles: []Role{
		{"mapper", func(p *Proc) {
			fd := p.Open("file", unix.O_RDWR)
			defer p.Close(fd)
			mem, unmap := p.mapFile(fd, Pick(p, unix.MAP_SHARED, unix.MAP_PRIVATE))
			defer unmap()
			p.Turn(0, func() { mem[0] = 'm' })
			p.Turn(2, nil)
		}},
		{"reader", func(p *Proc) {
			fd := p.Open("file", unix.O_RDWR)
			defer p.Close(fd)
			p.Turn(1, func() {
				b, err := p.readAt(fd, 1)
				p.SetErr(err)
				p.Say("reads %q", b)
			})
		}},
	},
	Judge: says(1, `reads "m"`, "read does not give what was stored"),
}

// mappedTorn: one write of a page, seen through a mapping.
var mappedTorn = &Case{
	Name: "half a write is seen in a mapping", Setup: letterFile, Rare: true,
	Allowed: "Nothing orders loads from a mapping with a write in progress; POSIX.1-2024 mmap() and write() promise no more than what each byte is.",
	Roles: []Role{
		{"mapper", func(p *Proc) {
			fd := p.Open("file", unix.O_RDWR)
			defer p.Close(fd)
			mem, unmap := p.mapFile(fd, unix.MAP_SHARED)
			defer unmap()
			// Present before the race: a page fault takes as long as the write.
			load(mem, 0)
			copied := make([]byte, pageSize)
			p.Race(func() { copy(copied, mem) })
			all := runs(copied)
			p.Set(0, int64(len(all)))
			p.Set(1, truth(only(all, "ab")))
			p.Say("sees %s", picture(all))
		}},
		{"writer", func(p *Proc) {
			fd := p.Open("file", unix.O_RDWR)
			defer p.Close(fd)
			b := filled('b', pageSize)
			if p.Shim() {
				b[pageSize/2] = 'x'
			}
			var err error
			p.Race(func() { _, err = unix.Pwrite(fd, b, 0) })
			p.Must("write", err)
		}},
	},
	Judge: func(_ *Proc, said []*Said) Outcome {
		v := said[0].Values
		switch {
		case v[1] == 0:
			return Broken("the mapping shows bytes that nobody wrote")
		case v[0] > 1:
			return Surprise("a part of the page was old, a part new")
		}
		return Fine
	},
}

const shorter = 100 // bytes that truncation leaves

// mappedTruncate: in turn, what truncation does to a mapping.
var mappedTruncate = &Case{
	Name: "beyond a truncated end: zeros, then SIGBUS", InTurn: true, Trials: 100, Setup: letterFile,
	Roles: []Role{
		{"mapper", func(p *Proc) {
			fd := p.Open("file", unix.O_RDWR)
			defer p.Close(fd)
			mem, unmap := p.mapFile(fd, unix.MAP_SHARED)
			defer unmap()
			p.Turn(0, func() { load(mem, 0); load(mem, pageSize) })
			look := func(from int) {
				for i, at := range []int{shorter - 1, shorter, pageSize} {
					b, fault := load(mem, at)
					if fault {
						p.Set(from+i, sigbus)
					} else {
						p.Set(from+i, int64(b))
					}
				}
			}
			p.Turn(2, func() { look(0) })
			p.Turn(4, func() { look(3) })
		}},
		{"truncator", func(p *Proc) {
			truncate := Pick(p, unix.Truncate, func(string, int64) error { return nil })
			p.Turn(1, func() { p.Must("truncate", truncate("file", shorter)) })
			p.Turn(3, func() { p.Must("truncate", truncate("file", int64(pages*pageSize))) })
		}},
	},
	Judge: func(_ *Proc, said []*Said) Outcome {
		v := said[0].Values
		switch {
		case v[0] != 'a' || v[3] != 'a':
			return Broken("bytes before the new end are lost")
		case v[1] != 0:
			return Broken("the rest of the last page is not zero")
		case v[2] != sigbus:
			return Broken("a page beyond the end raised no SIGBUS")
		case v[4] != 0 || v[5] != 0:
			return Broken("made longer again, the file is not zero where it was cut off")
		}
		return Fine
	},
}

// sigbus stands for a fault among bytes.
const sigbus = -1

// mappedTruncateRace: loads from the second page against truncation to one page and back.
var mappedTruncateRace = &Case{
	Name: "truncation under a reader of the mapping", Setup: letterFile, Rare: true,
	Allowed: "References within the mapped range beyond the end of the file raise SIGBUS, and the end may move at any time; mmap(2).",
	Roles: []Role{
		{"mapper", func(p *Proc) {
			fd := p.Open("file", unix.O_RDWR)
			defer p.Close(fd)
			mem, unmap := p.mapFile(fd, unix.MAP_SHARED)
			defer unmap()
			load(mem, pageSize)
			var bytesSeen [512]byte
			faults := 0
			p.Race(func() {
				for i := range bytesSeen {
					b, fault := load(mem, pageSize+i)
					if bytesSeen[i] = b; fault {
						faults++
					}
				}
			})
			old := bytes.Count(bytesSeen[:], []byte{'a'})
			p.Set(0, int64(faults))
			p.Set(1, int64(len(bytesSeen)-old-bytes.Count(bytesSeen[:], []byte{0})))
			p.Say("%d old bytes, %d faults in %d loads", old, faults, len(bytesSeen))
			// Both are done: nothing of the old content may be left.
			p.Turn(p.Index(), nil)
			p.Await(func() bool { return p.board.turn.Load() == 2 })
			b, fault := load(mem, pageSize)
			p.Set(2, truth(b != 0 || fault))
		}},
		{"truncator", func(p *Proc) {
			truncate := Pick(p, unix.Ftruncate, func(int, int64) error { return nil })
			fd := p.Open("file", unix.O_RDWR)
			defer p.Close(fd)
			var err error
			p.Race(func() {
				if err = truncate(fd, int64(pageSize)); err == nil {
					err = truncate(fd, int64(pages*pageSize))
				}
			})
			p.Must("truncate", err)
			p.Turn(p.Index(), nil)
		}},
	},
	Judge: func(_ *Proc, said []*Said) Outcome {
		v := said[0].Values
		switch {
		case v[1] > 0:
			return Broken("the mapping shows bytes that nobody wrote")
		case v[2] == 1:
			return Broken("after truncation the mapping shows the old bytes")
		case v[0] > 0:
			return Surprise("SIGBUS in the middle of reading a file that was there before and after")
		}
		return Fine
	},
}
