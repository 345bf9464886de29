package litmus

import (
	"strconv"

	"golang.org/x/sys/unix"
)

// lockedTogether is a case in which two processes ask for locks at one moment without waiting, and
// so many of them get theirs. asking is what each does before that moment; it returns the request.
func lockedTogether(name string, winners int, asking func(*Proc) func(fd int) error) *Case {
	return &Case{
		Name: name, Setup: zeroFile,
		Roles: both(func(p *Proc) {
			fd := p.Open("file", unix.O_RDWR)
			defer p.Close(fd)
			ask := asking(p)
			var err error
			p.Race(func() { err = ask(fd) })
			p.SetErr(err)
			// Nobody lets go before both have asked.
			p.Turn(p.Index(), nil)
			p.Await(func() bool { return p.board.turn.Load() == 2 })
		}),
		Judge: func(_ *Proc, said []*Said) Outcome {
			got := 0
			for _, s := range said {
				if s.Err == nil {
					got++
				} else if !refused(s.Err) {
					return Broken("an error that is neither EWOULDBLOCK nor EACCES")
				}
			}
			if got != winners {
				return Broken(strconv.Itoa(got) + " of 2 processes got their lock, want " + strconv.Itoa(winners))
			}
			return Fine
		},
	}
}
