package world

import (
	"slices"
	"syscall"

	"filerace/internal/op"
)

// release is the letting go of a lock, kept for those who get it next.
type release struct {
	class  op.LockFamily
	mode   op.LockMode
	lo, hi int64
	at     clock
}

// maxReleased bounds File.released; beyond it the ranges are taken together,
// which orders more than there is.
const maxReleased = 32

// class takes the families together that exclude each other. POSIX and OFD locks
// are one list in the kernel (flc_posix) and conflict even within one process.
func class(f op.LockFamily) op.LockFamily {
	if f == op.OFDLock {
		return op.PosixLock
	}
	return f
}

func (f *File) noteRelease(l *Lock, at Stamp) {
	if at.IsZero() {
		return
	}
	c := class(l.Family)
	for i := range f.released {
		r := &f.released[i]
		if r.class == c && r.mode == l.Mode && r.lo <= l.Lo && r.hi >= l.Hi {
			r.at.add(at)
			return
		}
	}
	if len(f.released) == maxReleased {
		f.foldReleases()
	}
	f.released = append(f.released, release{class: c, mode: l.Mode, lo: l.Lo, hi: l.Hi})
	f.released[len(f.released)-1].at.add(at)
}

// foldReleases leaves one whole-file release for each class.
func (f *File) foldReleases() {
	var out []release
	for _, r := range f.released {
		i := slices.IndexFunc(out, func(o release) bool { return o.class == r.class })
		if i < 0 {
			out = append(out, release{class: r.class, mode: op.Exclusive, hi: op.MaxOffset})
			i = len(out) - 1
		}
		out[i].at.full = fold(out[i].at.full, r.at.full)
		out[i].at.hard = fold(out[i].at.hard, r.at.hard)
	}
	f.released = out
}

// acquire orders the releases of conflicting locks before the thread's next stamp.
func (f *File) acquire(t *thread, l *op.Lock) {
	if l.Mode == op.Unlock {
		return
	}
	for i := range f.released {
		r := &f.released[i]
		if r.class == class(l.Family) && r.lo < l.End && l.Start < r.hi &&
			(r.mode == op.Exclusive || l.Mode == op.Exclusive) {
			t.learnClockHere(&r.at)
		}
	}
}

// asked is the lock that an operation asks for.
func (t *thread) asked(o *op.Op, e *Effect) *Lock {
	return &Lock{
		Family: o.Lock.Family, Mode: o.Lock.Mode, Lo: o.Lock.Start, Hi: o.Lock.End,
		File: e.File, OFD: e.OFD, Proc: t.proc.Actor, By: o, At: e.At, Entry: e.OFD.Entry,
		owner: t.table, fd: o.FD,
	}
}

// ours reports whether a and b have one owner, so that they replace each other.
func ours(a, b *Lock) bool {
	if a.Family != b.Family {
		return false
	}
	if a.Family == op.PosixLock {
		return a.owner == b.owner
	}
	return a.OFD == b.OFD
}

// lock grants or releases.
func (w *World) lock(t *thread, o *op.Op, e *Effect) {
	if e.OFD == nil || o.Lock.Family == op.NoLock {
		return
	}
	l := t.asked(o, e)
	if l.Family == op.PosixLock || l.Family == op.OFDLock {
		if l.Lo >= l.Hi {
			return
		}
		l.File.setRange(l, e)
		return
	}
	l.File.setWhole(l, e)
}

// setWhole is for flock and leases. flock(2) removes the old lock before it asks
// for another mode.
func (f *File) setWhole(l *Lock, e *Effect) {
	if i := slices.IndexFunc(f.Locks, func(o *Lock) bool { return ours(o, l) }); i >= 0 {
		old := f.Locks[i]
		if old.Mode == l.Mode {
			e.Took = old
			return
		}
		f.Locks = slices.Delete(f.Locks, i, i+1)
		f.freed(old, e)
	}
	if l.Mode != op.Unlock {
		f.Locks = append(f.Locks, l)
		e.Took = l
	}
}

