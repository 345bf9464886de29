package trace

import (
	"cmp"
	"math"
	"slices"

	"filerace/internal/op"
)

const maxTime = math.MaxInt64

// item is an operation on its way. It took effect at one moment between its entry
// and its return; which one is what the sequencer has to find out. Any order that
// keeps to the intervals and explains the results will do (Herlihy and Wing:
// Linearizability, TOPLAS 1990).
type item struct {
	op    *op.Op // nil: a gap
	lost  uint64
	proc  *process
	tree  *tree // as the process saw names when it made the call
	from  int64 // earliest begin
	exit  int64
	point int64 // the moment chosen between from and exit, in ns/256: see begins and returns
	tie   uint64
	names [2]*node
	group *group
	done  bool
	quiet bool  // a write to a file, which lets nobody go on
	data  *node // by whose descriptor it looks at contents, or writes them
	prev  *item // of the thread, until this one has gone on
}

// sequencer holds operations back until their order is settled.
type sequencer struct {
	fresh  []*item // as they came
	sorted []*item
	spare  []*item
	count  uint64
	passed int64 // point of the last one that went on
}

// add queues an operation. One whose time has passed already takes effect now.
func (q *sequencer) add(it *item) (late bool) {
	q.count++
	it.tie = q.count << 8
	it.point = max(it.begins(), it.returns()-room)
	if it.op != nil && early(it.op) && !it.quiet && !seen(it.op) {
		it.point = it.begins()
	}
	if it.point < q.passed {
		late = it.returns() < q.passed
		it.point = q.passed
		it.exit = max(it.exit, q.passed>>fraction)
	}
	for i, n := range it.names {
		if n != nil && (i == 0 || n != it.names[0]) {
			n.meet(it)
		}
	}
	q.fresh = append(q.fresh, it)
	return late
}

// Times are in ns, and several calls may bear the same: one that began at the moment at
// which another returned comes after it. So each ns has a first half for those that
// return in it, and a second for those that begin, with room for some order in each.
const (
	fraction = 8
	room     = 64
)

func (it *item) begins() int64 { return it.from<<fraction | 128 }

// returns is the last place for the item.
func (it *item) returns() int64 { return max(it.exit<<fraction|127, it.begins()) }

// place is the point that is at a time in ns or after all that it has.
func place(ns int64) int64 {
	if ns >= maxTime>>fraction {
		return maxTime
	}
	return ns<<fraction | 1<<fraction - 1
}

// seen reports whether the source saw what the names led to. Such calls need no guess at when they took
// effect, and those that waited for the lock of their directory return soon after.
func seen(o *op.Op) bool { return len(o.Names) > 0 && o.Names[0].Seen }

// early reports whether an operation lets others go on (gives something up, sends,
// makes a process): it counts from its entry on. What acquires or observes counts
// at its return. So a lock is held, and a pipe is read, no earlier than it can be.
func early(o *op.Op) bool {
	switch o.Kind {
	case op.Close, op.CloseRange, op.Dup, op.Exit, op.Exec, op.Fork, op.Write, op.Send, op.Copy, op.Kill,
		op.Unlink, op.Rmdir, op.Rename, op.PipeOp, op.Inherit:
		return true
	case op.LockOp:
		return o.Lock.Mode == op.Unlock
	}
	return false
}

func compareItems(a, b *item) int {
	if a.point != b.point {
		return cmp.Compare(a.point, b.point)
	}
	return cmp.Compare(a.tie, b.tie)
}

func sortItems(s []*item) { slices.SortFunc(s, compareItems) }

// merge brings the fresh items among the sorted ones.
func (q *sequencer) merge() {
	if len(q.fresh) == 0 {
		return
	}
	sortItems(q.fresh)
	if n := len(q.sorted); n == 0 || compareItems(q.sorted[n-1], q.fresh[0]) < 0 {
		q.sorted = append(q.sorted, q.fresh...)
		clear(q.fresh)
		q.fresh = q.fresh[:0]
		return
	}
	out, a, b := q.spare[:0], q.sorted, q.fresh
	for len(a) > 0 && len(b) > 0 {
		if compareItems(b[0], a[0]) < 0 {
			out, b = append(out, b[0]), b[1:]
		} else {
			out, a = append(out, a[0]), a[1:]
		}
	}
	out = append(append(out, a...), b...)
	clear(q.sorted)
	clear(q.fresh)
	q.sorted, q.spare, q.fresh = out, q.sorted[:0], q.fresh[:0]
}

// drop takes the first n off.
func (q *sequencer) drop(n int) []*item {
	left := copy(q.sorted, q.sorted[n:])
	clear(q.sorted[left:])
	return q.sorted[:left]
}

// leave takes an item off the names and the group that it waited with.
func (q *sequencer) leave(it *item) {
	it.done, it.prev = true, nil
	if it.data != nil {
		it.data.sight.settle()
	}
	for i, n := range it.names {
		if n != nil && (i == 0 || n != it.names[0]) {
			n.settle()
		}
	}
	if g := it.group; g != nil {
		it.group = nil
		if g.gone++; 2*g.gone > len(g.items) {
			g.tidy()
		}
	}
}

// meet finds the operations of others on the same name that overlap, where one of
// the two may change where the name leads: their order has to be found together.
// Those that wait are kept in the order of their returns.
func (n *node) meet(it *item) {
	at := len(n.waiting)
	for at > 0 && n.waiting[at-1].exit > it.exit {
		at--
	}
	for i := at - 1; i >= 0 && n.waiting[i].exit > it.from; i-- {
		n.waiting[i].meets(it)
	}
	for _, o := range n.waiting[at:] {
		o.meets(it)
	}
	n.waiting = slices.Insert(n.waiting, at, it)
}

func (it *item) meets(o *item) {
	if !it.done && it.proc != o.proc && it.from < o.exit && o.from < it.exit && (it.op.ChangesNames() || o.op.ChangesNames()) {
		join(it, o)
	}
}

// settle forgets those that have gone on.
func (n *node) settle() {
	i := 0
	for i < len(n.waiting) && n.waiting[i].done {
		i++
	}
	if i == len(n.waiting) {
		clear(n.waiting)
		n.waiting = n.waiting[:0]
	} else if i >= 32 {
		clear(n.waiting[:i])
		n.waiting = n.waiting[i:]
	}
}

// group is a set of operations that overlap on common names.
type group struct {
	items  []*item
	gone   int // of the items: they have gone on
	solved bool
}

// tidy forgets those that have gone on. Under load a group may have thousands, which is too
// many to look through whenever one goes.
func (g *group) tidy() {
	if g.gone > 0 {
		g.items, g.gone = slices.DeleteFunc(g.items, func(o *item) bool { return o.done }), 0
	}
}

func join(a, b *item) {
	if a.group == nil {
		a.group = &group{items: []*item{a}}
	}
	g := a.group
	g.solved = false
	switch {
	case b.group == g:
	case b.group == nil:
		g.items = append(g.items, b)
		b.group = g
	default:
		b.group.tidy()
		for _, o := range b.group.items {
			o.group = g
			g.items = append(g.items, o)
		}
	}
}
