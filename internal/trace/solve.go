package trace

import (
	"hash/maphash"
	"slices"

	"filerace/internal/op"
)

// The search for an order that explains the results is bounded: that of so many
// operations, and so many steps. Beyond it the order stays that of the points.
const (
	groupMax = 64
	stepsMax = 4096
)

// mark is what is known of a name while an order is tried.
type mark uint64

// A name leads to nothing, to some file, or to a certain one (from fresh on: one
// made in this order, or one whose identity is known).
const (
	unknown mark = iota
	absent
	present
	fresh
)

// solver tries orders of one group.
type solver struct {
	items []*item
	nodes []*node
	start []mark
	order []int
	best  []int
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
func (s *solver) try(done uint64, state []mark) bool {
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

func (s *solver) key(done uint64, state []mark) uint64 {
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
func (s *solver) explains(it *item, index int, state []mark) bool {
	var a, b *mark
	if n := it.names[0]; n != nil {
		a = &state[slices.Index(s.nodes, n)]
	}
	if n := it.names[1]; n != nil {
		b = &state[slices.Index(s.nodes, n)]
	}
	return explains(it.op, a, b, fresh+mark(index))
}

// explains is the semantics of names: what each call asks of where its names lead,
// and where they lead afterwards. made stands for a file that the call makes.
func explains(o *op.Op, a, b *mark, made mark) bool {
	if a == nil {
		return true
	}
	if o.Failed() {
		return explainsFailure(o, a, b)
	}
	id := markOfFile(o.File.ID)
	switch o.Kind {
	case op.Open:
		const exclusive = op.O_CREAT | op.O_EXCL
		switch {
		case o.Flags&exclusive == exclusive:
			return a.create(made, id)
		case o.Flags&op.O_CREAT != 0 && *a == absent:
			return a.create(made, id)
		}
		return a.there(id)
	case op.Mkdir, op.Mknod, op.SymlinkOp:
		return a.create(made, 0)
	case op.Unlink, op.Rmdir:
		if !a.there(beforeOf(o, 0)) {
			return false
		}
		*a = absent
	case op.Rename:
		if b == nil || !a.there(beforeOf(o, 0)) || o.Flags&op.RENAME_NOREPLACE != 0 && *b >= present {
			return b == nil
		}
		if o.Flags&op.RENAME_EXCHANGE != 0 {
			*a, *b = *b, *a
			return *a != absent
		}
		*a, *b = absent, *a
	case op.Link:
		if !a.there(0) {
			return false
		}
		if b != nil {
			if *b >= present {
				return false
			}
			*b = *a
		}
	default:
		return a.there(id)
	}
	return true
}

// explainsFailure: what an error says of a name.
func explainsFailure(o *op.Op, a, b *mark) bool {
	switch o.Errno() {
	case enoent:
		if o.Kind == op.Rename || o.Kind == op.Link || b == nil {
			return a.gone()
		}
	case eexist:
		if b != nil {
			return b.there(0)
		}
		return a.there(0)
	}
	return true
}

// there: the name leads to a file, to that one if it is known.
func (m *mark) there(id mark) bool {
	if *m == absent || id != 0 && *m >= fresh && *m != id && !m.made() {
		return false
	}
	switch {
	case id != 0:
		*m = id
	case *m == unknown:
		*m = present
	}
	return true
}

// made reports whether the mark stands for a file made in the order that is tried,
// whose identity nobody told.
func (m mark) made() bool { return m >= fresh && m < fresh+groupMax }

func (m *mark) gone() bool {
	if *m >= present {
		return false
	}
	*m = absent
	return true
}

func (m *mark) create(made, id mark) bool {
	if *m >= present {
		return false
	}
	if *m = made; id != 0 {
		*m = id
	}
	return true
}

// Told reports whether what a and b returned tells that a took effect before b. a is
// the one that came first in the order found, with its names completed.
func Told(a, b *op.Op) bool {
	paths := make([]string, 0, 4)
	for _, n := range append(slices.Clone(a.Names), b.Names...) {
		if !slices.Contains(paths, n.Path) {
			paths = append(paths, n.Path)
		}
	}
	state := make([]mark, len(paths))
	for i := range a.Names {
		at := slices.Index(paths, a.Names[i].Path)
		switch {
		case !a.Names[i].Before.IsZero():
			if state[at] = markOfFile(a.Names[i].Before); state[at] == 0 {
				state[at] = present
			}
		case !a.Names[i].After.IsZero() && a.Kind != op.Rename || a.Errno() == enoent:
			state[at] = absent
		}
	}
	marks := func(o *op.Op) (x, y *mark) {
		if len(o.Names) > 0 {
			x = &state[slices.Index(paths, o.Names[0].Path)]
		}
		if len(o.Names) > 1 {
			y = &state[slices.Index(paths, o.Names[1].Path)]
		}
		return x, y
	}
	x, y := marks(b)
	if !explains(b, x, y, fresh) {
		return true
	}
	x, y = marks(a)
	return !explains(a, x, y, fresh+1)
}

// markOfFile is the mark of an identity that a source told; 0 if none did.
func markOfFile(id op.FileID) mark {
	if id.Dev == 0 {
		return 0
	}
	h := (id.Dev*0x9e3779b97f4a7c15 ^ id.Ino) * 0xff51afd7ed558ccd
	return mark(h^uint64(id.Birth)*0xc4ceb9fe1a85ec53) | 1<<63
}

func beforeOf(o *op.Op, i int) mark {
	if i < len(o.Names) {
		return markOfFile(o.Names[i].Before)
	}
	return 0
}

const (
	enoent  = 2
	eexist  = 17
	enotdir = 20
)
