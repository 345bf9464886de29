package litmus

import "golang.org/x/sys/unix"

var lockKinds = &Test{
	Name:      "flock-fcntl",
	Guarantee: "A flock(2) lock and a POSIX lock on one file do not know of each other; each excludes its own kind.",
	Source:    "flock(2), NOTES; fcntl_locking(2); POSIX.1-2024 fcntl() speaks of its own locks only",
	Cases: []*Case{
		independent("flock, then fcntl", flockKind, posixKind),
		independent("fcntl, then flock", posixKind, flockKind),
		independent("flock, then OFD", flockKind, ofdKind),
	},
}

// independent: one process has a lock of one kind, another asks for both kinds.
func independent(name string, has, asks lockKind) *Case {
	return &Case{
		Name: name, InTurn: true, Trials: 100, Setup: zeroFile,
		Allowed: "flock(2) and fcntl(2) locks are kept apart and do not interact on local file systems of Linux; flock(2), NOTES.",
		Why: map[string]string{
			"nfs":  "The NFS client of Linux 2.6.12 and later turns flock(2) into POSIX locks of the whole file; flock(2), NOTES.",
			"nfs4": "The NFS client of Linux 2.6.12 and later turns flock(2) into POSIX locks of the whole file; flock(2), NOTES.",
		},
		Roles: []Role{
			{"holder", func(p *Proc) {
				fd := p.Open("file", unix.O_RDWR)
				defer p.Close(fd)
				kind := Pick(p, has, nothingKind)
				p.Turn(0, func() {
					if !kind.take(p, fd) {
						p.Skip("the lock was taken before anybody took it")
					}
				})
				p.Turn(2, nil)
			}},
			{"other", func(p *Proc) {
				fd := p.Open("file", unix.O_RDWR)
				defer p.Close(fd)
				p.Turn(1, func() {
					for i, kind := range []lockKind{has, asks} {
						if kind.take(p, fd) {
							p.Set(i, 1)
						}
					}
				})
			}},
		},
		Judge: func(_ *Proc, said []*Said) Outcome {
			switch other := said[1].Values; {
			case other[0] == 1:
				return Broken("two processes had the same " + has.name + " lock")
			case other[1] == 1:
				return Surprise("one process had the " + has.name + " lock, another the " + asks.name + " lock of the same file")
			}
			return Fine
		},
	}
}
