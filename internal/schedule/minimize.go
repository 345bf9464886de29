package schedule

import (
	"slices"

	"filerace/internal/op"
)

// A Trial is what became of a wish: the schedule that really ran, and whether the
// harm was there.
type Trial struct {
	Ran  Schedule
	Harm bool
}

// Minimize looks for a schedule that still does the harm with as few switches
// between actors as possible: a switch that is left is one that matters. It
// works on blocks of steps of one actor, first with delta debugging (see ddmin),
// then by joining single blocks with their actor's next or previous one, until
// neither helps or limit wishes were tried.
//
// try runs wishes (see Follow), up to width at once, in any order, and returns the
// trials of the first ones, at least of one. What comes out is the same as with
// one at a time, but that the limit is reached earlier. s is taken to do the harm.
func Minimize(s Schedule, limit, width int, try func([]Schedule) []Trial) Schedule {
	m := minimizer{best: s, left: limit, width: width, try: try, known: map[string]Trial{s.String(): {s, true}}}
	for m.left > 0 {
		before := m.best
		m.drop()
		m.join()
		if !less(m.best, before) {
			break
		}
	}
	return m.best
}

type minimizer struct {
	best  Schedule
	left  int // trials
	width int
	try   func([]Schedule) []Trial
	known map[string]Trial
}

// first returns the first of n wishes whose trial does, -1 if none does or no trial
// is left. It keeps what ran if that is harmful and better than all before.
func (m *minimizer) first(n int, wish func(int) Schedule, does func(Trial) bool) int {
	for from := 0; from < n; {
		t, ok := m.known[wish(from).String()]
		if !ok {
			if m.left <= 0 {
				return -1
			}
			m.explore(n, from, wish)
			continue
		}
		if t.Harm && less(t.Ran, m.best) {
			m.best = t.Ran
		}
		if does(t) {
			return from
		}
		from++
	}
	return -1
}

// explore tries wish from, which nobody has tried yet, and as many of the next ones
// as go side by side.
func (m *minimizer) explore(n, from int, wish func(int) Schedule) {
	var batch []Schedule
	var keys []string
	for i := from; i < n && len(batch) < min(m.width, m.left); i++ {
		w := wish(i)
		key := w.String()
		if _, ok := m.known[key]; !ok && !slices.Contains(keys, key) {
			batch, keys = append(batch, w), append(keys, key)
		}
	}
	for i, t := range m.try(batch) {
		m.known[keys[i]] = t
		m.left--
	}
}

// less orders schedules by switches, then preemptions, then length.
func less(a, b Schedule) bool {
	if x, y := a.Switches(), b.Switches(); x != y {
		return x < y
	}
	if x, y := a.Preemptions(), b.Preemptions(); x != y {
		return x < y
	}
	return len(a) < len(b)
}

// A reach is a block as the minimiser sees it: run the actor until it has made
// so many steps of the schedule. A reach that is dropped is made up for by the
// actor's next one.
type reach struct {
	actor op.Actor
	steps int // of the actor, from the beginning
}

// drop removes blocks by delta debugging.
func (m *minimizer) drop() {
	from := m.best
	ddmin(reaches(from), func(n int, kept func(int) []reach) int {
		return m.first(n, func(i int) Schedule { return arrange(from, kept(i)) }, func(t Trial) bool { return t.Harm })
	})
}

func reaches(s Schedule) []reach {
	var all []reach
	count := make(map[op.Actor]int)
	for _, b := range Blocks(s) {
		count[b.Actor] += b.Steps
		all = append(all, reach{b.Actor, count[b.Actor]})
	}
	return all
}

// arrange puts the steps of s, each actor's in their order, in the order of the
// reaches. What they leave follows without preemption: first the rest of the
// last actor, then that of the others in the order in which they end in s.
func arrange(s Schedule, order []reach) Schedule {
	steps := make(map[op.Actor]Schedule)
	for _, step := range s {
		steps[step.Actor] = append(steps[step.Actor], step)
	}
	out, taken := make(Schedule, 0, len(s)), make(map[op.Actor]int)
	upTo := func(a op.Actor, n int) {
		if from := taken[a]; from < n {
			out = append(out, steps[a][from:n]...)
			taken[a] = n
		}
	}
	for _, r := range order {
		upTo(r.actor, r.steps)
	}
	if len(out) > 0 {
		last := out[len(out)-1].Actor
		upTo(last, len(steps[last]))
	}
	for _, r := range reaches(s) {
		if r.steps == len(steps[r.actor]) {
			upTo(r.actor, r.steps)
		}
	}
	return out
}

// join moves single blocks to their actor's next or previous block, the later
// blocks first, as harm tends to be late. It starts over after each success.
func (m *minimizer) join() {
	for again := true; again && m.left > 0; {
		from := m.best
		all := reaches(from)
		var wishes []Schedule
		for i := len(all) - 1; i >= 0; i-- {
			for _, order := range [][]reach{later(all, i), earlier(all, i)} {
				if wish := arrange(from, order); less(wish, from) {
					wishes = append(wishes, wish)
				}
			}
		}
		better := func(t Trial) bool { return t.Harm && less(t.Ran, from) }
		again = m.first(len(wishes), func(i int) Schedule { return wishes[i] }, better) >= 0
	}
}

// later drops reach i, so that its steps wait for the actor's next one.
func later(all []reach, i int) []reach {
	return append(append([]reach(nil), all[:i]...), all[i+1:]...)
}

// earlier extends the actor's previous reach over reach i.
func earlier(all []reach, i int) []reach {
	for j := i - 1; j >= 0; j-- {
		if all[j].actor == all[i].actor {
			out := later(all, i)
			out[j].steps = all[i].steps
			return out
		}
	}
	return all
}
