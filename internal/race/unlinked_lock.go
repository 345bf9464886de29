package race

import (
	"fmt"
	"slices"

	"filerace/internal/op"
	"filerace/internal/world"
)

// unlinkedLockRule finds locks on a file that its path no longer names, so that
// the path can be locked twice. A lock file that is removed on release does it:
// opening and locking are two steps, and whoever has opened the old file locks a
// file that the next one will not find.
//
// Ruled out: keeping the lock file, and comparing fstat of the descriptor with
// stat of the path after locking, starting over if they differ. What a process
// does after it got such a lock tells whether it fell for it (see activity). A
// second name of the file will do for the comparison as well (safefile's anchors):
// who found the locked file under any name knows what it is doing, as long as
// nobody else works under a lock on what the path names.
type unlinkedLockRule struct {
	*holdings
	lost  perFile[[]lostName]
	tries perFile[[]try]
	dead  []*guard // held, and their names lead elsewhere
	pairs []*twins
}

// try is the last time that a process locked a file, or had to wait for the lock.
type try struct {
	deed
	by op.Actor
}

// lostName is the moment at which a name ceased to lead to the file.
type lostName struct {
	entry *world.Entry
	deed
	held deed // the lock that whoever took the name away has or had
}

// guard is a lock with what its owner did while it had it.
type guard struct {
	*holding
	gone    deed // that took the name away; none while the name leads to the file
	first   deed // the lock of whoever took the name away
	waited  deed
	late    bool // the name was away already when the lock was taken
	checked bool // looked whether the name still leads to the file
	known   bool // found the file under some name after locking: the one that its protocol goes by
	strong  deed // last thing that only makes sense inside the critical section
	weak    deed // last thing that says the same unless a check follows
	tidied  deed // last removal of the lock file: it had done its work
	used    deed // first use of the locked file itself
	twin    bool // a pair with it was reported
}

// twins are two locks of one name held at one time.
type twins struct {
	dead, live *guard
	at         deed
}

func newUnlinkedLock() Rule {
	return &unlinkedLockRule{holdings: new(holdings)}
}

func (r *unlinkedLockRule) Forget(f *world.File) {
	r.lost.Forget(f)
	r.tries.Forget(f)
}

func (r *unlinkedLockRule) share(k *kept) { r.holdings = k.holdings }

func (r *unlinkedLockRule) Step(w *world.World, e *world.Effect, report func(Finding)) {
	r.moved(e.Entry, e.Before, e)
	r.moved(e.Entry2, e.Before2, e)
	r.watch(e)
	took, ended := r.step(w, e)
	switch {
	case took != nil && took.entry != nil:
		r.took(took, e)
		r.tried(took.file, try{took.took, took.by})
	case e.Waits != nil:
		r.tried(e.File, try{deedOf(e), e.Op.Actor.Process()})
	}
	r.judge(report)
	for _, h := range ended {
		if g := h.guard; g != nil && !r.paired(g) {
			r.alone(g, report)
		}
		h.guard = nil
		r.dead = slices.DeleteFunc(r.dead, func(g *guard) bool { return g.holding == h })
	}
}

func (r *unlinkedLockRule) awake() bool { return len(r.now)+len(r.pairs) > 0 }

func (r *unlinkedLockRule) tried(f *world.File, t try) {
	list := r.tries.get(f)
	i := slices.IndexFunc(list, func(o try) bool { return o.by == t.by })
	switch {
	case i < 0 && len(list) < perProcess:
		r.tries.put(f, append(list, t))
		return
	case i < 0:
		i = 0
	}
	copy(list[i:], list[i+1:])
	list[len(list)-1] = t
}

// lockOf is the lock that the process of e, or one that it works for, last took on f.
func (r *unlinkedLockRule) lockOf(f *world.File, e *world.Effect) deed {
	for _, t := range r.tries.get(f) {
		if !t.deed.by.Waits && e.Op.Actor.Within(t.by) {
			return t.deed
		}
	}
	return deed{}
}

// waitOf is the wait for f that the process of e is in.
func (r *unlinkedLockRule) waitOf(f *world.File, e *world.Effect) deed {
	for _, t := range r.tries.get(f) {
		if t.deed.by.Waits && t.by == e.Op.Actor.Process() {
			return t.deed
		}
	}
	return deed{}
}

// moved follows a name that now leads elsewhere.
func (r *unlinkedLockRule) moved(en *world.Entry, before *world.File, e *world.Effect) {
	if en == nil || e.Op.Failed() || en.File == before {
		return
	}
	if before != nil && before.Opens > 0 {
		r.lost.put(before, append(r.lost.get(before), lostName{en, deedOf(e), r.lockOf(before, e)}))
	}
	if lost := r.lost.at(en.File); lost != nil {
		*lost = slices.DeleteFunc(*lost, func(l lostName) bool { return l.entry == en })
	}
	if !locked(before) && !locked(en.File) {
		return
	}
	for _, h := range r.now {
		g := h.guard
		switch {
		case g == nil || h.entry != en:
		case en.File == h.file:
			g.gone = deed{}
			r.dead = slices.DeleteFunc(r.dead, func(o *guard) bool { return o == g })
		case before == h.file:
			g.gone, g.first = deedOf(e), r.lockOf(before, e)
			r.dead = append(r.dead, g)
		}
	}
}

