package schedule

import (
	"math"
	"testing"
)

// pctCount runs p over all priorities of its actors and all change points, which
// are equally likely, and counts the runs that are harmful.
func pctCount(t *testing.T, p program, depth, actors, steps int, harm func(Schedule) bool) (harmful, all int) {
	s := NewPCT(0, depth, actors, steps)
	points := int(math.Pow(float64(steps), float64(depth-1)))
	for n := range points {
		permutations(actors, func(draws []uint64) {
			rest := n
			s.draw = drawing(draws)
			s.point = func(k int) int { x := rest % k; rest /= k; return x }
			all++
			if harm(run(t, p, s)) {
				harmful++
			}
		})
	}
	return harmful, all
}

// The kinds of bug with which the paper explains depth. The odds:
//
// Ordering, depth 1: the child uses what its parent sets up after the fork. It
// does so too early when its priority is the higher one: 1/n = 1/2.
//
// Atomicity, depth 2: a check and a use, and a removal between them. The checking
// actor has to be the first, 1/2, and to fall after step 1 of 3, 1/3: the bound
// 1/(n·k) = 1/6 exactly.
//
// Deadlock, depth 2: two locks in opposite order. Whichever actor is first, it
// has to fall after step 1 of 8: 1/8, twice the bound, as either will do.
//
// Lead changes, depth 3: 1212 has to begin with 1, 1/2, and to have its change
// points after steps 1 and 2 of 4, in this order: 1/(2·4²) = 1/32, the bound.
func TestPCTOdds(t *testing.T) {
	for _, tt := range []struct {
		name                 string
		program              program
		depth, actors, steps int
		harm                 func(Schedule) bool
		harmful, all         int
	}{
		{"ordering", program{"1": {"fork 1.1", "w x"}, "1.1": {"r x"}}, 1, 2, 3,
			func(s Schedule) bool { return inOrder(s, Step{"1.1", "r x"}, Step{"1", "w x"}) }, 1, 2},
		{"atomicity", program{"1": {"r1 x", "r2 x"}, "2": {"w x"}}, 2, 2, 3,
			func(s Schedule) bool { return order(s) == "121" }, 1, 6},
		{"deadlock", program{
			"1": {"lock a", "lock b", "unlock b", "unlock a"},
			"2": {"lock b", "lock a", "unlock a", "unlock b"}}, 2, 2, 8,
			func(s Schedule) bool { return len(s) == 2 }, 2, 16},
		{"lead changes", twice, 3, 2, 4,
			func(s Schedule) bool { return order(s) == "1212" }, 1, 32},
	} {
		harmful, all := pctCount(t, tt.program, tt.depth, tt.actors, tt.steps, tt.harm)
		if harmful != tt.harmful || all != tt.all {
			t.Errorf("%s: %d of %d runs meet it, want %d of %d", tt.name, harmful, all, tt.harmful, tt.all)
		}
		if odds, least := float64(harmful)/float64(all), bound(tt.actors, tt.steps, tt.depth); odds < least {
			t.Errorf("%s: odds %v are below the bound %v", tt.name, odds, least)
		}
	}
}

// The actor that makes step k_i falls to priority d-i right after it. With 1
// ahead of 2 at first: a point in the middle of 1 hands over to 2 for good, one
// after it comes too late; of two points, the first leaves its actor above the
// second's, whichever comes earlier in the run.
func TestPCTChangePoints(t *testing.T) {
	for _, tt := range []struct {
		points []int // k_1, k_2
		want   string
	}{
		{[]int{1}, "1221"}, {[]int{2}, "1122"}, {[]int{4}, "1122"},
		{[]int{1, 2}, "1212"}, {[]int{2, 1}, "1221"}, {[]int{1, 1}, "1221"},
	} {
		p, next := NewPCT(0, 1+len(tt.points), 2, 4), 0
		p.draw = drawing([]uint64{2, 1})
		p.point = func(int) int { next++; return tt.points[next-1] - 1 }
		if got := order(run(t, twice, p)); got != tt.want {
			t.Errorf("points %v: order %s, want %s", tt.points, got, tt.want)
		}
	}
}

func TestPCTKeepsTheMissBound(t *testing.T) {
	p := NewPCT(5, 2, 0, 0)
	if p.Bound() != 0 || p.Missed() != 1 {
		t.Errorf("before any run: bound %v, missed %v; want 0 and 1", p.Bound(), p.Missed())
	}
	run(t, twice, p) // nothing was known of the length, so nothing was promised
	if want := 1.0 / (2 * 4); p.Bound() != want || p.Missed() != 1 {
		t.Errorf("after the first run: bound %v, missed %v; want %v and 1", p.Bound(), p.Missed(), want)
	}
	run(t, twice, p)
	run(t, twice, p)
	if want := (1 - 1.0/8) * (1 - 1.0/8); p.Missed() != want {
		t.Errorf("after two more: missed %v, want %v", p.Missed(), want)
	}
	before := p.Missed()
	run(t, program{"1": {"w x"}, "2": {"w x"}, "3": {"w x", "w x", "w x"}}, p) // longer than was known
	if p.Missed() != before {
		t.Errorf("a run of unforeseen length counts: missed %v, want %v", p.Missed(), before)
	}
	if want := 1.0 / (3 * 5); p.Bound() != want {
		t.Errorf("bound %v after 3 actors and 5 steps were seen, want %v", p.Bound(), want)
	}
}

// The actor that retries without a sleep must not keep the other from ever
// running; such a run promises nothing.
func TestRetryLoopsEnd(t *testing.T) {
	p := program{"1": {"await x", "w y"}, "2": {"r z", "w x"}}
	for _, s := range []Strategy{FIFO{}, NewRandom(1), NewFollow(nil)} {
		run(t, p, s)
	}
	least := NewPOS(1, dependent)
	least.draw = func() uint64 { return 5 } // 2, which draws once at first, never beats 1
	run(t, p, least)
	s := NewPCT(1, 2, 2, endless)
	for range 10 {
		before := s.Missed()
		if done := run(t, p, s); len(done) >= circleSteps && s.Missed() != before {
			t.Errorf("a run of %d steps in a circle counts", len(done))
		}
	}
	d := NewDirected(1, 1)
	d.Add(Goal{Steps: []Target{{"1", "w y", 1}, {"2", "r z", 1}}})
	run(t, p, d)
}
