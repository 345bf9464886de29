package race

import (
	"hash/maphash"
	"math/bits"
	"slices"

	"filerace/internal/op"
)

// subject is a file and its names, a name that led nowhere, or the listing of a directory.
type subject struct {
	hash   uint64 // of the name; 0: it has none
	part   int32  // number of another one that it is part of; 0: it stands for itself
	crowd  int32  // number in crowds plus 1, if there are several last readers; 0: there is one at most
	wrote  epoch
	read   epoch
	locker instant // of the last call for a flock
	maker  int32   // who made a name of it that nobody else could have made
	made   int32   // that name, several, or 0 if it is gone again
	signs  sign
}

// instant is one in the life of an actor.
type instant struct {
	actor int32 // 0: nobody
	tick  int32
}

// sign is what happened to a subject.
type sign uint16

const (
	raced     sign = 1 << iota // two uses conflict, and nothing orders them
	flocked                    // somebody asked for a lock by flock
	contended                  // somebody else, too, while the lock of the first could be there
	ranged                     // by fcntl
	leased                     // for a lease
	parted                     // a name ceased to lead there
	peopled                    // so many readers are unordered that they are not told apart
	guarded                    // but for locks it would be raced for
	lockLost                   // so that locks on it may have ceased to exclude each other
	stolen                     // a name of it was made by one who alone could, and taken away by another, perhaps
)

// anyLock are the locks that exclude others; those of the two classes do not exclude each other.
const anyLock = flocked | ranged

func lockSign(f op.LockFamily) sign {
	switch f {
	case op.FlockLock:
		return flocked
	case op.PosixLock, op.OFDLock:
		return ranged
	case op.LeaseLock:
		return leased
	}
	return 0
}

const (
	subjectsMax = 1 << 20
	crowdMax    = 16      // unordered readers of one subject that are told apart
	crowdsMax   = 1 << 14 // subjects that have several at a time
)

// nameOf is a directory entry, or a path if nobody knows where the entry lies, as it was numbered first: see find.
func (s *Sieve) nameOf(n *op.Name, note bool) int32 {
	text := n.Base
	if n.Dir.IsZero() {
		text = n.Path
	}
	return s.number(mixed(hashOf(n.Dir), maphash.String(s.seed, text)), note)
}

func (s *Sieve) listingOf(dir op.FileID, note bool) int32 {
	return s.find(s.number(mixed(hashOf(dir), 1), note))
}

func hashOf(id op.FileID) uint64 { return mixed(mixed(id.Dev, id.Ino), uint64(id.Birth)) }

// mixed is a hash of two numbers, by a product that is folded (wyhash).
func mixed(a, b uint64) uint64 {
	hi, lo := bits.Mul64(a^0x2d358dccaa6c78a5, b^0x8bb84b93962eacc9)
	return hi ^ lo
}

// number is the subject of a hash, which stands for what is hashed: of 2^64 no two of a recording
// are the same by chance, and if they were, more would be kept. It is 0 if there is none, and none is to be made.
func (s *Sieve) number(hash uint64, make bool) int32 {
	hash = max(hash, 1)
	mask := uint64(len(s.table) - 1)
	i := hash & mask
	for ; s.table[i] != 0; i = (i + 1) & mask {
		if n := s.table[i]; s.all[n].hash == hash {
			return int32(n)
		}
	}
	switch {
	case len(s.all) > subjectsMax:
		return s.subject(hash, hash)
	case !make:
		return 0
	}
	n := s.subject(hash, hash)
	s.table[i] = uint32(n)
	if s.names++; s.names > len(s.table)/2 {
		s.grow()
	}
	return n
}

// subject makes a subject, of a name if it has a hash. If there are too many, it chooses one.
func (s *Sieve) subject(hash, choice uint64) int32 {
	if len(s.all) > subjectsMax {
		s.misled() // names are taken for one another
		return 1 + int32(choice>>32%subjectsMax)
	}
	s.all = append(s.all, subject{hash: hash})
	return int32(len(s.all) - 1)
}

func (s *Sieve) grow() {
	s.table = make([]uint32, 2*len(s.table))
	mask := uint64(len(s.table) - 1)
	for n := range s.all {
		if s.all[n].hash == 0 {
			continue
		}
		i := s.all[n].hash & mask
		for s.table[i] != 0 {
			i = (i + 1) & mask
		}
		s.table[i] = uint32(n)
	}
}

// find returns what a subject is part of, itself if of nothing.
func (s *Sieve) find(n int32) int32 {
	for {
		up := s.all[n].part
		if up == 0 {
			return n
		}
		if over := s.all[up].part; over != 0 {
			s.all[n].part = over
		}
		n = up
	}
}

// flatten lets find change nothing any more.
func (s *Sieve) flatten() {
	for n := range s.all {
		if s.all[n].part != 0 {
			s.all[n].part = s.find(int32(n))
		}
	}
}

