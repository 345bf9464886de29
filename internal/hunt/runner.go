package hunt

import (
	"slices"
	"strconv"
	"strings"

	"filerace/internal/op"
	"filerace/internal/race"
	"filerace/internal/schedule"
	"filerace/internal/trace/saved"
	"filerace/internal/tracee"
	"filerace/internal/world"
)

// MaxDecisions ends a run that never does: actors that retry for each other's
// sake without sleeping.
const MaxDecisions = 50000

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
	since    map[*op.Op]int    // decisions made when the operation was first held
	order    uint64            // of the run so far: equal for runs that differ in independent operations only
	chains   map[string]uint64 // by object: its operations so far
	report   Report
	favoured op.Actor // an actor that was held too long,
	favours  int      // and for how many decisions it goes first

	decided []int32 // by Seq: decisions made so far
	learn   *sharing
	windows *windows
	room    *race.Room // nil: it is not the only run
	outside *outside
	marked  map[string]bool               // unmodelled calls
	step    func(r *runner, next int) int // a person's leave for the next decision
	saved   *saved.Writer                 // keeps the run on disk; nil: nobody asked
}

func newRunner(p *Plan, s schedule.Strategy, n *naming, scratch string) *runner {
	r := &runner{
		plan: p, world: world.New(), rules: race.New(), names: n, strategy: s,
		shared: map[string]bool{}, since: map[*op.Op]int{}, marked: map[string]bool{}, chains: map[string]uint64{}, outside: newOutside(n, scratch),
	}
	for _, key := range p.Shared {
		r.shared[key] = true
	}
	if p.Learn {
		r.learn, r.windows = newSharing(), newWindows()
		r.windows.inside = p.Inside
	}
	if p.Single {
		r.room = race.NewRoom()
	}
	return r
}

// Enter implements tracee.Handler.
func (r *runner) Enter(o *op.Op) tracee.Verdict {
	o.Actor = o.Actor.Process()
	r.world.Enter(o)
	r.names.entering(o)
	if o.Kind == op.Close && r.world.OFD(o.Actor, o.FD) == nil {
		return tracee.Through // daemons close thousands of descriptors that are not open
	}
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
	if len(r.done) >= MaxDecisions && !r.plan.InTurn {
		r.report.Endless = true
		return tracee.Stop
	}
	r.held = r.held[:0]
	for _, o := range ops {
		r.world.Enter(o)
		step := schedule.Step{Actor: o.Actor, Sig: op.Signature(o, r.names.name)}
		r.held = append(r.held, schedule.Held{Step: step, Op: o})
	}
	slices.SortStableFunc(r.held, func(a, b schedule.Held) int {
		if a.Actor != b.Actor {
			return 0 // they come sorted by actor
		}
		return strings.Compare(a.Sig, b.Sig)
	})
	i := r.overdue()
	if i < 0 {
		i = r.strategy.Pick(r.held, r.done)
	}
	if i == schedule.Stop {
		return tracee.Stop
	}
	if r.step != nil {
		if answer := r.step(r, i); answer != i {
			return answer
		}
	}
	r.let(r.held[i].Step, r.held[i].Op)
	return slices.Index(ops, r.held[i].Op)
}

// overdue returns the operation that has been held for longer than the plan
// allows, or -1. Programs that retry until another has done its part, each time
// perhaps in a new process, would otherwise be kept from it for ever, give up, and
// look as if they had failed: no scheduler is that unfair.
func (r *runner) overdue() int {
	oldest, age := -1, r.plan.Patience
	for i := range r.held {
		since, ok := r.since[r.held[i].Op]
		if !ok {
			since = len(r.done)
			r.since[r.held[i].Op] = since
		}
		if a := len(r.done) - since; r.plan.Patience > 0 && a > age {
			oldest, age = i, a
		}
	}
	if oldest >= 0 {
		r.favoured, r.favours = r.held[oldest].Actor, favours
		return oldest
	}
	if r.favours > 0 {
		r.favours--
		return slices.IndexFunc(r.held, func(h schedule.Held) bool { return h.Actor == r.favoured })
	}
	return -1
}

// favours is how many more decisions go to an actor that had been held too long,
// so that it comes to the end of what others wait for.
const favours = 30

func (r *runner) let(s schedule.Step, o *op.Op) {
	for _, a := range op.Accesses(o) {
		if key := r.names.key(&a); r.shared[key] {
			h := fnv(fnv(r.chains[key], string(s.Actor)), s.Sig)
			r.order += h - r.chains[key]
			r.chains[key] = h
		}
	}
	delete(r.since, o)
	o.Decision = len(r.done) + 1
	r.done = append(r.done, s)
}

// Found implements tracee.Finder. It is an event for the reader; the world changes
// when the open returns.
func (r *runner) Found(o *op.Op) {
	found := *o
	found.Actor, found.Names = o.Actor.Process(), slices.Clone(o.Names)
	r.number(&found)
	r.world.Apply(&found)
	if r.plan.KeepOps {
		r.report.Ops = append(r.report.Ops, &found)
	}
}

// number gives an operation its place in the run.
func (r *runner) number(o *op.Op) {
	r.report.OpCount++
	r.decided = append(r.decided, int32(len(r.done)))
	o.Seq = r.report.OpCount
}

// Done implements tracee.Handler.
func (r *runner) Done(o *op.Op) { r.take(o) }

// take lets an operation count: in the world, for the rules, for what is learnt.
//
// Threads count as their process: which thread of a Go or Java program carries out
// a call is not the program's choice and differs from run to run, and what orders
// threads among themselves (futexes, memory) is not seen. So the threads of one
// process are taken to be ordered as they ran, and races are between processes.
func (r *runner) take(o *op.Op) {
	if o.Thread || o.Kind == op.Exit && o.Actor != o.Actor.Process() {
		return // a thread's beginning or end
	}
	o.Actor = o.Actor.Process()
	r.number(o)
	if o.Kind == op.Wait && o.Reaped > 0 {
		o.Child = r.names.pids[strconv.Itoa(int(o.Reaped))]
	}
	r.world.Enter(o)
	e := r.world.Apply(o)
	r.rules.Step(r.world, e)
	r.record(o)
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
	if r.room != nil {
		r.room.See(e)
	}
	if r.plan.KeepOps {
		r.report.Ops = append(r.report.Ops, o)
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
