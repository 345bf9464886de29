package litmus

import (
	"golang.org/x/sys/unix"
)

var lockRemoval = &Test{
	Name:      "lock-removal",
	Guarantee: "A lock file that its holders remove lets two processes in at once, unless each makes sure after locking that the name still leads to what it locked.",
	Source:    "flock(2): a lock belongs to an open file description, not to a name",
	Cases:     []*Case{removedInTurn, removedAtOnce, revalidated},
}

const lockIsOfFile = "A lock belongs to the file, not to its name: who opens the name after its removal makes and locks another file (flock(2), unlink(2))."

// The order of events that always lets two in.
var removedInTurn = &Case{
	Name: "removed while another waits", InTurn: true, Trials: 200, Allowed: lockIsOfFile,
	Roles: []Role{{"holder", func(p *Proc) {
		fd := p.Open("lock", unix.O_RDWR|unix.O_CREAT)
		p.Must("flock", unix.Flock(fd, unix.LOCK_EX))
		p.Turn(0, nil)
		p.Turn(2, func() {
			if !p.Shim() && !p.AwaitBlocked("waiter") {
				p.Skip("the waiter did not wait")
			}
			Pick(p, func() { p.Remove("lock") }, func() {})()
			p.Close(fd)
		})
		p.Say("held the lock, removed the file, closed it")
	}}, {"waiter", func(p *Proc) {
		lock := Pick(p, unix.Flock, doNotLock)
		var fd int
		p.Turn(1, func() { fd = p.Open("lock", unix.O_RDWR|unix.O_CREAT) })
		p.Blocking(func() { p.Must("flock", lock(fd, unix.LOCK_EX)) })
		p.Turn(3, nil)
		p.Set(0, int64(p.Fstat(fd).Ino))
		p.Say("holds a lock on inode %d", p.Fstat(fd).Ino)
		p.Turn(5, func() { p.Close(fd) })
	}}, {"newcomer", func(p *Proc) {
		lock := Pick(p, unix.Flock, doNotLock)
		p.Turn(4, func() {
			fd := p.Open("lock", unix.O_RDWR|unix.O_CREAT)
			defer p.Close(fd)
			p.SetErr(lock(fd, unix.LOCK_EX|unix.LOCK_NB))
			p.Set(0, int64(p.Fstat(fd).Ino))
			p.Say("asks for a lock on inode %d", p.Fstat(fd).Ino)
		})
	}}},
	Setup: func(p *Proc) { p.Remove("lock") },
	Judge: func(p *Proc, said []*Said) Outcome {
		switch {
		case said[2].Err == unix.EWOULDBLOCK:
			return Fine
		case said[1].Values[0] == said[2].Values[0]:
			return Broken("two processes hold a lock on one file")
		}
		return Surprise("two processes hold the lock at once")
	},
}

func doNotLock(int, int) error { return nil }

const (
	lockRounds  = 4       // of locking and unlocking in one trial
	longestHold = 100_000 // ns at most: long enough for the other to begin waiting
)

var removedAtOnce = lockRace("removed, not looked at again", Surprise, func(p *Proc) int { return lockFile(p, Pick(p, unix.Flock, doNotLock), false) })

var revalidated = lockRace("removed, looked at again", Broken, func(p *Proc) int { return lockFile(p, unix.Flock, Pick(p, true, false)) })

// lockRace is two processes that take a lock and remove its file, over and over.
func lockRace(name string, two func(string) Outcome, lock func(*Proc) int) *Case {
	act := func(p *Proc) {
		twice, same := 0, 0
		p.Race(func() {
			for range lockRounds {
				fd := lock(p)
				inside, one := p.Enter(p.Fstat(fd).Ino)
				for end := now() + p.Rand.Int64N(longestHold); now() < end; {
				}
				if inside > 1 {
					if twice++; one {
						same++
					}
				}
				p.Leave()
				unix.Unlink("lock")
				p.Close(fd)
			}
		})
		p.Set(0, int64(twice))
		p.Set(1, int64(same))
		p.Say("was not alone in %d of %d rounds", twice, lockRounds)
	}
	return &Case{
		Name: name, Allowed: lockIsOfFile, Shares: 3,
		Roles: []Role{{"first", act}, {"second", act}},
		Setup: func(p *Proc) { p.Remove("lock") },
		Judge: func(p *Proc, said []*Said) Outcome {
			twice, same := said[0].Values[0]+said[1].Values[0], said[0].Values[1]+said[1].Values[1]
			switch {
			case same > 0:
				return Broken("two processes held a lock on one file")
			case twice > 0:
				return two("two processes held the lock at once")
			}
			return Fine
		},
	}
}

// lockFile locks a file that may be removed and, if wanted, starts over when it
// was: only while the name leads to the locked file does the lock exclude anybody.
func lockFile(p *Proc, lock func(int, int) error, look bool) int {
	for {
		fd := p.Open("lock", unix.O_RDWR|unix.O_CREAT)
		p.Must("flock", lock(fd, unix.LOCK_EX))
		var named unix.Stat_t
		if !look {
			return fd
		}
		err := unix.Stat("lock", &named)
		if held := p.Fstat(fd); err == nil && named.Dev == held.Dev && named.Ino == held.Ino {
			return fd
		}
		p.Close(fd)
	}
}
