package schedule

import (
	"math"

	"filerace/internal/op"
)

// PCT is Probabilistic Concurrency Testing (Burckhardt, Kothari, Musuvathi and
// Nagarakatte, A Randomized Scheduler with Probabilistic Guarantees of Finding
// Bugs, ASPLOS 2010). The actors run strictly by random priorities; at Depth-1
// random steps the one that just ran falls below all others. A run of n actors
// and k steps meets any race of depth d (one that d ordering constraints make
// certain) with a chance of at least 1/(n·k^(d-1)).
//
// Neither n nor k is known beforehand: both are the maximum over the runs so
// far. Actors appear as they are forked; a newcomer's random priority puts it at
// each place among the others with the same chance, which is the paper's random
// permutation.
type PCT struct {
	depth  int
	actors int // n: most actors seen in one run
	steps  int // k: most decisions seen in one run
	missed float64

	dice  dice
	draw  func() uint64   // a priority
	point func(k int) int // a change point, 0 ≤ point < k

	// Of the present run:
	drawnFrom  int   // k that the change points were drawn from
	points     []int // points[i-1] is the paper's k_i
	priorities map[op.Actor]uint64
	floor      uint64 // below every priority in use
	circled    bool   // an actor was lowered beyond what the paper knows
}

// Priorities from high up are initial ones, lowPriority-i is that of the i-th
// change point, and what lies below is for actors that turn in a circle.
const (
	highPriority = 1 << 63
	lowPriority  = 1 << 62
)

// NewPCT returns a PCT of the given depth (1 or more; 2 and 3 find most races)
// that seed determines. actors and steps are what is known of the program from
// runs made otherwise, 0 if nothing is.
func NewPCT(seed uint64, depth, actors, steps int) *PCT {
	p := &PCT{
		depth: depth, actors: actors, steps: steps, missed: 1,
		dice: newDice(seed), points: make([]int, depth-1), priorities: make(map[op.Actor]uint64),
	}
	p.draw, p.point = p.dice.rand.Uint64, p.dice.rand.IntN
	return p
}

// Begin draws the change points of the next run. It always returns true.
func (p *PCT) Begin() bool {
	p.dice.begin()
	clear(p.priorities)
	p.floor, p.circled = lowPriority-uint64(p.depth), false
	p.drawnFrom = p.steps
	for i := range p.points {
		p.points[i] = 0 // never reached: nothing is known of the length
		if p.steps > 0 {
			p.points[i] = 1 + p.point(p.steps)
		}
	}
	return true
}

// Pick runs the actor with the highest priority.
func (p *PCT) Pick(held []Held, done Schedule) int {
	p.lower(done)
	best, top := 0, uint64(0)
	for i := range held {
		priority, ok := p.priorities[held[i].Actor]
		if !ok {
			priority = highPriority | p.draw()
			p.priorities[held[i].Actor] = priority
		}
		if priority > top {
			best, top = i, priority
		}
	}
	return best
}

// lower takes the priority of the actor that made the last step if that step was
// a change point.
func (p *PCT) lower(done Schedule) {
	if len(done) == 0 {
		return
	}
	last := done[len(done)-1].Actor
	for i, at := range p.points {
		if at == len(done) {
			p.priorities[last] = lowPriority - uint64(i+1)
		}
	}
	if circling(done) {
		p.floor--
		p.priorities[last], p.circled = p.floor, true
	}
}

// End learns the numbers of actors and steps, and lowers the chance that all
// runs missed a race of this depth. A run that was longer than the change points
// allowed for, or that had to break a circle, keeps no promise and lowers nothing.
func (p *PCT) End(o Outcome) {
	p.actors = max(p.actors, len(p.priorities))
	p.steps = max(p.steps, len(o.Schedule))
	if !p.circled && len(o.Schedule) <= p.drawnFrom {
		p.missed *= 1 - bound(p.actors, p.drawnFrom, p.depth)
	}
}

// Bound returns the least chance, by what is known so far, that the next run
// meets a given race of this depth; 0 before anything is known.
func (p *PCT) Bound() float64 { return bound(p.actors, p.steps, p.depth) }

// Missed returns the most that the chance can be of all runs so far having
// missed a given race of this depth; 1 before the first run.
func (p *PCT) Missed() float64 { return p.missed }

func bound(n, k, d int) float64 {
	if n == 0 || k == 0 {
		return 0
	}
	return 1 / (float64(n) * math.Pow(float64(k), float64(d-1)))
}
