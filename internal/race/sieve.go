package race

import (
	"hash/maphash"
	"slices"
	"sync"

	"filerace/internal/op"
)

// Sieve tells which operations of a recorded run a Stream can do without: those on files
// and names for which nobody can have raced. In most runs nearly all are of that kind, and
// to find that out costs much less than to judge them. Every operation is noted, as often as
// More says, then Keeps tells of each:
//
//	s := NewSieve()
//	for s.More() {
//		for each operation o from number s.From() on { s.Note(o) }
//	}
//	for each operation o { if s.Keeps(o) { stream.Take(o) } else { stream.Pass(1) } }
//
// Keeps and Known may be called by several goroutines at a time.
//
// A race takes two uses of one file or name by different processes, one of which changes it,
// with nothing to order them in every schedule. That is looked for as FastTrack does it
// (Flanagan and Freund, PLDI 2009), in an order that has fewer edges than the world's: fork, and
// exit to wait. So what is ordered here is ordered there, too. A file and all names that ever led to
// it are one subject: what rules conclude of one of them, they conclude from operations on all.
//
// What else rules go by is always kept: all that happens to processes, pipes, sockets and signals, which
// order the rest, and locks. Only where nothing at all was raced for does nobody need to know of flock: who races
// may have any lock, or one that was handed on to it, and of locks on ranges a process drops its own. Where the lock on
// a file can have been lost or doubled, all that its owners did is kept: what they do under it tells whether
// they fell for it.
//
// Memory is bounded: beyond subjectsMax subjects some are taken for one another, beyond performersMax
// actors the further ones are ordered with nobody, both of which keeps more than need be; and
// what Known knows takes rowsRoom bytes at most.
type Sieve struct {
	pass   int // over the operations, from 1
	seed   maphash.Seed
	table  []uint32 // by hash: numbers of subjects; 0: none
	all    []subject
	crowds [][]epoch // readers that nothing orders
	spare  []int32   // of crowds, plus 1
	names  int       // in table
	files  fileTable

	known    map[op.Actor]int32
	latest   [64]sighting // of known
	actors   []performer
	toMany   [2]uint64 // signals that were sent to more than one process, by bits
	anyRace  bool      // some subject was raced for
	watching bool      // somebody is watched

	lockNumbers map[op.FileID]int32
	locks       []lock
	takers      map[int32]*takers // by subjects
	era         int32             // counts the places at which operations may be missing
	mistrusts   bool              // of the order by locks

	at      epoch      // of the operation that is noted
	trailOf instant    // whose way back by forks was followed last, which is
	trail   int32      // the number of a trail
	named   [2]int32   // its names, each a subject of its own
	asked   sync.Mutex // while used is that of an operation that Keeps is asked for
	used    []use
	last    lastPlain
	several []int32     // subjects of verdicts that hang on more than one, and 0 after them
	lately  [1024]int32 // places in several
	rows    rows
	noted   int // in the first pass
	kept    int // of them, whatever comes
}

// NewSieve returns a sieve that has noted nothing.
func NewSieve() *Sieve {
	s := &Sieve{
		seed: maphash.MakeSeed(), table: make([]uint32, 1<<12), all: make([]subject, 1),
		known: map[op.Actor]int32{}, actors: make([]performer, 2), files: fileTable{all: make([]inode, 1<<12)},
		lockNumbers: map[op.FileID]int32{}, locks: make([]lock, 1), takers: map[int32]*takers{},
	}
	s.rows = newRows(rowsRoom, s.keepsRow)
	return s
}

// More reports whether operations are to be noted, again: once for what happened; and a second time for
// who had to do with locks that can have been lost, if there are any and not all operations are at hand still.
func (s *Sieve) More() bool {
	if s.pass++; s.pass == 1 {
		return true
	}
	if s.pass == 2 && slices.ContainsFunc(s.all, func(b subject) bool { return b.part == 0 && b.perilous() }) {
		s.involveAll()
		if s.noted > s.rows.most {
			return true
		}
	}
	s.flatten()
	s.spread()
	s.rows.settle()
	return false
}

// From is the number of the first operation that is to be noted next, from 0.
func (s *Sieve) From() int {
	if s.pass < 2 {
		return 0
	}
	return s.rows.most
}

// involveAll is involve for all operations that are at hand.
func (s *Sieve) involveAll() {
	s.rows.kinds(func(r row) {
		if r.actor != nobody && s.touches(r.verdict, (*subject).perilous) {
			s.watch(r.actor)
		}
	})
}

