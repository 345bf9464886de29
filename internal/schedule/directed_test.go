package schedule

import (
	"slices"
	"testing"
)

// steered runs the goal until it is met or given up, and returns the last run
// and how many there were.
func steered(t *testing.T, p program, g Goal) (last Schedule, runs int, met bool) {
	t.Helper()
	d := NewDirected(1, 0)
	if !d.Add(g) {
		t.Fatal("the goal was not taken")
	}
	for d.Waiting() > 0 {
		last = run(t, p, d)
		runs++
	}
	if d.Begin() {
		t.Error("Begin allows a run without a goal")
	}
	return last, runs, d.Met()
}

func TestDirectedMeetsGoals(t *testing.T) {
	for _, tt := range []struct {
		name    string
		program program
		goal    []Target
	}{
		{"between check and use", program{"1.1": {"r f", "w1 f"}, "1.2": {"r f", "w2 f"}},
			[]Target{{"1.1", "r f", 1}, {"1.2", "w2 f", 1}, {"1.1", "w1 f", 1}}},
		{"the lower actor last", program{"1.1": {"w1 f"}, "1.2": {"r g", "r g", "w2 f"}},
			[]Target{{"1.2", "w2 f", 1}, {"1.1", "w1 f", 1}}},
		{"third occurrence", program{"1.1": {"r f", "r f", "r f", "r f"}, "1.2": {"w f"}},
			[]Target{{"1.1", "r f", 3}, {"1.2", "w f", 1}, {"1.1", "r f", 4}}},
		{"target not forked yet", program{"1": {"r x", "fork 1.1", "w f"}, "1.1": {"fork 1.1.1"}, "1.1.1": {"r f"}},
			[]Target{{"1.1.1", "r f", 1}, {"1", "w f", 1}}},
		{"target waits for a stranger's lock", program{
			"1":   {"fork 1.1", "lock l", "r x", "unlock l"},
			"1.1": {"lock l", "w f", "unlock l"}, "2": {"r f"}},
			[]Target{{"1", "r x", 1}, {"1.1", "w f", 1}, {"2", "r f", 1}}},
		{"a retrying actor in the way", program{"1.1": {"await x", "r f"}, "1.2": {"w x"}, "1.3": {"w f"}},
			[]Target{{"1.1", "r f", 1}, {"1.3", "w f", 1}}},
		{"three actors", program{"1": {"r1 f", "w1 f"}, "2": {"r2 f", "w2 f"}, "3": {"r3 f", "w3 f"}},
			[]Target{{"3", "r3 f", 1}, {"2", "r2 f", 1}, {"1", "w1 f", 1}, {"2", "w2 f", 1}, {"3", "w3 f", 1}}},
	} {
		done, runs, met := steered(t, tt.program, Goal{Steps: tt.goal})
		if !met || runs != 1 {
			t.Errorf("%s: met %v after %d runs, want it met by the first:\n%s", tt.name, met, runs, done)
		}
		// The second opinion: the last target was last in the schedule, too.
		at := -1
		for _, target := range tt.goal {
			i := nth(done, target)
			if i <= at {
				t.Errorf("%s: %v is out of order in\n%s", tt.name, target, done)
			}
			at = i
		}
	}
}

// nth returns the position of the target in the schedule, -1 if it is not there.
func nth(s Schedule, target Target) int {
	n := target.Nth
	for i, step := range s {
		if step == (Step{target.Actor, target.Sig}) {
			if n--; n == 0 {
				return i
			}
		}
	}
	return -1
}

// Goals that the program cannot meet end all the same, after three runs each.
func TestDirectedGivesUp(t *testing.T) {
	for _, tt := range []struct {
		name    string
		program program
		goal    []Target
	}{
		{"against program order", program{"1": {"r f", "w f"}, "2": {"r f"}},
			[]Target{{"1", "w f", 1}, {"1", "r f", 1}}},
		{"before the fork", program{"1": {"fork 1.1"}, "1.1": {"r f"}},
			[]Target{{"1.1", "r f", 1}, {"1", "fork 1.1", 1}}},
		{"inside a critical section", program{"1": {"lock l", "w1 f", "w2 f", "unlock l"}, "2": {"lock l", "r f", "unlock l"}},
			[]Target{{"1", "w1 f", 1}, {"2", "r f", 1}, {"1", "w2 f", 1}}},
		{"no such step", program{"1": {"r f"}, "2": {"w f"}},
			[]Target{{"2", "unlink f", 1}, {"1", "r f", 1}}},
		{"retries until the held-back one has run", program{"1": {"await x", "w f"}, "2": {"w x"}},
			[]Target{{"1", "w f", 1}, {"2", "w x", 1}}},
	} {
		done, runs, met := steered(t, tt.program, Goal{Steps: tt.goal})
		if met || runs != DefaultTries {
			t.Errorf("%s: met %v after %d runs, want it given up after %d:\n%s", tt.name, met, runs, DefaultTries, done)
		}
		total := 0
		for _, ops := range tt.program {
			total += len(ops)
		}
		if len(done) < total {
			t.Errorf("%s: the run stopped early:\n%s", tt.name, done)
		}
	}
}

