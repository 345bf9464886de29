package hunt

import (
	"cmp"
	"slices"
	"strings"

	"filerace/internal/op"
	"filerace/internal/schedule"
	"filerace/internal/world"
)

// windows gathers, from one run, the orders that would put a conflicting
// operation of one actor between two operations of another: the goals of directed
// runs. Operations count as one actor's if they are tied in every schedule, so
// that a read in a child and the write of its waiting parent make a window.
type windows struct {
	inside bool // opens are two steps
	ops    []windowOp
}

// windowOp is one operation on a named object.
type windowOp struct {
	schedule.Target
	op       *op.Op
	accesses []op.Access
	changes  bool      // names or bytes
	back     *windowOp // an open's second step: returning the file that it has found; nil: there is none
	at       world.Stamp
	keys     []string
	paths    []string
}

// Bounds on what one run yields.
const (
	maxWindowOps = 40000 // operations looked at
	maxPathOps   = 80    // of one path
	maxGoals     = 300
)

func newWindows() *windows { return &windows{} }

func (w *windows) see(n *naming, o *op.Op, e *world.Effect) {
	if o.Waits || len(w.ops) >= maxWindowOps || o.Kind == op.Inherit || o.Kind == op.Exit {
		return
	}
	var keys, paths []string
	accesses := op.Accesses(o)
	for _, a := range accesses {
		if key := n.key(&a); key != "" {
			keys = append(keys, key)
			_, p, _ := strings.Cut(key, " ")
			if !slices.Contains(paths, p) {
				paths = append(paths, p)
			}
		}
	}
	if len(keys) == 0 {
		return
	}
	w.ops = append(w.ops, windowOp{
		Target: schedule.Target{Actor: o.Actor.Process(), Sig: op.Signature(o, n.name)},
		op:     o, accesses: accesses, changes: changes(accesses), at: e.At, keys: keys, paths: paths,
	})
}

// decisions are the operations of a run that touch shared objects.
type decisions struct {
	all    []*windowOp
	byPath map[string][]*windowOp // at most maxPathOps each
	paths  []string
}

// on picks the operations on shared objects, and numbers them.
func (w *windows) on(shared []string) decisions {
	is := map[string]bool{}
	for _, k := range shared {
		is[k] = true
	}
	d := decisions{byPath: map[string][]*windowOp{}}
	nth := map[schedule.Step]int{}
	for i := range w.ops {
		o := &w.ops[i]
		if !slices.ContainsFunc(o.keys, func(k string) bool { return is[k] }) {
			continue
		}
		step := schedule.Step{Actor: o.Actor, Sig: o.Sig}
		nth[step]++
		o.Nth = nth[step]
		if o.back = nil; w.inside && findsFirst(o.op) {
			back := schedule.Step{Actor: o.Actor, Sig: "return from " + o.Sig}
			nth[back]++
			o.back = &windowOp{Target: schedule.Target{Actor: o.Actor, Sig: back.Sig, Nth: nth[back]}}
		}
		d.all = append(d.all, o)
		for _, p := range o.paths {
			if on := d.byPath[p]; len(on) < maxPathOps {
				d.byPath[p] = append(on, o)
			}
		}
	}
	for p := range d.byPath {
		d.paths = append(d.paths, p)
	}
	slices.Sort(d.paths)
	return d
}

// goals lists the orders worth a run, the most promising first. shared are the
// objects whose operations are decisions; steps is how many of them the run had.
func (w *windows) goals(shared []string) (goals []schedule.Goal, steps int) {
	ops := w.on(shared)
	var c candidates
	for _, p := range ops.paths {
		on := ops.byPath[p]
		c.pairs(on)
		c.within(on)
		c.twins(on, ops.all)
	}
	return c.best(), len(ops.all)
}

// candidate is a goal with its promise.
type candidate struct {
	goal  schedule.Goal
	score int
}

type candidates struct {
	all  []candidate
	seen map[string]int // by pattern: how many
}

// pairs finds the windows on one path: a1 and a2, tied and next to each other,
// and b of another actor that nothing orders.
func (c *candidates) pairs(on []*windowOp) {
	for j, a2 := range on {
		for i := j - 1; i >= 0; i-- {
			a1 := on[i]
			if !a1.at.HardBefore(a2.at) || between(on[i+1:j], a1, a2) {
				continue
			}
			for _, b := range on {
				if !world.HardUnordered(b.at, a1.at) || !world.HardUnordered(b.at, a2.at) {
					continue
				}
				if score := promise(a1, b, a2); score > 0 {
					c.add(score, a1, b, a2)
				}
			}
		}
	}
}