// Note takes the next operation; nil stands for something else, which is kept. It needs Kind, Actor, Ret,
// Waits, Inside, Lock.Family, identity and type of File, and Dir, Base and Path of Names; Before and After of
// Names if it ChangesNames, or did not fail and File is not known; Flags and File.Nlink of Open, Flags of Fork, Cmd of Mmap, File2 of Copy
// and Dup, type of the first of Names of Rename, FD and Lock.Mode of Close and LockOp, Child of Fork, Wait and Kill,
// Signal of Kill and Signal. It keeps nothing of them.
func (s *Sieve) Note(o *op.Op) {
	switch {
	case s.pass > 1:
		if o != nil {
			s.involve(o)
		}
		return
	case o == nil:
		s.era++
		s.enter(0, nobody, true)
		return
	}
	me := s.actor(o.Actor)
	s.live(me, o)
	write, is := changes(o), natureOf(o)
	if is&handling != 0 && me != stranger {
		s.handle(me, o)
	}
	s.at = s.now(me)
	by := me
	if is&telling == 0 {
		by = nobody
	}
	if is&plain != 0 && s.last.covers(o, s.at, write, is) {
		s.enter(s.last.verdict, by, s.last.kept)
		return
	}
	uses := s.uses(o, true)
	if o.ChangesNames() {
		s.moved(o)
	}
	if o.Waits {
		s.anyRace = true // who waits for whom may be asked
	}
	kept := false
	for _, u := range uses {
		b := &s.all[u.subject]
		switch {
		case o.Lock.Family == op.FlockLock && o.Kind == op.LockOp:
			s.touch(b, false)
			s.locked(b)
		case u.as == lister, o.Lock.Family != op.NoLock:
			s.touch(b, true)
		case u.as == maker, u.as == source: // makers do not disturb each other, only those who list
			s.touch(b, false)
		case write, is&observing != 0:
			s.touch(b, write)
		}
		sign := lockSign(o.Lock.Family)
		if b.signs |= sign; sign&anyLock != 0 {
			s.takes(u.subject, o)
		}
		if u.parts {
			s.part(u.subject)
		}
		if vanished(o) || b.doubtful() {
			s.race(b)
		}
		kept = kept || s.keeps(b)
	}
	v, several := s.verdict(o, uses)
	if several {
		v = s.listed(uses)
	}
	kept = kept && v != leftOut || v == 0
	s.enter(v, by, kept)
	if s.last.file = (op.FileID{}); is&plain != 0 {
		s.last = lastPlain{o.File.ID, o.File.Type, is, write, kept, s.at, v}
	}
}

// lastPlain is the last operation, if it was on one file and no name: more of the same are nothing new.
type lastPlain struct {
	file    op.FileID
	typ     op.FileType
	is      nature
	write   bool
	kept    bool
	at      epoch
	verdict verdict
}

func (l *lastPlain) covers(o *op.Op, at epoch, write bool, is nature) bool {
	return l.file == o.File.ID && l.at == at && l.typ == o.File.Type && (l.write || !write && is&observing <= l.is&observing)
}

// enter notes what keeping the operation hangs on.
func (s *Sieve) enter(v verdict, by int32, kept bool) {
	if kept {
		s.kept++
	}
	if s.noted < s.rows.most {
		s.rows.add(v, by)
	}
	s.noted++
}

// Coarse reports whether more than three quarters of what was noted are kept, however it goes on: then the
// sieve costs more than it spares.
func (s *Sieve) Coarse() bool { return s.kept > s.noted/4*3 }

// Kept is how many of the operations that were noted are kept, however it goes on.
func (s *Sieve) Kept() int { return s.kept }

// Keeps reports whether a Stream needs the operation, after all have been noted.
func (s *Sieve) Keeps(o *op.Op) bool {
	s.asked.Lock()
	defer s.asked.Unlock()
	uses := s.uses(o, false)
	v, several := s.verdict(o, uses)
	switch {
	case natureOf(o)&telling != 0 && s.watches(o.Actor):
		return true
	case !several:
		return s.holds(v)
	}
	return slices.ContainsFunc(uses, func(u use) bool { return s.hot(u.subject) })
}

// Known tells by bits what Keeps says of the n operations, 64 at most, from a place in the order of noting on
// (from 0); false if it must be asked.
func (s *Sieve) Known(from, n int) (kept uint64, ok bool) {
	if from+n > min(s.noted, s.rows.most) {
		return 0, false
	}
	return s.rows.known(from, n)
}

