package race

import (
	"cmp"
	"math/bits"
	"slices"

	"filerace/internal/world"
)

// Rules are all kinds of race, in the order of the documentation.
var Rules []Info

func init() {
	for _, i := range []Info{
		unlinkedLock, lockMismatch, lockDroppedByClose, unlockedAccess, staleLockSteal, leaseOverrun,
		checkThenCreate, checkThenUse, openUnlinked, tempCollision, replacedWhileOpen, lostUpdate, lostAppend,
		overlappingWrite, partialRead, truncatedAway, directoryRace, mixedVersions, deadlock, outcome,
	} {
		if i.Name != "" {
			Rules = append(Rules, i)
		}
	}
}

// Lookup returns what is known of a rule, nil if there is none of that name.
func Lookup(name string) *Info {
	for i := range Rules {
		if Rules[i].Name == name {
			return &Rules[i]
		}
	}
	return nil
}

// precedence ranks the rules from cause to symptom: broken locking explains what
// it lets happen to names, and both explain damaged contents.
var precedence = []string{
	"deadlock", "unlinked-lock", "stale-lock-steal", "lock-mismatch", "lock-dropped-by-close", "lease-overrun",
	"temp-collision", "check-then-create", "check-then-use", "open-unlinked", "replaced-while-open", "directory-race",
	"lost-append", "truncated-away", "lost-update", "unlocked-access", "partial-read", "overlapping-write",
	"mixed-versions", "outcome",
}

// causes is how many rules of precedence tell of broken locking.
const causes = 6

func rank(rule string) int {
	if i := slices.Index(precedence, rule); i >= 0 {
		return i
	}
	return len(precedence)
}

// maxRules is how many rules a detector can have: a bit each.
const maxRules = 32

// Detector runs the rules over one run.
type Detector struct {
	rules    [maxRules]Rule // the first of them
	n        int
	sleepers [maxRules]sleeper // nil: never asleep
	awake    uint32            // by bits
	kept     *kept
	wants    *wants
	tell     func(Finding)
	forget   []interface{ Forget(*world.File) }
	unname   []interface{ ForgetName(*world.Entry) }
	found    map[string]int // by Key: index of findings
	all      []Finding
	possible int // of all
	untold   int // findings that came when those were too many

	judge  func(*Finding)              // has a say in the evidence before a finding counts; nil: none
	repeat func(*Finding)              // is told of a race that was found before, with no more evidence; nil: nobody
	heard  func(f *Finding, more bool) // is told of new findings, and of those with more evidence; nil: nobody
}

// New returns a detector with all rules fresh.
func New() *Detector {
	d := newDetector(wanted())
	for _, i := range Rules {
		if i.New != nil {
			d.add(i.New())
		}
	}
	return d
}

func newDetector(wants *wants) *Detector {
	d := &Detector{kept: newKept(), found: map[string]int{}, wants: wants}
	d.forget, d.unname = append(d.forget, d.kept), append(d.unname, d.kept)
	d.tell = d.report
	return d
}

func (d *Detector) add(r Rule) {
	d.rules[d.n] = r
	d.sleepers[d.n], _ = r.(sleeper)
	d.n++
	if s, ok := r.(interface{ share(*kept) }); ok {
		s.share(d.kept)
	}
	if f, ok := r.(interface{ Forget(*world.File) }); ok {
		d.forget = append(d.forget, f)
	}
	if f, ok := r.(interface{ ForgetName(*world.Entry) }); ok {
		d.unname = append(d.unname, f)
	}
}

// Step shows the rules the operation that the world has just applied.
func (d *Detector) Step(w *world.World, e *world.Effect) {
	d.kept.note(w, e)
	for rules := d.wants.of(e, d.awake); rules != 0; rules &= rules - 1 {
		n := bits.TrailingZeros32(rules) & (maxRules - 1)
		d.rules[n].Step(w, e, d.tell)
		if s := d.sleepers[n]; s != nil {
			d.wake(n, s.awake())
		}
	}
	if e.Entry != nil {
		d.kept.noteName(e)
	}
	for _, f := range w.Forgotten() {
		for _, r := range d.forget {
			r.Forget(f)
		}
	}
	for _, n := range w.ForgottenNames() {
		for _, r := range d.unname {
			r.ForgetName(n)
		}
	}
}

