package race

import (
	"fmt"
	"slices"

	"filerace/internal/op"
	"filerace/internal/world"
)

// unlockedAccessRule finds a file that one process uses under a lock and another
// without: advisory locks bind only those who ask. It is a lockset rule (Savage
// et al., Eraser, TOCS 1997) that demands harm: the bystander's write fell
// between two uses of the same bytes in one critical section, or its read saw one
// change of the section and missed the next.
//
// The lock may be on the file itself. A lock on another file counts once two
// processes took it to use this one, and if the section changes the file. Files
// that everybody only appends to are logs, and silent. A reader that takes the
// lock after an unlocked look and reads again has lost nothing (SQLite reads the
// header of a database so).
type unlockedAccessRule struct {
	*holdings
	sections sections
	guarded  perFile[[]guardedBy]   // by the files used
	locks    perFile[[]*world.File] // what was used under the lock on a file
	rewrites perFile[bool]          // files written otherwise than by O_APPEND
	charges  []*charge
}

// guardedBy tells who used a file under the lock on another one.
type guardedBy struct {
	lock *world.File
	by   [2]op.Actor
}

// section is one critical section: what its owner used.
type section struct {
	*holding
	uses []*sectionUse
}

// sectionUse is the use of one file in one section.
type sectionUse struct {
	section *section
	file    *world.File
	place   int // in section.uses
	own     []touch
	foreign []touch // by processes without the lock
	wrote   bool
}

// touch is one access to bytes.
type touch struct {
	deed
	lo, hi int64
	write  bool
}

// sectionTouches bounds the accesses kept of one file in one section; the later ones of a long section are left out.
const sectionTouches = 128

// charge is a finding that waits: for a second process that uses the file under
// the lock, and, if it is about a reader, for the reader's end.
type charge struct {
	Finding
	file, lock *world.File
	reader     op.Actor // "": a writer
	shared     bool     // the lock is known to guard the file
	over       bool     // the reader has ended without taking the lock
}

func newUnlockedAccess() Rule {
	return &unlockedAccessRule{holdings: new(holdings)}
}

// Forget drops what is kept of a file that is gone.
func (r *unlockedAccessRule) Forget(f *world.File) {
	r.charges = slices.DeleteFunc(r.charges, func(c *charge) bool {
		if c.file != f && c.lock != f {
			return false
		}
		c.over = true
		return !c.shared
	})
	r.guarded.Forget(f)
	r.rewrites.Forget(f)
	r.sections.forget(f)
	for _, file := range r.locks.get(f) {
		if list := r.guarded.at(file); list != nil {
			*list = slices.DeleteFunc(*list, func(g guardedBy) bool { return g.lock == f })
		}
	}
	r.locks.Forget(f)
}

func (r *unlockedAccessRule) share(k *kept) { r.holdings = k.holdings }

func (r *unlockedAccessRule) Step(w *world.World, e *world.Effect, report func(Finding)) {
	if e.File != nil {
		if reads, writes := touchesData(e); reads || writes {
			r.access(e, writes)
		}
	}
	took, ended := r.step(w, e)
	if took != nil {
		if took.mode == op.Exclusive && took.section == nil {
			took.section = r.sections.begin(took)
		}
		r.cameBack(took, e)
	}
	for _, h := range ended {
		r.sections.end(h.section)
		h.section = nil
	}
	if len(r.charges) > 0 {
		r.settle(e, report)
	}
}

func (r *unlockedAccessRule) awake() bool { return len(r.now)+len(r.charges) > 0 }

func (r *unlockedAccessRule) access(e *world.Effect, writes bool) {
	if writes && (e.OFD == nil || e.OFD.Flags&op.O_APPEND == 0 || e.Op.Kind != op.Write) {
		r.rewrites.put(e.File, true)
	}
	if len(r.now) == 0 {
		return
	}
	t := touchOf(e, writes)
	for _, h := range r.now {
		s := h.section
		if s == nil {
			continue
		}
		if s.covers(e.Process) {
			r.inside(s, e, t)
			continue
		}
		if u := r.sections.of(s, e.File); u != nil && len(u.foreign) < sectionTouches && r.bystander(s, e) {
			u.foreign = append(u.foreign, t)
		}
	}
}

