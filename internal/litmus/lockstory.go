package litmus

import (
	"errors"
	"io"
	"os"
	"os/exec"
	"time"

	"golang.org/x/sys/unix"
)

// lockKind is one way to lock a whole file for oneself.
type lockKind struct {
	name string
	try  func(fd int) error // does not wait
	drop func(fd int) error
}

var (
	flockKind = lockKind{
		"flock",
		func(fd int) error { return unix.Flock(fd, unix.LOCK_EX|unix.LOCK_NB) },
		func(fd int) error { return unix.Flock(fd, unix.LOCK_UN) },
	}
	posixKind = lockKind{
		"fcntl",
		func(fd int) error { return setLock(fd, unix.F_WRLCK, 0, 0) },
		func(fd int) error { return setLock(fd, unix.F_UNLCK, 0, 0) },
	}
	ofdKind = lockKind{
		"OFD",
		func(fd int) error { return setOFDLock(fd, unix.F_WRLCK, false, 0, 0) },
		func(fd int) error { return setOFDLock(fd, unix.F_UNLCK, false, 0, 0) },
	}
	// nothingKind is no lock at all, and nameKind outlives the one who made it: shims.
	nothingKind = lockKind{"none", func(int) error { return nil }, func(int) error { return nil }}
	nameKind    = lockKind{
		"name",
		func(int) error { return unix.Mkdir("held", 0o777) },
		func(int) error { return unix.Rmdir("held") },
	}
)

// setLock sets a POSIX lock of length bytes from start on, 0: to the end and beyond; it does not wait.
func setLock(fd, kind int, start, length int64) error {
	l := unix.Flock_t{Type: int16(kind), Whence: io.SeekStart, Start: start, Len: length}
	return unix.FcntlFlock(uintptr(fd), unix.F_SETLK, &l)
}

// refused tells whether a lock is somebody else's.
func refused(err error) bool {
	return errors.Is(err, unix.EAGAIN) || errors.Is(err, unix.EACCES) || errors.Is(err, unix.EEXIST)
}

// take tries to lock, and tells whether that worked; other errors than that it is
// taken end the case.
func (k lockKind) take(p *Proc, fd int) bool {
	err := k.try(fd)
	if refused(err) {
		return false
	}
	p.Must("lock by "+k.name, err)
	return true
}

// holder is the process in a lockStory that has the lock.
type holder struct {
	*Proc
	kind      lockKind
	file, dup *os.File
	child     *exec.Cmd
	stdin     io.Closer // closed: the child ends
}

// lockStep is something that the holder does; then another process asks for the lock.
type lockStep struct {
	does string
	do   func(h *holder)
	free bool // it must get it
}

// lockStory is a case in which the holder of a lock does one thing after the
// other, and another process asks after each whether the lock is free.
func lockStory(name string, right, wrong lockKind, steps ...lockStep) *Case {
	hold := func(p *Proc) {
		h := &holder{Proc: p, kind: Pick(p, right, wrong)}
		defer h.end()
		for i, s := range steps {
			p.Turn(2*i, func() { s.do(h) })
		}
		p.Turn(2*len(steps), nil)
	}
	ask := func(p *Proc) {
		kind := Pick(p, right, wrong)
		for i := range steps {
			p.Turn(2*i+1, func() {
				fd := p.Open("file", unix.O_RDWR)
				if kind.take(p, fd) {
					p.Set(i, 1)
					p.Must("unlock", kind.drop(fd))
				}
				p.Close(fd)
			})
		}
	}
	return &Case{
		Name: name, InTurn: true, Trials: 100,
		Roles: []Role{{"holder", hold}, {"other", ask}},
		Children: map[string]func(*Proc){
			"child": untilEOF,
			"locker": func(p *Proc) {
				p.SetErr(Pick(p, right, wrong).try(inheritedFD))
				os.Stdout.Write([]byte("\n"))
				untilEOF(p)
			},
		},
		Setup: func(p *Proc) {
			p.Remove("held")
			p.Write("file", "")
		},
		Judge: func(p *Proc, said []*Said) Outcome {
			for i, s := range steps {
				switch free := said[1].Values[i] == 1; {
				case free && !s.free:
					return Broken("after " + s.does + " another process got the lock")
				case !free && s.free:
					return Broken("after " + s.does + " another process did not get the lock")
				}
			}
			return Fine
		},
	}
}

