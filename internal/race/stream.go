package race

import (
	"cmp"
	"slices"

	"filerace/internal/op"
	"filerace/internal/world"
)

// Told is a finding with the operations that are still kept of its story.
type Told struct {
	Finding
	Ops   []*op.Op // recent operations in order, as far as they are kept
	Older int      // marks of the finding that are no longer kept
	Again bool     // of a race that was told before: the evidence is stronger now
}

// Stream runs the rules over operations that nobody controls, in one pass, and
// tells findings as they happen. Its memory is bounded by what is live in the
// world, a fixed number of recent operations, and a fixed number of findings.
//
// What overlapped in time, what was there before the trace, and contents that
// nobody saw leave doubt; a finding that hangs on such a thing is possible, not
// observed (see doubt).
type Stream struct {
	// Repeated, if set, is told each time a race that was told before happens again.
	Repeated func(*Finding)

	world *world.World
	rules *Detector
	room  *Room // nil: nobody asked
	tell  func(Told)

	seq      int
	recent   ring // operations on names, locks and processes
	contents ring // reads, writes and their like, which are many
	old      map[op.Actor]bool
	ended    []op.Actor             // processes that ended, and may still be waited for
	veiled   recent[op.FileID, int] // Op.Seq of the last write to a file that nobody saw whole
	nameless nameless
	asked    asked
	gaps     int
	sifted   bool // some operations are left out
	losing   bool // operations are missing somewhere here
	closed   bool
	cut      string // why the operations end before the processes do
}

// NewStream returns a stream that calls tell, which may be nil, for each race when
// it is first seen, and again when its evidence grows.
func NewStream(tell func(Told)) *Stream {
	s := &Stream{world: world.New(), tell: tell, old: map[op.Actor]bool{}}
	s.restart()
	return s
}

// restart begins with fresh rules: they conclude from what did not happen, too, and
// may not after a gap.
func (s *Stream) restart() {
	s.rules = New()
	s.rules.judge, s.rules.heard = s.judge, s.heard
	s.rules.repeat = func(f *Finding) {
		if s.Repeated != nil {
			s.Repeated(f)
		}
	}
	s.nameless = nameless{open: map[*world.OFD]*namelessOpen{}}
}

// World is what the operations have made of the file system so far.
func (s *Stream) World() *world.World { return s.world }

// Len is how many operations were taken.
func (s *Stream) Len() int { return s.seq }

// Gaps is how many gaps there were.
func (s *Stream) Gaps() int { return s.gaps }

// Foresee lets End tell what could have happened, too. It is called before any operation is taken.
func (s *Stream) Foresee() { s.room = NewRoom() }

// Short reports whether not all that could have happened was looked for (see Room).
func (s *Stream) Short() bool { return s.room != nil && s.room.Short() }

// Pass lets n operations count that are not shown to it (see Sieve).
func (s *Stream) Pass(n int) {
	if n > 0 && !s.sifted {
		s.sifted = true
		s.world.Sifted()
	}
	s.seq += n
}

// Take takes the next operation, or a gap.
func (s *Stream) Take(e world.Event) {
	if e.Op == nil {
		s.gap(e.Lost)
		return
	}
	o := e.Op
	s.seq++
	o.Seq = s.seq
	if e.Unannounced {
		s.noteOld(o)
	}

	switch {
	case moot(o): // a daemon closes all descriptors that there could be
	case bulky(o.Kind):
		s.contents.add(e)
	default:
		s.recent.add(e)
	}
	eff := s.world.Apply(o)
	s.asked.note(eff)
	if veils(o) {
		s.veiled.put(o.File.ID, o.Seq)
	}
	s.rules.Step(s.world, eff)
	if s.room != nil {
		s.room.See(eff)
	}
	if o.Kind == op.Open || len(s.nameless.open) > 0 {
		s.nameless.step(s.world, eff, s.rules.tell)
	}
	if o.Kind == op.Exit && eff.Process.Exited {
		s.bury(o.Actor.Process())
	}
}

// endedMax bounds how many processes are kept that ended and were not waited for:
// traces often do not show who waits.
const endedMax = 512

func (s *Stream) bury(a op.Actor) {
	if s.ended = append(s.ended, a); len(s.ended) < 2*endedMax {
		return
	}
	for _, a := range s.ended[:endedMax] {
		s.world.Bury(a)
		delete(s.old, a)
	}
	s.ended = append(s.ended[:0], s.ended[endedMax:]...)
}

// gap: operations are missing. What the world holds of descriptors, names and locks
// may be wrong, and what rules waited for may have happened unseen. So all begins anew,
// and only findings stay.
//
// A gap that counts what was lost begins a stretch in which nobody knows where; one
// that does not is such a place, or the end of the stretch.
func (s *Stream) gap(lost uint64) {
	if lost > 0 || !s.losing {
		s.gaps++
	}
	s.losing = lost > 0
	for _, p := range s.world.Processes() {
		s.old[p.Actor] = true
	}
	*s.world = *world.New()
	if s.sifted {
		s.world.Sifted()
	}
	if s.room != nil {
		s.room.Gap()
	}
	old := s.rules
	s.restart()
	s.rules.all, s.rules.found, s.rules.possible, s.rules.untold = old.all, old.found, old.possible, old.untold
}