// touchOf is the access of an operation. A read that met the end counts with the
// bytes that it asked for, as an empty file is what it saw.
func touchOf(e *world.Effect, writes bool) touch {
	t := touch{deed: deedOf(e), lo: e.Lo, hi: e.Hi, write: writes}
	switch {
	case e.Op.Kind == op.Truncate || e.Op.Kind == op.Open:
		t.lo, t.hi = 0, op.MaxOffset
		if e.Op.Kind == op.Truncate {
			t.lo = min(e.Op.Len, e.File.Size)
		}
	case !writes && e.EOF:
		t.hi = max(t.hi, t.lo+e.Op.Len)
	}
	return t
}

// bystander reports whether the process of e uses the file without any lock that
// has to do with the section's.
func (r *unlockedAccessRule) bystander(s *section, e *world.Effect) bool {
	p := e.Op.Actor.Process()
	if p.Within(s.by) || !s.opened.none() && p.Within(s.opened.by.Actor) {
		return false
	}
	return !slices.ContainsFunc(r.now, func(h *holding) bool {
		return (h.file == s.file || h.entry != nil && h.entry == s.entry) && h.covers(e.Process)
	})
}

// inside plays an access within a section: what bystanders did since the last one
// is judged now.
func (r *unlockedAccessRule) inside(s *section, e *world.Effect, t touch) {
	u := r.sections.of(s, e.File)
	if u == nil {
		u = r.sections.enter(s, e.File)
	}
	if e.File != s.file {
		r.uses(s, e.File)
	}
	u.wrote = u.wrote || t.write
	if e.File == s.file || u.wrote {
		u.foreign = slices.DeleteFunc(u.foreign, func(f touch) bool {
			first, ok := u.torn(s, e.File, f, t)
			if ok && r.rewrites.get(e.File) {
				r.blame(s, e.File, first, f, t)
			}
			return ok
		})
	}
	if len(u.own) < sectionTouches {
		u.own = append(u.own, t)
	}
}

// torn reports whether the foreign access f came between two of the section's
// that belong together, and returns the first of them; t is the second.
func (u *sectionUse) torn(s *section, file *world.File, f, t touch) (touch, bool) {
	if !world.Unordered(f.at, t.at) {
		return touch{}, false
	}
	if s.file == file && (f.lo >= s.hi || s.lo >= f.hi) {
		return touch{}, false // outside of the locked range
	}
	for _, o := range u.own {
		if o.after(f.deed) || !world.Unordered(o.at, f.at) {
			continue
		}
		before, behind := o.meets(f), t.meets(f)
		if f.write && (before || behind) || !f.write && o.write && t.write && before && behind {
			return o, true
		}
	}
	return touch{}, false
}

func (t touch) meets(o touch) bool { return t.lo < o.hi && o.lo < t.hi }

// uses notes that the section's owner used a file under a lock on another one.
func (r *unlockedAccessRule) uses(s *section, f *world.File) {
	list := r.guarded.get(f)
	for i := range list {
		if g := &list[i]; g.lock == s.file {
			if g.by[0] != s.by && g.by[1] == "" {
				g.by[1] = s.by
			}
			return
		}
	}
	r.guarded.put(f, append(list, guardedBy{lock: s.file, by: [2]op.Actor{s.by}}))
	under := r.locks.get(s.file)
	if len(under) == cap(under) {
		under = slices.DeleteFunc(under, func(o *world.File) bool { return r.guarded.at(o) == nil }) // gone by now
	}
	r.locks.put(s.file, append(under, f))
}

// guards reports whether two processes used the file under the lock.
func (r *unlockedAccessRule) guards(lock, f *world.File) bool {
	return slices.ContainsFunc(r.guarded.get(f), func(g guardedBy) bool { return g.lock == lock && g.by[1] != "" })
}

func (r *unlockedAccessRule) blame(s *section, file *world.File, first, f, second touch) {
	c := &charge{Finding: s.finding(file, first, f, second), file: file, lock: s.file}
	if !f.write {
		c.reader = f.by.Actor.Process()
	}
	if !slices.ContainsFunc(r.charges, func(o *charge) bool { return o.Key() == c.Key() && o.reader == c.reader }) {
		r.charges = append(r.charges, c)
	}
}

// cameBack drops the unlocked looks of a process that now has the lock: it reads again.
func (r *unlockedAccessRule) cameBack(h *holding, e *world.Effect) {
	r.charges = slices.DeleteFunc(r.charges, func(c *charge) bool {
		return c.reader != "" && c.lock == h.file && c.reader == e.Op.Actor.Process()
	})
}