func (s *Sieve) keepsRow(r row) bool {
	return r.verdict != leftOut && s.holds(r.verdict) || s.watching && s.actors[r.actor].watched
}

// verdict tells what keeping an operation hangs on; several: on all subjects that it has to do with.
func (s *Sieve) verdict(o *op.Op, uses []use) (v verdict, several bool) {
	switch {
	case o.Lock.Family != op.NoLock && len(uses) == 1: // and that subject is kept
		return onSubject | verdict(uses[0].subject), false
	case moot(o):
		return leftOut, false
	case int(o.Kind) >= op.Kinds || natureOf(o)&always != 0 || o.Waits || o.Inside || o.Lock.Family != op.NoLock || orders(o.File.Type):
		return 0, false
	}
	switch o.Kind {
	case op.Sleep, op.Poll, op.Timer, op.Random, op.Pause:
		return leftOut, false
	case op.Rename:
		if !o.Failed() && (len(o.Names) == 0 || o.Names[0].Type != op.Regular && o.Names[0].Type != op.Symlink || !o.Names[0].After.IsZero()) {
			return 0, false // of a directory it changes the paths of all below
		}
	case op.Kill:
		if o.Child != "" && o.Child.Process() == o.Actor.Process() {
			return leftOut, false // to itself, as runtimes do
		}
		return 0, false
	case op.Copy:
		if orders(o.File2().Type) {
			return 0, false
		}
	case op.Signal:
		return onSignal | verdict(s.known[o.Actor])<<signalBits | verdict(signalOf(o)), false
	}
	switch {
	case len(uses) == 0 && dull(o.File.Type):
		return leftOut, false
	case len(uses) == 0:
		return 0, false // of what is not known
	case len(uses) == 1:
		return onSubject | verdict(uses[0].subject), false
	}
	return 0, true
}

// signalOf is a signal's number, which has few bits.
func signalOf(o *op.Op) uint { return uint(o.Signal) % (1 << signalBits) }

// listed is a verdict that hangs on several subjects.
func (s *Sieve) listed(uses []use) verdict {
	var hash uint64
	for _, u := range uses {
		if u.subject == 0 {
			return 0
		}
		hash = mixed(hash, uint64(u.subject))
	}
	like := &s.lately[hash%uint64(len(s.lately))]
	if s.lists(int(*like), uses) {
		return onSeveral | verdict(*like)
	}
	at := len(s.several)
	if at+len(uses) >= int(numbers) {
		return 0
	}
	*like = int32(at)
	for _, u := range uses {
		s.several = append(s.several, u.subject)
	}
	s.several = append(s.several, 0)
	return onSeveral | verdict(at)
}

// lists reports whether the subjects at a place in several are those of the uses.
func (s *Sieve) lists(at int, uses []use) bool {
	if at+len(uses) >= len(s.several) || s.several[at+len(uses)] != 0 {
		return false
	}
	for i, u := range uses {
		if s.several[at+i] != u.subject {
			return false
		}
	}
	return true
}

// holds reports whether a verdict is, by now, to keep the operation.
func (s *Sieve) holds(v verdict) bool {
	n := int32(v & numbers)
	switch v &^ numbers {
	case onSubject:
		return s.hot(n)
	case onSignal:
		signal := n % (1 << signalBits)
		a := n >> signalBits
		return a == stranger || s.actors[a].signalled || s.toMany[signal/64]>>(signal%64)&1 != 0
	case onSeveral:
		return s.touches(v, s.keeps)
	}
	return false
}

// touches reports whether a verdict hangs on a subject for which is holds.
func (s *Sieve) touches(v verdict, is func(*subject) bool) bool {
	n := int32(v & numbers)
	switch v &^ numbers {
	case onSubject:
		return n != 0 && is(&s.all[s.find(n)])
	case onSeveral:
		for ; s.several[n] != 0; n++ {
			if is(&s.all[s.find(s.several[n])]) {
				return true
			}
		}
	}
	return false
}

// hot reports whether operations on a subject are kept, as they are if it is not known.
func (s *Sieve) hot(n int32) bool { return n == 0 || s.keeps(&s.all[s.find(n)]) }

// involve notes who has to do with a lock that can have been lost.
func (s *Sieve) involve(o *op.Op) {
	if natureOf(o)&telling != 0 && slices.ContainsFunc(s.uses(o, false), func(u use) bool { return u.subject == 0 || s.all[u.subject].perilous() }) {
		s.watch(s.known[o.Actor])
	}
}
