package litmus

import (
	"encoding/binary"
	"time"

	"golang.org/x/sys/unix"
)

var unlinkedFile = &Test{
	Name:      "unlinked",
	Guarantee: "A file without a name lives on, whole, for those who have it open; its space is freed with the last close.",
	Source:    "POSIX.1-2024 unlink(); unlink(2); linkat(2), AT_SYMLINK_FOLLOW and O_TMPFILE in open(2)",
	Cases: []*Case{
		unlinkedLivesOn,
		unlinkedLocks,
		unlinkedSpace,
		namelessGetsName,
		unlinkedGetsNoName,
	},
}

// truncateRemove removes a file as nobody should: others may have it open.
func truncateRemove(name string) error {
	unix.Truncate(name, 0)
	return unix.Unlink(name)
}

// unlinkedLivesOn: two processes have the file open; its name goes; what
// one writes the other reads.
var unlinkedLivesOn = &Case{
	Name: "is read and written", InTurn: true, Trials: 100,
	Setup: func(p *Proc) { p.Write("file", "before") },
	Roles: []Role{
		{"reader", func(p *Proc) {
			fd := p.Open("file", unix.O_RDWR)
			defer p.Close(fd)
			p.Turn(0, nil)
			p.Turn(2, func() {
				b, err := p.readAt(fd, 16)
				p.Say("read %q", b)
				p.SetErr(err)
			})
		}},
		{"remover", func(p *Proc) {
			remove := Pick(p, unix.Unlink, truncateRemove)
			p.Turn(1, func() {
				fd := p.Open("file", unix.O_RDWR)
				defer p.Close(fd)
				p.Must("remove", remove("file"))
				p.Set(0, int64(p.Fstat(fd).Nlink))
				_, err := unix.Pwrite(fd, []byte("+"), 6)
				p.Must("write", err)
			})
		}},
	},
	Judge: func(_ *Proc, said []*Said) Outcome {
		switch {
		case said[0].Err != nil || said[0].Text != `read "before+"`:
			return Broken(`the file does not hold "before+"`)
		case said[1].Values[0] != 0:
			return Broken("the link count is not 0")
		}
		return Fine
	},
}

// unlinkedLocks: the lock belongs to the file and not to its name.
var unlinkedLocks = &Case{
	Name: "is locked", InTurn: true, Trials: 100, Setup: zeroFile,
	Roles: []Role{
		{"first", func(p *Proc) {
			fd := p.Open("file", unix.O_RDWR)
			defer p.Close(fd)
			p.Turn(1, func() {
				p.Must("remove", unix.Unlink("file"))
				p.Must("lock", flockKind.try(fd))
			})
			p.Turn(3, nil)
		}},
		{"second", func(p *Proc) {
			fd := p.Open("file", unix.O_RDWR)
			p.Turn(0, nil)
			p.Turn(2, func() {
				if p.Shim() { // a file of the same name, and not the same file
					p.Close(fd)
					fd = p.Open("file", unix.O_RDWR|unix.O_CREAT)
				}
				p.SetErr(flockKind.try(fd))
			})
			p.Close(fd)
		}},
	},
	Judge: func(_ *Proc, said []*Said) Outcome {
		if !refused(said[1].Err) {
			return Broken("two processes had the lock of one file without a name")
		}
		return Fine
	},
}

// spaceSize in bytes is large beside what others may write meanwhile; a round in
// which they wrote more is repeated.
const (
	spaceSize   = 16 << 20
	spaceRounds = 3
)

// unlinkedSpace: the file's blocks are taken until the last close. Sizes are seen
// by statfs(2), whose counts move with everything else on the file system too.
var unlinkedSpace = &Case{
	Name: "its space is freed at the last close", InTurn: true, Trials: 2,
	Roles: []Role{
		{"keeper", func(p *Proc) {
			dir := p.Open(".", unix.O_RDONLY)
			defer p.Close(dir)
			held, freed := false, false
			for range Pick(p, spaceRounds, 1) {
				if h, f := keepSpace(p, dir); h && f {
					held, freed = true, true
					break
				} else {
					held, freed = held || h, freed || f
				}
			}
			p.Set(0, truth(held))
			p.Set(1, truth(freed))
		}},
	},
	Children: map[string]func(*Proc){"remover": func(p *Proc) { p.SetErr(unix.Unlink("file")) }},
	Judge: func(_ *Proc, said []*Said) Outcome {
		switch {
		case said[0].Values[0] == 0:
			return Broken("the space was free while the file was open")
		case said[0].Values[1] == 0:
			return Broken("the space was not freed within 2 s of the last close")
		}
		return Fine
	},
}

