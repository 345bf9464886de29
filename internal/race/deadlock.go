package race

import (
	"fmt"
	"slices"
	"strings"

	"filerace/internal/op"
	"filerace/internal/world"
)

// deadlockRule names the circle when every actor sleeps for ever. That all sleep
// is the engine's finding (End.Deadlock); who waits for whom follows from the
// locks held and asked for, and from parents that wait for their children.
type deadlockRule struct {
	waits map[op.Actor]*world.Lock
}

// await is one edge: a process waits for another.
type await struct {
	from, to op.Actor
	asked    *world.Lock // nil: waits for the other's end
	held     *world.Lock
	op       *op.Op
}

func newDeadlock() Rule { return &deadlockRule{waits: map[op.Actor]*world.Lock{}} }

func (r *deadlockRule) Step(_ *world.World, e *world.Effect, _ func(Finding)) {
	if e.Waits != nil {
		r.waits[e.Op.Actor] = e.Waits
	} else if len(r.waits) > 0 {
		delete(r.waits, e.Op.Actor)
	}
}

func (r *deadlockRule) awake() bool { return len(r.waits) > 0 }

func (r *deadlockRule) End(w *world.World, end End, report func(Finding)) {
	if len(end.Deadlock) == 0 {
		return
	}
	edges := map[op.Actor][]await{}
	for _, o := range end.Deadlock {
		p := o.Actor.Process()
		edges[p] = append(edges[p], r.edges(w, o)...)
	}
	var starts []op.Actor
	for p := range edges {
		starts = append(starts, p)
	}
	slices.Sort(starts)
	var cycle []await
	for _, p := range starts {
		if c := circle(edges, p); c != nil && (cycle == nil || len(c) < len(cycle)) {
			cycle = c
		}
	}
	if cycle == nil {
		report(stuck(end.Deadlock))
		return
	}
	report(cycleFinding(cycle))
}

// edges tells for whom an operation waits.
func (r *deadlockRule) edges(w *world.World, o *op.Op) []await {
	var out []await
	from := o.Actor.Process()
	if o.Kind == op.Wait {
		for _, p := range w.Processes() {
			if p.Actor.Parent() == from && !p.Exited {
				out = append(out, await{from: from, to: p.Actor, op: o})
			}
		}
		return out
	}
	asked := r.waits[o.Actor]
	if asked == nil {
		return nil
	}
	for _, h := range asked.File.Locks {
		if class(h.Family) != class(asked.Family) || ownerOf(h) == ownerOf(asked) ||
			h.Mode != op.Exclusive && asked.Mode != op.Exclusive || h.Lo >= asked.Hi || asked.Lo >= h.Hi {
			continue
		}
		for _, p := range w.Processes() {
			if !p.Exited && (p.Actor == h.Proc || ownerOf(h).covers(p)) {
				out = append(out, await{from: from, to: p.Actor, asked: asked, held: h, op: o})
			}
		}
	}
	return out
}

// circle returns the shortest way from p back to p.
func circle(edges map[op.Actor][]await, p op.Actor) []await {
	type way struct{ steps []await }
	seen := map[op.Actor]bool{}
	for queue := []way{{}}; len(queue) > 0; queue = queue[1:] {
		at, steps := p, queue[0].steps
		if len(steps) > 0 {
			at = steps[len(steps)-1].to
		}
		for _, e := range edges[at] {
			longer := append(slices.Clone(steps), e)
			if e.to == p {
				return longer
			}
			if !seen[e.to] {
				seen[e.to] = true
				queue = append(queue, way{longer})
			}
		}
	}
	return nil
}

func cycleFinding(cycle []await) Finding {
	var deeds []deed
	var parts, paths []string
	var file *world.File
	allLocks := true
	for _, c := range cycle {
		if c.asked == nil {
			allLocks = false
			deeds = append(deeds, deed{world.Stamp{Seq: c.op.Seq}, c.op})
			parts = append(parts, fmt.Sprintf("%s waits for the end of %s", c.from, c.to))
			continue
		}
		deeds = append(deeds, deed{c.held.At, c.held.By}, deed{c.asked.At, c.asked.By})
		if file == nil {
			file = c.asked.File
		}
		paths = append(paths, lockPath(c.asked))
		parts = append(parts, fmt.Sprintf("%s waits for the lock on %s, which %s has", c.from, lockPath(c.asked), c.to))
	}
	path := ""
	if len(paths) > 0 {
		path = paths[0]
	}
	f := story("deadlock", path, file, deeds...)
	for _, c := range cycle {
		f.Actors = withNames(f.Actors, c.from)
	}
	f.alsoNamed(paths...)
	f.Explains = true
	f.Headline = strings.Join(parts, ", and ") + ", for ever"
	if allLocks {
		f.Headline = circleHeadline(cycle)
	}
	f.Why = strings.Join(parts, "; ") + ". Nobody in this circle can let go before another one does."
	f.Repair = "Let all programs take these locks in one fixed order, for instance by path; or take the second one without waiting (LOCK_NB, F_SETLK), " +
		"and on refusal let go of the first and start over."
	if !allLocks {
		f.Repair = "Let go of the lock before waiting for the process that needs it, or hand the locked descriptor on to it."
	}
	return f
}

func circleHeadline(cycle []await) string {
	names := make([]string, len(cycle))
	for i, c := range cycle {
		names[i] = string(c.from)
	}
	switch len(names) {
	case 1:
		return names[0] + " waits for ever for a lock that it holds itself"
	case 2:
		return fmt.Sprintf("%s and %s wait for each other's lock for ever", names[0], names[1])
	}
	last := len(names) - 1
	return fmt.Sprintf("%s and %s wait for each other's locks in a circle for ever", strings.Join(names[:last], ", "), names[last])
}

func lockPath(l *world.Lock) string {
	if l.Entry != nil {
		return l.Entry.Path
	}
	return l.File.Path
}

// stuck is the finding where no circle of locks explains the halt: pipes, or a
// process that waits for something that nobody will do.
func stuck(ops []*op.Op) Finding {
	var deeds []deed
	var parts []string
	for _, o := range ops {
		deeds = append(deeds, deed{world.Stamp{Seq: o.Seq}, o})
		name := "a call"
		if o.Call != nil {
			name = o.Call.Name
		}
		parts = append(parts, fmt.Sprintf("%s in %s", o.Actor, name))
	}
	f := story("deadlock", "", nil, deeds...)
	f.Explains = true
	f.Headline = "every process waits for ever: " + strings.Join(parts, ", ")
	f.Why = "All processes sleep, none of them with a time limit, so nothing is left that could wake one."
	f.Repair = "Close the ends of pipes that a process does not use, so that readers meet the end; wait for children only after letting go of what they need."
	return f
}

var deadlock = Info{
	Name:  "deadlock",
	Title: "every process waits for another",
	Fires: "All processes of the run sleep, with no time limit, for something that only another of them can do.",
	Harm:  "The programs hang until somebody kills them, and with them everyone who waits for the same locks.",
	Safe: "One fixed order in which locks are taken; or never waiting for a second lock while holding one. The kernel refuses circles of POSIX locks " +
		"with EDEADLK; of flock and open-file-description locks it does not notice them.",
	Wrong: `# one.sh
flock a flock b work
# two.sh
flock b flock a work`,
	Right: `# one.sh
flock a flock b work
# two.sh: the same order
flock a flock b work`,
	Source: "Coffman, Elphick, Shoshani: System Deadlocks, Computing Surveys 3(2), 1971; fcntl_locking(2), EDEADLK",
	On:     waits,
	Awake:  except(),
	New:    newDeadlock,
}
