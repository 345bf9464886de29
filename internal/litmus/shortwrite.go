package litmus

import (
	"os"

	"golang.org/x/sys/unix"
)

var shortWrite = &Test{
	Name:      "short-write",
	Guarantee: "A write that a signal or a full disk cuts short says so: it returns how much was written, and exactly that is there.",
	Source:    "POSIX.1-2024 write(): EINTR, ENOSPC, and a count less than asked for; write(2), signal(7)",
	Cases:     []*Case{pipeSignal, fileSignal, fileKilled, fullDisk},
}

const shortSize = 1 << 20 // bytes

// A pipe of Linux holds 64 KiB: the writer sleeps in the middle.
var pipeSignal = &Case{
	Name: "pipe, caught signal", InTurn: true, Trials: 200,
	Allowed: "write(2): an interrupted call returns the number of bytes that were written, and EINTR only if there were none (signal(7)).",
	Roles: []Role{{"writer", func(p *Proc) {
		var ends [2]int
		p.Must("pipe", unix.Pipe(ends[:]))
		defer unix.Close(ends[0])
		defer unix.Close(ends[1])
		write := Pick(p, unix.Write, func(fd int, b []byte) (int, error) {
			unix.Write(fd, b)
			return -1, unix.EINTR
		})
		var n int
		var err error
		p.Turn(0, nil)
		p.Blocking(func() { n, err = write(ends[1], filled('n', shortSize)) })
		p.SetErr(err)
		p.Set(0, int64(n))
		p.Say("wrote %d of %d bytes", n, shortSize)
	}}, {"sender", func(p *Proc) {
		p.Turn(1, nil)
		if p.AwaitBlocked("writer") {
			p.interrupt("writer")
		}
		p.Say("sent a signal while the writer slept")
	}}},
	Judge: func(p *Proc, said []*Said) Outcome {
		switch n := said[0].Values[0]; {
		case said[0].Err != nil:
			return Broken("bytes were written, and the call says that it failed")
		case n < shortSize:
			return Surprise("a short write")
		}
		return Fine
	},
}

// interrupt sends a signal to the thread of a role that Go's runtime catches and
// makes nothing of.
func (p *Proc) interrupt(role string) {
	s := p.of(role)
	p.Must("send a signal", signalThread(int(s.pid.Load()), int(s.tid.Load()), unix.SIGURG))
}

var fileSignal = &Case{
	Name:    "file, caught signal",
	Allowed: "write(2): an interrupted call returns the number of bytes that were written.",
	Roles: []Role{{"writer", func(p *Proc) {
		fd := p.Open("file", unix.O_WRONLY|unix.O_CREAT|unix.O_TRUNC)
		defer p.Close(fd)
		write := Pick(p, unix.Write, halfWrite)
		var n int
		var err error
		p.Race(func() { n, err = write(fd, filled('n', shortSize)) })
		p.Must("write", err)
		p.Set(0, int64(n))
		p.Say("wrote %d of %d bytes", n, shortSize)
	}}, {"sender", func(p *Proc) {
		p.Race(func() { p.interrupt("writer") })
		p.Say("sent a signal")
	}}},
	Judge: func(p *Proc, said []*Said) Outcome {
		n := said[0].Values[0]
		switch b := p.content("file"); {
		case int64(len(b)) != n || !pure(b, 'n'):
			return Broken("the file does not hold what the write returned")
		case n < shortSize:
			return Surprise("a short write")
		}
		return Fine
	},
}

// halfWrite is a write that is short and says that it is not.
func halfWrite(fd int, b []byte) (int, error) {
	unix.Write(fd, b[:len(b)/2])
	return len(b), nil
}

const (
	looksBetweenFolios = "it looks for a fatal signal before each folio, and ends the write there (generic_perform_write, mm/filemap.c)."
	passesWriteOn      = "it passes the write on to the file system below, which decides (ovl_write_iter, fs/overlayfs/file.c)."
)

const killedSize = 8 << 20 // bytes: some milliseconds of copying

var fileKilled = &Case{
	Name: "file, SIGKILL", Trials: 100, Shares: 4, Rare: true,
	Allowed: "POSIX promises nothing about a write whose process is killed.",
	Why: map[string]string{
		"ext4":    looksBetweenFolios,
		"xfs":     "it looks for a fatal signal before each folio, and ends the write there (iomap_write_begin, fs/iomap/buffered-io.c).",
		"btrfs":   "it copies folio after folio and does not look for signals, so that the write is whole (btrfs_buffered_write and copy_one_range, fs/btrfs/file.c).",
		"tmpfs":   looksBetweenFolios,
		"overlay": passesWriteOn,
	},
	Roles: []Role{{"killer", killWriter}},
	Children: map[string]func(*Proc){"victim": func(p *Proc) {
		fd := p.Open("file", unix.O_WRONLY|unix.O_CREAT)
		b := filled('n', killedSize)
		if p.Shim() {
			b = append(append([]byte(nil), b...), '!')
		}
		p.Say("writes %d bytes by one call", len(b))
		p.Blocking(func() {
			p.Turn(0, nil)
			unix.Write(fd, b)
		})
	}},
	Setup: func(p *Proc) { p.Remove("file") },
	Judge: func(p *Proc, said []*Said) Outcome {
		n := said[0].Values[0]
		all := runs(p.content("file"))
		switch {
		case len(all) > 1:
			return Broken("the file holds what was not written: " + picture(all))
		case n > 0 && n < killedSize:
			p.Least("least power of two that divides the sizes left", n&-n)
			return Surprise("part of the write is there")
		}
		return Fine
	},
}

