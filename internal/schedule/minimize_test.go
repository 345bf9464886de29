package schedule

import (
	"slices"
	"strconv"
	"testing"
)

// Zeller and Hildebrandt's running example: of eight changes, 1, 7 and 8
// together make the failure.
func TestDdminPaperExample(t *testing.T) {
	tests := 0
	got := ddmin([]int{1, 2, 3, 4, 5, 6, 7, 8}, inTurn(func(c []int) bool {
		tests++
		return slices.Contains(c, 1) && slices.Contains(c, 7) && slices.Contains(c, 8)
	}))
	if !slices.Equal(got, []int{1, 7, 8}) {
		t.Errorf("got %v, want 1 7 8", got)
	}
	if worst := 8*8 + 3*8; tests > worst { // the paper's bound, n² + 3n
		t.Errorf("%d tests, at most %d are allowed", tests, worst)
	}
}

// Every subset of eight items is found, and nothing besides.
func TestDdminFindsAnySubset(t *testing.T) {
	items := []int{0, 1, 2, 3, 4, 5, 6, 7}
	for want := range 1 << len(items) {
		got := ddmin(items, inTurn(func(c []int) bool { return mask(c)&want == want }))
		if mask(got) != want {
			t.Errorf("want the items of %08b, got %v", want, got)
		}
	}
}

// inTurn asks about one candidate after the other.
func inTurn(test func([]int) bool) func(int, func(int) []int) int {
	return func(n int, candidate func(int) []int) int {
		for i := range n {
			if test(candidate(i)) {
				return i
			}
		}
		return -1
	}
}

// alone tries one wish at a time.
func alone(test func(Schedule) (Schedule, bool)) func([]Schedule) []Trial {
	return func(wishes []Schedule) []Trial {
		ran, harm := test(wishes[0])
		return []Trial{{ran, harm}}
	}
}

func mask(c []int) int {
	m := 0
	for _, i := range c {
		m |= 1 << i
	}
	return m
}

// harms are programs with a race, and the fewest switches that it takes, found
// by running every order there is.
var harms = []struct {
	name    string
	program program
	harm    func(Schedule) bool
}{
	{"lost update", program{"1": {"r1 f", "r g", "w1 f"}, "2": {"r2 f", "w2 f"}, "3": {"r g", "w h"}},
		func(s Schedule) bool { return inOrder(s, Step{"1", "r1 f"}, Step{"2", "w2 f"}, Step{"1", "w1 f"}) }},
	{"two switches inside", program{"1": {"r1 f", "r g", "w1 f", "r g"}, "2": {"r2 f", "r2 g", "w2 f", "w2 g"}},
		func(s Schedule) bool {
			return inOrder(s, Step{"1", "r1 f"}, Step{"2", "r2 g"}, Step{"1", "w1 f"}, Step{"2", "w2 f"})
		}},
	{"fork and lock", program{
		"1":   {"fork 1.1", "fork 1.2", "lock l", "r1 f", "unlock l", "w1 f"},
		"1.1": {"lock l", "r f", "unlock l"},
		"1.2": {"lock l", "w2 f", "unlock l"}},
		func(s Schedule) bool { return inOrder(s, Step{"1", "r1 f"}, Step{"1.2", "w2 f"}, Step{"1", "w1 f"}) }},
}

// fewest returns the least number of switches of a harmful order, over all orders.
func fewest(p program, harm func(Schedule) bool) int {
	best := -1
	var explore func(Schedule)
	explore = func(done Schedule) {
		s := start(p)
		for _, step := range done {
			s.step(Held{Step: step})
		}
		held := s.held()
		if n := done.Switches(); len(held) == 0 && harm(done) && (best < 0 || n < best) {
			best = n
		}
		for _, h := range held {
			explore(append(slices.Clip(done), h.Step))
		}
	}
	explore(nil)
	return best
}

// From any harmful random order the minimiser comes to the fewest switches.
func TestMinimizeFindsTheFewestSwitches(t *testing.T) {
	for _, tt := range harms {
		want := fewest(tt.program, tt.harm)
		r, found := NewRandom(5), 0
		for range 300 {
			s := run(t, tt.program, r)
			if !tt.harm(s) {
				continue
			}
			found++
			got := Minimize(s, 1000, 1, alone(func(wish Schedule) (Schedule, bool) {
				ran := run(t, tt.program, NewFollow(Blocks(wish)))
				return ran, tt.harm(ran)
			}))
			if !tt.harm(got) || got.Switches() != want {
				t.Errorf("%s: %s with %d switches, from %s; %d are enough",
					tt.name, order(got), got.Switches(), order(s), want)
			}
		}
		if found < 10 {
			t.Errorf("%s: only %d of the orders were harmful", tt.name, found)
		}
	}
}