func (d *Detector) wake(n int, awake bool) {
	d.awake &^= 1 << n
	if awake {
		d.awake |= 1 << n
	}
}

// End closes the run and returns its findings: what explains a failure first,
// then by evidence, then from cause to symptom. Each race comes once.
func (d *Detector) End(w *world.World, end End) []Finding {
	for _, r := range d.rules[:d.n] {
		r.End(w, end, d.tell)
	}
	sorted := slices.Clone(d.all)
	slices.SortStableFunc(sorted, func(a, b Finding) int {
		return cmp.Or(
			truth(d.explains(&b))-truth(d.explains(&a)),
			strength(b.Evidence)-strength(a.Evidence),
			rank(a.Rule)-rank(b.Rule),
			lastMark(&a)-lastMark(&b),
		)
	})
	return sorted
}

// findingsMax bounds how many findings are kept that are possible, and as many that are
// surer. What comes when they are full is counted, and not told.
const findingsMax = 1 << 12

// report keeps one finding of each key: the first of the strongest.
func (d *Detector) report(f Finding) {
	if d.judge != nil {
		d.judge(&f)
	}
	key := f.Key()
	i, known := d.found[key]
	if !known {
		if d.full(f.Evidence) {
			d.untold++
			return
		}
		d.found[key] = len(d.all)
		d.all = append(d.all, f)
		if f.Evidence == Possible {
			d.possible++
		}
		d.hear(&f, false)
		return
	}
	old := &d.all[i]
	explains := old.Explains || f.Explains
	more := strength(f.Evidence) > strength(old.Evidence)
	if more && old.Evidence == Possible {
		d.possible--
	}
	if more || strength(f.Evidence) == strength(old.Evidence) && f.Explains && !old.Explains {
		*old = f
	}
	old.Explains = explains
	if more {
		d.hear(old, true)
	} else if d.repeat != nil {
		d.repeat(&f)
	}
}

// full reports whether no more findings of that evidence are kept.
func (d *Detector) full(e Evidence) bool {
	if e == Possible {
		return d.possible >= findingsMax
	}
	return len(d.all)-d.possible >= findingsMax
}

// Untold is how often a race happened that was neither told nor kept, as too many others are.
func (s *Stream) Untold() int { return s.rules.untold }

func (d *Detector) hear(f *Finding, more bool) {
	if d.heard != nil {
		d.heard(f, more)
	}
}

// explains reports whether f tells why a process failed, by itself or through
// damage that it let happen.
func (d *Detector) explains(f *Finding) bool {
	return f.Explains || slices.ContainsFunc(d.all, func(g Finding) bool { return g.Explains && follows(&g, f) })
}

// follows reports whether damage g came of race f: between the same actors, later,
// and let happen by a broken lock or done to a file of the same story.
func follows(g, f *Finding) bool {
	if rank(f.Rule) >= rank(g.Rule) || f.Evidence == Possible || lastMark(f) > lastMark(g) {
		return false
	}
	lock := rank(f.Rule) < causes && rank(g.Rule) >= causes
	return (lock || f.Path == g.Path || slices.Contains(f.Paths, g.Path)) &&
		len(g.Actors) > 0 && meet(f, g) >= min(2, len(g.Actors))
}

// meet counts the actors of g that are, or descend from, an actor of f.
func meet(f, g *Finding) int {
	n := 0
	for _, a := range g.Actors {
		for _, b := range f.Actors {
			if a.Within(b) {
				n++
				break
			}
		}
	}
	return n
}

func lastMark(f *Finding) int {
	if len(f.Marks) == 0 {
		return 0
	}
	return f.Marks[len(f.Marks)-1]
}

func strength(e Evidence) int { return slices.Index([]Evidence{Possible, Observed, Proven}, e) }

func truth(b bool) int {
	if b {
		return 1
	}
	return 0
}
