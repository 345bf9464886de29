package schedule

import "math/rand/v2"

// A dice is the random source of a strategy: PCG (O'Neill 2014). Every run has a
// stream of its own, so that run n is the same whatever the runs before it drew.
type dice struct {
	pcg  *rand.PCG
	rand *rand.Rand
	seed uint64
	run  uint64 // runs begun
}

func newDice(seed uint64) dice {
	pcg := rand.NewPCG(seed, 0)
	return dice{pcg: pcg, rand: rand.New(pcg), seed: seed}
}

// begin starts the stream of the next run. The factor, 2^64 over the golden
// ratio, spreads neighbouring run numbers over the state space.
func (d *dice) begin() {
	d.run++
	d.pcg.Seed(d.seed, d.run*0x9e3779b97f4a7c15)
}

// Random is the random walk: every held operation is as likely as the others at
// every decision. Thomson, Donaldson and Betts (Concurrency Testing Using
// Schedule Bounding, PPoPP 2014) found it a hard yardstick to beat.
type Random struct{ dice dice }

// NewRandom returns the random walk that seed determines.
func NewRandom(seed uint64) *Random { return &Random{newDice(seed)} }

// Begin always returns true.
func (r *Random) Begin() bool { r.dice.begin(); return true }

// Pick chooses uniformly.
func (r *Random) Pick(held []Held, _ Schedule) int { return r.dice.rand.IntN(len(held)) }

// End does nothing: the random walk learns nothing.
func (r *Random) End(Outcome) {}
