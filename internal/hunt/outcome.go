package hunt

import (
	"fmt"
	"strings"

	"filerace/internal/op"
	"filerace/internal/race"
	"filerace/internal/schedule"
)

// outcomeFinding reports a run that went wrong without a rule to say why: by the
// two orders that differ least, one of them good.
func outcomeFinding(r *Report, plain Ending, calm schedule.Schedule) race.Finding {
	f := race.Finding{Rule: "outcome", Evidence: race.Observed, Explains: true, Headline: headline(r.Ending, plain)}
	i := prefix2(r.Ran, calm)
	for _, o := range r.Ops {
		if o.Decision > 0 && o.Decision >= i && o.Decision <= i+1 {
			f.Marks = append(f.Marks, o.Seq)
			f.Path = pathOf(o)
			f.Actors = addActor(f.Actors, o.Actor)
		}
	}
	f.Why = "The same program with the same input ended differently when its operations came in another order."
	if i < len(r.Ran) && i < len(calm) {
		f.Why += fmt.Sprintf(" Both orders agree in their first %d steps. Then the run that went wrong went on with %s (%s), and a run that went well with %s (%s).",
			i, r.Ran[i].Sig, r.Ran[i].Actor, calm[i].Sig, calm[i].Actor)
	}
	f.Repair = "Look at what the two operations share. If their order matters, make one wait for the other: by a lock around both, or by waiting for the process."
	return f
}

func pathOf(o *op.Op) string {
	if len(o.Names) > 0 {
		return o.Names[0].Path
	}
	return o.File.Path
}

func addActor(all []op.Actor, a op.Actor) []op.Actor {
	for _, b := range all {
		if a == b {
			return all
		}
	}
	return append(all, a)
}

func headline(e, plain Ending) string {
	switch {
	case e.TimedOut:
		return "the command does not end in this order of its operations"
	case e.Status != plain.Status:
		return fmt.Sprintf("the exit status depends on the order of file operations: %d instead of %d", e.Status, plain.Status)
	}
	return fmt.Sprintf("the check's verdict depends on the order of file operations: %d instead of %d", e.Check, plain.Check)
}

// prefix2 is the length of the common beginning.
func prefix2(a, b schedule.Schedule) int {
	i := 0
	for i < len(a) && i < len(b) && a[i] == b[i] {
		i++
	}
	return i
}

// closer returns which of two harmless runs agrees longer with the harmful one.
func closer(harm, a, b schedule.Schedule) schedule.Schedule {
	if prefix2(harm, b) > prefix2(harm, a) {
		return b
	}
	return a
}

func outcomeOf(e Ending) string {
	switch {
	case e.TimedOut:
		return "did not end"
	case e.Check != 0:
		return fmt.Sprintf("exit %d, check %d", e.Status, e.Check)
	}
	return fmt.Sprintf("exit %d", e.Status)
}

// describe says how a run failed, with the end of what was printed.
func describe(r *Report) string {
	s := outcomeOf(r.Ending)
	out := r.Output
	if r.Ending.Check != 0 {
		out = r.Ending.CheckOut
	}
	if out = strings.TrimSpace(out); out != "" {
		lines := strings.Split(out, "\n")
		s += ": " + lines[len(lines)-1]
	}
	return s
}
