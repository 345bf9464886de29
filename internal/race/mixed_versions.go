package race

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"filerace/internal/op"
	"filerace/internal/world"
)

// mixedVersionsRule finds a reader that got one file of a set from before and
// another from after one process replaced them all, one by one.
//
// Most readers do not mind, so it is shown when the reader fails, when the run
// does (a reader may end well and leave it to others to find out what it brought
// them), or when everything is asked for.
type mixedVersionsRule struct {
	failures
	readings *readings
	changes  []change // the last one of each name, in order
	changed  perName[bool]
	ended    recent[op.Actor, int] // status, plus one
	possible []Finding
}

// change is a new version of a file that was there before.
type change struct {
	deed
	name *world.Entry
}

// versions bounds how many changes are remembered: the width of a set.
const versions = 256

func newMixedVersions() Rule {
	return &mixedVersionsRule{}
}

// ForgetName drops a name that the world has forgotten.
func (r *mixedVersionsRule) ForgetName(n *world.Entry) { r.changed.ForgetName(n) }

func (r *mixedVersionsRule) share(k *kept) { r.readings = k.readings }

func (r *mixedVersionsRule) Step(_ *world.World, e *world.Effect, report func(Finding)) {
	if !e.Op.Failed() {
		switch e.Op.Kind {
		case op.Rename:
			if e.Entry2 != nil && isRegular(e.Before2) && e.Entry2.Changed.Seq == e.At.Seq {
				r.change(e.Entry2, e, report)
			}
		case op.Open:
			if e.Existed && e.Shrunk > 0 {
				r.change(e.Entry, e, report)
			}
		case op.Read:
			if e.OFD != nil && r.changed.get(e.OFD.Entry) {
				r.read(e.OFD.Entry, e, report)
			}
		}
	}
	if e.Op.Kind == op.Exit && e.Process != nil && e.Process.Exited {
		r.ended.put(e.Op.Actor.Process(), e.Process.Status+1)
	}
	r.failures.ended(e, report)
}

func (r *mixedVersionsRule) awake() bool { return len(r.changes) > 0 }

// related reports whether two names belong to one tree: in one directory, or one
// in a directory below the other's.
func related(a, b *world.Entry) bool {
	if a == b {
		return false
	}
	x, y := path.Dir(a.Path), path.Dir(b.Path)
	return x == y || strings.HasPrefix(x, y+"/") || strings.HasPrefix(y, x+"/")
}

// change looks for readers that have the old version of n and a new one of
// another file that the same story changed before.
func (r *mixedVersionsRule) change(n *world.Entry, e *world.Effect, report func(Finding)) {
	now := change{deedOf(e), n}
	for _, l := range r.readings.names.get(n) {
		old := l.v
		if !old.rival(e) {
			continue
		}
		for _, c := range r.changes {
			if c.tied(e) && related(c.name, n) {
				r.pair(c, now, old, report)
			}
		}
	}
	r.changes = slices.DeleteFunc(r.changes, func(c change) bool { return c.name == n })
	if len(r.changes) >= versions {
		r.changes = slices.Delete(r.changes, 0, versions/4)
	}
	r.changes = append(r.changes, now)
	r.changed.put(n, true)
}

// pair reports readers of the story of old that have the new version of first.
func (r *mixedVersionsRule) pair(first, second change, old reading, report func(Finding)) {
	for _, l := range r.readings.names.get(first.name) {
		if k := l.v; k.after(first.deed) && rivals(k.deed, first.deed) && oneStory(k.deed, old.deed) {
			r.mixed(first, second, k.deed, old.deed, report)
			return
		}
	}
}

func oneStory(a, b deed) bool {
	return a.at.Process == b.at.Process || a.at.HardBefore(b.at) || b.at.HardBefore(a.at)
}

// read looks for other files of the set that the reader has in their old version.
func (r *mixedVersionsRule) read(n *world.Entry, e *world.Effect, report func(Finding)) {
	k := deedOf(e)
	if e.OFD.File != n.File {
		r.readOld(n, e, report)
		return
	}
	for _, mine := range r.changes {
		if mine.name != n || !mine.rival(e) {
			continue
		}
		for _, c := range r.changes {
			if !related(c.name, n) || !oneStory(c.deed, mine.deed) {
				continue
			}
			old, ok := r.readings.last(c.name, e)
			if ok && c.after(old.deed) && rivals(c.deed, old.deed) {
				r.mixed(c, mine, k, old.deed, report)
				return
			}
		}
	}
}