// settle reports the charges that wait for nothing more.
func (r *unlockedAccessRule) settle(e *world.Effect, report func(Finding)) {
	ended := op.Actor("")
	if e.Op.Kind == op.Exit && e.Process.Exited {
		ended = e.Process.Actor
	}
	r.charges = slices.DeleteFunc(r.charges, func(c *charge) bool {
		c.over = c.over || c.reader == "" || c.reader == ended
		c.shared = c.shared || c.file == c.lock || r.guards(c.lock, c.file)
		if c.over && c.shared {
			report(c.Finding)
		}
		return c.over && c.shared
	})
}

func (r *unlockedAccessRule) End(_ *world.World, _ End, report func(Finding)) {
	for _, c := range r.charges {
		if c.shared {
			report(c.Finding)
		}
	}
	r.charges = nil
}

func (s *section) finding(file *world.File, first, f, second touch) Finding {
	path, lock := namedBy(first.deed, file), s.file.Path
	if s.entry != nil {
		lock = s.entry.Path
	}
	r := story("unlocked-access", path, file, s.took, first.deed, f.deed, second.deed)
	r.Actors = withNames(r.Actors, s.by)
	r.alsoNamed(lock)
	who := f.by.Actor.Process()
	under := "the lock on it"
	if s.file != file {
		under = "the lock on " + lock
	}
	if f.write {
		r.Headline = fmt.Sprintf("%s wrote %s while %s had it under %s", who, path, s.by, under)
		r.Why = fmt.Sprintf("%s took %s in step %d and used %s in steps %d and %d. In between, in step %d, %s changed the same part without asking for "+
			"the lock. Such locks bind only those who ask.", s.by, under, s.took.at.Seq, path, first.at.Seq, second.at.Seq, f.at.Seq, who)
	} else {
		r.Headline = fmt.Sprintf("%s read half of a change that %s made to %s under %s", who, s.by, path, under)
		r.Why = fmt.Sprintf("%s took %s in step %d and changed %s in steps %d and %d. %s read it in between, in step %d, without asking for "+
			"the lock, and so saw the first change without the second. Such locks bind only those who ask.",
			s.by, under, s.took.at.Seq, path, first.at.Seq, second.at.Seq, who, f.at.Seq)
	}
	r.Repair = fmt.Sprintf("Take %s in %s, too: exclusive around its changes, shared around its reads. If readers must not wait, write a "+
		"new file and rename it over %s.", under, progOf(f.deed), path)
	return r
}

// namedBy is the path by which people know the file that d used.
func namedBy(d deed, f *world.File) string {
	if f.Path != "" {
		return f.Path
	}
	return d.by.Path
}

// progOf names the program of an operation, or its process if that is not known.
func progOf(d deed) string {
	if d.by.Prog != "" {
		return d.by.Prog
	}
	return string(d.by.Actor.Process())
}

var unlockedAccess = Info{
	Name:  "unlocked-access",
	Title: "some processes use a file only under a lock, another uses it without",
	Fires: "Between two uses of a file in one process's critical section, another process that did not take the lock changed the same bytes, or read a half-made change.",
	Harm: "The lock looks right in the program that takes it and protects nothing: its file changes under its hands, or others act on half of " +
		"what it wrote.",
	Safe: "Every program that uses the file takes the lock (shared is enough for reading); or readers get whole files by rename. " +
		"Files that are only appended to, uses of other bytes than those locked, and readers that come back with the lock are not reported.",
	Wrong: `# backup.sh
flock counter.lock sh -c 'n=$(cat counter); echo $((n+1)) >counter'
# reset.sh: knows nothing of the lock
echo 0 >counter`,
	Right: `# backup.sh
flock counter.lock sh -c 'n=$(cat counter); echo $((n+1)) >counter'
# reset.sh
flock counter.lock sh -c 'echo 0 >counter'`,
	Source: "Savage et al., Eraser, TOCS 15(4), 1997; flock(2): advisory locks; TLPI 55.1",
	Kinds:  []op.Kind{op.LockOp, op.Open, op.Write, op.Copy, op.Truncate, op.Allocate},
	Awake:  []op.Kind{op.Read, op.Exit},
	On:     frees,
	New:    newUnlockedAccess,
}
