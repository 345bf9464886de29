package litmus

import (
	"os"
	"unsafe"

	"golang.org/x/sys/unix"
)

// A write through the page cache that returned before a direct one did may all
// the same be what is there in the end: the direct one may have done its part
// and be waiting for the disk. But one that had returned before the direct one
// began must not be: the direct write first writes back what is cached of its
// range (kiocb_invalidate_pages, mm/filemap.c).
var cachedAfterDirect = &Case{
	Name: "cached lands after O_DIRECT|O_SYNC",
	Allowed: "open(2): applications should avoid mixing O_DIRECT and normal I/O to the same file, " +
		"and especially to overlapping byte regions in the same file.",
	Rare: true,
	Roles: []Role{{"direct", func(p *Proc) {
		p.writeOnce('d', flagDirect|unix.O_SYNC)
	}}, {"cached", func(p *Proc) {
		p.writeOnce('c', 0)
	}}},
	Setup: func(p *Proc) { p.fill("file", '.', directSize) },
	Judge: func(p *Proc, said []*Said) Outcome {
		fd := p.Open("file", unix.O_RDONLY)
		p.Must("fsync", unix.Fsync(fd))
		p.Close(fd)
		all := runs(p.content("file"))
		direct, cached := &p.board.slots[0], &p.board.slots[1]
		switch {
		case !only(all, "dc"):
			return Broken("bytes that neither wrote: the file holds " + picture(all))
		case len(all) > 1:
			p.tallyMix(grain(all))
			return Surprise("a mixture: the file holds " + picture(all))
		case all[0].letter == 'c' && cached.finished < direct.began:
			return Broken("the cached write had returned before the direct one began, and is there in the end")
		case all[0].letter == 'c' && cached.finished < direct.finished:
			p.Tally("landed after")
			return Surprise("the cached write returned first and is there in the end")
		}
		return Fine
	},
}

const directSize = 16 << 10

func (p *Proc) writeOnce(letter byte, how int) {
	fd := p.openDirect("file", unix.O_WRONLY, how)
	defer p.Close(fd)
	write := Pick(p, unix.Pwrite, allButOne)
	b := p.aligned(letter, directSize)
	var err error
	p.Race(func() { _, err = write(fd, b, 0) })
	p.mustDirect("write", how, err)
	p.Say("wrote %d × %q, returned after %d µs", len(b), letter, p.slotSpan()/1000)
}

// slotSpan is how long the section of this trial took, ns.
func (p *Proc) slotSpan() int64 { return p.slot.finished - p.slot.began }

// openDirect opens a file with flags of which the file system may not have all.
func (p *Proc) openDirect(name string, flags, how int) int {
	fd, err := unix.Open(name, flags|how|unix.O_CLOEXEC, 0o666)
	p.mustDirect("open", how, err)
	return fd
}

// mustDirect is Must for calls that may say by EINVAL that O_DIRECT is not supported.
func (p *Proc) mustDirect(what string, how int, err error) {
	if err == unix.EINVAL && how&flagDirect != 0 {
		p.Skip("this file system has no O_DIRECT: %s: %v", what, err)
	}
	p.Must(what, err)
}

// aligned returns n letters at an address that O_DIRECT takes: that of a page.
func (p *Proc) aligned(letter byte, n int) []byte {
	page := os.Getpagesize()
	if len(p.page) < n+page {
		p.page = make([]byte, n+page)
	}
	skip := (page - int(uintptr(unsafe.Pointer(&p.page[0]))%uintptr(page))) % page
	b := p.page[skip : skip+n]
	copy(b, filled(letter, n))
	return b
}
