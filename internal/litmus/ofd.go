package litmus

import (
	"strconv"

	"golang.org/x/sys/unix"
)

var ofdLocks = &Test{
	Name:      "ofd",
	Guarantee: "An open file description lock excludes ranges as a POSIX lock does, but belongs to the description: no other descriptor's close drops it, and it is inherited.",
	Source:    "fcntl_locking(2), \"Open file description locks\"; POSIX.1-2024 fcntl(), F_OFD_SETLK",
	Cases: []*Case{
		{
			Name: "exclusion", Setup: zeroFile, Judge: countedTwo,
			Roles: both(lockedCount(
				func(p *Proc, fd int) error { return waitOFD(fd, Pick(p, unix.F_WRLCK, unix.F_RDLCK), 0, 1) },
				func(_ *Proc, fd int) error { return setOFDLock(fd, unix.F_UNLCK, false, 0, 1) })),
		},
		lockStory("not dropped by another close", ofdKind, posixKind,
			lockStep{"locking", locks, false},
			lockStep{"opening and closing the file once more", opensAndCloses, false}),
		lockStory("shared by dup", ofdKind, posixKind,
			lockStep{"locking and dup", func(h *holder) { locks(h); dups(h) }, false},
			lockStep{"closing the first descriptor", closesFirst, false},
			lockStep{"unlocking by the second", unlocksSecond, true}),
		lockStory("inherited by fork, survives exec", ofdKind, posixKind,
			lockStep{"locking, fork and exec", func(h *holder) { locks(h); forks(h) }, false},
			lockStep{"closing it in the parent", closesFirst, false},
			lockStep{"the child's end", childExits, true}),
		noDeadlockDetection,
	},
}

// waitOFD sets an OFD lock and waits for it. It takes an interruption for none.
func waitOFD(fd, kind int, start, length int64) error {
	for {
		if err := setOFDLock(fd, kind, true, start, length); err != unix.EINTR {
			return err
		}
	}
}

// noDeadlockDetection: each waits for what the other has, until a second thread of
// the second process lets go of what its description has.
var noDeadlockDetection = &Case{
	Name: "no deadlock detection", InTurn: true, Trials: 50, Setup: zeroFile,
	Allowed: "No deadlock detection is performed for open file description locks; fcntl_locking(2).",
	Roles: []Role{
		{"first", func(p *Proc) {
			fd := p.Open("file", unix.O_RDWR)
			defer p.Close(fd)
			p.Turn(0, func() { p.Must("lock", setOFDLock(fd, unix.F_WRLCK, false, 0, 1)) })
			p.Turn(2, nil)
			p.Blocking(func() { p.SetErr(waitOFD(fd, unix.F_WRLCK, 1, 1)) })
		}},
		{"second", func(p *Proc) {
			fd := p.Open("file", unix.O_RDWR)
			defer p.Close(fd)
			p.Turn(1, func() { p.Must("lock", setOFDLock(fd, unix.F_WRLCK, false, 1, 1)) })
			p.Await(func() bool { return p.board.turn.Load() == 3 })
			p.AwaitBlocked("first")
			// Wrong: a request that does not wait at all.
			wait := Pick(p, waitOFD, func(fd, kind int, start, length int64) error {
				return setOFDLock(fd, kind, false, start, length)
			})
			returned := make(chan bool)
			loosened := make(chan bool)
			go loosen(p.slot, fd, returned, loosened)
			p.Blocking(func() { p.SetErr(wait(fd, unix.F_WRLCK, 0, 1)) })
			close(returned)
			if <-loosened {
				p.Set(0, 1)
			}
		}},
	},
	Judge: func(_ *Proc, said []*Said) Outcome {
		second := said[1]
		switch {
		case second.Err == unix.EDEADLK:
			return Fine
		case second.Values[0] == 1 && second.Err == nil && said[0].Err == nil:
			return Surprise("two processes waited for each other, and the kernel let them")
		}
		return Broken("the second request neither waited nor was refused with EDEADLK: error " + strconv.Itoa(int(errno(second.Err))))
	},
}

// loosen unlocks byte 1 once the process's first thread sleeps, and tells whether it did.
func loosen(s *slot, fd int, returned <-chan bool, loosened chan<- bool) {
	for seen := 0; seen < 2; {
		select {
		case <-returned:
			loosened <- false
			return
		default:
		}
		yield()
		sleeps, err := asleep(int(s.pid.Load()), int(s.tid.Load()))
		if seen++; err != nil || !sleeps || s.blocking.Load() == 0 {
			seen = 0
		}
	}
	setOFDLock(fd, unix.F_UNLCK, false, 1, 1)
	loosened <- true
}
