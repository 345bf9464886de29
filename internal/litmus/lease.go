package litmus

import (
	"os"
	"os/signal"
	"time"

	"golang.org/x/sys/unix"
)

var leases = &Test{
	Name:      "lease",
	Guarantee: "An open that conflicts with a write lease waits until the holder, who is told by a signal, gives the lease back or lowers it, or the break time is over.",
	Source:    "fcntl(2), \"Leases\"; proc_sys_fs(5), lease-break-time",
	Cases: []*Case{
		leaseWaits,
		leaseLowered,
		leaseNonblock,
		leaseLapses,
		leaseFound,
	},
}

// takeLease opens a file and leases it. A write lease may be on a descriptor that
// only reads, and only from there can it be lowered to a read lease.
func (p *Proc) takeLease(name string) int {
	fd := p.Open(name, unix.O_RDONLY)
	p.Must("take a lease", setLease(fd, unix.F_WRLCK))
	return fd
}

// told is the signal that a lease must be given back.
func told() (signals chan os.Signal, stop func()) {
	signals = make(chan os.Signal, 1)
	signal.Notify(signals, unix.SIGIO)
	return signals, func() { signal.Stop(signals) }
}

// leaseHolder is a role that takes a lease and, when the opener waits, does answer.
func leaseHolder(take func(*Proc, string) int, answer func(p *Proc, fd int)) func(*Proc) {
	return func(p *Proc) {
		signals, stop := told()
		defer stop()
		fd := -1
		p.Turn(0, func() { fd = take(p, "file") })
		defer p.Close(fd)
		p.Await(func() bool { return p.board.turn.Load() == 2 })
		if p.AwaitBlocked("opener") {
			p.Set(0, 1)
			select {
			case <-signals:
				p.Set(1, 1)
			case <-time.After(time.Second):
			}
		}
		answer(p, fd)
		p.Await(func() bool { return p.of("opener").done.Load() == p.board.trial.Load() })
		kind, err := getLease(fd)
		p.Must("look at the lease", err)
		p.Set(2, int64(kind))
	}
}

// opens is a role that opens the file while it is leased.
func opens(p *Proc) {
	p.Turn(1, nil)
	var fd int
	var err error
	began := time.Now()
	p.Blocking(func() {
		for {
			if fd, err = unix.Open("file", unix.O_RDONLY|unix.O_CLOEXEC, 0); err != unix.EINTR {
				return
			}
		}
	})
	p.Set(2, int64(time.Since(began)))
	p.SetErr(err)
	if err == nil {
		st := p.Fstat(fd)
		p.Set(0, int64(st.Ino))
		p.Set(1, int64(st.Nlink))
		p.Say("opened inode %d with %d links", st.Ino, st.Nlink)
		p.Close(fd)
	}
}

// The holder's values: the opener waited, it was signalled, the lease at the end.
func openerWaited(said []*Said, left int64) Outcome {
	switch holder, opener := said[0].Values, said[1]; {
	case holder[0] == 0:
		return Broken("the opener did not wait")
	case holder[1] == 0:
		return Broken("the holder was not signalled")
	case opener.Err != nil:
		return Broken("the opener was not let in")
	case holder[2] != left:
		return Broken("the lease is not what the holder made of it")
	}
	return Fine
}

func plainOpen(p *Proc, name string) int { return p.Open(name, unix.O_RDONLY) }

func giveBack(p *Proc, fd int) {
	if err := setLease(fd, unix.F_UNLCK); err != unix.EAGAIN { // EAGAIN: there is none
		p.Must("give the lease back", err)
	}
}

var leaseWaits = &Case{
	Name: "an opener waits, the holder is signalled", InTurn: true, Trials: 50, Setup: zeroFile,
	Roles: []Role{
		{"holder", func(p *Proc) { leaseHolder(Pick(p, (*Proc).takeLease, plainOpen), giveBack)(p) }},
		{"opener", opens},
	},
	Judge: func(_ *Proc, said []*Said) Outcome { return openerWaited(said, unix.F_UNLCK) },
}

var leaseLowered = &Case{
	Name: "lowered to a read lease, it lets readers in", InTurn: true, Trials: 50, Setup: zeroFile,
	Roles: []Role{
		{"holder", func(p *Proc) {
			leaseHolder((*Proc).takeLease, func(p *Proc, fd int) {
				p.Must("lower the lease", setLease(fd, Pick(p, unix.F_RDLCK, unix.F_UNLCK)))
			})(p)
		}},
		{"opener", opens},
	},
	Judge: func(_ *Proc, said []*Said) Outcome { return openerWaited(said, unix.F_RDLCK) },
}

// leaseFound: the opener sleeps inside open(2) with the file found. Its name is
// removed meanwhile, and the open returns the file all the same.
var leaseFound = &Case{
	Name: "the opener has found the file before it waits", InTurn: true, Trials: 50, Setup: zeroFile,
	Allowed: "open(2) looks the name up first and waits for the lease then (do_dentry_open, fs/open.c): what is removed meanwhile is opened without a name.",
	Roles: []Role{
		{"holder", func(p *Proc) {
			leaseHolder(func(p *Proc, name string) int {
				fd := p.takeLease(name)
				p.Set(3, int64(p.Fstat(fd).Ino))
				if p.Shim() { // the opener finds another file
					p.Remove(name)
					p.Write(name, "another")
				}
				return fd
			}, func(p *Proc, fd int) {
				p.Remove("file")
				giveBack(p, fd)
			})(p)
		}},
		{"opener", opens},
	},
	Judge: func(_ *Proc, said []*Said) Outcome {
		holder, opener := said[0].Values, said[1]
		if opener.Err != nil || opener.Values[0] != holder[3] {
			return Broken("the opener did not get the file that was leased when it asked")
		}
		if opener.Values[1] == 0 {
			return Surprise("open returned a file without a name")
		}
		return Fine
	},
}

var leaseNonblock = &Case{
	Name: "O_NONBLOCK is refused instead", InTurn: true, Trials: 50, Setup: zeroFile,
	Roles: []Role{
		{"holder", func(p *Proc) {
			signals, stop := told()
			defer stop()
			fd := -1
			p.Turn(0, func() { fd = Pick(p, (*Proc).takeLease, plainOpen)(p, "file") })
			defer p.Close(fd)
			p.Turn(2, func() {
				select {
				case <-signals:
					p.Set(0, 1)
				case <-time.After(time.Second):
				}
			})
		}},
		{"opener", func(p *Proc) {
			p.Turn(1, func() { p.SetErr(openClose("file", unix.O_RDONLY|unix.O_NONBLOCK)) })
		}},
	},
	Judge: func(_ *Proc, said []*Said) Outcome {
		switch {
		case said[1].Err != unix.EWOULDBLOCK:
			return Broken("the opener was not refused with EWOULDBLOCK")
		case said[0].Values[0] == 0:
			return Broken("the holder was not signalled")
		}
		return Fine
	},
}
