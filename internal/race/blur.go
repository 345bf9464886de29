package race

import (
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
	}
}

// doubt says in a sentence why the harm is not sure to have happened, "" if it is.
func (s *Stream) doubt(f *Finding) string {
	if s.losing {
		return "Events were lost at that time."
	}
	var marks []*world.Event
	for _, m := range f.Marks {
		if e := s.event(m); e != nil {
			marks = append(marks, e)
		}
	}
	gone := len(marks) < len(f.Marks)
	for i, a := range marks {
		if gone && a.From < max(s.recent.gone, s.contents.gone) {
			return "One step lasted so long that what it overlapped is no longer kept."
		}
		for _, b := range marks[i+1:] {
			if blurred(a, b) {
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

// blurred reports whether a and b, of different actors, a the earlier one in the
// order found, depend on each other, overlapped, and might as well have taken effect
// the other way round. If a returned later than b and its entry is not known, that they
// overlapped at all is a guess.
//
// If a began after b had returned, it came too late to be put into its place.
func blurred(a, b *world.Event) bool {
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
	return names && (guess || late || !world.Told(x, y)) || data && (guess || late || !readFirst(x, y))
}

// readFirst reports whether a read met the end of the file where a write then put
// bytes: it cannot have come later.
func readFirst(a, b *op.Op) bool {
	return a.Kind == op.Read && a.Ret == 0 && a.Len > 0 && b.Kind == op.Write && b.Ret > 0
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
	ids := []op.FileID{f.ID}
	for _, e := range marks {
		ids = append(ids, e.Op.File.ID)
		for _, n := range e.Op.Names {
			ids = append(ids, n.Before, n.After)
		}
	}
	ids = slices.DeleteFunc(ids, op.FileID.IsZero)
	r := &s.contents
	for i := max(r.next-ringLen, 0); i < r.next; i++ {
		o := r.events[i%ringLen].Op
		if (o.Kind == op.Write || o.Kind == op.Copy) && o.Ret > 0 && !seenWhole(o) && slices.Contains(ids, o.File.ID) {
			return true
		}
	}
	return false
}

func seenWhole(o *op.Op) bool {
	return o.Kind == op.Write && (o.Sum != 0 || int64(len(o.Data)) >= o.Ret)
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
// began: it was there then, or it has inherited a descriptor from then. Locks of
// descriptions pass on with descriptors, those of processes not at all (fork(2)).
func (s *Stream) mayHold(f *Finding) bool {
	for _, a := range f.Actors {
		if s.old[a.Process()] {
			return true
		}
		p := s.world.Process(a)
		if p == nil {
			continue
		}
		for _, d := range p.FDs {
			if d.Opened.IsZero() && d.File.Type == op.Regular {
				return true
			}
		}
	}
	return false
}
