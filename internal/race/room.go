package race

import (
	"fmt"
	"slices"

	"filerace/internal/op"
	"filerace/internal/world"
)

// Room finds what a run leaves room for: races that did not happen in it, and that another order of its
// operations would have shown. They are windows of one process, with an operation of another that nothing kept
// out of them, neither its place in the program nor a lock. Only shapes that a directed run can aim at are named.
//
// It keeps the first operations of each path, no more than bounds allow: so it takes a bounded time and memory.
type Room struct {
	paths map[string]*usage
	order []string // of paths, as they came
	most  int      // operations that may still be kept
	found []Finding
}

// Bounds on what a room keeps.
const (
	roomMost       = 40000 // operations in all
	roomPerPath    = 80    // of one path
	roomPerProcess = 40    // of one path, by one process: others come after it
)

// usage is what was done with a path.
type usage struct {
	moments []moment
	full    op.Actor // a process of which no more are kept
}

// ShortOfRoom says what Short reports.
var ShortOfRoom = fmt.Sprintf("what could have happened was looked for among the first %d operations on files only", roomMost)

// moment is an operation and its place among the others.
type moment struct {
	deed
	process op.Actor
	arrives bool // Rename: the path is where it leads to
}

// NewRoom returns one that has seen nothing.
func NewRoom() *Room { return &Room{paths: map[string]*usage{}, most: roomMost} }

// Short reports whether there was more than it could keep.
func (r *Room) Short() bool { return r.most == 0 }

// See sees the next operation.
func (r *Room) See(e *world.Effect) {
	o := e.Op
	if !shapely[o.Kind] || r.most == 0 || o.Waits || dull(o.File.Type) || orders(o.File.Type) {
		return
	}
	named := false
	for i := range o.Names {
		n := &o.Names[i]
		named = named || n.Path == o.File.Path
		if !dull(n.Type) && !orders(n.Type) {
			r.put(n.Path, e, i == 1)
		}
	}
	if !named {
		r.put(o.File.Path, e, false)
	}
}

func (r *Room) put(path string, e *world.Effect, arrives bool) {
	if path == "" {
		return
	}
	u := r.paths[path]
	if u == nil {
		u = new(usage)
		r.paths[path] = u
		r.order = append(r.order, path)
	}
	p := e.Op.Actor.Process()
	if len(u.moments) == roomPerPath || p == u.full || r.most == 0 {
		return
	}
	if u.by(p) == roomPerProcess {
		u.full = p
		return
	}
	u.moments = append(u.moments, moment{deedOf(e), p, arrives})
	r.most--
}

// by counts the operations of one process.
func (u *usage) by(p op.Actor) (n int) {
	for i := range u.moments {
		if u.moments[i].process == p {
			n++
		}
	}
	return n
}

// Gap says that operations are missing: what comes now cannot be set beside what was before.
func (r *Room) Gap() {
	r.settle()
	clear(r.paths)
	r.order = r.order[:0]
}

// settle concludes from what is kept.
func (r *Room) settle() {
	for _, path := range r.order {
		on := r.paths[path].moments
		if alone(on) || !slices.ContainsFunc(on, moment.disturbs) {
			continue
		}
		for j := range on {
			a2 := &on[j]
			if !a2.closes() {
				continue
			}
			for i := j - 1; i >= 0; i-- {
				if a1 := &on[i]; a1.opens() && a1.at.HardBefore(a2.at) {
					r.between(path, a1, a2, on)
				}
			}
		}
	}
}

// alone reports whether only one process had to do with a path.
func alone(on []moment) bool {
	return !slices.ContainsFunc(on, func(m moment) bool { return m.process != on[0].process })
}

// between looks for operations that could have come between two of one story.
func (r *Room) between(path string, a1, a2 *moment, on []moment) {
	for i := range on {
		b := &on[i]
		if b.process == a1.process || b.process == a2.process {
			continue // what orders the threads of a process is not seen
		}
		rule := shape(a1, b, a2)
		if rule == "check-then-create" && r.looksAgain(path, a2) {
			continue // as databases do
		}
		if rule == "" || !world.Unordered(b.at, a1.at) || !world.Unordered(b.at, a2.at) {
			continue
		}
		f := Finding{Rule: rule, Path: path}
		if !slices.ContainsFunc(r.found, func(g Finding) bool { return g.Key() == f.Key() }) {
			r.found = append(r.found, couldBe(rule, path, a1, b, a2))
		}
	}
}