func locked(f *world.File) bool { return f != nil && len(f.Locks) > 0 }

func (r *unlinkedLockRule) took(h *holding, e *world.Effect) {
	g := h.guard
	if g == nil {
		g = &guard{holding: h}
		for _, l := range r.lost.get(h.file) {
			if l.entry == h.entry && h.entry.File != h.file {
				g.gone, g.late, g.first, g.waited = l.deed, true, l.held, r.waitOf(h.file, e)
			}
		}
		if g.late {
			r.dead = append(r.dead, g)
		}
		h.guard = g
	}
	for _, o := range r.now {
		other := o.guard
		if other == nil || other == g || o.entry != h.entry || o.file == h.file || !o.against(h) || o.by == h.by ||
			o.covers(e.Process) {
			continue
		}
		p := &twins{dead: g, live: other, at: deedOf(e)}
		if g.gone.none() || !other.gone.none() && !g.late {
			p.dead, p.live = other, g
		}
		if !p.dead.gone.none() {
			r.pairs = append(r.pairs, p)
		}
	}
}

// watch notes what the owners of locks do under them. Of a lock that nothing is
// wrong with, it is enough that they worked.
func (r *unlinkedLockRule) watch(e *world.Effect) {
	for _, h := range r.now {
		g := h.guard
		if g == nil || g.gone.none() && (!g.strong.none() || !h.near(e.Op.Actor)) {
			continue
		}
		g.note(e)
	}
}

// near spares most processes the look at their descriptors: a description goes to descendants,
// but for those that are sent it through a socket.
func (h *holding) near(a op.Actor) bool {
	return a.Within(h.by) || !h.opened.none() && a.Within(h.opened.process())
}

func (g *guard) note(e *world.Effect) {
	if !g.covers(e.Process) {
		return
	}
	switch g.activity(e) {
	case rechecks:
		g.checked = true
		g.known = g.known || e.Op.Kind == op.Stat && !e.Op.Failed() && e.Entry != nil && e.Entry.File == g.file
	case worksOnIt:
		if g.used.none() {
			g.used = deedOf(e)
		}
		g.strong = deedOf(e)
	case works:
		g.strong = deedOf(e)
	case tidies:
		g.tidied = deedOf(e)
	case goesOn:
		g.weak = deedOf(e)
	}
}

func (r *unlinkedLockRule) paired(g *guard) bool {
	return slices.ContainsFunc(r.pairs, func(p *twins) bool { return p.dead == g || p.live == g })
}

// judge reports the pairs that came to harm and drops those that no longer can.
func (r *unlinkedLockRule) judge(report func(Finding)) {
	if len(r.pairs) == 0 {
		return
	}
	var done []*twins
	for _, p := range r.pairs {
		switch {
		case p.harmful():
			p.dead.twin, p.live.twin = true, true
			report(p.finding())
		case !p.dead.ended || !p.live.ended:
			continue
		}
		done = append(done, p)
	}
	for _, p := range done {
		r.pairs = slices.DeleteFunc(r.pairs, func(o *twins) bool { return o == p })
		if p.dead.ended && !r.paired(p.dead) {
			r.alone(p.dead, report)
		}
	}
}

// harmful reports whether both owners worked in what each took for its critical
// section. The first owner of a name that was taken away must go on after the
// second came in; one that merely lets go right after removing the file harms nobody.
// The second may have found out by another name that it has the wrong file, and let go.
func (p *twins) harmful() bool {
	since := 0
	if !p.dead.late {
		since = p.at.at.Seq
	}
	return p.dead.wentOn(since) && p.live.wentOn(0)
}

// wentOn reports whether the owner did anything under the lock, after step seq,
// that is more than finding out whether it has the right file.
func (g *guard) wentOn(seq int) bool {
	if g.strong.at.Seq > seq || !g.tidied.none() && seq == 0 {
		return true
	}
	return g.weak.at.Seq > seq && !g.checked && (g.ended || !g.late)
}

// alone judges a lock that was taken when its name had gone and that nobody doubled.
func (r *unlinkedLockRule) alone(g *guard, report func(Finding)) {
	if !g.late || g.twin || g.known || g.gone.none() || kin(g.gone.by.Actor.Process(), g.by) || g.gone.at.MayHardBefore(g.took.at) {
		return
	}
	if !g.used.none() || g.wentOn(0) {
		report(g.finding())
	}
}