// A block may have to move to the one before: 1.9 needs the fork and has to come
// before 2, and so has w1 x, so that none of them can wait for a later block.
func TestMinimizeJoinsWithThePreviousBlock(t *testing.T) {
	p := program{"1": {"fork 1.9", "w1 x", "w2 x"}, "1.9": {"w1 y", "w2 y"}, "2": {"r x"}}
	harm := func(s Schedule) bool {
		return inOrder(s, Step{"1", "w1 x"}, Step{"2", "r x"}, Step{"1", "w2 x"}) &&
			inOrder(s, Step{"1.9", "w1 y"}, Step{"2", "r x"}, Step{"1.9", "w2 y"})
	}
	s := Schedule{{"1", "fork 1.9"}, {"1.9", "w1 y"}, {"1", "w1 x"}, {"2", "r x"}, {"1", "w2 x"}, {"1.9", "w2 y"}}
	got := Minimize(s, 100, 1, alone(func(wish Schedule) (Schedule, bool) {
		ran := run(t, p, NewFollow(Blocks(wish)))
		return ran, harm(ran)
	}))
	if want := fewest(p, harm); !harm(got) || got.Switches() != want {
		t.Errorf("order %s has %d switches, want %d", order(got), got.Switches(), want)
	}
}

// Delta debugging drops many switches at once: of 199, two matter, and far fewer
// tests than switches find them.
func TestMinimizeLongSchedule(t *testing.T) {
	var s Schedule
	for i := range 100 {
		n := strconv.Itoa(i)
		s = append(s, Step{"1", "a" + n}, Step{"2", "b" + n})
	}
	got := Minimize(s, 60, 1, alone(func(wish Schedule) (Schedule, bool) {
		return wish, inOrder(wish, Step{"1", "a50"}, Step{"2", "b40"}, Step{"1", "a90"})
	}))
	if got.Switches() != 2 {
		t.Errorf("%d switches are left, want 2", got.Switches())
	}
}

func TestMinimizeKeepsItsLimit(t *testing.T) {
	s := run(t, crowd, NewRandom(2))
	for _, limit := range []int{0, 1, 7} {
		tests := 0
		got := Minimize(s, limit, 1, alone(func(wish Schedule) (Schedule, bool) {
			tests++
			return wish, false
		}))
		if tests > limit || !slices.Equal(got, s) {
			t.Errorf("limit %d: %d tests, and harmless schedules made\n%sof\n%s", limit, tests, got, s)
		}
	}
}

// A wish is an order of the same steps, each actor's in theirs.
func TestMinimizeWishesArePermutations(t *testing.T) {
	s := run(t, crowd, NewRandom(4))
	seen := make(map[string]bool)
	Minimize(s, 200, 1, alone(func(wish Schedule) (Schedule, bool) {
		if seen[wish.String()] {
			t.Errorf("tested twice:\n%s", wish)
		}
		seen[wish.String()] = true
		for a := range crowd {
			if !slices.Equal(of(wish, a), of(s, a)) {
				t.Errorf("the steps of %s are %v, want %v", a, of(wish, a), of(s, a))
			}
		}
		return wish, len(wish) == len(s) && wish[0] == s[0] && index(wish, "1.1", "w y") < index(wish, "1", "w x")
	}))
}

// However many wishes go side by side, and however few of them are done, the same
// schedule comes out.
func TestMinimizeSideBySide(t *testing.T) {
	for _, tt := range harms {
		r := NewRandom(7)
		for range 100 {
			s := run(t, tt.program, r)
			if !tt.harm(s) {
				continue
			}
			try := func(wish Schedule) Trial {
				ran := run(t, tt.program, NewFollow(Blocks(wish)))
				return Trial{ran, tt.harm(ran)}
			}
			want := Minimize(s, 1000, 1, func(wishes []Schedule) []Trial { return []Trial{try(wishes[0])} })
			for width := 2; width < 5; width++ {
				calls, most := 0, 0
				got := Minimize(s, 1000, width, func(wishes []Schedule) []Trial {
					calls, most = calls+1, max(most, len(wishes))
					trials := make([]Trial, 1+calls%len(wishes))
					for i := range trials {
						trials[i] = try(wishes[i])
					}
					return trials
				})
				if !slices.Equal(got, want) {
					t.Errorf("%s: %s with %d at a time, %s with one", tt.name, order(got), width, order(want))
				}
				if most > width {
					t.Errorf("%s: %d wishes at once, at most %d are allowed", tt.name, most, width)
				}
			}
		}
	}
}
