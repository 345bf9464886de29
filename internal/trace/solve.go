package trace

import (
	"hash/maphash"
	"math/bits"

	"filerace/internal/op"
	"filerace/internal/world"
)

// The search looks at so many operations at a time, and goes back at most so often for
// each piece of the order.
const (
	window   = 64
	stepsMax = 1 << 11
)

// solver finds an order of the operations of a group that explains their results: a
// search for a linearization (Wing and Gong: Testing and Verifying Concurrent Objects,
// JPDC 1993) that remembers where it has been (Lowe: Testing for Linearizability,
// CCPE 2017). Operations are tried in the order of their points, which nearly always fits.
type solver struct {
	items []*item
	at    [][2]int // for each item, the marks of its names; -1: none
	state []world.Mark
	done  placed
	path  []step
	best  []int // the longest order found since the last one that was forced
	dead  map[uint64]bool
	seed  maphash.Seed
}

// placed is which items have their place: all before base, and those of the window
// behind it whose bit is set.
type placed struct {
	base int
	mask uint64
}

// step is one item placed, with what it takes to undo that.
type step struct {
	item  int
	done  placed
	marks [2]world.Mark
}

// solve gives the items of a group points in an order that explains what they
// returned, as near as possible to the points that they have. It returns how many
// items no order explains.
func (g *group) solve(m *model) (unfit int) {
	g.solved = true
	g.tidy()
	g.complete()
	g.chain()
	sortItems(g.items)
	s := newSolver(g.items, m)
	for steps := 0; len(s.path) < len(s.items); {
		if i := s.next(-1); i >= 0 {
			s.put(i)
			continue
		}
		if len(s.path) > len(s.best) {
			s.keepBest()
		}
		if steps++; steps > stepsMax || !s.back() {
			s.force()
			unfit++
			steps = 0
		}
	}
	s.settle()
	return unfit
}

// complete adds what takes part in what the names of the group lead to: all that
// happens to them in its time, and the next operation after it whose result tells how
// they were left.
func (g *group) complete() {
	for unsure := 0; unsure < witnesses; {
		g.fill()
		want, sure := len(g.items), true
		for _, n := range g.nodes() {
			if o := n.witness(g); o != nil {
				want++
				join(g.items[0], o)
				sure = sure && (!o.op.Failed() || o.op.Errno() == enoent && o.op.Kind != op.Rename)
			}
		}
		g.fill()
		switch {
		case len(g.items) > want: // something overlaps the witnesses
			unsure++
		case sure:
			unsure = witnesses
		default: // which file is there, others will tell
			unsure += witnesses / 8
		}
	}
	g.solved = true
}

// witnesses bounds how far later results are looked at.
const witnesses = 64

// fill adds what happens to the names of the group within its time.
func (g *group) fill() {
	last := int64(0)
	for _, it := range g.items {
		last = max(last, it.exit)
	}
	seen := map[*node]int64{}
	for i := 0; i < len(g.items); i++ { // grows
		for _, n := range g.items[i].names {
			if n == nil || seen[n] == last {
				continue
			}
			for _, o := range n.waiting {
				if !o.done && o.group != g && o.from < last {
					last = max(last, o.exit)
					join(g.items[i], o)
				}
			}
			seen[n] = last
		}
	}
}

func (g *group) nodes() (out []*node) {
	seen := map[*node]bool{}
	for _, it := range g.items {
		for _, n := range it.names {
			if n != nil && !seen[n] {
				seen[n] = true
				out = append(out, n)
			}
		}
	}
	return out
}

// witness is the first operation after those of the group that tells whether the name
// was there.
func (n *node) witness(g *group) *item {
	for _, o := range n.waiting {
		if o.done || o.group == g {
			continue
		}
		creates := o.op.Kind == op.Open && o.op.Flags&(op.O_CREAT|op.O_EXCL) == op.O_CREAT
		if n == o.names[0] && (!creates || o.op.Failed()) || n == o.names[1] && len(o.op.Names) > 1 && o.op.Names[1].Seen {
			return o
		}
	}
	return nil
}

func newSolver(items []*item, m *model) *solver {
	s := &solver{items: items, at: make([][2]int, len(items)), dead: map[uint64]bool{}, seed: maphash.MakeSeed()}
	index := map[*node]int{}
	for i, it := range items {
		for k, n := range it.names {
			s.at[i][k] = -1
			if n == nil {
				continue
			}
			at, ok := index[n]
			if !ok {
				at = len(s.state)
				index[n] = at
				s.state = append(s.state, m.markOf(n))
			}
			s.at[i][k] = at
		}
	}
	return s
}

