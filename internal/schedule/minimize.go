package schedule

import "filerace/internal/op"

// Minimize looks for a schedule that still does the harm with as few switches
// between actors as possible: a switch that is left is one that matters. It
// works on blocks of steps of one actor, first with delta debugging (see ddmin),
// then by joining single blocks with their actor's next or previous one, until
// neither helps or test was called limit times.
//
// test runs its argument as a wish (see Follow) and returns the schedule that
// really ran, and whether the harm was there. s is taken to do it.
func Minimize(s Schedule, limit int, test func(Schedule) (Schedule, bool)) Schedule {
	m := minimizer{best: s, left: limit, run: test, tried: map[string]bool{s.String(): true}}
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
	left  int // tests
	run   func(Schedule) (Schedule, bool)
	tried map[string]bool
}

// harmful tests a wish that was not tested before and keeps what ran if it is
// harmful and better than all before.
func (m *minimizer) harmful(wish Schedule) bool {
	key := wish.String()
	if m.left <= 0 || m.tried[key] {
		return false
	}
	m.tried[key] = true
	m.left--
	ran, harm := m.run(wish)
	if harm && less(ran, m.best) {
		m.best = ran
	}
	return harm
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
	ddmin(reaches(from), func(kept []reach) bool { return m.harmful(arrange(from, kept)) })
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
		again = false
		from := m.best
		all := reaches(from)
		for i := len(all) - 1; i >= 0 && !again; i-- {
			for _, order := range [][]reach{later(all, i), earlier(all, i)} {
				wish := arrange(from, order)
				if less(wish, from) && m.harmful(wish) && less(m.best, from) {
					again = true
					break
				}
			}
		}
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
