package world_test

import (
	"strconv"
	"testing"

	"filerace/internal/op"
	"filerace/internal/world"
	"filerace/internal/world/worldtest"
)

// scene is a script that has been applied, with what rules would have kept of
// each operation.
type scene struct {
	*world.World
	t       *testing.T
	ops     []*op.Op
	effects []kept
}

// kept is a copy of an Effect: the world reuses its own.
type kept struct {
	world.Effect
	removed, gone, forgotten []*world.File
	over, again, dropped     []world.Seg
	freed, trap              []world.Lock
	closed                   int
}

func play(t *testing.T, script string) *scene {
	t.Helper()
	s := &scene{World: world.New(), t: t, ops: worldtest.Ops(t, script)}
	for _, o := range s.ops {
		s.apply(o)
	}
	return s
}

func (s *scene) apply(o *op.Op) kept {
	s.Enter(o)
	e := s.Apply(o)
	k := kept{Effect: *e, closed: len(e.Closed)}
	k.removed = append(k.removed, e.Removed...)
	k.gone = append(k.gone, e.Gone...)
	k.forgotten = append(k.forgotten, s.Forgotten()...)
	k.over = append(k.over, e.Over...)
	k.again = append(k.again, e.Again...)
	k.dropped = append(k.dropped, e.Dropped...)
	for _, l := range e.Freed {
		k.freed = append(k.freed, *l)
	}
	for _, l := range e.Trap {
		k.trap = append(k.trap, *l)
	}
	s.effects = append(s.effects, k)
	return k
}

// at is the effect of the operation with that Seq.
func (s *scene) at(seq int) *kept {
	s.t.Helper()
	for i := range s.effects {
		if s.effects[i].Op.Seq == seq {
			return &s.effects[i]
		}
	}
	s.t.Fatalf("no operation %d in %d", seq, len(s.effects))
	return nil
}

// find is the effect of the n-th operation (from 1) of that kind and actor.
func (s *scene) find(a op.Actor, k op.Kind, n int) *kept {
	s.t.Helper()
	for i := range s.effects {
		if o := s.effects[i].Op; o.Actor == a && o.Kind == k {
			if n--; n == 0 {
				return &s.effects[i]
			}
		}
	}
	s.t.Fatalf("%s has no such operation of kind %d", a, k)
	return nil
}

// spans prints the ranges of segments.
func spans(segs []world.Seg) string {
	out := ""
	for _, s := range segs {
		out += "[" + strconv.FormatInt(s.Lo, 10) + "," + strconv.FormatInt(s.Hi, 10) + ")" + string(s.By.Actor) + " "
	}
	return out
}

func lockSpans(locks []*world.Lock) string {
	out := ""
	for _, l := range locks {
		hi := strconv.FormatInt(l.Hi, 10)
		if l.Hi == op.MaxOffset {
			hi = "end"
		}
		out += string(l.Proc) + ":" + []string{"UN", "SH", "EX"}[l.Mode] + "[" + strconv.FormatInt(l.Lo, 10) + "," + hi + ") "
	}
	return out
}
