package race

import (
	"fmt"
	"slices"

	"filerace/internal/op"
	"filerace/internal/world"
)

// lockMismatchRule finds two processes that guard one file with locks of
// different families. flock and fcntl locks on a local file do not see each other
// (flock(2)), so both get theirs; POSIX and OFD locks do exclude each other.
//
// It is harm when one of them writes the file while both hold, or when both use
// another file then and one writes it. A process that also waits for a lock on
// the file is not inside yet, so programs that take both families stay silent.
type lockMismatchRule struct {
	*holdings
	pairs []*mismatch
}

// mismatch is two locks that ought to exclude each other and do not.
type mismatch struct {
	a, b *holding
	used map[*world.File]*sharedUse // other files that they used while both held
}

// sharedUse is the first use of a file by each side, and whether one wrote it.
type sharedUse struct {
	a, b, write deed
}

func newLockMismatch() Rule { return &lockMismatchRule{holdings: new(holdings)} }

func (r *lockMismatchRule) Forget(f *world.File) {
	for _, p := range r.pairs {
		delete(p.used, f)
	}
}

func (r *lockMismatchRule) share(k *kept) { r.holdings = k.holdings }

func (r *lockMismatchRule) Step(w *world.World, e *world.Effect, report func(Finding)) {
	if len(r.pairs) > 0 {
		r.used(e, report)
	}
	took, ended := r.step(w, e)
	if took != nil {
		r.pair(took, e)
	}
	if len(ended) > 0 {
		r.pairs = slices.DeleteFunc(r.pairs, func(p *mismatch) bool { return p.a.ended || p.b.ended })
	}
}

func (r *lockMismatchRule) awake() bool { return len(r.pairs) > 0 }

func (r *lockMismatchRule) used(e *world.Effect, report func(Finding)) {
	if reads, writes := touchesData(e); reads || writes {
		for _, p := range slices.Clone(r.pairs) {
			r.data(p, e, writes, report)
		}
	}
}

func (r *lockMismatchRule) pair(h *holding, e *world.Effect) {
	for _, o := range r.now {
		if o == h || o.file != h.file || class(o.family) == class(h.family) || !o.clashes(h) ||
			kin(o.by, h.by) || o.covers(e.Process) || r.known(o, h) {
			continue
		}
		r.pairs = append(r.pairs, &mismatch{a: o, b: h, used: map[*world.File]*sharedUse{}})
	}
}

func (r *lockMismatchRule) known(a, b *holding) bool {
	return slices.ContainsFunc(r.pairs, func(p *mismatch) bool { return p.a == a && p.b == b || p.a == b && p.b == a })
}

func (r *lockMismatchRule) data(p *mismatch, e *world.Effect, writes bool, report func(Finding)) {
	inA, inB := p.a.covers(e.Process), p.b.covers(e.Process)
	if inA == inB || waitsFor(p.a.file, p.a) || waitsFor(p.a.file, p.b) {
		return
	}
	if e.File == p.a.file {
		if writes {
			report(p.finding(deedOf(e)))
		}
		return
	}
	if writes && e.OFD != nil && e.OFD.Flags&op.O_APPEND != 0 {
		return // logs
	}
	u := p.used[e.File]
	if u == nil {
		u = &sharedUse{}
		p.used[e.File] = u
	}
	first := &u.a
	if inB {
		first = &u.b
	}
	if first.none() {
		*first = deedOf(e)
	}
	if writes {
		u.write = deedOf(e)
	}
	if !u.a.none() && !u.b.none() && !u.write.none() {
		f := p.finding(u.a, u.b, u.write)
		f.alsoNamed(e.File.Path)
		report(f)
	}
}

// waitsFor reports whether the owner of h waits for another lock on the file.
func waitsFor(f *world.File, h *holding) bool {
	return slices.ContainsFunc(f.Waits, func(l *world.Lock) bool {
		return l.Proc == h.by || h.ofd != nil && l.OFD == h.ofd || h.ofd != nil && l.Proc.Within(h.by)
	})
}

func (r *lockMismatchRule) End(*world.World, End, func(Finding)) {}

// familyName is how a program takes a lock of the family.
func familyName(f op.LockFamily) string {
	switch f {
	case op.FlockLock:
		return "flock"
	case op.OFDLock:
		return "fcntl (open file description lock)"
	}
	return "fcntl or lockf"
}

func (p *mismatch) finding(deeds ...deed) Finding {
	path := p.a.file.Path
	if p.a.entry != nil {
		path = p.a.entry.Path
	}
	f := story("lock-mismatch", path, p.a.file, append(deeds, p.a.took, p.b.took)...)
	f.Actors = withNames(f.Actors, p.a.by, p.b.by)
	f.Headline = fmt.Sprintf("%s and %s both held a lock on %s, one by %s and one by %s", p.a.by, p.b.by, path,
		familyName(p.a.family), familyName(p.b.family))
	f.Why = fmt.Sprintf("%s locked the file with %s (step %d), %s with %s (step %d). The kernel keeps these as two kinds of lock that "+
		"do not see each other, so both got theirs and both worked as if alone.",
		p.a.by, familyName(p.a.family), p.a.took.at.Seq, p.b.by, familyName(p.b.family), p.b.took.at.Seq)
	f.Repair = "Use one kind of lock in all programs that share the file: flock everywhere, or fcntl/lockf everywhere. Where two " +
		"programs cannot be changed, take both locks, in the same order everywhere."
	return f
}

var lockMismatch = Info{
	Name:  "lock-mismatch",
	Title: "one process guards a file with flock and another with fcntl: they do not exclude each other",
	Fires: "Two processes held conflicting locks of different kinds on one file at the same time, and one of them wrote the file, or one of the files that both used.",
	Harm:  "Both are inside the critical section at once; each overwrites or misreads what the other is changing.",
	Safe: "One kind of lock in all programs. lockf(3) and Python's fcntl.lockf are fcntl locks; fcntl.flock and flock(1) are flock. " +
		"POSIX and open-file-description locks (both by fcntl) do exclude each other. On NFS the kernel turns flock into fcntl locks; elsewhere it does not.",
	Wrong: `# writer.py
fcntl.lockf(f, fcntl.LOCK_EX)     # an fcntl lock
# nightly.sh
flock counter ./update counter    # a flock lock`,
	Right: `# writer.py
fcntl.flock(f, fcntl.LOCK_EX)     # flock, as in the script
# nightly.sh
flock counter ./update counter`,
	Source: "flock(2), NOTES; fcntl_locking(2)",
	Kinds:  []op.Kind{op.LockOp, op.Exit},
	Awake:  locking,
	On:     frees,
	New:    newLockMismatch,
}
