package race

import (
	"slices"

	"filerace/internal/op"
	"filerace/internal/world"
)

// perProcess bounds how many processes are remembered at one name.
const perProcess = 16

// latest is what each process did last of some sort, in no order.
type latest[V any] []last[V]

type last[V any] struct {
	seq int   // when, by Stamp.Seq
	who int32 // the number of the process
	v   V
}

// renew puts v in the place of what the process of e did last, and reports whether the list has
// become another one. Beyond perProcess the oldest is forgotten.
func (l latest[V]) renew(e *world.Effect, v V) (now latest[V], grown bool) {
	at, who := 0, e.At.Process
	for i := range l {
		if l[i].who == who {
			l[i].seq, l[i].v = e.At.Seq, v
			return l, false
		}
		if l[i].seq < l[at].seq {
			at = i
		}
	}
	if len(l) < perProcess {
		return append(l, last[V]{e.At.Seq, who, v}), true
	}
	l[at] = last[V]{e.At.Seq, who, v}
	return l, false
}

// newest returns what was done last of what ok holds for, nil if there is nothing.
func (l latest[V]) newest(ok func(*V) bool) *V {
	found := -1
	for i := range l {
		if (found < 0 || l[i].seq > l[found].seq) && ok(&l[i].v) {
			found = i
		}
	}
	if found < 0 {
		return nil
	}
	return &l[found].v
}

// look is what a process last learnt of a name.
type look struct {
	deed
	file *world.File // nil: no such name
}

// check reports whether the look was made to find out, not to use.
func (l look) check() bool { return l.by.Kind == op.Stat || l.by.Kind == op.AccessOp }

// looks remembers the last look of each process at each name.
type looks struct {
	names perName[latest[look]]
}

// note learns from one operation. An exclusive creation is no look: whoever uses
// it needs none.
func (l *looks) note(e *world.Effect) {
	if e.Entry == nil {
		return
	}
	switch e.Op.Kind {
	case op.Stat, op.AccessOp, op.Readlink, op.Open:
		switch {
		case !e.Op.Failed():
			l.add(e.Entry, e, look{deedOf(e), e.File})
		case e.Op.Errno() == enoent && e.Entry.File == nil:
			l.add(e.Entry, e, look{deedOf(e), nil})
		}
	case op.Rename, op.Link:
		if !e.Op.Failed() && e.Entry2 != nil {
			l.add(e.Entry2, e, look{deedOf(e), e.Before})
		}
	}
}

func (l *looks) add(n *world.Entry, e *world.Effect, k look) {
	if list, grown := l.names.get(n).renew(e, k); grown {
		l.names.put(n, list)
	}
}

// last returns what the actor of e and those tied to it last learnt of a name.
func (l *looks) last(n *world.Entry, e *world.Effect) (look, bool) {
	k := l.names.get(n).newest(func(k *look) bool { return k.at.Seq < e.At.Seq && k.tied(e) })
	if k == nil {
		return look{}, false
	}
	return *k, true
}

// absent reports whether the last that the actor of e learnt of a name is that there is none.
func (l *looks) absent(n *world.Entry, e *world.Effect) bool {
	k, ok := l.last(n, e)
	return ok && k.file == nil
}

// reading is the last time that a process read the contents of a name.
type reading struct {
	deed             // the read; at is the place of the open if the name had moved on by then
	file *world.File // what was read
	hi   int64       // bytes seen so far
	all  imprint     // of the whole contents, if they are short enough for a number
}

// readings remembers the last reading of each process at each name.
type readings struct {
	names perName[latest[reading]]
}

// note learns from a read, or a copy. Meeting the end again brings no contents.
func (r *readings) note(w *world.World, e *world.Effect) {
	d, lo, hi := e.OFD, e.Lo, e.Hi
	if e.Op.Kind == op.Copy {
		if e.Op.Failed() || e.Op.Ret == 0 {
			return
		}
		d, lo, hi = w.OFD(e.Op.Actor, e.Op.FD2), max(e.Op.Off2, 0), max(e.Op.Off2, 0)+e.Op.Ret
	}
	if e.Op.Failed() || d == nil || d.Entry == nil || d.File == nil || d.File.Type != op.Regular {
		return
	}
	if lo == hi && lo > 0 {
		return
	}
	at := e.At
	if d.Entry.File != d.File {
		at = d.Opened
		at.Process = e.At.Process
	}
	k := reading{deed: deed{at, e.Op}, file: d.File, hi: hi}
	if d.File.Size <= op.NumberMax {
		k.all = imprintOf(d.File.Segs, 0, d.File.Size)
	}
	r.add(d.Entry, e, k)
}

func (r *readings) add(n *world.Entry, e *world.Effect, k reading) {
	list := r.names.get(n)
	for i := range list {
		if o := &list[i]; o.v.file == k.file && o.who == k.number() {
			k.hi = max(k.hi, o.v.hi)
		}
	}
	if list, grown := list.renew(e, k); grown {
		r.names.put(n, list)
	}
}

// last returns the last reading of a name by the actor of e and those tied to it.
func (r *readings) last(n *world.Entry, e *world.Effect) (reading, bool) {
	var found *reading
	list := r.names.get(n)
	for i := range list {
		k := &list[i].v
		if k.tied(e) && k.at.Seq < e.At.Seq && (found == nil || k.after(found.deed)) {
			found = k
		}
	}
	if found == nil {
		return reading{}, false
	}
	return *found, true
}

// arrival is how a file came to the name that it has.
type arrival struct {
	deed
	entry *world.Entry
	alike bool // whoever gave it the name had seen that there was none, too
}

// arrivals remembers, for every file that got a name in this run, the last time.
type arrivals struct{ perFile[arrival] }

// note learns from one operation; rules ask before they call it.
func (a *arrivals) note(e *world.Effect, l *looks) {
	if e.Op.Failed() {
		return
	}
	switch e.Op.Kind {
	case op.Open, op.Mkdir, op.SymlinkOp, op.Mknod:
		if e.Created && e.Entry != nil && e.Entry.File != nil {
			a.put(e.Entry.File, arrival{deedOf(e), e.Entry, l.absent(e.Entry, e)})
		}
	case op.Rename, op.Link:
		if e.Entry2 != nil && e.Entry2.File != nil && e.Entry2.Changed.Seq == e.At.Seq {
			a.put(e.Entry2.File, arrival{deedOf(e), e.Entry2, l.absent(e.Entry2, e)})
		}
	}
}

// writers appends to out who wrote the contents in segs.
func writers(out []deed, segs []world.Seg) []deed {
	for _, s := range segs {
		if d := (deed{s.At, s.By}); !slices.Contains(out, d) {
			out = append(out, d)
		}
	}
	return out
}

// authors appends to out who last made the contents in segs what they are under this
// name: a write, or the later arrival of a file written before.
func (a *arrivals) authors(out []deed, f *world.File, segs []world.Seg) []deed {
	came := a.at(f)
	moved := came != nil
	for _, s := range segs {
		d := deed{s.At, s.By}
		if moved && came.deed.after(d) {
			d = came.deed
		}
		if !slices.Contains(out, d) {
			out = append(out, d)
		}
	}
	if len(segs) == 0 && moved {
		out = append(out, came.deed)
	}
	return out
}

const (
	enoent    = 2
	eexist    = 17
	enotdir   = 20
	enotempty = 39
)