// untilEOF is a child that does nothing and ends with its standard input.
func untilEOF(*Proc) { io.Copy(io.Discard, os.Stdin) }

// The steps.

func (h *holder) open() *os.File {
	f, err := os.OpenFile("file", os.O_RDWR, 0)
	h.Must("open", err)
	return f
}

func locks(h *holder) {
	h.file = h.open()
	if !h.kind.take(h.Proc, int(h.file.Fd())) {
		h.Skip("the lock was taken before anybody took it")
	}
}

func dups(h *holder) {
	fd, err := unix.Dup(int(h.file.Fd()))
	h.Must("dup", err)
	h.dup = os.NewFile(uintptr(fd), "dup")
}

func closesFirst(h *holder)  { h.Must("close", h.file.Close()) }
func closesSecond(h *holder) { h.Must("close", h.dup.Close()) }

func unlocksSecond(h *holder) { h.Must("unlock", h.kind.drop(int(h.dup.Fd()))) }

// opensAndCloses has nothing to do with the lock, as a library may do it.
func opensAndCloses(h *holder) { h.Must("close", h.open().Close()) }

// inheritedFD is the first descriptor that a child gets from Proc.Child.
const inheritedFD = 5

// forks starts a process that inherits the descriptor, across fork and exec.
func forks(h *holder) { h.start("child", nil) }

func (h *holder) start(child string, out **os.File) {
	h.child = h.Child(child, h.file)
	in, err := h.child.StdinPipe()
	h.Must("pipe", err)
	h.stdin = in
	if out != nil {
		r, w, err := os.Pipe()
		h.Must("pipe", err)
		defer w.Close()
		h.child.Stdout, *out = w, r
	}
	h.Must("start a process", h.child.Start())
}

// childLocks has a child lock, by the descriptor that it inherits.
func childLocks(h *holder) {
	var out *os.File
	h.file = h.open()
	h.start("locker", &out)
	defer out.Close()
	out.Read(make([]byte, 1))
}

func childExits(h *holder) {
	h.stdin.Close()
	h.Must("the child's end", h.child.Wait())
	h.child = nil
}

func childIsKilled(h *holder) {
	h.child.Process.Kill()
	h.child.Wait()
	h.child = nil
}

// end leaves nothing open for the next trial; what is closed already does not mind.
func (h *holder) end() {
	if h.child != nil {
		h.child.Process.Kill()
		h.child.Wait()
	}
	for _, f := range []*os.File{h.file, h.dup} {
		if f != nil {
			f.Close()
		}
	}
}

// lockedCount lets two processes count in one file under a lock that waits, to see
// whether it excludes. The section sleeps inside now and then, so that the
// other really waits.
func lockedCount(lock, unlock func(p *Proc, fd int) error) func(p *Proc) {
	return func(p *Proc) {
		fd := p.Open("file", unix.O_RDWR)
		defer p.Close(fd)
		long := p.Rand.IntN(8) == 0
		var err error
		p.Race(func() {
			err = lock(p, fd)
			var b [1]byte
			unix.Pread(fd, b[:], 0)
			if long {
				time.Sleep(10 * time.Microsecond)
			}
			b[0]++
			unix.Pwrite(fd, b[:], 0)
			unlock(p, fd)
		})
		p.Must("lock", err)
	}
}

// countedTwo: both processes counted.
func countedTwo(p *Proc, _ []*Said) Outcome {
	b, err := os.ReadFile("file")
	p.Must("read", err)
	if len(b) != 1 || b[0] != 2 {
		return Broken("two processes counted under the lock, and one count was lost")
	}
	return Fine
}

// zeroFile makes the file one byte long, 0, without truncating it: some file
// systems write a file to disk when it is closed after that.
func zeroFile(p *Proc) {
	fd := p.Open("file", unix.O_WRONLY|unix.O_CREAT)
	defer p.Close(fd)
	_, err := unix.Pwrite(fd, []byte{0}, 0)
	p.Must("write", err)
}
