package litmus

import (
	"fmt"
	"maps"
	"slices"
)

// add takes the outcome of one trial in.
func (r *Result) add(out Outcome, said []*Said) {
	r.Trials++
	switch out.kind {
	case breaking:
		r.Verdict = VerdictBroken
		r.Example = example(r.Trials, out.text, said)
	case surprising:
		if r.Surprises++; r.Example == nil {
			r.Example = example(r.Trials, out.text, said)
		}
	}
}

// says is a Judge that wants one role to have said exactly this.
func says(role int, want, wrong string) func(*Proc, []*Said) Outcome {
	return func(_ *Proc, said []*Said) Outcome {
		if said[role].Text != want {
			return Broken(wrong + ": want " + want)
		}
		return Fine
	}
}

// join adds what the same case showed to other processes at the same time.
func (r *Result) join(other Result) {
	r.Seconds = max(r.Seconds, other.Seconds)
	r.Trials += other.Trials
	r.Overlapped += other.Overlapped
	r.Surprises += other.Surprises
	for what, n := range other.Tally {
		if r.Tally == nil {
			r.Tally = map[string]int{}
		}
		r.Tally[what] += n
	}
	for _, n := range other.Notes {
		if !slices.Contains(r.Notes, n) {
			r.Notes = append(r.Notes, n)
		}
	}
	if gravity(other.Verdict) > gravity(r.Verdict) {
		r.Verdict, r.Reason, r.Example, r.Allowed = other.Verdict, other.Reason, other.Example, other.Allowed
	}
}

// gravity orders the verdicts: what one trial showed is not undone by another that did not.
func gravity(v Verdict) int {
	return slices.Index([]Verdict{VerdictNotTested, VerdictKept, VerdictAllowed, VerdictBroken}, v)
}

// example tells what was wrong and what each process saw.
func example(trial int, wrong string, said []*Said) []string {
	lines := []string{fmt.Sprintf("trial %d: %s", trial, wrong)}
	for _, s := range said {
		text := s.Text
		switch {
		case s.Err != nil && text != "":
			text += ": " + s.Err.Error()
		case s.Err != nil:
			text = s.Err.Error()
		case text == "":
			text = "no error"
		}
		lines = append(lines, s.Role+": "+text)
	}
	return lines
}

// conclude turns the counts into the verdict.
func (p *Proc) conclude(r *Result) {
	r.Notes, r.Tally = p.notes, p.tally
	for _, what := range slices.Sorted(maps.Keys(p.least)) {
		r.Notes = append(r.Notes, fmt.Sprintf("%s: %d", what, p.least[what]))
	}
	for i := range p.c.parts() {
		if s := &p.board.slots[i]; s.failed.Load() != 0 {
			r.Verdict, r.Reason = VerdictNotTested, s.string()
			return
		}
	}
	switch {
	case r.Verdict == VerdictBroken:
	case r.Trials == 0:
		r.Reason = "no trial was completed"
	case !r.InTurn && r.Overlapped == 0:
		r.Reason = fmt.Sprintf("the windows never met in %d trials", r.Trials)
	case !r.InTurn && r.Surprises == 0 && r.Trials < min(leastTrials, p.errand.Trials):
		r.Reason = fmt.Sprintf("there was time for %d trials only, which prove nothing: the machine is too busy, or --time too short", r.Trials)
	case r.Surprises > 0:
		r.Verdict, r.Allowed = VerdictAllowed, p.c.Allowed
	default:
		r.Verdict, r.Example = VerdictKept, nil
	}
}