// within finds what could take a name away, or give it to another file, while an
// open has found its file and not returned it.
func (c *candidates) within(on []*windowOp) {
	for _, a := range on {
		for _, b := range on {
			if a.back != nil && b.op.TakesNameAway() &&
				world.HardUnordered(a.at, b.at) && dependent(a, b) {
				c.add(7, a, b, a.back)
			}
		}
	}
}

// findsFirst reports whether the open found a file that was there (Config.Inside of
// tracee: only those stop inside the kernel).
func findsFirst(o *op.Op) bool {
	const exclusive = op.O_CREAT | op.O_EXCL
	return o.Kind == op.Open && !o.Failed() && o.Flags&op.O_PATH == 0 && o.Flags&exclusive != exclusive &&
		len(o.Names) > 0 && o.Names[0].Type == op.Regular && (o.Inside || !o.Names[0].Before.IsZero())
}

// between reports whether one of the operations lies on the way from a1 to a2.
func between(ops []*windowOp, a1, a2 *windowOp) bool {
	for _, o := range ops {
		if a1.at.HardBefore(o.at) && o.at.HardBefore(a2.at) {
			return true
		}
	}
	return false
}

// twins finds the order in which two actors hold a lock of one name: b has the
// old file open, a takes its name away, and c locks a new file of that name.
func (c *candidates) twins(on, all []*windowOp) {
	for _, a := range on {
		if !a.op.TakesNameAway() {
			continue
		}
		for _, bl := range on {
			if !bl.op.AsksForLock() || !world.HardUnordered(bl.at, a.at) {
				continue
			}
			bo := opening(on, bl)
			for _, cl := range on {
				if bo == nil || cl == bl || !cl.op.AsksForLock() || !world.HardUnordered(cl.at, a.at) || !world.HardUnordered(cl.at, bl.at) {
					continue
				}
				co, cn, bn := opening(on, cl), next(all, cl), next(all, bl)
				c.add(6, bo, a, co, bl, cl, cn, bn)
				c.add(6, bl, a, co, cl, cn, bn)
			}
		}
	}
}

// opening is the open through which the lock's descriptor was had, nearly always.
func opening(on []*windowOp, lock *windowOp) *windowOp {
	for i := len(on) - 1; i >= 0; i-- {
		if o := on[i]; o.op.Kind == op.Open && o.at.HardBefore(lock.at) {
			return o
		}
	}
	return nil
}

// next is the first thing that the locker does with its lock.
func next(all []*windowOp, lock *windowOp) *windowOp {
	for _, o := range all {
		if lock.at.HardBefore(o.at) && (o.changes || o.op.Kind == op.Read || o.op.Kind == op.Open) {
			return o
		}
	}
	return nil
}

func (c *candidates) add(score int, ops ...*windowOp) {
	var g schedule.Goal
	var pattern strings.Builder
	for _, o := range ops {
		if o != nil {
			g.Steps = append(g.Steps, o.Target)
			pattern.WriteString(o.Sig + "|")
		}
	}
	if c.seen == nil {
		c.seen = map[string]int{}
	}
	// The first of each shape goes before the second of any.
	score -= 10 * c.seen[pattern.String()]
	c.seen[pattern.String()]++
	c.all = append(c.all, candidate{goal: g, score: score})
}

func (c *candidates) best() []schedule.Goal {
	slices.SortStableFunc(c.all, func(a, b candidate) int { return cmp.Compare(b.score, a.score) })
	var goals []schedule.Goal
	for _, x := range c.all[:min(len(c.all), maxGoals)] {
		goals = append(goals, x.goal)
	}
	return goals
}

// dependent is op.Dependent for operations of actors that nothing orders.
func dependent(a, b *windowOp) bool { return op.Conflict(a.accesses, b.accesses) }

// promise ranks a window; 0: nothing can go wrong in it.
func promise(a1, b, a2 *windowOp) int {
	last := dependent(a2, b)
	if !last && !dependent(a1, b) {
		return 0
	}
	switch {
	case !b.changes:
		if a1.changes && a2.changes {
			return 4 // b looks at something half done
		}
		if a2.changes && last {
			return 3 // both look before one acts
		}
		return 0
	case !a1.changes && a2.changes:
		return 5 // looked, then acted on it
	case a1.op.Kind == op.Open && a2.op.Kind == op.LockOp:
		return 5
	case a1.changes && a2.changes:
		return 3
	case a1.changes:
		return 2
	}
	return 1 // looked twice
}

// changes reports whether names or bytes are among what is changed.
func changes(accesses []op.Access) bool {
	for _, a := range accesses {
		if a.Write && (a.Kind == op.ObjName || a.Kind == op.ObjData || a.Kind == op.ObjSize) {
			return true
		}
	}
	return false
}