// Two actors that retry in turns wait for what is held back.
func TestDirectedPatienceEnds(t *testing.T) {
	d := NewDirected(1, 1)
	d.Add(Goal{Steps: []Target{{"9", "never", 1}, {"3", "w x", 1}}})
	d.Begin()
	held := []Held{{Step: Step{"1", "await x"}}, {Step: Step{"2", "await x"}}, {Step: Step{"3", "w x"}}}
	var done Schedule
	for len(done) <= patience+1 {
		i := d.Pick(held, done)
		if i == 2 {
			return
		}
		done = append(done, held[i].Step)
	}
	t.Error("the operation is held back for ever")
}

// If all are held back, the one of the earliest target goes.
func TestDirectedLetsTheEarliestGo(t *testing.T) {
	d := NewDirected(1, 1)
	d.Add(Goal{Steps: []Target{{"9", "never", 1}, {"2", "w x", 1}, {"1", "w x", 1}, {"3", "w x", 1}}})
	p := program{"1": {"w x"}, "2": {"w x"}, "3": {"w x"}}
	if got := order(run(t, p, d)); got != "213" {
		t.Errorf("order %s, want 213", got)
	}
}

// While the target's actor waits, its kin gets four turns for one of a stranger.
func TestDirectedFreeChoices(t *testing.T) {
	d := NewDirected(1, 1)
	d.Add(Goal{Steps: []Target{{"2.1", "w x", 1}}})
	d.Begin()
	held := []Held{{Step: Step{"1", "r x"}}, {Step: Step{"2", "r x"}}}
	var done Schedule
	for range 12 {
		done = append(done, held[d.Pick(held, done)].Step)
	}
	if got := order(done); got != "122221222212" {
		t.Errorf("order %s, want 122221222212", got)
	}
}

// Only the occurrence that the goal names is a target.
func TestProgressCountsOccurrences(t *testing.T) {
	var p progress
	read := Step{"1", "r f"}
	p.start(Goal{Steps: []Target{{"2", "w f", 1}, {"1", "r f", 3}}})
	done := Schedule{}
	for n, want := range []int{-1, -1, 1, -1} {
		p.note(done)
		if got := p.target(read); got != want {
			t.Errorf("occurrence %d is target %d, want %d", n+1, got, want)
		}
		done = append(done, read)
	}
	if p.note(append(done, Step{"2", "w f"})); p.met() {
		t.Error("a goal whose targets came in the wrong order is met")
	}
}

func TestDirectedGoesOnWithoutPreemption(t *testing.T) {
	p := program{"1": {"r f", "w1 f", "r g", "r g"}, "2": {"w2 f", "r g", "r g"}}
	done, _, _ := steered(t, p, Goal{Steps: []Target{{"1", "r f", 1}, {"2", "w2 f", 1}}})
	if got := order(done); got != "1222111" {
		t.Errorf("order %s, want 1222111", got)
	}
}

// All goals get their first try before any gets its second; the same goal is
// taken once, whatever its reason.
func TestDirectedQueue(t *testing.T) {
	d := NewDirected(1, 2)
	never := Goal{Steps: []Target{{"1", "never", 1}}, Why: "a"}
	other := Goal{Steps: []Target{{"1", "r f", 1}}, Why: "b"}
	if !d.Add(never) || !d.Add(other) || d.Add(Goal{Steps: never.Steps, Why: "c"}) || d.Add(Goal{}) {
		t.Error("the queue took the wrong goals")
	}
	var why []string
	for d.Begin() {
		why = append(why, d.Goal().Why)
		d.End(Outcome{Schedule: Schedule{{"1", "r f"}}})
		if met := d.Goal().Why == "b"; d.Met() != met {
			t.Errorf("goal %s: met %v", d.Goal().Why, d.Met())
		}
	}
	if !slices.Equal(why, []string{"a", "b", "a"}) {
		t.Errorf("tried %v", why)
	}
	if d.Add(other) {
		t.Error("a goal is taken again after its tries")
	}
}