// noteOld remembers a process that was there before the trace: what it holds is not known.
func (s *Stream) noteOld(o *op.Op) {
	if p := o.Actor.Process(); !s.old[p] {
		s.old[p] = true
	}
	if len(s.old) > 1<<16 {
		clear(s.old) // of processes long gone, nearly all
	}
}

// Cut says that the operations end before their processes do, and why, in a sentence.
// A process that goes on may yet do what would have made things right: what is
// concluded from the end is possible, then, and not observed.
func (s *Stream) Cut(why string) { s.cut = why }

// mayGoOn reports whether the actor's process has not been seen to end.
func (s *Stream) mayGoOn(a op.Actor) bool {
	p := s.world.Process(a)
	return p != nil && !p.Exited || p == nil && s.gaps > 0
}

// End closes the stream and returns its findings, as Detector.End does, each with
// the operations that are still kept.
func (s *Stream) End(end End) []Told {
	s.closed = true
	var out []Told
	found := s.rules.End(s.world, end)
	if s.room != nil {
		found = append(found, s.room.Besides(found)...)
	}
	for _, f := range found {
		out = append(out, s.told(f))
	}
	return out
}

// heard is told of a race that is new, or surer than before.
func (s *Stream) heard(f *Finding, again bool) {
	if s.tell != nil && !s.closed {
		t := s.told(*f)
		t.Again = again
		s.tell(t)
	}
}

func (s *Stream) told(f Finding) Told {
	t := Told{Finding: f, Ops: merged(&s.recent, &s.contents)}
	for i, m := range f.Marks {
		switch {
		case s.kept(m) != nil:
		case i < len(f.steps) && f.steps[i].Seq == m:
			at, _ := slices.BinarySearchFunc(t.Ops, m, func(o *op.Op, seq int) int { return cmp.Compare(o.Seq, seq) })
			t.Ops = slices.Insert(t.Ops, at, f.steps[i])
		default:
			t.Older++
		}
	}
	return t
}

// kept returns the operation of that place in the run, nil if the stream does not keep it.
func (s *Stream) kept(seq int) *world.Event {
	if e := s.recent.find(seq); e != nil {
		return e
	}
	return s.contents.find(seq)
}

// step returns mark i of a finding, nil if nobody keeps it. What only the finding keeps
// may have begun as early as its entry.
func (s *Stream) step(f *Finding, i int) *world.Event {
	if e := s.kept(f.Marks[i]); e != nil {
		return e
	}
	if i < len(f.steps) && f.steps[i].Seq == f.Marks[i] && f.steps[i].Enter >= 0 {
		return &world.Event{Op: f.steps[i], From: f.steps[i].Enter}
	}
	return nil
}

// bulky are the kinds of which there are many to a name or a lock.
func bulky(k op.Kind) bool {
	switch k {
	case op.Read, op.Write, op.Seek, op.Copy, op.Send, op.Recv, op.Stat, op.AccessOp, op.ReadDir, op.Sleep, op.Poll:
		return true
	}
	return false
}

// ring keeps the last operations.
type ring struct {
	events [ringLen]world.Event
	exits  [ringLen]int64 // of the events, so that those that go need not be looked at
	next   int
	gone   int64 // latest return of those that are no longer kept
}

const ringLen = 1 << 13

func (r *ring) add(e world.Event) {
	at := &r.events[r.next%ringLen]
	if at.Op != nil {
		r.gone = max(r.gone, r.exits[r.next%ringLen])
	}
	*at, r.exits[r.next%ringLen] = e, e.Op.Exit
	r.next++
}

// first is the place in the run of the oldest that is kept.
func (r *ring) first() int {
	if r.next == 0 {
		return 0
	}
	return r.events[max(r.next-ringLen, 0)%ringLen].Op.Seq
}

// find returns the operation of that place in the run, nil if it is not kept.
func (r *ring) find(seq int) *world.Event {
	lo, hi := max(r.next-ringLen, 0), r.next
	for lo < hi {
		mid := (lo + hi) / 2
		if r.events[mid%ringLen].Op.Seq < seq {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	if lo < r.next {
		if e := &r.events[lo%ringLen]; e.Op.Seq == seq {
			return e
		}
	}
	return nil
}

// merged returns what two rings keep, in order.
func merged(a, b *ring) []*op.Op {
	i, j := max(a.next-ringLen, 0), max(b.next-ringLen, 0)
	out := make([]*op.Op, 0, a.next-i+b.next-j)
	for i < a.next || j < b.next {
		switch {
		case j == b.next, i < a.next && a.events[i%ringLen].Op.Seq < b.events[j%ringLen].Op.Seq:
			out = append(out, a.events[i%ringLen].Op)
			i++
		default:
			out = append(out, b.events[j%ringLen].Op)
			j++
		}
	}
	return out
}
