package hunt

import (
	"filerace/internal/op"
	"filerace/internal/race"
	"filerace/internal/schedule"
	"filerace/internal/tracee"
	"filerace/internal/world"
)

// MaxDecisions ends a run that never does: actors that retry for each other's
// sake without sleeping.
const MaxDecisions = 50000

// turns is how many decisions in a row one actor gets while others are held: a
// loop that polls without sleeping must not starve the one that it polls for.
const turns = 200

// runner is the handler of one run.
type runner struct {
	plan     *Plan
	world    *world.World
	rules    *race.Detector
	names    *naming
	strategy schedule.Strategy
	shared   map[string]bool
	done     schedule.Schedule
	held     []schedule.Held
	inARow   int
	order    uint64            // of the run so far: equal for runs that differ in independent operations only
	chains   map[string]uint64 // by object: its operations so far
	report   Report

	learn   *sharing
	windows *windows
	outside *outside
	marked  map[string]bool               // unmodelled calls
	step    func(r *runner, next int) int // a person's leave for the next decision
	watch   func(o *op.Op, e *world.Effect)
}

func newRunner(p *Plan, s schedule.Strategy, n *naming, scratch string) *runner {
	r := &runner{
		plan: p, world: world.New(), rules: race.New(), names: n, strategy: s,
		shared: map[string]bool{}, marked: map[string]bool{}, chains: map[string]uint64{}, outside: newOutside(n, scratch),
	}
	for _, key := range p.Shared {
		r.shared[key] = true
	}
	if p.Learn {
		r.learn, r.windows = newSharing(), newWindows()
	}
	return r
}

// Enter implements tracee.Handler.
func (r *runner) Enter(o *op.Op) tracee.Verdict {
	r.world.Enter(o)
	r.names.entering(o)
	if r.plan.InTurn && (len(o.Names) > 0 || o.FD >= 0) || decides(r.names, r.shared, o) {
		return tracee.Hold
	}
	return tracee.Through
}

// Ready implements tracee.Handler.
func (r *runner) Ready(o *op.Op) bool {
	r.world.Enter(o)
	return len(r.world.Blocked(o)) == 0
}

// Deadlocks implements tracee.Handler.
func (r *runner) Deadlocks(o *op.Op) bool { return r.world.Deadlock(o) != nil }

// Waits implements tracee.Handler: the actor's wait is an event of its own.
func (r *runner) Waits(o *op.Op) {
	w := *o
	w.Waits, w.Seq = true, 0
	w.Exit = w.Enter
	r.take(&w)
}

// Pick implements tracee.Handler.
func (r *runner) Pick(ops []*op.Op) int {
	if len(r.done) >= MaxDecisions {
		r.report.Endless = true
		return tracee.Stop
	}
	r.held = r.held[:0]
	index := make([]int, 0, len(ops))
	for i, o := range ops {
		r.world.Enter(o)
		if r.inARow >= turns && len(ops) > 1 && o.Actor == r.done[len(r.done)-1].Actor && r.plan.Strategy.Name != "replay" {
			continue
		}
		step := schedule.Step{Actor: o.Actor, Sig: op.Signature(o, r.names.name)}
		r.held, index = append(r.held, schedule.Held{Step: step, Op: o}), append(index, i)
	}
	i := r.strategy.Pick(r.held, r.done)
	if i == schedule.Stop {
		return tracee.Stop
	}
	if r.step != nil {
		if answer := r.step(r, i); answer != i {
			return answer
		}
	}
	r.let(r.held[i].Step, r.held[i].Op)
	return index[i]
}

func (r *runner) let(s schedule.Step, o *op.Op) {
	for _, a := range op.Accesses(o) {
		if key := r.names.key(&a); r.shared[key] {
			h := fnv(fnv(r.chains[key], string(s.Actor)), s.Sig)
			r.order += h - r.chains[key]
			r.chains[key] = h
		}
	}
	if n := len(r.done); n > 0 && r.done[n-1].Actor == s.Actor {
		r.inARow++
	} else {
		r.inARow = 0
	}
	r.done = append(r.done, s)
}

// Done implements tracee.Handler.
func (r *runner) Done(o *op.Op) { r.take(o) }

// take lets an operation count: in the world, for the rules, for what is learnt.
func (r *runner) take(o *op.Op) {
	r.report.OpCount++
	o.Seq = r.report.OpCount
	r.world.Enter(o)
	e := r.world.Apply(o)
	r.rules.Step(r.world, e)
	switch {
	case o.Kind == op.Inherit:
		r.names.born(o.PID, o.Actor)
	case o.Kind == op.Fork && !o.Failed() && !o.Thread:
		r.names.born(int(o.Ret), o.Child)
	}
	if o.Call != nil && o.Call.Note != "" && o.Kind == op.Mmap {
		r.marked[o.Call.Name] = true
	}
	r.outside.see(o, e)
	if r.learn != nil {
		r.learn.see(r.names, o, e)
		r.windows.see(r.names, o, e)
	}
	if r.plan.KeepOps {
		r.report.Ops = append(r.report.Ops, o)
	}
	if r.watch != nil {
		r.watch(o, e)
	}
}

// fnv folds text into a hash (FNV-1a).
func fnv(h uint64, text string) uint64 {
	if h == 0 {
		h = 14695981039346656037
	}
	for i := range len(text) {
		h = (h ^ uint64(text[i])) * 1099511628211
	}
	return h
}