func (r *unlinkedLockRule) End(_ *world.World, _ End, report func(Finding)) {
	left := r.now
	for _, h := range left {
		h.ended = true
	}
	r.judge(report)
	for _, h := range left {
		if g := h.guard; g != nil {
			r.alone(g, report)
		}
	}
}

const repairUnlinked = "Keep the lock file: never remove it. If it must go, compare fstat of the descriptor with stat of the path after " +
	"locking, and start over when they differ (safefile.Lock does)."

func (p *twins) finding() Finding {
	d, l := p.dead, p.live
	f := story("unlinked-lock", d.entry.Path, d.file, d.first, d.opened, d.waited, d.gone, d.took, l.opened, l.took)
	f.Headline = fmt.Sprintf("two processes held the lock on %s at the same time", d.entry.Path)
	f.Actors = withNames(f.Actors, d.by, l.by)
	while := fmt.Sprintf("while %s held its lock on it", d.by)
	if d.late {
		while = fmt.Sprintf("before %s, which had opened the file already, got the lock on it", d.by)
	}
	f.Why = fmt.Sprintf("A lock belongs to the file, not to its name. Step %d took the name %s away from the file %s. "+
		"%s found another file under that name and locked that one (step %d), so the two locks do not exclude each other.",
		d.gone.at.Seq, d.entry.Path, while, l.by, l.took.at.Seq)
	f.Repair = repairUnlinked
	return f
}

func (g *guard) finding() Finding {
	last := g.used
	if last.none() {
		last = g.strong
		if g.tidied.after(last) {
			last = g.tidied
		}
	}
	if last.none() {
		last = g.weak
	}
	f := story("unlinked-lock", g.entry.Path, g.file, g.first, g.opened, g.waited, g.gone, g.took, last)
	f.Actors = withNames(f.Actors, g.by)
	verb := "deleted"
	if g.gone.by.Kind == op.Rename {
		verb = "replaced"
		if len(g.gone.by.Names) > 0 && g.gone.by.Names[0].Path == g.entry.Path {
			verb = "moved"
		}
	}
	remover := g.gone.by.Actor.Process()
	f.Headline = fmt.Sprintf("%s locked %s after %s had %s it, and worked on it", g.by, g.entry.Path, remover, verb)
	if g.used.none() {
		f.Headline = fmt.Sprintf("%s locked %s after %s had %s it: the lock keeps nobody out", g.by, g.entry.Path, remover, verb)
		if !g.atOnce() {
			f.Evidence = Possible
		}
	}
	f.Why = fmt.Sprintf("A lock belongs to the file, not to its name. %s opened %s, then step %d took the name away, and only then did "+
		"%s get the lock (step %d): on a file that nobody else will find under that name any more.",
		g.by, g.entry.Path, g.gone.at.Seq, g.by, g.took.at.Seq)
	if g.atOnce() {
		f.Why += fmt.Sprintf(" Opening and locking were one call (O_EXLOCK): the kernel itself gave %s a lock on a file without a name.", g.by)
	}
	f.Repair = repairUnlinked
	return f
}

// atOnce reports whether the file was opened and locked by one call, as O_EXLOCK does where
// there is such a thing: whoever trusts it has no step of its own at which to find out that the file is gone.
// A thread cannot be in two calls at a time.
func (g *guard) atOnce() bool {
	o, l := g.opened.by, g.took.by
	return o != nil && o.TID == l.TID && o.Kind == op.Open && o.Exit == l.Exit && o.Enter == l.Enter && o.Exit > max(o.Enter, 0)
}

// withNames puts the processes that a lock is named after among the actors.
func withNames(actors []op.Actor, names ...op.Actor) []op.Actor {
	for _, n := range names {
		if !slices.Contains(actors, n) {
			actors = append(actors, n)
		}
	}
	return actors
}

var unlinkedLock = Info{
	Name:  "unlinked-lock",
	Title: "a lock is held on a file that its path no longer names, so the path can be locked twice",
	Fires: "A process got or kept a lock on a file whose name was removed or given to another file, and another process locked what the name leads to now, or the first one used the contents of the vanished file.",
	Harm: "Two processes are inside the critical section at the same time, each sure to be alone; or one works on a file that nobody " +
		"will ever open again.",
	Safe: "A lock file that is never removed cannot be doubled. Where it must go, a process that has got the lock compares the file that it " +
		"locked (fstat) with the file that the path names (stat), and starts over when they differ. Processes that do so, or that let go at once, are not reported.",
	Wrong: `exec 9>app.lock
flock 9
work
rm app.lock        # whoever waits for the lock now waits for a file without a name
exec 9>&-`,
	Right: `exec 9>app.lock
flock 9
work
exec 9>&-          # app.lock stays`,
	Source: "flock(2), NOTES; flock(1)",
	Kinds:  []op.Kind{op.LockOp},
	On:     renames | frees | waits,
	Awake:  except(op.Close, op.Seek, op.Dup, op.Poll, op.Futex, op.Send, op.Recv), // which are no activity
	New:    newUnlinkedLock,
}
