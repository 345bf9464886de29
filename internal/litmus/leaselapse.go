package litmus

import (
	"time"

	"golang.org/x/sys/unix"
)

// tooLate is how long after the break time an opener that still waits will never be let in.
const tooLate = 5 * time.Second

// leaseLapses: the lease of a holder that does not answer is lowered for a reader. The break time is
// one for the whole system, 45 s unless somebody changed it, and is left as it is.
var leaseLapses = &Case{
	Name: "the break time ends it", InTurn: true, Trials: 1, Beside: 5,
	Lasts: func() time.Duration {
		limit, _ := leaseBreakTime()
		return limit
	},
	Setup: func(p *Proc) {
		zeroFile(p)
		limit, err := leaseBreakTime()
		p.Must("look how long the holder of a lease is waited for", err)
		if limit == 0 {
			p.Skip("the break time is 0 for the whole system: no holder is waited for")
		}
		p.Note("break time %v", limit)
	},
	Roles: []Role{
		{"holder", leaseHolder((*Proc).takeLease, func(p *Proc, fd int) {
			limit, err := leaseBreakTime()
			p.Must("look how long the holder of a lease is waited for", err)
			p.Set(3, int64(limit))
			if p.Shim() {
				giveBack(p, fd)
				return
			}
			opener := p.of("opener")
			end := time.Now().Add(limit + tooLate)
			p.Await(func() bool { return opener.blocking.Load() == 0 || time.Now().After(end) })
			if opener.blocking.Load() != 0 {
				p.Set(4, 1)
				giveBack(p, fd)
			}
		})},
		{"opener", opens},
	},
	Judge: judgeLapse,
}

// judgeLapse looks at the opener's time in open(2), and at what the holder found.
func judgeLapse(_ *Proc, said []*Said) Outcome {
	took, limit := time.Duration(said[1].Values[2]), time.Duration(said[0].Values[3])
	switch {
	case said[0].Values[4] == 1:
		return Broken("the opener was not let in when the break time was over")
	case took < limit-lapseTick:
		return Broken("the opener was let in before the break time was over")
	}
	return openerWaited(said, unix.F_RDLCK)
}

// lapseTick is the kernel's unit of the break time, at most (CONFIG_HZ=100).
const lapseTick = 10 * time.Millisecond
