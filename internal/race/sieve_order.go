package race

import "filerace/internal/op"

// epoch is a moment in the life of an actor.
type epoch struct {
	actor int32 // 0: nobody
	tick  int32
	lock  int32 // that it had: number in Sieve.locks; 0: none that is known
	turn  int32 // of the lock
}

// performer is an actor, of which the sieve knows when it was made and by whom, and when somebody
// waited for its end.
type performer struct {
	parent, reaper int32 // 0: not known, not yet
	forked, reaped int32 // the ticks of these two then
	tick           int32 // counts the forks and waits that it did, from 1
	left           int32 // of a process: how many others it has begun that are not known to be clean
	exited         bool
	signalled      bool  // another process sent it a signal
	gave           bool  // descriptors to another process, perhaps
	watched        bool  // all that it and its descendants did is kept
	trail          int32 // the last one that it was on, and up to which of its ticks
	until          int32
	grip           grip
}

const (
	performersMax = 1 << 18
	stranger      = 0  // stands for all further ones
	nobody        = 1  // of whom nothing is kept because of who it is
	hopsMax       = 64 // generations that are looked through
)

// sighting spares the search for an actor that did something just before.
type sighting struct {
	name   op.Actor
	number int32
}

// actor is the number of an actor that does something. After its end, the name is that of another.
func (s *Sieve) actor(a op.Actor) int32 {
	hint := &s.latest[0]
	if n := len(a); n > 0 {
		hint = &s.latest[(n+int(a[n-1]))%len(s.latest)]
	}
	if hint.name == a && !s.actors[hint.number].exited {
		return hint.number
	}
	n, known := s.known[a]
	if !known || s.actors[n].exited {
		n = s.appear(a)
	}
	*hint = sighting{a, n}
	return n
}

func (s *Sieve) appear(a op.Actor) int32 {
	if len(s.actors) == performersMax {
		return stranger
	}
	n := int32(len(s.actors))
	s.actors = append(s.actors, performer{parent: s.known[a.Parent()], forked: -1, tick: 1})
	s.known[a] = n
	if p := a.Process(); p != a { // a thread of it
		s.shareTable(n)
		s.shareTable(s.known[p])
	} else {
		s.actors[s.known[a.Parent()]].left++
	}
	return n
}

// processOf is the number of an actor's process.
func (s *Sieve) processOf(a op.Actor) int32 { return s.known[a.Process()] }

// live notes what an operation means for the lives of actors.
func (s *Sieve) live(me int32, o *op.Op) {
	if o.Failed() || me == stranger {
		return
	}
	switch o.Kind {
	case op.Fork:
		if o.Child == "" {
			return
		}
		if c := s.actor(o.Child); c != stranger && c != me {
			p := &s.actors[me]
			s.actors[c].parent, s.actors[c].forked = me, p.tick
			s.trailOf = instant{} // it may lead through c
			p.tick++
		}
	case op.Exit:
		s.actors[me].exited = true
	case op.Wait:
		c := s.known[o.Child.Process()]
		if o.Child != "" && c != stranger && s.actors[c].exited && s.actors[c].reaper == 0 {
			s.actors[me].tick++
			s.actors[c].reaper, s.actors[c].reaped = me, s.actors[me].tick
			if s.actors[c].clean() && o.Child.Parent() == o.Actor.Process() {
				s.actors[s.processOf(o.Actor)].left--
			}
		}
	case op.Kill:
		switch c := s.known[o.Child.Process()]; {
		case o.Child == "" || c == stranger:
			signal := signalOf(o)
			s.toMany[signal/64] |= 1 << (signal % 64)
		case o.Child.Process() != o.Actor.Process():
			s.actors[c].signalled = true
		}
	}
}

// before reports whether a moment comes before the present operation, which is on b, by forks and waits, or by locks.
func (s *Sieve) before(e epoch, b *subject) bool {
	switch {
	case e.actor == s.at.actor:
		return e.actor != stranger
	case e.lock != 0 && e.lock == s.at.lock && e.turn < s.at.turn:
		b.signs |= guarded
		return true
	}
	return s.hardBefore(e)
}

// hardBefore reports whether a moment comes before the present operation in every schedule, by forks and waits.
func (s *Sieve) hardBefore(e epoch) bool {
	if e.actor == s.at.actor {
		return e.actor != stranger
	}
	for range hopsMax {
		if s.led(e) {
			return true
		}
		a := &s.actors[e.actor]
		if a.reaper == stranger {
			return false
		}
		e = epoch{actor: a.reaper, tick: a.reaped}
	}
	return false
}

// led reports whether forks lead from a moment to the present operation.
func (s *Sieve) led(e epoch) bool {
	if at := (instant{s.at.actor, s.at.tick}); s.trailOf != at {
		s.trailOf = at
		s.follow()
	}
	p := &s.actors[e.actor]
	return p.trail == s.trail && e.tick <= p.until
}

// follow marks the actors from which forks lead to the present operation.
func (s *Sieve) follow() {
	s.trail++
	at := s.trailOf
	for range hopsMax {
		p := &s.actors[at.actor]
		if p.trail == s.trail {
			return // nobody is its own ancestor, but a recording may say so
		}
		p.trail, p.until = s.trail, at.tick
		if at = (instant{p.parent, p.forked}); at.actor == stranger {
			return
		}
	}
}

// watch lets all be kept that an actor and its descendants did.
func (s *Sieve) watch(actor int32) {
	s.actors[actor].watched, s.watching = true, true
}

// spread passes that on to the descendants.
func (s *Sieve) spread() {
	if !s.watching {
		return
	}
	s.actors[stranger].watched = true
	for n := range s.actors {
		at, hops := int32(n), 0
		for ; at != stranger && !s.actors[at].watched && hops < hopsMax; hops++ {
			at = s.actors[at].parent
		}
		if at != stranger {
			s.actors[n].watched = true
		}
	}
}

// watches reports whether all that an actor did is kept.
func (s *Sieve) watches(a op.Actor) bool { return s.watching && s.actors[s.known[a]].watched }
