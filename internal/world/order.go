package world

import (
	"math"
	"slices"

	"filerace/internal/op"
)

// thread is one actor: what it has seen and which descriptor table it uses.
type thread struct {
	actor op.Actor
	proc  *Process
	table *table
	tid   int
	index int32 // in World.actors
	slot  int32
	line  *line
	count uint32
	tick  uint32
	seen  *view
	waits *Lock // sleeps for it
}

// A slot is one component of the vectors. It passes from an ended thread to a
// new one when the new one's creator has already seen the end of the old one:
// all operations of both are then ordered as if they were one thread's. So the
// length of the vectors follows how many run at once, not how many ever ran.
//
// Where nobody waits for processes, that never happens. There a slot passes to
// whoever begins after many others have ended, and the old one's line ends: how its
// operations are ordered with those that learn of the new one is not known any more.
type freeSlot struct {
	line *line
	tick uint32
}

// newThread adds an actor whose first operation comes after made.
func (w *World) newThread(a op.Actor, p *Process, made Stamp) *thread {
	t := &thread{actor: a, proc: p, index: w.actorsFrom + int32(len(w.actors)), seen: blind}
	w.actors = append(w.actors, a)
	if len(w.actors) == 2*actorsMax {
		w.actors = append(w.actors[:0], w.actors[actorsMax:]...)
		w.actorsFrom += actorsMax
	}
	w.takeSlot(t, made)
	if !made.IsZero() {
		t.learn(made)
	}
	w.threads[a] = t
	p.threads = append(p.threads, t)
	return t
}

// recentThreads is how many of them are found without a search.
const recentThreads = 64

// actorsMax bounds how many actors are remembered by their numbers, which are for people.
const actorsMax = 1 << 14

// freeLooked is how many of the slots given up last are kept for those who have seen
// the end of their threads.
const freeLooked = 256

func (w *World) takeSlot(t *thread, made Stamp) {
	defer func() { t.slot = t.line.slot }()
	for i := len(w.free) - 1; made.seen != nil && i >= max(len(w.free)-freeLooked, 0); i-- {
		f := w.free[i]
		if slot := int(f.line.slot); slot < len(made.seen.hard) && made.seen.hard[slot] >= f.tick {
			t.line, t.tick = f.line, f.tick
			w.free = slices.Delete(w.free, i, i+1)
			return
		}
	}
	if len(w.free) > freeLooked { // the one that was given up first
		f := w.free[0]
		f.line.last = f.tick
		t.line, t.tick = &line{f.line.slot, math.MaxUint32}, f.tick+1 // what is learnt of it shall not pass for the old one's end
		w.free = slices.Delete(w.free, 0, 1)
		return
	}
	t.line = &line{w.slots, math.MaxUint32}
	w.slots++
}

// endThread gives up the thread's place; its table is left alone.
func (w *World) endThread(t *thread) {
	w.stopWaiting(t)
	delete(w.threads, t.actor)
	for i := range w.recent {
		if w.recent[i] == t {
			w.recent[i] = nil
		}
	}
	w.free = append(w.free, freeSlot{t.line, t.tick})
}

// stamp is the place of the thread's present operation.
func (t *thread) stamp(seq int) Stamp {
	return Stamp{Seq: seq, Thread: t.index, Process: t.proc.number, tick: t.tick, line: t.line, seen: t.seen}
}

func (t *thread) sees(full, hard []uint32) {
	// Slices are compared by where they begin: merged and lifted return their
	// argument when nothing is new.
	if same(full, t.seen.full) && same(hard, t.seen.hard) {
		return
	}
	t.seen = &view{full, hard}
}

func same(a, b []uint32) bool {
	return len(a) == len(b) && (len(a) == 0 || &a[0] == &b[0])
}

// learn orders s before the thread's next stamp, in every schedule.
func (t *thread) learn(s Stamp) {
	if s.IsZero() {
		return
	}
	full := lifted(merged(t.seen.full, s.seen.full, t.slot), s.line.slot, s.tick, t.slot)
	hard := lifted(merged(t.seen.hard, s.seen.hard, t.slot), s.line.slot, s.tick, t.slot)
	t.sees(full, hard)
}

// learnHere orders s before the thread's next stamp as this run went.
func (t *thread) learnHere(s Stamp) {
	if s.IsZero() {
		return
	}
	full := lifted(merged(t.seen.full, s.seen.full, t.slot), s.line.slot, s.tick, t.slot)
	t.sees(full, t.seen.hard)
}

func (t *thread) learnClock(c *clock) {
	t.sees(merged(t.seen.full, c.full, t.slot), merged(t.seen.hard, c.hard, t.slot))
}

func (t *thread) learnClockHere(c *clock) {
	t.sees(merged(t.seen.full, c.full, t.slot), t.seen.hard)
}
