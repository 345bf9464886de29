package schedule

import (
	"fmt"
	"strings"

	"filerace/internal/op"
)

// Goal is an order that a run shall have: the targets one after the other, with
// whatever else between them.
type Goal struct {
	Steps []Target `json:"steps"`
	Why   string   `json:"why,omitempty"` // for people: which race or window it stands for
}

// Target is one operation of a run.
type Target struct {
	Actor op.Actor `json:"actor"`
	Sig   string   `json:"sig"`
	Nth   int      `json:"nth,omitempty"` // which decision of that actor with that signature, from 1; 0 means 1
}

// String returns the target as a line of text without newline.
func (t Target) String() string {
	s := Step{t.Actor, t.Sig}.String()
	if t.Nth > 1 {
		s += fmt.Sprintf("  #%d", t.Nth)
	}
	return s
}

// String returns the targets, one a line. Goals with the same text are the same goal.
func (g Goal) String() string {
	var b strings.Builder
	for _, t := range g.Steps {
		b.WriteString(t.String())
		b.WriteByte('\n')
	}
	return b.String()
}

// progress is how far a run has come with a goal.
type progress struct {
	goal    Goal
	seen    []int // by target: decisions of its actor with its signature so far
	current int   // the first target not reached; len(goal.Steps): all are
	read    int   // decisions taken note of
	missed  bool  // a target was reached before one that should precede it
}

func (p *progress) start(g Goal) {
	p.goal, p.current, p.read, p.missed = g, 0, 0, false
	p.seen = append(p.seen[:0], make([]int, len(g.Steps))...)
}

// note takes in the decisions since the last call.
func (p *progress) note(done Schedule) {
	for ; p.read < len(done); p.read++ {
		step := done[p.read]
		for i, t := range p.goal.Steps {
			if t.Actor != step.Actor || t.Sig != step.Sig {
				continue
			}
			p.seen[i]++
			if p.seen[i] == max(t.Nth, 1) && i != p.current {
				p.missed = true
			}
		}
		for p.current < len(p.goal.Steps) && p.reached(p.current) {
			p.current++
		}
	}
}

func (p *progress) reached(i int) bool { return p.seen[i] >= max(p.goal.Steps[i].Nth, 1) }

func (p *progress) met() bool { return p.current == len(p.goal.Steps) && !p.missed }

// target returns which target the step would be if it were taken now, or -1.
func (p *progress) target(s Step) int {
	for i := p.current; i < len(p.goal.Steps); i++ {
		t := p.goal.Steps[i]
		if t.Actor == s.Actor && p.seen[i]+1 == max(t.Nth, 1) && t.Sig == s.Sig {
			return i
		}
	}
	return -1
}
