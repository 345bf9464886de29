package schedule

import (
	"slices"
	"strings"
	"testing"

	"filerace/internal/op"
)

// A program is what each actor does, in order. An operation is a verb and what
// it is about: r and w read and write (a number after them only tells two
// apart), lock waits until the lock is free, fork starts an actor, await is
// tried over and over until someone has written, without ever being blocked.
type program map[op.Actor][]string

// sim is one run of a program.
type sim struct {
	program program
	actors  []op.Actor // started, sorted
	at      map[op.Actor]int
	locks   map[string]op.Actor
	written map[string]bool
	done    Schedule
}

// endless is how many decisions a run may have before the test fails.
const endless = 5000

func start(p program) *sim {
	s := &sim{program: p, at: make(map[op.Actor]int), locks: make(map[string]op.Actor), written: make(map[string]bool)}
	forked := make(map[op.Actor]bool)
	for _, ops := range p {
		for _, o := range ops {
			if child, ok := strings.CutPrefix(o, "fork "); ok {
				forked[op.Actor(child)] = true
			}
		}
	}
	for a := range p {
		if !forked[a] {
			s.actors = append(s.actors, a)
		}
	}
	slices.Sort(s.actors)
	return s
}

// held returns the operations that would not block.
func (s *sim) held() []Held {
	var held []Held
	for _, a := range s.actors {
		if s.at[a] == len(s.program[a]) {
			continue
		}
		sig := s.program[a][s.at[a]]
		verb, about, _ := strings.Cut(sig, " ")
		if verb == "lock" && s.locks[about] != "" {
			continue
		}
		kind := op.Read
		if verb[0] == 'w' {
			kind = op.Write
		}
		held = append(held, Held{Step{a, sig}, &op.Op{Actor: a, Kind: kind, Path: about}})
	}
	return held
}

func (s *sim) step(h Held) {
	verb, about, _ := strings.Cut(h.Sig, " ")
	switch {
	case verb == "lock":
		s.locks[about] = h.Actor
	case verb == "unlock":
		delete(s.locks, about)
	case verb == "fork":
		s.actors = append(s.actors, op.Actor(about))
		slices.Sort(s.actors)
	case verb[0] == 'w':
		s.written[about] = true
	}
	if verb != "await" || s.written[about] {
		s.at[h.Actor]++
	}
	s.done = append(s.done, h.Step)
}

// dependent is the dependence of reads and writes.
func dependent(a, b *op.Op) bool {
	return a.Path == b.Path && (a.Kind == op.Write || b.Kind == op.Write)
}

// run runs the program once under the strategy, whose Begin must allow it.
func run(t testing.TB, p program, strategy Strategy) Schedule {
	t.Helper()
	if !strategy.Begin() {
		t.Fatal("Begin refuses another run")
	}
	s := start(p)
	for held := s.held(); len(held) > 0; held = s.held() {
		i := strategy.Pick(held, s.done)
		if i == Stop {
			break
		}
		s.step(held[i])
		if len(s.done) > endless {
			t.Fatalf("the run does not end; last decisions:\n%s", s.done[endless-10:])
		}
	}
	strategy.End(Outcome{Schedule: s.done})
	return s.done
}

// order is a schedule in one line: the actors' last characters, in order.
func order(s Schedule) string {
	var b strings.Builder
	for _, step := range s {
		b.WriteByte(step.Actor[len(step.Actor)-1])
	}
	return b.String()
}

// index returns the position of the actor's first step with the signature, or -1.
func index(s Schedule, a op.Actor, sig string) int { return slices.Index(s, Step{a, sig}) }

// inOrder reports whether the steps are there, one after the other.
func inOrder(s Schedule, steps ...Step) bool {
	for _, want := range steps {
		i := slices.Index(s, want)
		if i < 0 {
			return false
		}
		s = s[i+1:]
	}
	return true
}

// permutations calls f with each order of 1…n. Independent continuous draws come
// in each order of size with the same chance, so what a strategy does over all
// of them is exactly what it does at random: odds can be counted, not estimated.
func permutations(n int, f func([]uint64)) {
	draws := make([]uint64, n)
	for i := range draws {
		draws[i] = uint64(i + 1)
	}
	var each func(k int)
	each = func(k int) {
		if k == n {
			f(draws)
			return
		}
		for i := k; i < n; i++ {
			draws[k], draws[i] = draws[i], draws[k]
			each(k + 1)
			draws[k], draws[i] = draws[i], draws[k]
		}
	}
	each(0)
}

// drawing returns a source of the given draws.
func drawing(draws []uint64) func() uint64 {
	next := 0
	return func() uint64 { next++; return draws[next-1] }
}

// of returns the steps of one actor.
func of(s Schedule, a op.Actor) Schedule {
	var steps Schedule
	for _, step := range s {
		if step.Actor == a {
			steps = append(steps, step)
		}
	}
	return steps
}
