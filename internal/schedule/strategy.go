package schedule

import (
	"errors"
	"fmt"
	"strings"

	"filerace/internal/op"
)

// Spec says which strategy to use and what it needs to know. All but the
// functions is kept in JSON, so that a hunt can be told and repeated.
type Spec struct {
	Name     string   `json:"name"`               // one of Names
	Seed     uint64   `json:"seed,omitempty"`     // random, pos, pct, directed: the same seed, the same choices
	Depth    int      `json:"depth,omitempty"`    // pct: from 1; 0: 2
	Actors   int      `json:"actors,omitempty"`   // pct: actors seen in earlier runs
	Steps    int      `json:"steps,omitempty"`    // pct: most decisions of an earlier run
	Goals    []Goal   `json:"goals,omitempty"`    // directed
	Tries    int      `json:"tries,omitempty"`    // directed: runs a goal; 0: DefaultTries
	Schedule Schedule `json:"schedule,omitempty"` // replay, follow
	Open     bool     `json:"open,omitempty"`     // replay: the run may go on after the schedule
	Runs     int      `json:"runs,omitempty"`     // replay: how many; 0: one

	Dependent func(a, b *op.Op) bool      `json:"-"` // pos; nil: op.Dependent
	Same      func(want, got string) bool `json:"-"` // replay; nil: equality
}

// names lists the strategies in the order in which they are explained to users.
var names = []struct {
	name string
	new  func(Spec) (Strategy, error)
}{
	{"fifo", func(Spec) (Strategy, error) { return FIFO{}, nil }},
	{"random", func(s Spec) (Strategy, error) { return NewRandom(s.Seed), nil }},
	{"pos", func(s Spec) (Strategy, error) { return NewPOS(s.Seed, s.Dependent), nil }},
	{"pct", newPCT},
	{"pct2", func(s Spec) (Strategy, error) { s.Depth = 2; return newPCT(s) }},
	{"pct3", func(s Spec) (Strategy, error) { s.Depth = 3; return newPCT(s) }},
	{"directed", newDirected},
	{"replay", newReplay},
	{"follow", func(s Spec) (Strategy, error) { return NewFollow(Blocks(s.Schedule)), nil }},
}

// Names returns the names that New knows.
func Names() []string {
	all := make([]string, len(names))
	for i, n := range names {
		all[i] = n.name
	}
	return all
}

// New returns the strategy that spec describes. The error says what is wrong
// with spec.
func New(spec Spec) (Strategy, error) {
	for _, n := range names {
		if n.name == spec.Name {
			return n.new(spec)
		}
	}
	return nil, fmt.Errorf("no strategy is called %q; there are %s", spec.Name, strings.Join(Names(), ", "))
}

func newPCT(s Spec) (Strategy, error) {
	if s.Depth == 0 {
		s.Depth = 2
	}
	if s.Depth < 1 {
		return nil, fmt.Errorf("pct: depth %d is not 1 or more", s.Depth)
	}
	return NewPCT(s.Seed, s.Depth, s.Actors, s.Steps), nil
}

func newDirected(s Spec) (Strategy, error) {
	d := NewDirected(s.Seed, s.Tries)
	for _, g := range s.Goals {
		d.Add(g)
	}
	return d, nil
}

func newReplay(s Spec) (Strategy, error) {
	if len(s.Schedule) == 0 {
		return nil, errors.New("replay needs a schedule")
	}
	return &Replay{Schedule: s.Schedule, Same: s.Same, Open: s.Open, Runs: s.Runs}, nil
}
