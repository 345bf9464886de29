package world

import (
	"hash/maphash"
	"slices"

	"filerace/internal/op"
)

// OthersMax is how many operations beside the two Told takes into account.
const OthersMax = 22

// toldSteps bounds the search.
const toldSteps = 1 << 10

// Told reports whether what operations returned, and the files that the source saw them
// meet, tell that a took effect before b: whether every order that explains all that has a
// first. events are these two and all on their names that may have taken effect from since on, by which
// both had yet to begin, until both had returned, in the order found and with their names completed.
// With more than OthersMax others nothing is told.
func Told(a, b *Event, events []*Event, since int64) bool {
	if len(events) > OthersMax+2 {
		return false
	}
	t := newOrders(events, since)
	first, second := slices.Index(events, a), slices.Index(events, b)
	t.keep(t.at[first], t.at[second])
	return !t.possible(second, first) && t.possible(first, second)
}

// Meet reports whether two operations have a name in common.
func Meet(a, b *op.Op) bool {
	for i := range a.Names {
		for j := range b.Names {
			if keyOf(&a.Names[i]) == keyOf(&b.Names[j]) {
				return true
			}
		}
	}
	return false
}

// orders are the orders that explain some operations: a search for a linearization, as in
// trace, but for whether there is one of a certain sort.
type orders struct {
	events []*Event
	at     [][2]int // marks of the names, -1: none
	begin  []Mark
	kept   []bool // false: what happens to the name beside these events is not known
	makes  []Mark // file that the operation was seen to make; 0: none
	ends   []Mark // file whose last name it was seen to take

	since          int64 // what began before it may have taken effect before all of them, and be overlaid since
	earlier, later int   // of these two the order is given
	state          []Mark
	steps          int
	dead           map[uint64]bool
	seed           maphash.Seed
}

func newOrders(events []*Event, since int64) *orders {
	t := &orders{since: since, events: events, at: make([][2]int, len(events)), makes: make([]Mark, len(events)), ends: make([]Mark, len(events)), seed: maphash.MakeSeed()}
	var keys []entryKey
	var sure []bool
	for i, e := range events {
		o := e.Op
		t.at[i] = [2]int{-1, -1}
		for k := range o.Names[:min(len(o.Names), 2)] {
			key := keyOf(&o.Names[k])
			at := slices.Index(keys, key)
			if at < 0 {
				at = len(keys)
				keys, sure, t.begin = append(keys, key), append(sure, true), append(t.begin, ledTo(o, k))
			}
			t.at[i][k] = at
			sure[at] = sure[at] && (o.Names[k].Seen || o.Failed())
		}
		if o.Kind == op.Open && !o.Failed() && saw(o, 0) && o.Names[0].Before.IsZero() {
			t.makes[i] = MarkOf(o.File.ID)
		}
		if (o.Kind == op.Unlink || o.Kind == op.Rmdir) && !o.Failed() && saw(o, 0) && o.Names[0].Nlink == 0 {
			t.ends[i] = seen(o, 0)
		}
	}
	for at := range t.begin {
		if sure[at] { // they say themselves what they met
			t.begin[at] = Unknown
		}
	}
	t.kept = make([]bool, len(keys))
	return t
}

// keep says of which names the events are all that may have happened meanwhile.
func (t *orders) keep(names ...[2]int) {
	for _, two := range names {
		for _, at := range two {
			if at >= 0 {
				t.kept[at] = true
			}
		}
	}
}

// ledTo is what a name led to, as completed, when the operation took effect.
func ledTo(o *op.Op, k int) Mark {
	n := &o.Names[k]
	switch {
	case !n.Before.IsZero():
		return max(MarkOf(n.Before), Present)
	case !n.After.IsZero() && o.Kind != op.Rename || o.Errno() == enoent:
		return Absent
	}
	return Unknown
}

const enoent = 2

// possible reports whether there is an order that explains all, and has the one event before the other; or
// whether it takes too long to find that out.
func (t *orders) possible(earlier, later int) bool {
	t.earlier, t.later, t.steps, t.dead = earlier, later, 0, map[uint64]bool{}
	t.state = slices.Clone(t.begin)
	return t.search(0, false)
}

// search places what is not placed yet; begun: one of the events has taken effect among them.
func (t *orders) search(placed uint32, begun bool) bool {
	if placed == 1<<len(t.events)-1 {
		return true
	}
	key := t.key(placed, begun)
	if t.dead[key] {
		return false
	}
	if t.steps++; t.steps > toldSteps {
		return true
	}
	for i := range t.events {
		if placed&(1<<i) != 0 || i == t.later && placed&(1<<t.earlier) == 0 || !t.ready(i, placed) {
			continue
		}
		was := t.marks(i)
		if t.apply(i) && t.search(placed|1<<i, true) {
			return true
		}
		if !begun && t.events[i].From < t.since && i != t.earlier && i != t.later {
			t.set(i, [2]Mark{})
			if t.search(placed|1<<i, false) {
				return true
			}
		}
		t.set(i, was)
	}
	t.dead[key] = true
	return false
}

func (t *orders) key(placed uint32, begun bool) uint64 {
	var h maphash.Hash
	h.SetSeed(t.seed)
	maphash.WriteComparable(&h, placed)
	maphash.WriteComparable(&h, begun)
	for _, m := range t.state {
		maphash.WriteComparable(&h, m)
	}
	return h.Sum64()
}

// ready reports whether all that must come before an event has its place: what had returned
// when it began, what its thread did before, what made the file that it met, and, if it took the
// last name of that, whatever else met it.
func (t *orders) ready(i int, placed uint32) bool {
	e := t.events[i]
	for j, o := range t.events {
		if j == i || placed&(1<<j) != 0 {
			continue
		}
		if o.Op.Exit < e.From || j < i && o.Op.TID == e.Op.TID && o.Op.Actor == e.Op.Actor {
			return false
		}
		if met(e.Op, t.makes[j]) || met(o.Op, t.ends[i]) {
			return false
		}
	}
	return true
}

// met reports whether an operation was seen to meet a file by a name.
func met(o *op.Op, m Mark) bool {
	return m != 0 && (m == seen(o, 0) || m == seen(o, 1) || m == reached(o))
}

// reached is the mark of the file that an operation reached by its name, 0 if nobody saw which.
func reached(o *op.Op) Mark {
	if saw(o, 0) && !o.Failed() {
		return MarkOf(o.File.ID)
	}
	return 0
}

func (t *orders) marks(i int) (m [2]Mark) {
	for k, at := range t.at[i] {
		if at >= 0 {
			m[k] = t.state[at]
		}
	}
	return m
}

func (t *orders) set(i int, m [2]Mark) {
	for k := 1; k >= 0; k-- {
		if at := t.at[i][k]; at >= 0 {
			t.state[at] = m[k]
		}
	}
}

// apply lets event i take effect, and reports whether it can have.
func (t *orders) apply(i int) bool {
	var marks [2]*Mark
	for k, at := range t.at[i] {
		if at < 0 {
			continue
		}
		if !t.kept[at] {
			t.state[at] = Unknown
		}
		marks[k] = &t.state[at]
	}
	return explains(t.events[i].Op, marks[0], marks[1], fresh+Mark(i), reached(t.events[i].Op))
}
