package litmus

import (
	"os"
	"unsafe"

	"golang.org/x/sys/unix"
)

const directSize = 64 << 10 // bytes

const avoidMixing = "open(2): applications should avoid mixing O_DIRECT and normal I/O to the same file, " +
	"and especially to overlapping byte regions in the same file."

// Both at once: a mixture is a surprise. A cached write that returned first and is
// there in the end is none, for the direct one may be waiting for the disk after
// its part is done; it is counted.
var cachedAgainstDirect = &Case{
	Name: "cached, O_DIRECT|O_SYNC 64 KiB", Allowed: avoidMixing,
	Roles: []Role{{"direct", func(p *Proc) {
		p.writeOnce('d', flagDirect|unix.O_SYNC, p.Race)
	}}, {"cached", func(p *Proc) {
		p.writeOnce('c', 0, p.Race)
	}}},
	Setup: func(p *Proc) { p.fill("file", '.', directSize) },
	Judge: func(p *Proc, said []*Said) Outcome {
		fd := p.Open("file", unix.O_RDONLY)
		p.Must("fsync", unix.Fsync(fd))
		p.Close(fd)
		all := runs(p.content("file"))
		direct, cached := &p.board.slots[0], &p.board.slots[1]
		out := p.judgeMix(all, "dc", "the file holds ")
		switch {
		case out != Fine:
			return out
		case all[0].letter == 'c' && cached.finished < direct.began:
			return Broken("the cached write had returned before the direct one began, and is there in the end")
		case all[0].letter == 'c' && cached.finished < direct.finished:
			p.Tally("the cached write returned first and landed after")
		}
		return Fine
	},
}

// One after the other: the direct write first writes back what is cached of its
// range, and drops it (kiocb_invalidate_pages, mm/filemap.c), so that no cached page
// lands after it. What the disk holds is read with O_DIRECT.
var cachedThenDirect = &Case{
	Name: "cached, then O_DIRECT|O_SYNC", InTurn: true, Trials: 200,
	Roles: []Role{{"cached", func(p *Proc) {
		p.writeOnce('c', 0, func(write func()) { p.Turn(0, write) })
	}}, {"direct", func(p *Proc) {
		p.writeOnce('d', flagDirect|unix.O_SYNC, func(write func()) { p.Turn(1, write) })
	}}},
	Setup: func(p *Proc) { p.fill("file", '.', directSize) },
	Judge: func(p *Proc, said []*Said) Outcome {
		fd := p.openDirect("file", unix.O_RDWR, flagDirect)
		defer p.Close(fd)
		p.Must("fsync", unix.Fsync(fd))
		disk := p.aligned('?', directSize)
		n, err := unix.Pread(fd, disk, 0)
		p.mustDirect("read", flagDirect, err)
		if !pure(disk[:n], 'd') || n != directSize {
			return Broken("the disk holds " + picture(runs(disk[:n])))
		}
		if cache := p.content("file"); !pure(cache, 'd') {
			return Broken("the cache holds " + picture(runs(cache)))
		}
		return Fine
	},
}

// writeOnce writes the file by one call, when it is time.
func (p *Proc) writeOnce(letter byte, how int, when func(func())) {
	fd := p.openDirect("file", unix.O_WRONLY, how)
	defer p.Close(fd)
	write := Pick(p, unix.Pwrite, allButOne)
	b := p.aligned(letter, directSize)
	var err error
	began := now()
	when(func() { began = now(); _, err = write(fd, b, 0) })
	took := now() - began
	p.mustDirect("write", how, err)
	p.Say("wrote %d × %q, returned after %d µs", len(b), letter, took/1000)
}

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
