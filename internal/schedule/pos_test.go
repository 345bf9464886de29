package schedule

import (
	"maps"
	"testing"

	"filerace/internal/op"
)

// counts runs a program over all draws and counts the orders.
func counts(t *testing.T, p program, draws int, dependent func(a, b *op.Op) bool) map[string]int {
	got := make(map[string]int)
	s := NewPOS(0, dependent)
	permutations(draws, func(draws []uint64) {
		s.draw = drawing(draws)
		got[order(run(t, p, s))]++
	})
	return got
}

func equalCounts(t *testing.T, got, want map[string]int) {
	t.Helper()
	if !maps.Equal(got, want) {
		t.Errorf("orders and how often: got %v, want %v", got, want)
	}
}

// Priorities that are never drawn anew (the paper's basic priority sampling)
// neglect orders in which the lead changes: 1212 needs w1 > w3 > w2 > w4, one of
// the 24 orders of four priorities; 1122 only that w3 be the least of the first
// three, 8 of 24. With the dependent ones drawn anew each decision is fair, and
// 1212 comes once in 8. At most 2+2+2+1 = 7 priorities are drawn: 5040 orders.
func TestPOSDrawsDependentAnew(t *testing.T) {
	never := func(_, _ *op.Op) bool { return false }
	equalCounts(t, counts(t, twice, 4, never), map[string]int{
		"1122": 8, "2211": 8, "1212": 1, "2121": 1, "1221": 3, "2112": 3})
	equalCounts(t, counts(t, twice, 7, dependent), map[string]int{
		"1122": 5040 / 4, "2211": 5040 / 4,
		"1212": 5040 / 8, "2121": 5040 / 8, "1221": 5040 / 8, "2112": 5040 / 8})
}

// The weakness of the random walk that POS is made against: one actor's
// single step has to wait for a long stretch of another's. The walk must turn it
// down at each of the 5 steps, once in 2^5 = 32 runs. For POS the first four
// steps race with nothing, so the single step keeps its priority: it comes last
// when that is the least of 6, in 1/6 of the runs. Its place is as good as any:
// it runs before the n-th step of the other with 1/6 each, too. Six priorities
// and one drawn anew after the race at the end make 7: 5040 orders.
func TestPOSKeepsIndependentPriorities(t *testing.T) {
	p := program{"1": {"w x"}, "2": {"w1 y", "w2 y", "w3 y", "w4 y", "r x"}}
	got := counts(t, p, 7, dependent)
	if n := got["222221"]; n != 5040/6 {
		t.Errorf("the single step came last in %d of 5040 runs, want %d", n, 5040/6)
	}
	if n := got["122222"]; n < 5040/6 {
		t.Errorf("the single step came first in %d of 5040 runs, want %d or more", n, 5040/6)
	}
}

// Without a relation of its own, POS asks op.Dependent: when two actors
// make one directory, the loser draws anew; when they only look, it does not.
func TestPOSAsksOpDependent(t *testing.T) {
	name := []op.Name{{Dir: op.FileID{Dev: 1, Ino: 2}, Base: "f"}}
	mkdir := func(a op.Actor) Held {
		return Held{Step{a, "mkdir f"}, &op.Op{Actor: a, Kind: op.Mkdir, Names: name}}
	}
	stat := func(a op.Actor) Held {
		return Held{Step{a, "stat f"}, &op.Op{Actor: a, Kind: op.Stat, Names: name}}
	}
	for _, tt := range []struct {
		held  []Held
		draws int
	}{
		{[]Held{mkdir("1"), mkdir("2")}, 3},
		{[]Held{stat("1"), stat("2")}, 2},
	} {
		p, draws := NewPOS(1, nil), 0
		p.draw = func() uint64 { draws++; return uint64(9 - draws) }
		p.Begin()
		p.Pick(tt.held, nil) // both draw, 1 wins
		p.Pick(tt.held[1:], nil)
		if draws != tt.draws {
			t.Errorf("%s: %d priorities drawn, want %d", tt.held[0].Sig, draws, tt.draws)
		}
	}
}

// An operation that was blocked in between draws anew; one that was held all the
// time does not.
func TestPOSBlockedOperationIsNew(t *testing.T) {
	draws := 0
	p := NewPOS(0, func(_, _ *op.Op) bool { return false })
	p.draw = func() uint64 { draws++; return uint64(100 - draws) }
	p.Begin()
	a, b, c := Held{Step: Step{"1", "a"}}, Held{Step: Step{"2", "b"}}, Held{Step: Step{"3", "c"}}
	for _, tt := range []struct {
		held  []Held
		draws int
	}{
		{[]Held{a, b, c}, 3}, // a runs
		{[]Held{a, c}, 4},    // b is blocked, a is new; c runs
		{[]Held{a, b}, 5},    // b is new
	} {
		p.Pick(tt.held, nil)
		if draws != tt.draws {
			t.Errorf("%d priorities drawn, want %d", draws, tt.draws)
		}
	}
}

func TestPickDoesNotAllocate(t *testing.T) {
	done := Schedule{{"1", "r1 x"}, {"2", "w x"}}
	held := start(program{"1": {"r1 x"}, "2": {"w x"}, "3": {"r2 x"}, "4": {"w y"}}).held()
	goal := Goal{Steps: []Target{{"1", "r1 x", 9}, {"2", "w x", 9}}}
	for _, name := range Names() {
		s := mustNew(t, Spec{Name: name, Dependent: dependent, Goals: []Goal{goal}, Schedule: append(done, Step{"3", "r2 x"})})
		s.Begin()
		s.Pick(held, done)
		if n := testing.AllocsPerRun(100, func() { s.Pick(held, done) }); n != 0 {
			t.Errorf("%s: %v allocations a decision", name, n)
		}
	}
}
