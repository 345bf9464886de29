package litmus

import (
	"golang.org/x/sys/unix"
)

var lockUnlinked = &Test{
	Name:      "open-flock",
	Guarantee: "Opening a lock file and locking it are two steps: if the file is removed between them, the lock is held on a file without a name, and others can lock the name again.",
	Source:    "flock(2), open(2), unlink(2); O_EXLOCK: open(2) of the BSDs and macOS",
	Cases: []*Case{
		lockRemovedCase("flock", func() (int, error) { return openAndFlock(unix.Flock) }),
		lockRemovedCase("O_EXLOCK", openExclusivelyLocked),
		heldCase("flock, unlink inside open (fanotify)", byFanotify, unlinkFile, lockThen, judgeHeldLock),
		heldCase("flock, rename inside open (fanotify)", byFanotify, renameAway, lockThen, judgeHeldLock),
		heldCase("flock, unlink inside open (lease)", byLease, unlinkFile, lockThen, judgeHeldLock),
	},
}

func openAndFlock(lock func(int, int) error) (int, error) {
	fd, err := unix.Open("file", unix.O_RDWR|unix.O_CLOEXEC, 0)
	if err != nil {
		return -1, err
	}
	return fd, lock(fd, unix.LOCK_EX)
}

// lockRemovedCase is a process that opens and locks a file, and one that holds
// the lock, removes the file, and closes it.
func lockRemovedCase(name string, right func() (int, error)) *Case {
	return &Case{
		Name: name, Allowed: lockIsOfFile, Rare: true,
		Roles: []Role{{"locker", func(p *Proc) {
			lock := Pick(p, right, func() (int, error) { return openAndFlock(doNotLock) })
			var fd int
			var err error
			p.Race(func() { fd, err = lock() })
			if err == errHere {
				p.Skip("this system has no O_EXLOCK")
			}
			if p.SetErr(err); err != nil {
				return
			}
			p.tellLock(fd)
			p.Close(fd)
		}}, {"holder", func(p *Proc) {
			fd := p.Open("file", unix.O_RDWR)
			p.Must("flock", unix.Flock(fd, unix.LOCK_EX))
			var err error
			p.Race(func() {
				err = unix.Unlink("file")
				p.Close(fd)
			})
			p.Must("unlink", err)
			p.Say("held the lock, removed the file, closed it")
		}}},
		Setup: func(p *Proc) {
			p.Remove("file")
			p.Write("file", "")
		},
		Judge: func(p *Proc, said []*Said) Outcome { return p.judgeLock(said[0]) },
	}
}

// tellLock tells of a file that the process takes to be locked: values are the
// link count, and whether the lock keeps others out.
func (p *Proc) tellLock(fd int) {
	links := int64(p.Fstat(fd).Nlink)
	p.Set(0, links)
	p.Set(1, 1)
	if other, err := openAgain(fd); err == nil {
		if unix.Flock(other, unix.LOCK_EX|unix.LOCK_NB) == nil {
			p.Set(1, 0)
		}
		p.Close(other)
	}
	p.Say("holds a lock on inode %d, link count %d", p.Fstat(fd).Ino, links)
}

func (p *Proc) judgeLock(locker *Said) Outcome {
	switch {
	case locker.Err == unix.ENOENT:
		p.Tally("ENOENT")
		return Fine
	case locker.Err != nil:
		return Broken("an error that is not ENOENT")
	case locker.Values[1] == 0:
		return Broken("the lock keeps nobody out")
	case locker.Values[0] == 0:
		return Surprise("the lock is on a file without a name")
	}
	return Fine
}

// lockThen is what the opener of a held open does with its file.
func lockThen(p *Proc, fd int, _ *unix.Stat_t) {
	p.Must("flock", Pick(p, unix.Flock, doNotLock)(fd, unix.LOCK_EX))
	p.tellLock(fd)
}

func judgeHeldLock(p *Proc, said []*Said) Outcome { return p.judgeLock(said[1]) }