// next returns the first item after another one in the window that may come next and
// explains its result; -1 if there is none.
func (s *solver) next(after int) int {
	hi := min(s.done.base+window, len(s.items))
	first, bound := -1, int64(maxTime)
	for i := s.done.base; i < hi; i++ {
		if s.done.mask&(1<<(i-s.done.base)) == 0 && s.items[i].exit < bound {
			first, bound = i, s.items[i].exit
		}
	}
	for i := max(after+1, s.done.base); i < hi; i++ {
		it := s.items[i]
		if s.done.mask&(1<<(i-s.done.base)) != 0 || it.from > bound || it.from == bound && i != first && s.items[first].before(it) {
			continue
		}
		if s.fits(i) {
			return i
		}
	}
	return -1
}

// fits reports whether item i explains its result now, in a state not known to lead nowhere.
func (s *solver) fits(i int) bool {
	was := s.step(i)
	ok := s.apply(i)
	if ok && len(s.dead) > 0 {
		s.advance(i)
		ok = !s.dead[s.key()]
	}
	s.undo(was)
	return ok
}

func (s *solver) step(i int) step {
	st := step{item: i, done: s.done}
	for k, at := range s.at[i] {
		if at >= 0 {
			st.marks[k] = s.state[at]
		}
	}
	return st
}

func (s *solver) apply(i int) bool {
	var a, b *world.Mark
	if at := s.at[i][0]; at >= 0 {
		a = &s.state[at]
	}
	if at := s.at[i][1]; at >= 0 {
		b = &s.state[at]
	}
	return world.Explains(s.items[i].op, a, b, i%window)
}

func (s *solver) advance(i int) {
	s.done.mask |= 1 << (i - s.done.base)
	n := bits.TrailingZeros64(^s.done.mask)
	s.done.base += n
	s.done.mask >>= n
}

func (s *solver) undo(st step) {
	s.done = st.done
	for k := 1; k >= 0; k-- {
		if at := s.at[st.item][k]; at >= 0 {
			s.state[at] = st.marks[k]
		}
	}
}

func (s *solver) put(i int) {
	s.path = append(s.path, s.step(i))
	s.apply(i)
	s.advance(i)
}

// back gives up the last item placed for one that may come instead.
func (s *solver) back() bool {
	for len(s.path) > 0 {
		s.dead[s.key()] = true
		last := s.path[len(s.path)-1]
		if last.item < 0 {
			return false
		}
		s.path = s.path[:len(s.path)-1]
		s.undo(last)
		if i := s.next(last.item); i >= 0 {
			s.put(i)
			return true
		}
	}
	return false
}

func (s *solver) keepBest() {
	s.best = s.best[:0]
	for _, st := range s.path {
		s.best = append(s.best, st.item)
	}
}

// force places what no order explains: something was not seen. It comes after the
// longest order found, and what its names lead to is not known from then on.
func (s *solver) force() {
	for len(s.path) > 0 {
		last := s.path[len(s.path)-1]
		s.path = s.path[:len(s.path)-1]
		s.undo(last)
	}
	for _, i := range s.best {
		s.put(i)
	}
	hi := min(s.done.base+window, len(s.items))
	pick := -1
	for i := s.done.base; i < hi; i++ {
		if s.done.mask&(1<<(i-s.done.base)) == 0 && (pick < 0 || s.items[i].exit < s.items[pick].exit) {
			pick = i
		}
	}
	s.path = append(s.path, s.step(pick))
	for _, at := range s.at[pick] {
		if at >= 0 {
			s.state[at] = world.Unknown
		}
	}
	s.advance(pick)
	clear(s.dead)
	s.keepBest()
}

func (s *solver) key() uint64 {
	var h maphash.Hash
	h.SetSeed(s.seed)
	maphash.WriteComparable(&h, s.done)
	for _, m := range s.state {
		maphash.WriteComparable(&h, m)
	}
	return h.Sum64()
}

// before reports whether o had returned when it began; of those at one moment the
// one that came first.
func (o *item) before(it *item) bool {
	return o.exit < it.from || o.exit == it.from && (o.from < it.exit || o.tie < it.tie)
}

// settle moves the points to where the order wants them. Of a possible order, no
// operation begins after a later one has returned, so that there is a moment for each.
func (s *solver) settle() {
	latest := make([]int64, len(s.path))
	least := int64(maxTime)
	for i := len(s.path) - 1; i >= 0; i-- {
		least = min(least, s.items[s.path[i].item].returns())
		latest[i] = least
	}
	var last *item
	for i, st := range s.path {
		it := s.items[st.item]
		if last != nil {
			it.point = max(it.point, last.point+1)
		}
		it.point = min(it.point, latest[i])
		if last != nil && it.point == last.point && it.tie <= last.tie {
			it.tie = last.tie + 1
		}
		last = it
	}
}
