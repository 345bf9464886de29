package litmus

import (
	"slices"

	"golang.org/x/sys/unix"
)

var overlapping = &Test{
	Name:      "overlap",
	Guarantee: "Two writes of one call each to the same bytes, or a read against a write, do not mix: one is seen whole.",
	Source:    "POSIX.1-2024 2.9.7 (for threads); write(), rationale: what concurrent writes of several processes do is left open",
	Cases:     overlapCases(),
}

const mayMix = "POSIX leaves open what concurrent writes of several processes do to each other (write(), rationale: use some form of concurrency control)."

func overlapCases() []*Case {
	var all []*Case
	for _, n := range sizes {
		all = append(all, writeAgainstWrite("write, write "+sizeName(n), n, 0))
	}
	for _, n := range sizes {
		all = append(all, readAgainstWrite("read, write "+sizeName(n), n))
	}
	return append(all,
		writeAgainstWrite("O_DIRECT, O_DIRECT 64 KiB", 64<<10, flagDirect),
		cachedAgainstDirect, cachedThenDirect, onePage)
}

// writeAgainstWrite is two processes that write the same n bytes, opened with
// flags of their own.
func writeAgainstWrite(name string, n int, flags ...int) *Case {
	act := func(p *Proc) {
		how := flags[min(p.Index(), len(flags)-1)]
		fd := p.openDirect("file", unix.O_WRONLY, how)
		defer p.Close(fd)
		write := Pick(p, unix.Pwrite, allButOne)
		b := p.aligned("ab"[p.Index()], n)
		var got int
		var err error
		p.Race(func() { got, err = write(fd, b, 0) })
		p.mustDirect("write", how, err)
		p.Set(0, int64(got))
		p.Say("wrote %d of %d bytes %q", got, n, b[0])
	}
	why := whyWritesMix
	if slices.Contains(flags, flagDirect) {
		why = nil
	}
	return &Case{
		Name: name, Allowed: mayMix, Why: why,
		Roles: []Role{{"first", act}, {"second", act}},
		Setup: func(p *Proc) { p.fill("file", '.', n) },
		Judge: func(p *Proc, said []*Said) Outcome {
			if said[0].Values[0] != int64(n) || said[1].Values[0] != int64(n) {
				return Broken("a write was short")
			}
			return p.judgeMix(runs(p.content("file")), "ab", "the file holds ")
		},
	}
}

// readAgainstWrite is a process that reads what another one writes over.
func readAgainstWrite(name string, n int) *Case {
	return &Case{
		Name: name, Allowed: mayMix, Why: whyReadsMix, Shares: min(n, 4), Rare: n > 1,
		Roles: []Role{{"writer", func(p *Proc) {
			fd := p.Open("file", unix.O_WRONLY)
			defer p.Close(fd)
			write := Pick(p, unix.Pwrite, wrongByte)
			p.Race(func() {
				for i := range readRounds(n) {
					_, err := write(fd, filled("no"[i%2], n), 0)
					p.Must("write", err)
				}
			})
			p.Say("wrote %d × 'n' over as many 'o', or the other way round, %d times", n, readRounds(n))
		}}, {"reader", func(p *Proc) {
			fd := p.Open("file", unix.O_RDONLY)
			defer p.Close(fd)
			bufs := make([][]byte, readRounds(n))
			for i := range bufs {
				buf, free := p.memory(n)
				defer free()
				bufs[i] = buf
			}
			p.Race(func() {
				for i := range bufs {
					got, err := unix.Pread(fd, bufs[i], 0)
					p.Must("read", err)
					bufs[i] = bufs[i][:got]
				}
			})
			p.Set(0, int64(n))
			for _, b := range bufs {
				p.tellRead(b, n)
			}
		}}},
		Setup: func(p *Proc) { p.fill("file", 'o', n) },
		Judge: func(p *Proc, said []*Said) Outcome {
			v := said[1].Values
			switch {
			case v[0] != int64(n):
				return Broken("the reader got fewer bytes than there are")
			case v[3] != 0:
				return Broken("the reader got bytes that nobody wrote")
			case v[1] > 1:
				p.tallyMix(int(v[2]))
				return Surprise("the reader got a mixture")
			}
			return Fine
		},
	}
}

