package schedule

import (
	"testing"

	"filerace/internal/op"
)

func opActor(r rune) op.Actor { return op.Actor(string(r)) }

// twice has four operations that all conflict: six orders.
var twice = program{"1": {"w1 x", "w2 x"}, "2": {"w3 x", "w4 x"}}

// The random walk gives an order the product of its decisions: 1/2 for each
// while both are there. 1122 has two such decisions, 1/4; 1212 has three, 1/8.
func TestRandomOdds(t *testing.T) {
	const runs = 8000
	got := make(map[string]int)
	r := NewRandom(1)
	for range runs {
		got[order(run(t, twice, r))]++
	}
	for order, odds := range map[string]int{"1122": 4, "2211": 4, "1212": 8, "1221": 8, "2121": 8, "2112": 8} {
		// The standard deviation is at most 39 runs; the seed is fixed, so this holds always or never.
		if n, want := got[order], runs/odds; n < want-120 || n > want+120 {
			t.Errorf("order %s: %d of %d runs, want about %d", order, n, runs, want)
		}
		delete(got, order)
	}
	if len(got) > 0 {
		t.Errorf("impossible orders: %v", got)
	}
}

var crowd = program{
	"1":     {"fork 1.1", "fork 1.2", "w x", "lock l", "r x", "unlock l"},
	"1.1":   {"r x", "w x", "lock l", "w y", "unlock l", "w y"},
	"1.2":   {"fork 1.2/2", "r y", "w y", "lock l", "unlock l"},
	"1.2/2": {"w x", "w y", "r x"},
}

func TestSameSeedSameOrders(t *testing.T) {
	goals := []Goal{
		{Steps: []Target{{"1.2/2", "r x", 1}, {"1.1", "r x", 1}, {"1", "w x", 1}}},
		{Steps: []Target{{"1.1", "w y", 2}, {"1.2/2", "w y", 1}, {"1.1", "w y", 1}}}, // cannot be met: three tries
	}
	for _, name := range []string{"random", "pos", "pct2", "pct3", "directed"} {
		spec := Spec{Name: name, Seed: 7, Dependent: dependent, Goals: goals}
		a, b := mustNew(t, spec), mustNew(t, spec)
		spec.Seed = 8
		c := mustNew(t, spec)
		differ := false
		for n := range 4 {
			x, y, z := run(t, crowd, a).String(), run(t, crowd, b).String(), run(t, crowd, c).String()
			if x != y {
				t.Errorf("%s: run %d has another order with the same seed:\n%s\n%s", name, n, x, y)
			}
			differ = differ || x != z
		}
		if !differ {
			t.Errorf("%s: four runs have the same orders with another seed", name)
		}
	}
}

// What a run draws does not move the runs after it.
func TestRunsHaveTheirOwnStreams(t *testing.T) {
	a, b := NewRandom(3), NewRandom(3)
	run(t, crowd, a)
	run(t, twice, b)
	if x, y := run(t, crowd, a).String(), run(t, crowd, b).String(); x != y {
		t.Errorf("the second run depends on the first:\n%s\n%s", x, y)
	}
}

func mustNew(t *testing.T, spec Spec) Strategy {
	t.Helper()
	s, err := New(spec)
	if err != nil {
		t.Fatal(err)
	}
	return s
}