func truth(b bool) int64 {
	if b {
		return 1
	}
	return 0
}

// keepSpace fills a file that another process then removes, and tells whether its
// space was taken as long as it was open, and free afterwards.
func keepSpace(p *Proc, dir int) (held, freed bool) {
	free := func() int64 {
		n, err := room(".")
		p.Must("look how much room there is", err)
		return n
	}
	settleRoom(dir)
	before := free()
	fd := p.Open("file", unix.O_RDWR|unix.O_CREAT|unix.O_TRUNC)
	_, err := unix.Write(fd, p.noise(spaceSize))
	p.Must("write", err)
	p.Must("fsync", unix.Fsync(fd))
	remover := p.Child("remover")
	p.Must("start a process", remover.Run())
	settleRoom(dir)
	held = free() < before-spaceSize/2
	keep := fd
	if p.Shim() { // it stays open elsewhere
		keep, err = unix.Dup(fd)
		p.Must("dup", err)
		defer p.Close(keep)
	}
	p.Close(fd)
	for end := time.Now().Add(2 * time.Second); !freed && time.Now().Before(end); {
		if freed = free() > before-spaceSize/2; !freed {
			settleRoom(dir)
			time.Sleep(10 * time.Millisecond)
		}
	}
	return held, freed
}

// noise is n bytes, a multiple of 8, that cannot be compressed.
func (p *Proc) noise(n int) []byte {
	b := make([]byte, 0, n)
	for len(b) < n {
		b = binary.NativeEndian.AppendUint64(b, p.Rand.Uint64())
	}
	return b
}

// namelessGetsName: a file made without a name is given one, and others find it.
var namelessGetsName = &Case{
	Name: "made without a name, it is given one through /proc", InTurn: true, Trials: 100,
	Setup: func(p *Proc) { p.Remove("file") },
	Roles: []Role{
		{"maker", func(p *Proc) {
			fd, err := openNameless()
			if err == unix.EISDIR || err == unix.ENOENT {
				p.Skip("make a file without a name: not supported here: %v", err)
			}
			p.Must("make a file without a name", err)
			defer p.Close(fd)
			name := Pick(p, nameByProc, func(fd int, name string) error {
				p.Write(name, "a copy")
				return nil
			})
			p.Turn(0, func() {
				p.SetErr(name(fd, "file"))
				st := p.Fstat(fd)
				p.Set(0, int64(st.Ino))
			})
		}},
		{"finder", func(p *Proc) {
			p.Turn(1, func() {
				var st unix.Stat_t
				p.SetErr(unix.Stat("file", &st))
				p.Set(0, int64(st.Ino))
			})
		}},
	},
	Judge: func(_ *Proc, said []*Said) Outcome {
		switch {
		case said[0].Err != nil:
			return Broken("it was given no name")
		case said[1].Err != nil || said[1].Values[0] != said[0].Values[0]:
			return Broken("another process found another file by that name, or none")
		}
		return Fine
	},
}

// unlinkedGetsNoName: who lost the last name gets no other, or the dead would rise.
var unlinkedGetsNoName = &Case{
	Name: "once unlinked, it is given no name (ENOENT)", InTurn: true, Trials: 100,
	Setup: func(p *Proc) {
		p.Remove("again", "second")
		p.Write("file", "")
	},
	Roles: []Role{
		{"keeper", func(p *Proc) {
			fd := p.Open("file", unix.O_RDWR)
			defer p.Close(fd)
			p.Turn(0, nil)
			p.Turn(2, func() {
				err := nameByProc(fd, "again")
				if lacking(err) {
					p.Skip("link through /proc: %v", err)
				}
				p.SetErr(err)
				p.Say("tried to link it")
			})
		}},
		{"remover", func(p *Proc) {
			p.Turn(1, func() {
				if p.Shim() { // not the last name
					p.Must("link", unix.Link("file", "second"))
				}
				p.Must("remove", unix.Unlink("file"))
			})
		}},
	},
	Judge: func(_ *Proc, said []*Said) Outcome {
		if said[0].Err != unix.ENOENT {
			return Broken("the link to it was not refused with ENOENT")
		}
		return Fine
	},
}