func (f *File) freed(l *Lock, e *Effect) {
	f.noteRelease(l, e.At)
	e.Freed = append(e.Freed, l)
}

// setRange is posix_lock_inode of the kernel: what the owner had in the range is
// replaced, what remains on the sides is split off, and neighbours of the same
// mode become one lock. A change of mode does not let go in between, so that only
// F_UNLCK counts as freed.
func (f *File) setRange(l *Lock, e *Effect) {
	kept := make([]*Lock, 0, len(f.Locks)+2)
	for _, old := range f.Locks {
		switch {
		case !ours(old, l):
			kept = append(kept, old)
		case old.Mode == l.Mode && old.Lo <= l.Lo && old.Hi >= l.Hi:
			e.Took = old
			return
		case old.Mode == l.Mode && old.Lo <= l.Hi && l.Lo <= old.Hi:
			l.Lo, l.Hi = min(l.Lo, old.Lo), max(l.Hi, old.Hi)
		case old.Lo < l.Hi && l.Lo < old.Hi:
			cut := *old
			cut.Lo, cut.Hi = max(old.Lo, l.Lo), min(old.Hi, l.Hi)
			if l.Mode == op.Unlock {
				f.freed(&cut, e)
			} else {
				f.noteRelease(&cut, e.At)
			}
			kept = outside(kept, old, cut.Lo, cut.Hi)
		default:
			kept = append(kept, old)
		}
	}
	if l.Mode != op.Unlock {
		i := slices.IndexFunc(kept, func(o *Lock) bool { return ours(o, l) && o.Lo > l.Lo })
		if i < 0 {
			i = len(kept)
		}
		kept = slices.Insert(kept, i, l)
		e.Took = l
	}
	f.Locks = kept
}

// outside appends what is left of a lock without the range.
func outside(kept []*Lock, old *Lock, lo, hi int64) []*Lock {
	if old.Lo < lo {
		left := *old
		left.Hi = lo
		kept = append(kept, &left)
	}
	if old.Hi > hi {
		right := *old
		right.Lo = hi
		kept = append(kept, &right)
	}
	return kept
}

// dropPosix is what any close of a file does to the closer's POSIX locks on it.
func (w *World) dropPosix(tab *table, fd int, f *File, e *Effect) {
	still := slices.ContainsFunc(f.Locks, func(l *Lock) bool { return l.Family == op.PosixLock && l.owner == tab }) &&
		tab.has(f)
	f.Locks = slices.DeleteFunc(f.Locks, func(l *Lock) bool {
		if l.Family != op.PosixLock || l.owner != tab {
			return false
		}
		f.freed(l, e)
		if still && l.fd != fd {
			e.Trap = append(e.Trap, l)
		}
		return true
	})
}

func (tab *table) has(f *File) bool {
	for _, d := range tab.fds.All() {
		if d.File == f {
			return true
		}
	}
	return false
}

// dropOwned is what the end of a description does to its locks.
func (w *World) dropOwned(d *OFD, e *Effect) {
	f := d.File
	f.Locks = slices.DeleteFunc(f.Locks, func(l *Lock) bool {
		if l.Family == op.PosixLock || l.OFD != d {
			return false
		}
		f.freed(l, e)
		return true
	})
}

// failLock: a flock that asks for another mode than it has loses the old one even
// if it does not get the new one (flock(2)).
func (w *World) failLock(o *op.Op, e *Effect) {
	if o.Errno() == int(syscall.EAGAIN) || o.Errno() == int(syscall.EINTR) {
		w.loseFlock(o, e)
	}
}

func (w *World) loseFlock(o *op.Op, e *Effect) {
	if e.OFD == nil || o.Lock.Family != op.FlockLock {
		return
	}
	f := e.File
	f.Locks = slices.DeleteFunc(f.Locks, func(l *Lock) bool {
		if l.Family != op.FlockLock || l.OFD != e.OFD || l.Mode == o.Lock.Mode {
			return false
		}
		f.freed(l, e)
		return true
	})
}