// readRounds is how often a range of n bytes is written over, and read, in one
// trial: small ones often, because the copying takes little of a call's time.
func readRounds(n int) int { return min(max(256<<10/n, 4), 64) }

// memory is where to read n bytes to. Where few of them are read, it is there before
// the race. Where many are, it is not: page faults make the reader slower than the writer,
// which then overtakes it. If both were as fast, neither would ever pass the other.
func (p *Proc) memory(n int) (b []byte, free func()) {
	if n <= pageSize {
		return append([]byte(nil), filled('.', n)...), func() {}
	}
	b, err := unix.Mmap(-1, 0, n, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANON)
	p.Must("get memory", err)
	return b, func() { p.Must("free memory", unix.Munmap(b)) }
}

// tellRead tells of one read, and keeps what was told of the first that was mixed:
// values are how many bytes were read if too few, stretches, grain, and whether
// there were bytes that nobody wrote.
func (p *Proc) tellRead(b []byte, n int) {
	v := &p.slot.values
	switch {
	case len(b) < n:
		v[0] = int64(len(b))
	case pure(b, 'o') || pure(b, 'n'):
		return
	}
	all := runs(b)
	if !only(all, "on") {
		v[3] = 1
		p.Say("read %s", picture(all))
	} else if v[1] == 0 {
		v[1], v[2] = int64(len(all)), int64(grain(all))
		p.Say("read %s", picture(all))
	}
}

// judgeMix looks at what became of bytes that two processes wrote.
func (p *Proc) judgeMix(all []run, letters, holds string) Outcome {
	switch {
	case !only(all, letters):
		return Broken("bytes that neither wrote: " + holds + picture(all))
	case len(all) > 1:
		p.tallyMix(grain(all))
		return Surprise("a mixture: " + holds + picture(all))
	}
	return Fine
}

// fill makes a file of n letters, in blocks that are on the disk already.
func (p *Proc) fill(name string, letter byte, n int) {
	fd := p.Open(name, unix.O_WRONLY|unix.O_CREAT)
	defer p.Close(fd)
	_, err := unix.Pwrite(fd, filled(letter, n), 0)
	p.Must("fill "+name, err)
}

// allButOne is a write that keeps quiet about being short.
func allButOne(fd int, b []byte, at int64) (int, error) {
	if len(b) > 4096 { // what O_DIRECT takes ends at a block's end
		unix.Pwrite(fd, b[:len(b)-4096], at)
	}
	return len(b), nil
}

// wrongByte is a write that damages the last byte.
func wrongByte(fd int, b []byte, at int64) (int, error) {
	b = append([]byte(nil), b...)
	b[len(b)-1] = '!'
	return unix.Pwrite(fd, b, at)
}

// Halves of one page, which the page cache writes back as one.
var onePage = &Case{
	Name:  "halves of one page",
	Roles: []Role{{"first", writeHalf}, {"second", writeHalf}},
	Setup: func(p *Proc) { p.fill("file", '.', 4096) },
	Judge: func(p *Proc, said []*Said) Outcome {
		all := runs(p.content("file"))
		if len(all) == 2 && all[0] == (run{0, 2048, 'a'}) && all[1] == (run{2048, 2048, 'b'}) {
			return Fine
		}
		return Broken("one half is lost: the file holds " + picture(all))
	},
}

func writeHalf(p *Proc) {
	fd := p.Open("file", unix.O_RDWR)
	defer p.Close(fd)
	write := Pick(p, unix.Pwrite, wholePage)
	b := filled("ab"[p.Index()], 2048)
	var err error
	p.Race(func() { _, err = write(fd, b, int64(2048*p.Index())) })
	p.Must("write", err)
	p.Say("wrote its half")
}

// wholePage writes a part by reading the whole, changing it, and writing it back.
func wholePage(fd int, b []byte, at int64) (int, error) {
	page := make([]byte, 4096)
	unix.Pread(fd, page, 0)
	copy(page[at:], b)
	return unix.Pwrite(fd, page, 0)
}
