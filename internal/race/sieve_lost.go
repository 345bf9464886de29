package race

import (
	"slices"

	"filerace/internal/op"
)

// A lock on a file is lost when the file loses a name while somebody has it, or gets it later: others may then lock another
// file of that name. A name that goes when all who had locks are known to be dead, as when a test removes
// the directory of its database, loses nothing.

// taker is who asked for locks on a subject, and may have got them.
type taker struct {
	process int32
	heirs   bool // more than its descendants can have them after its end
}

// takers are those of one subject that are not known to be dead.
type takers struct {
	list []taker
	era  int32 // in which the first was noted
	many bool  // more than are told apart
}

const (
	takersMax = crowdMax // on one subject
	takenMax  = 1 << 14  // subjects
)

// takes notes that the present operation, which is on a subject, asks for a lock.
func (s *Sieve) takes(n int32, o *op.Op) {
	b := &s.all[n]
	if b.signs&parted != 0 || s.at.actor == stranger {
		b.signs |= lockLost
	}
	if b.signs&lockLost != 0 {
		delete(s.takers, n)
		return
	}
	c := s.takers[n]
	if c == nil {
		c = &takers{era: s.era, many: len(s.takers) >= takenMax}
		s.takers[n] = c
	}
	g, me := s.gripOf(s.at.actor), s.processOf(o.Actor)
	heirs := g.oneTable || o.Lock.Family != op.PosixLock && g.own&bitOf(int64(o.FD)) == 0
	for i := range c.list {
		if k := &c.list[i]; k.process == me {
			k.heirs = k.heirs || heirs
			return
		}
	}
	c.list = slices.DeleteFunc(c.list, s.dead)
	c.add(taker{me, heirs})
}

func (t *takers) add(k taker) {
	if t.many = t.many || len(t.list) == takersMax; !t.many {
		t.list = append(t.list, k)
	}
}

// dead reports whether somebody waited for the end of a process before the present operation, and nobody can have
// the lock in its place.
func (s *Sieve) dead(k taker) bool {
	p := &s.actors[k.process]
	return !k.heirs && p.clean() && s.hardBefore(epoch{actor: k.process, tick: p.tick})
}

// clean reports whether a process is over, and so is all that it has begun.
func (p *performer) clean() bool { return p.exited && p.left == 0 && !p.gave }

// part notes that a name ceases to lead to a subject.
func (s *Sieve) part(n int32) {
	b := &s.all[n]
	b.signs |= parted
	c := s.takers[n]
	if c == nil {
		return
	}
	if c.many || c.era != s.era || slices.ContainsFunc(c.list, func(k taker) bool { return !s.dead(k) }) {
		b.signs |= lockLost
	}
	delete(s.takers, n)
}

// uniteTakers makes the takers of two subjects, of which one is to become part of the other, those of that.
func (s *Sieve) uniteTakers(into, from int32) {
	c, to := s.takers[from], s.takers[into]
	if c == nil {
		return
	}
	delete(s.takers, from)
	if to == nil {
		s.takers[into] = c
		return
	}
	to.era = min(to.era, c.era)
	to.many = to.many || c.many
	for _, k := range c.list {
		to.add(k)
	}
}
