package schedule

import "filerace/internal/op"

// POS is Partial Order Sampling (Yuan, Yang and Gu, Partial Order Aware
// Concurrency Sampling, CAV 2018). Every pending operation has a random
// priority, and the highest runs. Those that are dependent on it get a new one:
// they lost a race, and that they lost it must not weigh on the next. Operations
// that race with nothing keep theirs, so that, unlike in the random walk, a long
// independent stretch of one actor does not wear down the chance of another.
type POS struct {
	dependent func(a, b *op.Op) bool // whether the order of two pending operations matters

	dice    dice
	draw    func() uint64
	pending map[op.Actor]pending
	tick    uint64 // decisions so far, over all runs
}

// pending is the priority of one waiting operation.
type pending struct {
	sig      string
	priority uint64
	tick     uint64 // the last decision at which it was held
}

// NewPOS returns the sampling that seed determines. dependent reports whether the
// order of two pending operations matters; nil: op.Dependent.
func NewPOS(seed uint64, dependent func(a, b *op.Op) bool) *POS {
	if dependent == nil {
		dependent = op.Dependent
	}
	p := &POS{dependent: dependent, dice: newDice(seed), pending: make(map[op.Actor]pending)}
	p.draw = p.dice.rand.Uint64
	return p
}

// Begin always returns true.
func (p *POS) Begin() bool {
	p.dice.begin()
	clear(p.pending)
	return true
}

// Pick runs the highest priority. An operation that was not held at the decision
// before counts as new, even if it was held earlier: what blocked and freed it
// was dependent on it. An actor in a circle loses this once: its ever new draws
// would beat a low priority that is kept for a time without expectation.
func (p *POS) Pick(held []Held, done Schedule) int {
	p.tick++
	tired := tired(done)
	best, top := -1, uint64(0)
	for i := range held {
		h := &held[i]
		e, ok := p.pending[h.Actor]
		if !ok || e.tick != p.tick-1 || e.sig != h.Sig {
			e = pending{sig: h.Sig, priority: p.draw()}
		}
		e.tick = p.tick
		p.pending[h.Actor] = e
		if (best < 0 || e.priority > top) && (h.Actor != tired || len(held) == 1) {
			best, top = i, e.priority
		}
	}
	delete(p.pending, held[best].Actor)
	for i := range held {
		if i != best && p.dependent(held[best].Op, held[i].Op) {
			delete(p.pending, held[i].Actor) // draws anew if it is still held then
		}
	}
	return best
}

// End does nothing: the samples are independent.
func (p *POS) End(Outcome) {}
