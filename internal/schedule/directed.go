package schedule

import "filerace/internal/op"

// Directed steers runs to goals: for a race that an earlier run showed to be
// possible, the order in which it would bite. The idea is that of Sen, Race
// Directed Random Testing of Concurrent Programs (PLDI 2008), and of Park, Lu
// and Zhou, CTrigger (ASPLOS 2009): hold an actor back in front of its part of
// the race until the others have come to theirs.
type Directed struct {
	tries int
	dice  dice

	queue  [][]Goal // by how often a goal was tried: all get their first try before any its second
	known  map[string]bool
	run    progress
	try    int // of the present run, from 0
	met    bool
	turns  map[op.Actor]int // free choices that each actor got in this run
	waited int              // decisions since an operation was first held back, or one was let go
	choice []int            // indexes in held, kept to spare allocations
}

// patience is how many decisions operations are held back for before the
// earliest of them is let go: actors that retry in turns may be waiting for it.
const patience = 10000

// DefaultTries is how many runs a goal gets if nothing else is said.
const DefaultTries = 3

// NewDirected returns a strategy without goals. A goal that is not met is tried
// again, tries runs in all (0: DefaultTries), the later ones with free choices
// that seed determines.
func NewDirected(seed uint64, tries int) *Directed {
	if tries <= 0 {
		tries = DefaultTries
	}
	return &Directed{
		tries: tries, dice: newDice(seed), queue: make([][]Goal, tries),
		known: make(map[string]bool), turns: make(map[op.Actor]int),
	}
}

// Add queues a goal. It returns false if the goal has no targets or was added before.
func (d *Directed) Add(g Goal) bool {
	key := g.String()
	if len(g.Steps) == 0 || d.known[key] {
		return false
	}
	d.known[key] = true
	d.queue[0] = append(d.queue[0], g)
	return true
}

// Waiting returns how many goals are queued, those for another try included.
func (d *Directed) Waiting() int {
	n := 0
	for _, goals := range d.queue {
		n += len(goals)
	}
	return n
}

// Goal returns the goal of the present or the last run.
func (d *Directed) Goal() Goal { return d.run.goal }

// Met reports whether the last run reached the targets of its goal in their
// order. It is valid after End.
func (d *Directed) Met() bool { return d.met }

// Begin takes the next goal. It returns false if none is queued; after an Add
// it returns true again.
func (d *Directed) Begin() bool {
	for try, goals := range d.queue {
		if len(goals) == 0 {
			continue
		}
		d.queue[try] = goals[1:]
		d.try, d.met, d.waited = try, false, 0
		d.run.start(goals[0])
		d.dice.begin()
		clear(d.turns)
		return true
	}
	return false
}

// Pick brings the current target's actor to its target and holds the actors of
// the later ones back in front of theirs.
func (d *Directed) Pick(held []Held, done Schedule) int {
	d.run.note(done)
	if d.run.current == len(d.run.goal.Steps) {
		return goOn(held, done)
	}
	d.choice = d.choice[:0]
	tired, tiredAt := tired(done), 0
	earliest, earliestAt := -1, 0
	for i := range held {
		switch t := d.run.target(held[i].Step); {
		case t == d.run.current:
			return i
		case t >= 0:
			if earliest < 0 || t < earliest {
				earliest, earliestAt = t, i
			}
		case held[i].Actor == tired:
			tiredAt = i
		default:
			d.choice = append(d.choice, i)
		}
	}
	if earliest >= 0 {
		d.waited++
		if d.waited > patience || len(d.choice) == 0 {
			d.waited = 0
			return earliestAt // the goal is missed
		}
	}
	if len(d.choice) == 0 {
		return tiredAt
	}
	return d.free(held)
}

// free chooses among the operations that are not held back: the target's actor
// first, else one that it may be waiting for.
func (d *Directed) free(held []Held) int {
	actor := d.run.goal.Steps[d.run.current].Actor
	for _, i := range d.choice {
		if held[i].Actor == actor {
			return i
		}
	}
	if d.try > 0 {
		return d.choice[d.dice.rand.IntN(len(d.choice))]
	}
	best, least := -1, 0
	for _, i := range d.choice {
		turns := d.turns[held[i].Actor]
		if kin(held[i].Actor, actor) {
			turns /= kinTurns
		}
		if best < 0 || turns < least {
			best, least = i, turns
		}
	}
	d.turns[held[best].Actor]++
	return best
}

// kinTurns is how many turns kin gets for one of a stranger: kin comes first, as
// a process mostly waits for its parent, its children or its threads, but if it
// waits for a stranger's lock after all, the stranger does not starve.
const kinTurns = 4

func kin(a, b op.Actor) bool { return a.Within(b) || b.Within(a) }

// End notes whether the goal was met, and queues it for another try if not.
func (d *Directed) End(o Outcome) {
	d.run.note(o.Schedule)
	d.met = d.run.met()
	if next := d.try + 1; !d.met && next < d.tries {
		d.queue[next] = append(d.queue[next], d.run.goal)
	}
}
