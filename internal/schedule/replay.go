package schedule

import (
	"fmt"
	"strings"
)

// Replay follows a schedule to the letter. The first difference stops the run:
// a replay never succeeds by luck (deterministic replay with divergence check,
// after Ronsse and De Bosschere, RecPlay, TOCS 1999).
type Replay struct {
	Schedule Schedule
	// Same reports whether two signatures stand for one operation; nil: if they
	// are equal. The engine gives its own if names of temporary files may differ.
	Same func(want, got string) bool
	// Open says that the schedule is only the beginning of the run: after it the
	// actors go on without preemption.
	Open bool
	Runs int // how many runs Begin allows; 0: one

	begun int
	err   *Divergence
}

// Begin returns false once there were Runs runs or one of them diverged.
func (r *Replay) Begin() bool {
	if r.err != nil || r.begun >= max(r.Runs, 1) {
		return false
	}
	r.begun++
	return true
}

// Pick returns the operation that the schedule has next, or Stop.
func (r *Replay) Pick(held []Held, done Schedule) int {
	at := len(done)
	if at >= len(r.Schedule) {
		if r.Open {
			return goOn(held, done)
		}
		return r.diverge(at, Step{}, held)
	}
	want := r.Schedule[at]
	i := find(held, want.Actor)
	if i < 0 {
		return r.diverge(at, Step{}, held)
	}
	// Threads of one process may bear one name: the signature tells them apart.
	for j := i; j < len(held) && held[j].Actor == want.Actor; j++ {
		if r.same(want.Sig, held[j].Sig) {
			return j
		}
	}
	return r.diverge(at, held[i].Step, held)
}

// End notes a run that ended before the schedule did.
func (r *Replay) End(o Outcome) {
	if at := len(o.Schedule); at < len(r.Schedule) && r.err == nil {
		r.diverge(at, Step{}, nil)
	}
}

// Err returns the *Divergence that stopped the replay, nil if there was none.
func (r *Replay) Err() error {
	if r.err == nil {
		return nil
	}
	return r.err
}

func (r *Replay) same(want, got string) bool {
	return want == got || r.Same != nil && r.Same(want, got)
}

func (r *Replay) diverge(at int, got Step, held []Held) int {
	d := &Divergence{At: at, Got: got}
	if at < len(r.Schedule) {
		d.Want = r.Schedule[at]
	}
	for i := range held {
		d.Held = append(d.Held, held[i].Step)
	}
	r.err = d
	return Stop
}

// A Divergence is the first difference between a run and the schedule that it
// was to follow.
type Divergence struct {
	At   int    // index into the schedule
	Want Step   // what the schedule has there; zero if it has ended
	Got  Step   // the operation that the wanted actor is at; zero if it is not held
	Held []Step // all that were held; none if the run had ended
}

func (d *Divergence) Error() string {
	at := fmt.Sprintf("divergence at step %d: ", d.At+1)
	switch {
	case d.Want == (Step{}):
		return at + "the schedule has ended, but the run goes on with " + listed(d.Held)
	case d.Got != (Step{}):
		return fmt.Sprintf("%sthe schedule has %q, but actor %s is at %q", at, d.Want.Sig, d.Want.Actor, d.Got.Sig)
	case len(d.Held) == 0:
		return fmt.Sprintf("%sthe schedule has %q of actor %s, but the run has ended", at, d.Want.Sig, d.Want.Actor)
	}
	return fmt.Sprintf("%sthe schedule has %q of actor %s, which is not ready; ready: %s",
		at, d.Want.Sig, d.Want.Actor, listed(d.Held))
}

// listed names at most three of the steps.
func listed(steps []Step) string {
	const most = 3
	var b strings.Builder
	for i, s := range steps {
		if i == most {
			fmt.Fprintf(&b, " and %d more", len(steps)-most)
			break
		}
		if i > 0 {
			b.WriteString(", ")
		}
		fmt.Fprintf(&b, "%q of %s", s.Sig, s.Actor)
	}
	return b.String()
}
