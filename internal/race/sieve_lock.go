package race

import "filerace/internal/op"

// The sieve's order has the edges of flock, too, as far as they are easy to know: a process took the lock through a
// descriptor that it had opened itself and shared with nobody, and lets it go through the same one. What it does
// until then is a turn of the lock, and turns of one lock are ordered. Otherwise, as under the second of two locks, it counts
// as done without a lock. The world has all these edges, in the order of the run as it went, by which rules judge;
// those that do not are seen to by doubtful.

// lock is a file as something to lock.
type lock struct {
	turn   int32 // from 1; all who share the lock with nobody else's having it in between are in one
	shared bool
	held   int32 // how many are known to have it
	era    int32
}

// grip is what a process has in its hands: descriptors, and the first of its locks.
type grip struct {
	own      uint64 // the descriptors below 64 that it has opened since it last shared any, by bits
	lock     int32  // 0: none
	turn     int32
	fd       int32
	mode     op.LockMode
	oneTable bool // the descriptor table is another's, too, now and in future
	era      int32
}

const locksMax = 1 << 16

// gripOf returns what an actor has in its hands, as far as that is known.
func (s *Sieve) gripOf(actor int32) *grip {
	g := &s.actors[actor].grip
	if g.era != s.era {
		*g = grip{oneTable: g.oneTable, era: s.era}
	}
	return g
}

// handle follows what an operation means for the descriptors and locks of its actor.
func (s *Sieve) handle(me int32, o *op.Op) {
	g := s.gripOf(me)
	switch o.Kind {
	case op.Open:
		if !g.oneTable && !o.Failed() {
			g.own |= bitOf(o.Ret)
		}
	case op.Close:
		g.own &^= bitOf(int64(o.FD))
		if g.lock != 0 && o.FD == int(g.fd) {
			s.letGo(g)
		}
	case op.LockOp:
		if o.Lock.Family == op.FlockLock {
			s.flock(g, o)
		}
	case op.Fork:
		s.share(g)
		if o.Child.Process() == o.Actor.Process() || o.Flags&op.CLONE_FILES != 0 {
			s.shareTable(s.known[o.Actor.Process()])
			s.shareTable(me)
			if o.Child != "" {
				s.shareTable(s.actor(o.Child))
			}
		}
	case op.Send, op.Uring:
		s.actors[s.processOf(o.Actor)].gave = true
		s.share(g)
	default:
		s.share(g)
	}
}

// now is the moment of the actor's present operation.
func (s *Sieve) now(actor int32) epoch {
	p := &s.actors[actor]
	if p.grip.lock == 0 || p.grip.era != s.era {
		return epoch{actor: actor, tick: p.tick}
	}
	return epoch{actor, p.tick, p.grip.lock, p.grip.turn}
}

// bitOf is 0 for descriptors that have none.
func bitOf(fd int64) uint64 {
	if fd < 0 || fd >= 64 {
		return 0
	}
	return 1 << fd
}

// shareTable notes that somebody else can do anything to the actor's descriptors.
func (s *Sieve) shareTable(actor int32) {
	if actor != stranger {
		g := s.gripOf(actor)
		s.share(g)
		g.oneTable = true
	}
}

// share notes that somebody else has the descriptors, or may have.
func (s *Sieve) share(g *grip) {
	g.own = 0
	s.letGo(g)
}

func (s *Sieve) letGo(g *grip) {
	if g.lock != 0 {
		s.locks[g.lock].held--
		g.lock, g.turn = 0, 0
	}
}

// flock follows a call of flock(2).
func (s *Sieve) flock(g *grip, o *op.Op) {
	n := s.lockOn(o.File.ID)
	if g.lock != 0 && (g.lock == n || int(g.fd) == o.FD) {
		if g.lock == n && int(g.fd) == o.FD && g.mode == o.Lock.Mode && !o.Failed() {
			return
		}
		s.letGo(g) // flock(2): even if the new one is not granted
	}
	if o.Failed() || o.Waits || o.Lock.Mode == op.Unlock || o.Lock.Mode > op.Exclusive || n == 0 || g.lock != 0 || g.own&bitOf(int64(o.FD)) == 0 {
		return
	}
	l := &s.locks[n]
	if l.era != s.era {
		l.held, l.era = 0, s.era
	}
	shared := o.Lock.Mode == op.Shared
	if l.held > 0 && !(shared && l.shared) {
		s.misled() // somebody let go of it, and it was not seen
	}
	if !shared || !l.shared || l.turn == 0 {
		l.turn++
	}
	l.shared = shared
	l.held++
	g.lock, g.turn, g.fd, g.mode = n, l.turn, int32(o.FD), o.Lock.Mode
}

// lockOn is the number of a file in locks, 0 if there are too many.
func (s *Sieve) lockOn(id op.FileID) int32 {
	n := s.lockNumbers[id]
	if n == 0 && !id.IsZero() && len(s.locks) < locksMax {
		n = int32(len(s.locks))
		s.locks = append(s.locks, lock{})
		s.lockNumbers[id] = n
	}
	return n
}

// misled says that the order by locks was wrong somewhere: nothing is left out because of it.
func (s *Sieve) misled() { s.mistrusts, s.anyRace = true, true }

// locked notes that the present operation asks for a flock on the subject.
func (s *Sieve) locked(b *subject) {
	if b.locker.actor != 0 && !s.over(b.locker) || s.at.actor == stranger {
		b.signs |= contended
	}
	b.locker = instant{s.at.actor, s.at.tick}
}

// over reports whether what an actor did at a moment comes before the present operation, and can have no lock any more if
// it is another's.
func (s *Sieve) over(m instant) bool {
	return s.hardBefore(epoch{actor: m.actor, tick: m.tick}) && (m.actor == s.at.actor || s.actors[m.actor].exited)
}

// moved notes who made a name so that nobody else could have, and who takes it away: a lock by name. Whether a removal
// met the lock that was looked at, rules judge in the order that holds in every schedule.
func (s *Sieve) moved(o *op.Op) {
	if len(o.Names) == 0 {
		return
	}
	name := s.named[0]
	switch o.Kind {
	case op.Link:
		if len(o.Names) < 2 {
			return
		}
		name = s.named[1]
		fallthrough
	case op.Mkdir, op.SymlinkOp, op.Open:
		const exclusive = op.O_CREAT | op.O_EXCL
		if o.Kind == op.Open && o.Flags&exclusive != exclusive {
			return
		}
		b := &s.all[s.find(name)]
		switch {
		case b.made == 0:
			b.made, b.maker = name, s.at.actor
		case b.maker != s.at.actor:
			b.signs |= stolen
		case b.made != name:
			b.made = several
		}
	case op.Unlink, op.Rmdir, op.Rename:
		b := &s.all[s.find(name)]
		switch {
		case b.made == 0:
		case b.maker != s.at.actor:
			b.signs |= stolen
		case b.made == name:
			b.made, b.maker = 0, 0
		}
	}
}

// several stands for more names than one.
const several = -1

// doubtful reports whether rules may find something on a subject all of whose uses are ordered by locks, because they go by
// more than the order of uses: who has which lock, or what could have been in another schedule.
func (b *subject) doubtful() bool {
	switch {
	case b.signs&(guarded|contended) == 0:
		return false
	case b.signs&anyLock == anyLock, b.signs&lockLost != 0:
		return true
	}
	return b.signs&guarded != 0 && b.signs&stolen != 0
}
