package world

import (
	"slices"

	"filerace/internal/op"
)

// await lets the operation join those who sleep for a lock.
func (w *World) await(t *thread, o *op.Op, e *Effect) {
	var l *Lock
	switch {
	case o.Kind == op.LockOp && e.OFD != nil:
		w.loseFlock(o, e)
		l = t.asked(o, e)
	case (o.Kind == op.Open || o.Kind == op.Truncate) && e.Entry != nil && e.Entry.File != nil:
		l = &Lock{Family: op.LeaseLock, Mode: leaseMode(o), Hi: op.MaxOffset, File: e.Entry.File,
			Proc: t.proc.Actor, By: o, At: e.At, Entry: e.Entry, owner: t.table, fd: op.None}
	default:
		return // sleeps for something else
	}
	l.thread = t
	t.waits = l
	l.File.Waits = append(l.File.Waits, l)
	w.waiting = append(w.waiting, l)
	e.Waits = l
}

// stopWaiting takes the thread out of Waits; whatever it does next, it sleeps no more.
func (w *World) stopWaiting(t *thread) {
	l := t.waits
	if l == nil {
		return
	}
	t.waits = nil
	drop := func(o *Lock) bool { return o == l }
	l.File.Waits = slices.DeleteFunc(l.File.Waits, drop)
	w.waiting = slices.DeleteFunc(w.waiting, drop)
}

// Blocked returns the locks of others that hold up o: a lock that is asked for,
// after Enter, or an open or truncation by path that would wait for another
// process to give up its lease. It is nil if o would be granted, and for an open
// with O_NONBLOCK, which fails rather than sleeps; of a lock that is only tried it
// tells whether it will fail. Locks that are only waited for
// hold up nobody: the kernel keeps no queue that a newcomer could not pass.
func (w *World) Blocked(o *op.Op) []*Lock {
	switch o.Kind {
	case op.LockOp:
		if o.Lock.Mode == op.Unlock || o.Lock.Family == op.LeaseLock {
			return nil
		}
		tab := w.tableOf(o.Actor, o.TID)
		d := w.descriptor(tab, o.FD)
		if d == nil || len(d.File.Locks) == 0 {
			return nil
		}
		asked := Lock{Family: o.Lock.Family, Mode: o.Lock.Mode, Lo: o.Lock.Start, Hi: o.Lock.End,
			File: d.File, OFD: d.OFD, owner: tab}
		return asked.blockers()
	case op.Open, op.Truncate:
		return w.leases(o)
	}
	return nil
}

// blockers returns the locks held that exclude l.
func (l *Lock) blockers() []*Lock {
	var held []*Lock
	for _, h := range l.File.Locks {
		if class(h.Family) == class(l.Family) && (h.Mode == op.Exclusive || l.Mode == op.Exclusive) &&
			h.Lo < l.Hi && l.Lo < h.Hi && !ours(h, l) {
			held = append(held, h)
		}
	}
	return held
}

// leases returns the leases of other processes that an open would break: a write
// lease by any open, a read lease by one that may change the file.
func (w *World) leases(o *op.Op) []*Lock {
	if len(o.Names) == 0 || o.Kind == op.Open && o.Flags&(op.O_NONBLOCK|op.O_PATH) != 0 {
		return nil
	}
	f := w.files[o.Names[len(o.Names)-1].Before]
	if f == nil {
		return nil
	}
	var held []*Lock
	for _, l := range f.Locks {
		if l.Family == op.LeaseLock && l.Proc != o.Actor.Process() &&
			(l.Mode == op.Exclusive || leaseMode(o) == op.Exclusive) {
			held = append(held, l)
		}
	}
	return held
}

// leaseMode is what a lease on the file must not be stronger than for o to go on.
func leaseMode(o *op.Op) op.LockMode {
	if o.Kind == op.Truncate || o.Flags&op.O_ACCMODE != op.O_RDONLY || o.Flags&op.O_TRUNC != 0 {
		return op.Exclusive
	}
	return op.Shared
}

// Deadlock returns the cycle of processes that would arise if o slept, beginning
// with o's own: each waits for a POSIX lock of the next, the last for the first.
// It is nil if there is none. Other locks are not looked at, as in the kernel
// (posix_locks_deadlock, which answers EDEADLK).
func (w *World) Deadlock(o *op.Op) []op.Actor {
	if o.Kind != op.LockOp || o.Lock.Family != op.PosixLock {
		return nil
	}
	s := cycleSearch{w: w, goal: w.tableOf(o.Actor, o.TID), seen: map[*table]bool{}}
	if s.goal == nil || !s.through(w.Blocked(o)) {
		return nil
	}
	cycle := append(s.path, o.Actor.Process())
	slices.Reverse(cycle)
	return cycle
}

// cycleSearch looks for a way along the waits back to the goal.
type cycleSearch struct {
	w    *World
	goal *table
	seen map[*table]bool
	path []op.Actor // from the last to the second
}

func (s *cycleSearch) through(held []*Lock) bool {
	for _, h := range held {
		if h.Family != op.PosixLock || s.seen[h.owner] {
			continue
		}
		s.seen[h.owner] = true
		for _, wait := range s.w.waiting {
			if wait.Family == op.PosixLock && wait.owner == h.owner && s.leads(wait) {
				s.path = append(s.path, h.Proc)
				return true
			}
		}
	}
	return false
}

func (s *cycleSearch) leads(wait *Lock) bool {
	held := wait.blockers()
	for _, h := range held {
		if h.Family == op.PosixLock && h.owner == s.goal {
			return true
		}
	}
	return s.through(held)
}