func couldBe(rule, path string, a1, b, a2 *moment) Finding {
	f := story(rule, path, nil, a1.deed, b.deed, a2.deed)
	f.Evidence, f.ID, f.Actors = Possible, a2.by.File.ID, []op.Actor{a1.process, b.process}
	info := Lookup(rule)
	f.Headline = fmt.Sprintf("%s can come between two steps of %s on %s: %s", b.process, a1.process, path, info.Title)
	f.Why = fmt.Sprintf("Nothing keeps step %d of %s from coming between step %d and step %d of %s. In this run it did not.",
		b.at.Seq, b.process, a1.at.Seq, a2.at.Seq, a2.process)
	f.Repair = info.Safe
	return f
}

// Besides returns what the run left room for besides what happened in it. It is called once, at the end.
func (r *Room) Besides(happened []Finding) (found []Finding) {
	r.settle()
	for _, f := range r.found {
		if !slices.ContainsFunc(happened, func(g Finding) bool { return g.Key() == f.Key() }) {
			found = append(found, f)
		}
	}
	return found
}

// shapely are the kinds of operations that shape goes by.
var shapely = func() (kinds [op.Kinds]bool) {
	for _, k := range []op.Kind{op.Open, op.Stat, op.AccessOp, op.Read, op.Write, op.Seek, op.Truncate, op.Rename, op.Unlink, op.LockOp} {
		kinds[k] = true
	}
	return kinds
}()

// opens, closes and disturbs report whether there are shapes with m as a1, as a2, and, but for reads, as b.
func (m *moment) opens() bool {
	return m.by.Kind == op.Open || m.by.Kind == op.Read || m.by.Kind == op.Seek || absent(m.by) || empties(m.by)
}

func (m *moment) closes() bool { return m.creates() || changesBytes(m.by) || m.by.AsksForLock() }

func (m moment) disturbs() bool { return m.creates() || changesBytes(m.by) || m.by.TakesNameAway() }

// shape names the rule that would fire if b came between a1 and a2, "" if none.
func shape(a1, b, a2 *moment) string {
	switch {
	case absent(a1.by) && a2.creates() && b.creates():
		return "check-then-create"
	case a1.by.Kind == op.Read && a2.by.Kind == op.Truncate && changesBytes(a2.by) && writes(b.by):
		return "truncated-away"
	case a1.by.Kind == op.Read && (changesBytes(a2.by) && !appends(a2.by) || a2.replaces()) && (changesBytes(b.by) || b.replaces()):
		return "lost-update"
	case a1.by.Kind == op.Seek && a1.by.Whence == op.SEEK_END && writes(a2.by) && !appends(a2.by) && writes(b.by):
		return "lost-append"
	case empties(a1.by) && writes(a2.by) && b.by.Kind == op.Read:
		return "partial-read"
	case a1.by.Kind == op.Open && a2.by.AsksForLock() && b.by.TakesNameAway():
		return "unlinked-lock"
	}
	return ""
}

func absent(o *op.Op) bool {
	return o.Errno() == enoent && (o.Kind == op.Stat || o.Kind == op.AccessOp || o.Kind == op.Open)
}

// creates: without O_EXCL, or by a rename that replaces.
func (m *moment) creates() bool {
	o := m.by
	return m.replaces() || o.Kind == op.Open && !o.Failed() && o.Flags&(op.O_CREAT|op.O_EXCL) == op.O_CREAT
}

// looksAgain reports whether the process of a creation locked the file, and saw under the lock what it held, before
// it changed it; or did not change it, as far as is known.
func (r *Room) looksAgain(path string, m *moment) bool {
	if m.replaces() || empties(m.by) {
		return false
	}
	u := r.paths[path]
	locked := false
	for i := range u.moments {
		o := u.moments[i].by
		switch {
		case u.moments[i].process != m.process || u.moments[i].at.Seq <= m.at.Seq || o.File.ID != m.by.File.ID || o.Failed():
		case o.AsksForLock():
			locked = true
		case locked && (o.Kind == op.Read || o.Kind == op.Stat):
			return true
		case changesBytes(o):
			return false
		}
	}
	return locked || len(u.moments) == roomPerPath || u.full == m.process || r.most == 0 // what came afterwards may not be kept
}

func (m *moment) replaces() bool {
	return m.arrives && m.by.Kind == op.Rename && !m.by.Failed() && m.by.Flags == 0
}

func empties(o *op.Op) bool {
	return !o.Failed() && (o.Kind == op.Open && o.Flags&op.O_TRUNC != 0 || o.Kind == op.Truncate && o.Len == 0)
}

func changesBytes(o *op.Op) bool {
	return !o.Failed() && (o.Kind == op.Write || empties(o) || o.Kind == op.Truncate)
}

func writes(o *op.Op) bool { return o.Kind == op.Write && !o.Failed() }

func appends(o *op.Op) bool { return o.Kind == op.Write && o.OFlags&op.O_APPEND != 0 }
