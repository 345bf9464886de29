package race

import (
	"filerace/internal/op"
	"filerace/internal/world"
)

// failures keeps what would explain why a process failed until it is known
// whether it did: a missing file is harm to one program and all in a day's work
// to another. What a process met is reported when it ends with a status other
// than 0, forgotten when it ends well, and, if its end was not seen, reported
// when the run as a whole failed.
type failures struct {
	met map[op.Actor][]suspect
}

type suspect struct {
	Finding
	entry *world.Entry
}

// suspects is how many findings are kept for one process; the first ones tell most.
const suspects = 32

// suspect keeps f for the process of a; entry is the name that was missing or in the way.
func (s *failures) suspect(a op.Actor, entry *world.Entry, f Finding) {
	if s.met == nil {
		s.met = map[op.Actor][]suspect{}
	}
	p := a.Process()
	f.Explains = true
	if len(s.met[p]) < suspects {
		s.met[p] = append(s.met[p], suspect{f, entry})
	}
}

// overcome drops what the process met at a name that it now used with success.
func (s *failures) overcome(e *world.Effect) {
	if len(s.met) > 0 && e.Entry != nil && !e.Op.Failed() {
		s.usedName(e)
	}
}

func (s *failures) usedName(e *world.Effect) {
	p := e.Op.Actor.Process()
	kept := s.met[p][:0]
	for _, m := range s.met[p] {
		if m.entry == nil || m.entry != e.Entry && m.entry != e.Entry2 {
			kept = append(kept, m)
		}
	}
	s.met[p] = kept
}

// ended settles the account of a process at its exit.
func (s *failures) ended(e *world.Effect, report func(Finding)) {
	if e.Op.Kind == op.Exit {
		s.exited(e, report)
	}
}

func (s *failures) exited(e *world.Effect, report func(Finding)) {
	if len(s.met) == 0 || e.Process == nil || !e.Process.Exited {
		return
	}
	p := e.Op.Actor.Process()
	if e.Process.Status != 0 {
		for _, m := range s.met[p] {
			report(m.Finding)
		}
	}
	delete(s.met, p)
}

// End reports what is still open if the run failed.
func (s *failures) End(w *world.World, end End, report func(Finding)) {
	if !end.Failed {
		return
	}
	for _, p := range w.Processes() {
		for _, m := range s.met[p.Actor] {
			report(m.Finding)
		}
	}
}