// unite makes one subject of two, and returns it.
func (s *Sieve) unite(a, b int32) int32 {
	if a == b {
		return a
	}
	into, from := &s.all[a], &s.all[b]
	if into.untouched() {
		a, b, into, from = b, a, from, into
	}
	s.uniteTakers(a, b)
	from.part = a
	into.signs |= from.signs
	switch {
	case from.locker.actor == 0:
	case into.locker.actor == 0:
		into.locker = from.locker
	default: // which came last is not known
		if !s.over(from.locker) || !s.over(into.locker) {
			into.signs |= contended
		}
		into.locker = instant{s.at.actor, s.at.tick}
	}
	if from.made != 0 {
		if into.made != 0 {
			into.signs |= stolen
		}
		into.made, into.maker = from.made, from.maker
	}
	if from.wrote.actor != 0 || into.wrote.actor != 0 && from.hasReaders() {
		// Only if all comes before this operation is there one that stands for all.
		if !s.allBefore(into) || !s.allBefore(from) {
			s.race(into)
		} else {
			s.clear(into)
			into.wrote = s.at
		}
	} else if from.read.actor != 0 {
		s.reads(into, from.read)
	} else if from.crowd != 0 {
		for _, e := range s.crowds[from.crowd-1] {
			s.reads(into, e)
		}
	}
	s.clear(from)
	return a
}

func (b *subject) untouched() bool {
	return b.wrote.actor == 0 && b.read.actor == 0 && b.crowd == 0 && b.signs == 0 && b.made == 0
}

func (b *subject) hasReaders() bool {
	return b.read.actor != 0 || b.crowd != 0 || b.signs&peopled != 0
}

// touch notes that the present operation reads or changes a subject.
func (s *Sieve) touch(b *subject, write bool) {
	switch {
	case b.signs&raced != 0:
	case s.at.actor == stranger, b.wrote.actor != 0 && !s.before(b.wrote, b):
		s.race(b)
	case !write:
		if b.wrote != s.at && b.read != s.at {
			s.reads(b, s.at)
		}
	case !s.allBefore(b):
		s.race(b)
	default:
		s.clear(b)
		b.wrote = s.at
	}
}

// allBefore reports whether all uses of a subject come before the present operation.
func (s *Sieve) allBefore(b *subject) bool {
	if b.signs&(raced|peopled) != 0 || b.wrote.actor != 0 && !s.before(b.wrote, b) || b.read.actor != 0 && !s.before(b.read, b) {
		return false
	}
	if b.crowd != 0 {
		for _, e := range s.crowds[b.crowd-1] {
			if !s.before(e, b) {
				return false
			}
		}
	}
	return true
}

// reads adds a reader. Those that come before it need not be remembered: its own earlier reads, and others where there is
// no room for them.
func (s *Sieve) reads(b *subject, e epoch) {
	switch {
	case b.signs&(raced|peopled) != 0:
	case b.crowd != 0:
		list := &s.crowds[b.crowd-1]
		if e == s.at {
			own := slices.IndexFunc(*list, func(o epoch) bool { return o.actor == e.actor })
			if own >= 0 && e.lock == 0 {
				(*list)[own] = e
				return
			}
			// What comes behind a reader with a lock need not come behind those that it came behind by the lock alone.
			if e.lock != 0 || len(*list) == crowdMax {
				*list = slices.DeleteFunc(*list, func(o epoch) bool { return s.before(o, b) })
			}
		}
		if len(*list) == crowdMax {
			s.clear(b)
			b.signs |= peopled
			return
		}
		*list = append(*list, e)
	case b.read.actor == 0 || e == s.at && s.before(b.read, b):
		b.read = e
	default:
		s.gather(b, e)
	}
}

// gather makes the one reader and a further one a crowd.
func (s *Sieve) gather(b *subject, e epoch) {
	if len(s.spare) == 0 {
		if len(s.crowds) == crowdsMax {
			b.signs |= peopled
			return
		}
		s.crowds = append(s.crowds, make([]epoch, 0, crowdMax))
		s.spare = append(s.spare, int32(len(s.crowds)))
	}
	b.crowd = s.spare[len(s.spare)-1]
	s.spare = s.spare[:len(s.spare)-1]
	s.crowds[b.crowd-1] = append(s.crowds[b.crowd-1][:0], b.read, e)
	b.read = epoch{}
}

// race notes that a subject was raced for: nothing else of it counts any more.
func (s *Sieve) race(b *subject) {
	s.clear(b)
	b.signs |= raced
	s.anyRace = true
}

func (s *Sieve) clear(b *subject) {
	if b.crowd != 0 {
		s.spare = append(s.spare, b.crowd)
	}
	b.crowd, b.wrote, b.read = 0, epoch{}, epoch{}
}

// perilous reports whether locks on the subject can have failed to exclude each other: they were lost, or
// are of two classes.
func (b *subject) perilous() bool {
	return b.signs&raced != 0 && (b.signs&anyLock == anyLock || b.signs&lockLost != 0)
}

// keeps reports whether operations on the subject are kept.
func (s *Sieve) keeps(b *subject) bool {
	return b.signs&(raced|ranged|leased) != 0 || s.anyRace && b.signs&flocked != 0 || s.mistrusts && b.signs&guarded != 0
}
