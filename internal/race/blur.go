package race

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"

	"filerace/internal/op"
	"filerace/internal/world"
)

// judge takes the evidence of a finding back to possible where there is doubt, and
// says in Why what the doubt is.
func (s *Stream) judge(f *Finding) {
	if f.Evidence == Possible {
		return
	}
	if d := s.doubt(f); d != "" {
		f.Evidence = Possible
		f.Why += " " + d
		return
	}
	for i, m := range f.Marks {
		for j, n := range f.Marks[i+1:] {
			if a, b := s.step(f, i), s.step(f, i+1+j); f.swaps(a.Op, b.Op) && s.blurred(a, b) {
				f.Why += fmt.Sprintf(" Steps %d and %d overlapped in time: it may have been the other way round, with the same harm.", m, n)
			}
		}
	}
}

// doubt says in a sentence why the harm is not sure to have happened, "" if it is.
func (s *Stream) doubt(f *Finding) string {
	if s.losing {
		return "Events were lost at that time."
	}
	if s.cut != "" && slices.ContainsFunc(f.Actors, s.mayGoOn) {
		return s.cut
	}
	var marks []*world.Event
	for i := range f.Marks {
		if e := s.step(f, i); e != nil {
			marks = append(marks, e)
		}
	}
	if len(marks) < len(f.Marks) {
		return "One step lies so far back that what it overlapped is no longer kept."
	}
	for i, a := range marks {
		for _, b := range marks[i+1:] {
			if !f.swaps(a.Op, b.Op) && s.blurred(a, b) {
				if a.Op.Enter < 0 || b.Op.Enter < 0 {
					return "The trace does not have the entry times of all these calls, and only those can tell how it came to this."
				}
				return "The calls overlapped in time, and nothing that they returned tells which took effect first."
			}
		}
	}
	switch {
	case judgesContents(f.Rule) && s.unseen(f, marks):
		return "Not all that was written was seen, so the contents may have been equal."
	case underLocks(f.Rule) && s.mayHold(f):
		return "One of the processes was there before the trace began, and may have held a lock from then."
	}
	return ""
}

// swaps reports whether the story is the same with these two the other way round.
func (f *Finding) swaps(a, b *op.Op) bool { return f.either[0] == a.Seq && f.either[1] == b.Seq }

// blurred reports whether a and b, of different actors, a the earlier one in the
// order found, depend on each other, overlapped, and might as well have taken effect
// the other way round. If a returned later than b and its entry is not known, that they
// overlapped at all is a guess.
//
// If a began after b had returned, it came too late to be put into its place.
func (s *Stream) blurred(a, b *world.Event) bool {
	x, y := a.Op, b.Op
	if x.Actor.Process() == y.Actor.Process() || b.From >= x.Exit {
		return false
	}
	late := a.From > y.Exit
	var left, right [16]op.Access
	as, bs := op.AppendAccesses(left[:0], x), op.AppendAccesses(right[:0], y)
	names, data := false, false
	for i := range as {
		for j := range bs {
			if as[i].Conflicts(bs[j]) {
				switch as[i].Kind {
				case op.ObjName:
					names = true
				case op.ObjData, op.ObjSize, op.ObjLease:
					data = true
				}
			}
		}
	}
	guess := x.Enter < 0 && x.Exit > y.Exit
	return names && (guess || late || !s.ordered(a, b)) || data && (guess || late || !s.readFirst(x, y))
}

// ordered reports whether the results tell that a came first, with those of the others on the
// same names that may have come between, and of some that came before.
func (s *Stream) ordered(a, b *world.Event) bool {
	since := min(a.From, b.From)
	events := s.around(a, b, since)
	if events == nil {
		return false // some are no longer kept, or there are too many
	}
	for range earlierLooked {
		before := s.lastBefore(a, b, since)
		if before == nil {
			break
		}
		more := s.around(a, b, before.From)
		if more == nil {
			break
		}
		events, since = more, before.From
	}
	return world.Told(a, b, events, since)
}

// earlierLooked is how many steps the search goes back beyond what overlapped, to find
// where the names led at first.
const earlierLooked = 3

// around returns what happened on the names of a and b from since until both had returned; nil
// if that is not kept, or too much.
func (s *Stream) around(a, b *world.Event, since int64) []*world.Event {
	until := max(a.Op.Exit, b.Op.Exit)
	r := &s.recent
	if r.gone > since {
		return nil
	}
	events := []*world.Event{a, b}
	for i := max(r.next-ringLen, 0); i < r.next; i++ {
		e := &r.events[i%ringLen]
		if r.exits[i%ringLen] < since || e.From > until || e.Op == a.Op || e.Op == b.Op || !meets(e, a, b) {
			continue
		}
		if events = append(events, e); len(events) > world.OthersMax+2 {
			return nil
		}
	}
	slices.SortFunc(events, func(x, y *world.Event) int { return cmp.Compare(x.Op.Seq, y.Op.Seq) })
	return events
}

