package trace

import (
	"hash/maphash"
	"slices"

	"filerace/internal/world"
)

// The search for an order that explains the results is bounded: that of so many
// operations, and so many steps. Beyond it the order stays that of the points.
const (
	groupMax = 64
	stepsMax = 4096
)

// solver tries orders of one group.
type solver struct {
	items []*item
	nodes []*node
	start []world.Mark
	order []int
	seen  map[uint64]bool
	steps int
	seed  maphash.Seed
}

// solve gives the items of a group points in an order that explains what they
// returned, as near as possible to the points that they have, and reports
// whether there is one.
func (g *group) solve(m *model) bool {
	g.solved = true
	sortItems(g.items)
	s := solver{items: g.items[:min(len(g.items), groupMax)], seen: map[uint64]bool{}, seed: maphash.MakeSeed()}
	for _, it := range s.items {
		for _, n := range it.names {
			if n != nil && !slices.Contains(s.nodes, n) {
				s.nodes = append(s.nodes, n)
				s.start = append(s.start, m.markOf(n))
			}
		}
	}
	if !s.try(0, s.start) {
		return false
	}
	s.place()
	return true
}

// try extends the order by one operation. done is a set of bits.
func (s *solver) try(done uint64, state []world.Mark) bool {
	if len(s.order) == len(s.items) {
		return true
	}
	s.steps++
	key := s.key(done, state)
	if s.steps > stepsMax || s.seen[key] {
		return false
	}
	s.seen[key] = true
	for i, it := range s.items {
		if done&(1<<i) != 0 || !s.free(i, done) {
			continue
		}
		next := slices.Clone(state)
		if !s.explains(it, i, next) {
			continue
		}
		s.order = append(s.order, i)
		if s.try(done|1<<i, next) {
			return true
		}
		s.order = s.order[:len(s.order)-1]
	}
	return false
}

// free reports whether nothing that is left must come before item i.
func (s *solver) free(i int, done uint64) bool {
	it := s.items[i]
	for j, o := range s.items {
		if j != i && done&(1<<j) == 0 && o.before(it) {
			return false
		}
	}
	return true
}

// before reports whether o had returned when it began; of those at one moment the
// one that came first.
func (o *item) before(it *item) bool {
	return o.exit < it.from || o.exit == it.from && (o.from < it.exit || o.tie < it.tie)
}

func (s *solver) key(done uint64, state []world.Mark) uint64 {
	var h maphash.Hash
	h.SetSeed(s.seed)
	maphash.WriteComparable(&h, done)
	for _, m := range state {
		maphash.WriteComparable(&h, m)
	}
	return h.Sum64()
}

// place moves the points to where the order wants them. Of a possible order, no
// operation begins after a later one has returned, so that there is a moment for each.
func (s *solver) place() {
	latest := make([]int64, len(s.order))
	least := int64(maxTime)
	for i := len(s.order) - 1; i >= 0; i-- {
		least = min(least, s.items[s.order[i]].exit)
		latest[i] = least
	}
	var last *item
	for i, at := range s.order {
		it := s.items[at]
		if last != nil {
			it.point = max(it.point, last.point)
		}
		it.point = min(it.point, latest[i])
		if last != nil && it.point == last.point && it.tie <= last.tie {
			it.tie = last.tie + 1
		}
		last = it
	}
}

// explains lets the operation take effect on the state, and reports whether it can
// have returned what it did.
func (s *solver) explains(it *item, index int, state []world.Mark) bool {
	var a, b *world.Mark
	if n := it.names[0]; n != nil {
		a = &state[slices.Index(s.nodes, n)]
	}
	if n := it.names[1]; n != nil {
		b = &state[slices.Index(s.nodes, n)]
	}
	return world.Explains(it.op, a, b, index)
}
