package hunt

import (
	"fmt"
	"slices"

	"filerace/internal/schedule"
)

// mixer decides which strategy makes the next run. In "auto" the directed goals
// come first, with an undirected run after every third of them: a race whose
// windows the plain run did not show must not wait for all others. When no goal
// is left, POS and PCT take turns.
type mixer struct {
	name   string
	seed   uint64
	turn   uint64
	actors int // most seen
	steps  int
	miss   float64 // product of 1 − bound over the PCT runs
	pct    int     // PCT runs counted in miss
}

var undirected = [...]string{"pos", "pct2", "pos", "pct3", "random"}

func (m *mixer) next(goals *goalQueue) (schedule.Spec, string) {
	m.turn++
	seed := m.seed*1_000_003 + m.turn
	name := m.name
	if name == "" || name == "auto" {
		name = undirected[m.turn%uint64(len(undirected))]
		if m.turn%4 != 0 {
			if g, ok := goals.take(); ok {
				return schedule.Spec{Name: "directed", Seed: seed, Goals: []schedule.Goal{g}, Tries: 1}, fmt.Sprintf("directed, %d goals left", goals.waiting())
			}
		}
	}
	if name == "directed" {
		if g, ok := goals.take(); ok {
			return schedule.Spec{Name: name, Seed: seed, Goals: []schedule.Goal{g}, Tries: 1}, "directed"
		}
		name = "pos"
	}
	return schedule.Spec{Name: name, Seed: seed, Actors: m.actors, Steps: m.steps}, name
}

// saw learns from a run how long runs are, and keeps PCT's bound: a run of depth
// d finds a given race of that depth with probability at least 1/(n·k^(d−1)).
func (m *mixer) saw(rep *Report) {
	m.actors, m.steps = max(m.actors, rep.Actors), max(m.steps, len(rep.Ran))
	if m.miss == 0 {
		m.miss = 1
	}
	if rep.Strategy == "pct2" && m.actors > 0 && m.steps > 0 {
		m.miss *= 1 - 1/(float64(m.actors)*float64(m.steps))
		m.pct++
	}
}

// tellingMiss is the largest probability of having missed a race that is worth telling.
const tellingMiss = 0.95

// bound says how far the runs got.
func (m *mixer) bound() string {
	if m.steps == 0 {
		return "no run had an order to choose: no file was used by two processes side by side and written by one of them"
	}
	text := fmt.Sprintf("runs had up to %d actors and %d decisions", m.actors, m.steps)
	if m.pct > 0 && m.miss < tellingMiss {
		text += fmt.Sprintf("; a race of depth 2 would have escaped the %d PCT runs with probability at most %.2g", m.pct, m.miss)
	}
	return text
}

// goalQueue holds the goals of directed runs: new shapes first, then those that
// were not met, up to three tries each.
type goalQueue struct {
	levels [3][]schedule.Goal
	known  map[string]bool
}

func newGoalQueue() *goalQueue { return &goalQueue{known: map[string]bool{}} }

func (q *goalQueue) add(goals []schedule.Goal) {
	for _, g := range goals {
		if key := g.String(); !q.known[key] {
			q.known[key] = true
			q.levels[0] = append(q.levels[0], g)
		}
	}
}

func (q *goalQueue) take() (schedule.Goal, bool) {
	for i := range q.levels {
		if len(q.levels[i]) > 0 {
			g := q.levels[i][0]
			q.levels[i] = q.levels[i][1:]
			return g, true
		}
	}
	return schedule.Goal{}, false
}

// tried puts a goal that a run missed back for a later try, by other free choices.
func (q *goalQueue) tried(s schedule.Spec, rep *Report) {
	if s.Name != "directed" || rep.GoalMet {
		return
	}
	key := s.Goals[0].String()
	for i := range q.levels[1:] {
		mark := fmt.Sprintf("%d %s", i, key)
		if !q.known[mark] {
			q.known[mark] = true
			q.levels[i+1] = append(q.levels[i+1], s.Goals[0])
			return
		}
	}
}

func (q *goalQueue) waiting() int {
	n := 0
	for _, l := range q.levels {
		n += len(l)
	}
	return n
}

func listed(names []string, most int) string {
	names = slices.Clone(names)
	s := ""
	for i, n := range names[:min(len(names), most)] {
		if i > 0 {
			s += ", "
		}
		s += n
	}
	if len(names) > most {
		s += fmt.Sprintf(" and %d more", len(names)-most)
	}
	return s
}