// lastBefore returns the last operation on the names of a and b that had returned by a time,
// nil if none is near.
func (s *Stream) lastBefore(a, b *world.Event, at int64) *world.Event {
	r := &s.recent
	for i := r.next - 1; i >= max(r.next-ringLen/8, 0); i-- {
		if e := &r.events[i%ringLen]; r.exits[i%ringLen] < at && meets(e, a, b) {
			return e
		}
	}
	return nil
}

func meets(e, a, b *world.Event) bool { return world.Meet(e.Op, a.Op) || world.Meet(e.Op, b.Op) }

// readFirst reports whether a look at contents cannot have come later than a write: it met the end
// of the file where the write then put bytes, or got other bytes, and nobody else wrote
// any in between.
func (s *Stream) readFirst(a, b *op.Op) bool {
	if b.Kind != op.Write || b.Ret <= 0 {
		return false
	}
	if a.Kind == op.Seek {
		return a.Whence == op.SEEK_END && b.Off != op.None && a.Ret-a.Off < b.Off+b.Ret
	}
	if a.Kind != op.Read {
		return false
	}
	short := a.Ret < a.Len && a.Off != op.None && b.Off != op.None && a.Off+a.Ret < b.Off+b.Ret
	return a.Ret == 0 && a.Len > 0 || short || readOther(a, b) && !s.written(a, b)
}

// readOther reports whether a read and a write of common bytes are known to differ in them.
func readOther(read, write *op.Op) bool {
	if read.Off == op.None || write.Off == op.None {
		return false
	}
	lo := max(read.Off, write.Off)
	hi := min(read.Off+int64(len(read.Data)), write.Off+int64(len(write.Data)))
	return lo < hi && !bytes.Equal(read.Data[lo-read.Off:hi-read.Off], write.Data[lo-write.Off:hi-write.Off])
}

// written reports whether the file may have been written between b and a, if they came
// in that order, beside by b.
func (s *Stream) written(a, b *op.Op) bool {
	r := &s.contents
	if r.gone > b.Enter {
		return true // a write may be among what is no longer kept
	}
	for i := max(r.next-ringLen, 0); i < r.next; i++ {
		o := r.events[i%ringLen].Op
		if o != b && (o.Kind == op.Write || o.Kind == op.Copy) && o.Ret > 0 && (o.File.ID == a.File.ID || o.File2().ID == a.File.ID) &&
			o.Exit > b.Enter && o.Enter < a.Exit {
			return true
		}
	}
	return false
}

// judgesContents: two writers of the same bytes lose nothing.
func judgesContents(rule string) bool {
	switch rule {
	case "lost-update", "overlapping-write", "check-then-create", "temp-collision":
		return true
	}
	return false
}

// unseen reports whether something was written to the files of the story that nobody saw.
func (s *Stream) unseen(f *Finding, marks []*world.Event) bool {
	if f.Rule == "overlapping-write" { // whatever else was written: these two differ or do not
		return slices.ContainsFunc(marks, func(e *world.Event) bool { return veils(e.Op) })
	}
	ids := []op.FileID{f.ID}
	for _, e := range marks {
		ids = append(ids, e.Op.File.ID)
		for _, n := range e.Op.Names {
			ids = append(ids, n.Before, n.After)
		}
	}
	since := max(1, min(f.Marks[0], s.contents.first()))
	return slices.ContainsFunc(ids, func(id op.FileID) bool { return !id.IsZero() && s.veiled.get(id) >= since })
}

// veils reports whether an operation puts bytes into a file that nobody saw.
func veils(o *op.Op) bool {
	return o.Ret > 0 && (o.Kind == op.Copy || o.Kind == op.Write && o.Sum == 0 && int64(len(o.Data)) < o.Ret)
}

// underLocks: rules that a lock would silence.
func underLocks(rule string) bool {
	switch rule {
	case "open-unlinked", "unlinked-lock", "deadlock", "lock-dropped-by-close", "lock-mismatch":
		return false
	}
	return true
}

// mayHold reports whether an actor of the finding may hold a lock from before the trace
// began: it was there then, or it has inherited a descriptor from then.
func (s *Stream) mayHold(f *Finding) bool {
	for _, a := range f.Actors {
		if s.old[a.Process()] {
			return true
		}
		if p := s.world.Process(a); p != nil && s.inherited(p) {
			return true
		}
	}
	return false
}