// killWriter kills a process in the middle of its write, at a random size of the file.
func killWriter(p *Proc) {
	cmd := p.Child("victim")
	p.Must("start the writer", cmd.Start())
	victim := p.of("victim")
	p.Turn(1, nil)
	// How far it has come is seen by the size, so no clock is needed.
	target := p.Rand.Int64N(killedSize)
	size := func() int64 {
		var st unix.Stat_t
		if unix.Stat("file", &st) != nil {
			return 0
		}
		return st.Size
	}
	if !p.Shim() {
		p.Await(func() bool { return size() >= target || victim.blocking.Load() == 0 })
		cmd.Process.Signal(os.Kill)
	}
	cmd.Wait()
	if victim.blocking.Load() == 1 {
		p.Overlapped()
	}
	p.Set(0, size())
	p.Say("killed it; the file has %d of %d bytes", size(), killedSize)
}

const (
	smallDisk = 1 << 30  // bytes: more is not filled up
	roomLeft  = 64 << 10 // bytes
)

var fullDisk = &Case{
	Name: "full disk", InTurn: true, Trials: 2,
	Allowed: "POSIX.1-2024 write(): if there is no room for all, only as many bytes as there is room for are written; the next call gets ENOSPC.",
	Why: map[string]string{
		"ext4":    "it gets the blocks for all that one folio will hold before it copies, or gives back those that it got (ext4_write_begin, fs/ext4/inode.c).",
		"xfs":     "it reserves room for the whole write before it copies (xfs_buffered_write_iomap_begin, fs/xfs/xfs_iomap.c).",
		"btrfs":   "it reserves room for data and for what describes them before it copies (reserve_space, fs/btrfs/file.c).",
		"tmpfs":   "it gets memory for one folio after the other, and what it got is filled (shmem_write_begin, mm/shmem.c).",
		"overlay": passesWriteOn,
	},
	Roles: []Role{{"writer", func(p *Proc) {
		fd := p.Open("file", unix.O_WRONLY|unix.O_CREAT|unix.O_TRUNC)
		defer p.Close(fd)
		n, err := unix.Write(fd, filled('n', shortSize))
		if p.Shim() {
			n, err = shortSize, nil
		}
		p.SetErr(err)
		p.Set(0, int64(max(n, 0)))
		p.Say("wrote %d of %d bytes", max(n, 0), shortSize)
		if err == unix.ENOSPC {
			if n, _ := unix.Write(fd, filled('n', 4096)); n == 4096 {
				p.Set(2, 4096)
			}
		}
		if err == nil && n < shortSize {
			_, err = unix.Write(fd, filled('n', shortSize-n))
			p.Set(1, int64(errno(err)))
		}
	}}},
	Setup: fillDisk,
	Judge: func(p *Proc, said []*Said) Outcome {
		n, next := said[0].Values[0], unix.Errno(said[0].Values[1])
		size := len(p.content("file"))
		p.Remove("filler", "file")
		switch {
		case said[0].Err != nil && said[0].Err != unix.ENOSPC:
			return Broken("an error that is not ENOSPC")
		case int64(size) < n || said[0].Err == nil && next == 0 && int64(size) != n,
			said[0].Err != nil && int64(size) != said[0].Values[2]:
			return Broken("the file does not hold what the write returned")
		case said[0].Values[2] > 0:
			p.Tally("nothing of 1 MiB written, ENOSPC, though 4 KiB fit")
		case said[0].Err != nil:
			p.Tally("nothing written, ENOSPC")
		case n == shortSize:
			p.Tally("all written: the room left was more")
		case n < shortSize:
			p.Tally("short, then " + map[bool]string{true: "ENOSPC", false: "more"}[next == unix.ENOSPC])
			return Surprise("a short write")
		}
		return Fine
	},
}

// fillDisk leaves little room on a small file system.
func fillDisk(p *Proc) {
	free, err := room(".")
	p.Must("look how much room there is", err)
	if free > smallDisk {
		p.Skip("it would fill the disk, and %d MiB are free; only a file system with less than %s free is filled", free>>20, sizeName(smallDisk))
	}
	// A file system that is full may have no room for the entry and the inode either.
	p.Write("file", "")
	fd := p.Open("filler", unix.O_WRONLY|unix.O_CREAT|unix.O_TRUNC)
	defer p.Close(fd)
	size := int64(0)
	for n := int64(smallDisk); n >= 4096; n /= 2 {
		for fallocate(fd, size, n) == nil {
			size += n
		}
	}
	size = p.Fstat(fd).Size
	for n := shortSize; n >= 4096; n /= 2 { // all of it, where there is no fallocate
		for {
			got, err := unix.Pwrite(fd, filled('f', n), size)
			if size += int64(max(got, 0)); err != nil || got < n {
				break
			}
		}
	}
	p.Must("make a little room", unix.Ftruncate(fd, max(size-roomLeft, 0)))
	p.Must("fsync the filler", unix.Fsync(fd))
}
