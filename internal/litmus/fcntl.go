package litmus

import (
	"fmt"
	"io"

	"golang.org/x/sys/unix"
)

var fcntlLocks = &Test{
	Name:      "fcntl",
	Guarantee: "A POSIX lock excludes other processes from a range of bytes, belongs to the process, and is lost when the process closes any descriptor of the file.",
	Source:    "POSIX.1-2024 fcntl(), lockf(); fcntl_locking(2)",
	Cases: []*Case{
		{
			Name: "exclusion", Setup: zeroFile, Judge: countedTwo,
			Roles: both(lockedCount(
				func(p *Proc, fd int) error { return waitLock(fd, Pick(p, unix.F_WRLCK, unix.F_RDLCK), 0, 1) },
				func(_ *Proc, fd int) error { return setLock(fd, unix.F_UNLCK, 0, 1) })),
		},
		rangesTogether("overlapping ranges", [2]int64{0, 10}, [2]int64{9, 10}, 1),
		rangesTogether("neighbouring ranges", [2]int64{0, 10}, [2]int64{10, 10}, 2),
		mergeAndSplit,
		lockStory("not inherited", posixKind, flockKind,
			lockStep{"locking", locks, false},
			lockStep{"fork", forks, false},
			lockStep{"closing it in the parent", closesFirst, true}),
		lockStory("dropped by any close", posixKind, flockKind,
			lockStep{"locking", locks, false},
			lockStep{"opening and closing the file once more", opensAndCloses, true}),
		lockStory("ends with the process", posixKind, nameKind, lockStep{"a child's locking", childLocks, false},
			lockStep{"SIGKILL", childIsKilled, true}),
		deadlockRefused,
		lockfIsFcntl,
	},
}

// waitLock sets a POSIX lock and waits for it. It takes an interruption for none.
func waitLock(fd, kind int, start, length int64) error {
	for {
		l := unix.Flock_t{Type: int16(kind), Whence: io.SeekStart, Start: start, Len: length}
		if err := unix.FcntlFlock(uintptr(fd), unix.F_SETLKW, &l); err != unix.EINTR {
			return err
		}
	}
}

// rangesTogether: two processes lock ranges (start, length) at once, and so many get theirs.
func rangesTogether(name string, first, second [2]int64, winners int) *Case {
	return lockedTogether(name, winners, func(p *Proc) func(int) error {
		r := [][2]int64{first, second}[p.Index()]
		// Wrong: a lock that excludes nobody; one of the whole file.
		kind := Pick(p, unix.F_WRLCK, unix.F_RDLCK)
		if p.Shim() && winners == 2 {
			kind, r = unix.F_WRLCK, [2]int64{}
		}
		return func(fd int) error { return setLock(fd, kind, r[0], r[1]) }
	})
}

// mergeAndSplit: ranges that touch become one lock, and a piece unlocked in the
// middle leaves two. What is locked is read by F_GETLK from another process.
var mergeAndSplit = &Case{
	Name: "merge and split", InTurn: true, Trials: 100, Setup: zeroFile,
	Roles: []Role{
		{"holder", func(p *Proc) {
			fd := p.Open("file", unix.O_RDWR)
			defer p.Close(fd)
			p.Turn(0, func() {
				p.Must("lock", setLock(fd, unix.F_WRLCK, 0, 10))
				p.Must("lock", setLock(fd, unix.F_WRLCK, 10, 10))
			})
			piece := Pick(p, [2]int64{5, 3}, [2]int64{5, 15})
			p.Turn(2, func() { p.Must("unlock", setLock(fd, unix.F_UNLCK, piece[0], piece[1])) })
			p.Turn(4, nil)
		}},
		{"other", func(p *Proc) {
			fd := p.Open("file", unix.O_RDWR)
			defer p.Close(fd)
			p.Turn(1, func() { p.Say("%s", lockedRanges(p, fd)) })
			p.Turn(3, func() { p.Say("%s; %s", p.slot.string(), lockedRanges(p, fd)) })
		}},
	},
	Judge: says(1, "0+20; 0+5 8+12", "F_GETLK shows other locks"),
}

// lockedRanges lists what others have locked as start+length.
func lockedRanges(p *Proc, fd int) (text string) {
	for at := int64(0); ; {
		l := unix.Flock_t{Type: unix.F_WRLCK, Whence: io.SeekStart, Start: at}
		p.Must("F_GETLK", unix.FcntlFlock(uintptr(fd), unix.F_GETLK, &l))
		if l.Type == unix.F_UNLCK {
			return text
		}
		if text != "" {
			text += " "
		}
		text += fmt.Sprintf("%d+%d", l.Start, l.Len)
		if at = l.Start + l.Len; l.Len == 0 {
			return text
		}
	}
}

// deadlockRefused: each has what the other wants; the kernel refuses the second to ask.
var deadlockRefused = &Case{
	Name: "EDEADLK", InTurn: true, Trials: 100, Setup: zeroFile,
	Roles: []Role{
		{"first", func(p *Proc) {
			fd := p.Open("file", unix.O_RDWR)
			defer p.Close(fd)
			p.Turn(0, func() { p.Must("lock", setLock(fd, unix.F_WRLCK, 0, 1)) })
			p.Turn(2, nil)
			p.Blocking(func() { p.SetErr(waitLock(fd, unix.F_WRLCK, 1, 1)) })
		}},
		{"second", func(p *Proc) {
			fd := p.Open("file", unix.O_RDWR)
			defer p.Close(fd)
			wait := Pick(p, waitLock, setLock)
			p.Turn(1, func() { p.Must("lock", setLock(fd, unix.F_WRLCK, 1, 1)) })
			p.Await(func() bool { return p.board.turn.Load() == 3 })
			p.AwaitBlocked("first")
			p.SetErr(wait(fd, unix.F_WRLCK, 0, 1))
		}},
	},
	Judge: func(_ *Proc, said []*Said) Outcome {
		switch {
		case said[1].Err != unix.EDEADLK:
			return Broken("the request that closed the circle was not refused with EDEADLK")
		case said[0].Err != nil:
			return Broken("the first process did not get the lock that the second let go")
		}
		return Fine
	},
}

// lockfIsFcntl: lockf(3) of the usual C libraries is fcntl(2) with a range that
// starts at the current offset.
var lockfIsFcntl = &Case{
	Name: "lockf is the same lock", InTurn: true, Trials: 100, Setup: zeroFile,
	Roles: []Role{
		{"holder", func(p *Proc) {
			fd := p.Open("file", unix.O_RDWR)
			defer p.Close(fd)
			lock := Pick(p, lockfTry, func(fd int) error { return flockKind.try(fd) })
			p.Turn(0, func() { p.Must("lock", lock(fd)) })
			p.Turn(2, nil)
		}},
		{"other", func(p *Proc) {
			fd := p.Open("file", unix.O_RDWR)
			defer p.Close(fd)
			p.Turn(1, func() { p.SetErr(setLock(fd, unix.F_WRLCK, 0, 1)) })
		}},
	},
	Judge: func(_ *Proc, said []*Said) Outcome {
		if !refused(said[1].Err) {
			return Broken("one process had the lock by lockf, another by fcntl")
		}
		return Fine
	},
}

// lockfTry is lockf(fd, F_TLOCK, 0).
func lockfTry(fd int) error {
	l := unix.Flock_t{Type: unix.F_WRLCK, Whence: io.SeekCurrent}
	return unix.FcntlFlock(uintptr(fd), unix.F_SETLK, &l)
}