// readOld looks for other files of the set that the reader has in their new version: it had
// opened this one before it was replaced, and goes on with the old version.
func (r *mixedVersionsRule) readOld(n *world.Entry, e *world.Effect, report func(Finding)) {
	old := reading{deed: deed{e.OFD.Opened, e.Op}}
	old.at.Process = e.At.Process
	for _, mine := range r.changes {
		if mine.name != n || old.none() || old.at.IsZero() || !rivals(mine.deed, old.deed) || !mine.after(old.deed) {
			continue
		}
		for _, c := range r.changes {
			if related(c.name, n) && oneStory(c.deed, mine.deed) {
				r.pair(c, mine, old, report)
			}
		}
	}
}

func (r *mixedVersionsRule) mixed(a, b change, fresh, old deed, report func(Finding)) {
	if a.after(b.deed) {
		a, b = b, a
	}
	f := story("mixed-versions", b.name.Path, b.name.File, a.deed, b.deed, fresh, old)
	f.alsoNamed(a.name.Path)
	reader := actor(fresh)
	f.Headline = fmt.Sprintf("%s read one of %s and %s from before and the other from after %s changed both",
		reader, a.name.Path, b.name.Path, actor(a.deed))
	f.Why = fmt.Sprintf("%s changed the two files one after the other, in steps %d and %d. The reads of steps %d and %d fell on different sides of "+
		"these changes, so the two versions do not belong together.", actor(a.deed), a.at.Seq, b.at.Seq, min(fresh.at.Seq, old.at.Seq), max(fresh.at.Seq, old.at.Seq))
	f.Repair = "Put files that belong together in one directory, prepare a new directory, and switch a symbolic link to it with one rename; let readers " +
		"resolve the link once. Or hold a lock over all changes, and a shared one over all reads."
	if len(r.possible) < suspects {
		p := f
		p.Evidence = Possible
		r.possible = append(r.possible, p)
	}
	r.blame(fresh, old, f, report)
}

// blame keeps the finding for the process that put the versions together: the
// reader, or the one that started the readers.
func (r *mixedVersionsRule) blame(fresh, old deed, f Finding, report func(Finding)) {
	p := fresh.by.Actor.Process()
	if p != old.by.Actor.Process() {
		p = p.Parent()
	}
	switch status := r.ended.get(p); {
	case status == 0:
		r.suspect(p, nil, f)
	case status > 1:
		f.Explains = true
		report(f)
	}
}

func (r *mixedVersionsRule) End(w *world.World, end End, report func(Finding)) {
	r.failures.End(w, end, report)
	for _, f := range r.possible {
		if end.Failed {
			f.Evidence = Observed
		}
		if end.Failed || end.All {
			report(f)
		}
	}
}

var mixedVersions = Info{
	Name:  "mixed-versions",
	Title: "files of one set were read in versions that do not belong together",
	Fires: "A process replaced several files of a tree one by one, and a reader got one from before and another from after; shown with --all, or when the reader or the run failed.",
	Harm: "Each file is whole, but they do not fit each other: a program loads a library of the new release and its data of the old one, " +
		"a certificate and a key that are no pair.",
	Safe: "One directory per version, and a symbolic link that a single rename switches; readers that resolve the link once; a lock over the set.",
	Wrong: `mv new/cert.pem tls/cert.pem
mv new/key.pem tls/key.pem`,
	Right: `ln -s tls-v2 tls.new      # tls is a link to tls-v1
mv -T tls.new tls         # rename(2): one step for all files`,
	Source: "symlink(7); rename(2); apt and dpkg, upgrades of packages in use; Kubernetes AtomicWriter (..data link)",
	Kinds:  []op.Kind{op.Rename, op.Exit},
	On:     cuts,
	Awake:  []op.Kind{op.Read},
	New:    newMixedVersions,
}
