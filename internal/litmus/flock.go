package litmus

import "golang.org/x/sys/unix"

var flockLocks = &Test{
	Name:      "flock",
	Guarantee: "A flock(2) lock excludes other open file descriptions, and lives as long as one descriptor of its own does, in whatever process.",
	Source:    "flock(2); fork(2); dup(2); execve(2); 4.4BSD",
	Cases: []*Case{
		{
			Name: "exclusion", Setup: zeroFile, Judge: countedTwo,
			Roles: both(lockedCount(
				func(p *Proc, fd int) error { return flockWait(fd, Pick(p, unix.LOCK_EX, unix.LOCK_SH)) },
				func(_ *Proc, fd int) error { return unix.Flock(fd, unix.LOCK_UN) })),
		},
		flockTogether("one of two at once", unix.LOCK_EX, unix.LOCK_SH, 1),
		flockTogether("sharing", unix.LOCK_SH, unix.LOCK_EX, 2),
		flockUpgrade,
		flockUpgradeRefused,
		lockStory("shared by dup", flockKind, posixKind,
			lockStep{"locking", locks, false},
			lockStep{"dup", dups, false},
			lockStep{"closing the first descriptor", closesFirst, false},
			lockStep{"unlocking by the second", unlocksSecond, true}),
		lockStory("ends with the last descriptor", flockKind, posixKind,
			lockStep{"locking and dup", func(h *holder) { locks(h); dups(h) }, false},
			lockStep{"closing a descriptor of another open", opensAndCloses, false},
			lockStep{"closing the second descriptor", closesSecond, false},
			lockStep{"closing the last descriptor", closesFirst, true}),
		lockStory("inherited by fork, survives exec", flockKind, posixKind,
			lockStep{"locking", locks, false},
			lockStep{"fork and exec", forks, false},
			lockStep{"closing it in the parent", closesFirst, false},
			lockStep{"the child's end", childExits, true}),
		lockStory("dies with the process", flockKind, nameKind,
			lockStep{"locking, fork, closing it in the parent", func(h *holder) { locks(h); forks(h); closesFirst(h) }, false},
			lockStep{"SIGKILL", childIsKilled, true}),
	},
}

func both(act func(*Proc)) []Role { return []Role{{"first", act}, {"second", act}} }

// flockWait locks; Go's runtime may interrupt it by a signal.
func flockWait(fd, how int) error {
	for {
		if err := unix.Flock(fd, how); err != unix.EINTR {
			return err
		}
	}
}

// flockTogether: two processes ask at once without waiting, and so many get it.
func flockTogether(name string, right, wrong, winners int) *Case {
	return lockedTogether(name, winners, func(p *Proc) func(int) error {
		how := Pick(p, right, wrong)
		return func(fd int) error { return unix.Flock(fd, how|unix.LOCK_NB) }
	})
}

// Both share the lock. The first asks for it alone and must wait; the second then
// gets it alone, as the first has lost its share already.
var flockUpgrade = &Case{
	Name: "upgrade is not atomic", InTurn: true, Trials: 100, Setup: zeroFile,
	Allowed: "Converting a lock removes it first and then asks anew: who held it shared may find that another was alone with it in between; flock(2).",
	Roles: []Role{
		{"first", func(p *Proc) {
			fd := p.Open("file", unix.O_RDWR)
			defer p.Close(fd)
			upgrade := Pick(p, flockWait, func(int, int) error { return nil })
			p.Turn(0, func() { p.Must("lock", unix.Flock(fd, unix.LOCK_SH)) })
			p.Turn(2, nil)
			p.Blocking(func() { p.SetErr(upgrade(fd, unix.LOCK_EX)) })
		}},
		{"second", func(p *Proc) {
			fd := p.Open("file", unix.O_RDWR)
			defer p.Close(fd)
			p.Turn(1, func() { p.Must("lock", unix.Flock(fd, unix.LOCK_SH)) })
			p.Await(func() bool { return p.board.turn.Load() == 3 })
			if p.AwaitBlocked("first") {
				p.Set(0, 1)
			}
			p.SetErr(unix.Flock(fd, unix.LOCK_EX|unix.LOCK_NB))
		}},
	},
	Judge: func(_ *Proc, said []*Said) Outcome {
		switch second := said[1]; {
		case second.Values[0] == 0:
			return Broken("the first process had the lock alone while the second shared it")
		case second.Err == nil:
			return Surprise("the second process was alone with the lock while the first waited to be, which had never let it go")
		}
		return Fine
	},
}

// A refused upgrade costs the lock that one had.
var flockUpgradeRefused = &Case{
	Name: "refused upgrade loses the lock", InTurn: true, Trials: 100, Setup: zeroFile,
	Allowed: "Converting a lock removes it first; with LOCK_NB a refused conversion loses the lock that one had; flock(2).",
	Roles: []Role{
		{"first", func(p *Proc) {
			fd := p.Open("file", unix.O_RDWR)
			defer p.Close(fd)
			upgrade := Pick(p, unix.Flock, func(int, int) error { return nil })
			p.Turn(0, func() { p.Must("lock", unix.Flock(fd, unix.LOCK_SH)) })
			p.Turn(2, func() { p.SetErr(upgrade(fd, unix.LOCK_EX|unix.LOCK_NB)) })
			p.Turn(4, nil)
		}},
		{"second", func(p *Proc) {
			fd := p.Open("file", unix.O_RDWR)
			defer p.Close(fd)
			p.Turn(1, func() { p.Must("lock", unix.Flock(fd, unix.LOCK_SH)) })
			p.Turn(3, func() { p.SetErr(unix.Flock(fd, unix.LOCK_EX|unix.LOCK_NB)) })
		}},
	},
	Judge: func(_ *Proc, said []*Said) Outcome {
		switch {
		case said[0].Err == nil:
			return Broken("the first process had the lock alone while the second shared it")
		case said[1].Err == nil:
			return Surprise("the first process was refused the lock alone, and its share was gone: the second got it alone")
		}
		return Fine
	},
}
