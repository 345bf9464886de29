package race

import (
	"slices"

	"filerace/internal/op"
	"filerace/internal/world"
)

// owner is who a lock on one file belongs to: an open file description, or, for
// POSIX locks, a process.
type owner struct {
	file   *world.File
	family op.LockFamily
	ofd    *world.OFD
	proc   op.Actor
}

func ownerOf(l *world.Lock) owner {
	o := owner{file: l.File, family: l.Family}
	if l.Family == op.PosixLock {
		o.proc = l.Proc
	} else {
		o.ofd = l.OFD
	}
	return o
}

// holds reports whether anything is left of the owner's locks.
func (o owner) holds() bool {
	return slices.ContainsFunc(o.file.Locks, func(l *world.Lock) bool { return ownerOf(l) == o })
}

// covers reports whether the process works under the lock: it has the
// description, as the children of a shell have, or it is the owner.
func (o owner) covers(p *world.Process) bool {
	if p == nil {
		return false
	}
	if o.ofd == nil {
		return p.Actor == o.proc
	}
	for _, d := range p.FDs.All() {
		if d.OFD == o.ofd {
			return true
		}
	}
	return false
}

// class takes the lock families together that exclude each other.
func class(f op.LockFamily) op.LockFamily {
	if f == op.OFDLock {
		return op.PosixLock
	}
	return f
}

// holding is the time in which one owner has a lock on one file.
type holding struct {
	owner
	entry  *world.Entry // by which the file was opened
	by     op.Actor     // the process to name: that which opened the file, if flock(1) locks for it
	opened deed
	took   deed
	mode   op.LockMode
	lo, hi int64
	ended  bool

	met *world.Process // that had the description last, as descriptor fd
	fd  int

	guard   *guard   // of unlinked-lock
	section *section // of unlocked-access
}

// covers looks first where the description was found before.
func (h *holding) covers(p *world.Process) bool {
	if h.ofd == nil || p == nil {
		return h.owner.covers(p)
	}
	if p == h.met {
		if d := p.FDs.At(h.fd); d != nil && d.OFD == h.ofd {
			return true
		}
	}
	for fd, d := range p.FDs.All() {
		if d.OFD == h.ofd {
			h.met, h.fd = p, fd
			return true
		}
	}
	return false
}

// holdings keeps the locks held at present, in the order of their taking.
type holdings struct {
	now []*holding
	on  perFile[[]*holding]

	seen  once
	took  *holding
	ended []*holding
}

// step follows one operation. It returns the holding that began or changed, and
// those that ended.
func (h *holdings) step(w *world.World, e *world.Effect) (took *holding, ended []*holding) {
	if e.Took == nil && len(e.Freed) == 0 && e.Op.Kind != op.Exit {
		return nil, nil
	}
	if h.seen.first(e) {
		h.took, h.ended = h.follow(w, e, h.ended[:0])
	}
	return h.took, h.ended
}

func (h *holdings) follow(w *world.World, e *world.Effect, none []*holding) (took *holding, ended []*holding) {
	ended = none
	if l := e.Took; l != nil && l.Family != op.LeaseLock {
		took = h.take(w, l, e)
	}
	for _, l := range e.Freed {
		k := ownerOf(l)
		if old := h.of(k); old != nil && !k.holds() {
			old.ended = true
			ended = append(ended, old)
			h.end(old)
		}
	}
	if e.Op.Kind == op.Exit {
		for _, o := range h.now {
			if o.by == e.Op.Actor && o.ofd != nil {
				o.pass(w)
			}
		}
	}
	return took, ended
}

// of returns what the owner holds, nil if it holds nothing.
func (h *holdings) of(k owner) *holding {
	for _, o := range h.on.get(k.file) {
		if o.owner == k {
			return o
		}
	}
	return nil
}

func (h *holdings) end(old *holding) {
	this := func(o *holding) bool { return o == old }
	h.now = slices.DeleteFunc(h.now, this)
	h.on.put(old.file, slices.DeleteFunc(h.on.get(old.file), this)) // the empty list will be wanted again
}

// master names the lock after the process that opened the file, if that has the
// description still and a child took the lock: a shell has flock(1) do it.
func (h *holding) master(w *world.World) {
	if h.ofd == nil || h.opened.none() {
		return
	}
	p := w.Process(h.opened.by.Actor)
	if h.by.Within(h.opened.by.Actor) && p != nil && !p.Exited && h.covers(p) {
		h.by = p.Actor
	}
}

// pass gives the lock the name of another process that has the description, the
// parent if it does.
func (h *holding) pass(w *world.World) {
	if p := w.Process(h.by.Parent()); h.covers(p) {
		h.by = p.Actor
		return
	}
	for _, p := range w.Processes() {
		if !p.Exited && h.covers(p) {
			h.by = p.Actor
			return
		}
	}
}

func (h *holdings) take(w *world.World, l *world.Lock, e *world.Effect) *holding {
	k := ownerOf(l)
	o := h.of(k)
	if o == nil {
		o = &holding{owner: k, entry: l.Entry, by: e.Op.Actor.Process(), took: deedOf(e)}
		if l.OFD != nil {
			o.opened = deed{l.OFD.Opened, l.OFD.By}
			o.master(w)
		}
		h.on.put(l.File, append(h.on.get(l.File), o))
		h.now = append(h.now, o)
	}
	o.mode, o.lo, o.hi = l.Mode, l.Lo, l.Hi
	return o
}

// against reports whether two holdings would exclude each other on one file.
func (h *holding) against(o *holding) bool {
	return class(h.family) == class(o.family) && h.clashes(o)
}

// clashes is against without regard to the families.
func (h *holding) clashes(o *holding) bool {
	return (h.mode == op.Exclusive || o.mode == op.Exclusive) && h.lo < o.hi && o.lo < h.hi
}

// kin reports whether one of two processes descends from the other: a parent
// that waits for its child is not its rival.
func kin(a, b op.Actor) bool { return a.Within(b) || b.Within(a) }

// locking are the operations on locks, and those that use the bytes that locks guard.
var locking = []op.Kind{op.LockOp, op.Open, op.Read, op.Write, op.Copy, op.Truncate, op.Allocate}

// touchesData reports whether the operation reads or changes bytes of a regular file.
func touchesData(e *world.Effect) (reads, writes bool) {
	if e.Op.Failed() || e.Op.Waits || e.File == nil || e.File.Type != op.Regular {
		return false, false
	}
	switch e.Op.Kind {
	case op.Read:
		return true, false
	case op.Write, op.Copy:
		return false, e.Op.Ret > 0
	case op.Truncate, op.Allocate:
		return false, true
	case op.Open:
		return false, e.Shrunk > 0
	}
	return false, false
}
