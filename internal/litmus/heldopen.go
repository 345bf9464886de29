package litmus

import (
	"runtime"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"filerace/internal/openhold"
)

// heldTrials is how often a removal inside a held open is tried: it must show every time.
const heldTrials = 1000

// hold stops the next open of "file" by the role "opener" inside the kernel.
// await returns when the open is held; false: it was not.
type hold interface {
	arm(p *Proc)
	await(p *Proc) bool
	release(p *Proc)
}

// heldCase is a process that opens a file, and one that holds that open between
// finding the file and returning it, and removes the file there. then is what the
// opener does with its file.
func heldCase(name string, by func() hold, remove func() error,
	then func(*Proc, int, *unix.Stat_t), judge func(*Proc, []*Said) Outcome) *Case {
	return &Case{
		Name: name, InTurn: true, Trials: heldTrials, Shares: 7, Allowed: fileOutlives, Why: whyNodesLosePaths,
		Roles: []Role{{"deleter", func(p *Proc) {
			if p.State == nil {
				p.State = by()
			}
			h := p.State.(hold)
			h.arm(p)
			p.Turn(0, nil)
			if !h.await(p) {
				p.Skip("the open was not held")
			}
			err := Pick(p, remove, func() error { return nil })()
			h.release(p)
			p.Must("remove the file", err)
			p.Say("removed the file while the open was held")
			p.Turn(2, Pick(p, func() {}, func() { unix.Truncate("file", 0) }))
		}}, {"opener", func(p *Proc) {
			p.Turn(1, nil)
			fd, err := unix.Open("file", unix.O_RDWR|unix.O_CLOEXEC, 0)
			if p.SetErr(err); err != nil {
				return
			}
			defer p.Close(fd)
			st := p.Fstat(fd)
			p.Turn(3, func() { then(p, fd, &st) })
		}}},
		Setup: func(p *Proc) {
			p.Remove("file", "away")
			p.Write("file", string(filled('o', aliveSize)))
		},
		Judge: judge,
	}
}

// heldSoon is how long a held open may take to be told.
const heldSoon = 3 * time.Second

// fanotifyHold holds by a permission event.
type fanotifyHold struct {
	w     *openhold.Watcher
	open  *openhold.Open
	armed atomic.Bool // the opener's next open is the one; it may make more
}

func byFanotify() hold { return &fanotifyHold{} }

func (h *fanotifyHold) arm(p *Proc) {
	h.armed.Store(true)
	if h.w != nil {
		return
	}
	pid := 0
	p.Await(func() bool { pid = p.PID("opener"); return pid != 0 })
	w, err := openhold.Watch(func(o *openhold.Open) bool { return o.PID == pid && h.armed.CompareAndSwap(true, false) }, ".")
	if err != nil {
		p.Skip("%s", reasonOf(err))
	}
	h.w = w
	// The watch must answer other opens while the role waits for its turn.
	runtime.GOMAXPROCS(2)
}

func (h *fanotifyHold) await(*Proc) bool {
	select {
	case h.open = <-h.w.Opens:
		return h.open != nil
	case <-time.After(heldSoon):
		return false
	}
}

func (h *fanotifyHold) release(p *Proc) { p.Must("let the open go on", h.open.Allow()) }

// leaseHold holds by a write lease of the deleter's own.
type leaseHold struct{ lease *openhold.Lease }

func byLease() hold { return &leaseHold{} }

func (h *leaseHold) arm(p *Proc) {
	l, err := openhold.TakeLease("file")
	if err != nil {
		p.Skip("%s", reasonOf(err))
	}
	h.lease = l
}

func (h *leaseHold) await(*Proc) bool {
	select {
	case <-h.lease.Wanted():
		return true
	case <-time.After(heldSoon):
		return false
	}
}

func (h *leaseHold) release(p *Proc) { p.Must("give the lease back", h.lease.Release()) }
