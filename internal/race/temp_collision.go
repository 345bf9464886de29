package race

import (
	"fmt"
	"slices"

	"filerace/internal/op"
	"filerace/internal/world"
)

// tempCollisionRule finds two processes that use one temporary name: each opens
// it as if it were its own, and when one of them gives the file its final name
// or removes it, it is the other's file, a mixture, or no longer there.
//
// Ruled out: names made with O_EXCL (mkstemp), a lock around the use, and equal
// contents.
type tempCollisionRule struct {
	names perName[latest[opener]]
	lost  perFile[loss]
}

// opener is a process that took the name for its own.
type opener struct {
	deed
	file *world.File
}

// loss is what one opener had written before another cut it off or wrote over it.
type loss struct {
	segs []world.Seg
	size int64
}

func newTempCollision() Rule { return &tempCollisionRule{} }

// ForgetName drops a name that the world has forgotten.
func (r *tempCollisionRule) ForgetName(n *world.Entry) { r.names.ForgetName(n) }

// Forget drops a file that is gone for good.
func (r *tempCollisionRule) Forget(f *world.File) { r.lost.Forget(f) }

func (r *tempCollisionRule) Step(_ *world.World, e *world.Effect, report func(Finding)) {
	switch e.Op.Kind {
	case op.Open:
		r.open(e)
	case op.Write, op.Truncate:
		r.lose(e)
	case op.Rename, op.Link, op.Unlink:
		if e.Entry == nil {
			return
		}
		if e.Op.Failed() {
			r.missing(e, report)
		} else {
			r.publish(e, report)
		}
	}
}

func (r *tempCollisionRule) open(e *world.Effect) {
	const creates = op.O_CREAT | op.O_EXCL
	if e.Op.Failed() || e.Op.Flags&creates != op.O_CREAT || e.Entry == nil || !isRegular(e.File) ||
		e.Op.Flags&op.O_APPEND != 0 || e.Op.Flags&op.O_TRUNC == 0 && !e.Created {
		return
	}
	r.lose(e)
	if list, grown := r.names.get(e.Entry).renew(e, opener{deedOf(e), e.File}); grown {
		r.names.put(e.Entry, list)
	}
}

// lose keeps what another's writing or truncation took away.
func (r *tempCollisionRule) lose(e *world.Effect) {
	segs := e.Dropped
	if len(segs) == 0 {
		segs = e.Over
	}
	if len(segs) == 0 || e.Op.Failed() {
		return
	}
	if d := (deed{segs[0].At, segs[0].By}); d.rival(e) {
		r.lost.put(e.File, loss{slices.Clone(segs), e.File.Size + e.Shrunk})
	}
}

// pair returns the opener of the name that belongs to the present story, and one that does not.
func (r *tempCollisionRule) pair(e *world.Effect, file *world.File) (mine, theirs opener, ok bool) {
	list := r.names.get(e.Entry)
	m := list.newest(func(o *opener) bool { return (file == nil || o.file == file) && o.tied(e) })
	if m == nil {
		return
	}
	t := list.newest(func(o *opener) bool { return o.file == m.file && o.rival(e) && rivals(o.deed, m.deed) })
	if t == nil {
		return *m, opener{}, false
	}
	return *m, *t, true
}

// publish judges a rename, link or unlink of the name: is the file what its opener wrote?
func (r *tempCollisionRule) publish(e *world.Effect, report func(Finding)) {
	f := e.Before
	if !isRegular(f) {
		return
	}
	mine, theirs, ok := r.pair(e, f)
	if !ok {
		return
	}
	was := r.lost.get(f)
	cut := hasWriter(was.segs, mine.deed, theirs.deed) && !same(was.segs, was.size, f.Segs, f.Size)
	mixed := hasWriter(f.Segs, mine.deed, theirs.deed) && hasWriter(f.Segs, theirs.deed, mine.deed)
	if cut || mixed {
		report(r.finding(e, mine.deed, theirs.deed, deed{}))
	}
}

// missing judges a rename or link of a name that the other took away.
func (r *tempCollisionRule) missing(e *world.Effect, report func(Finding)) {
	n := e.Entry
	gone := deed{n.Changed, n.By}
	if e.Op.Errno() != enoent || e.Op.Kind == op.Unlink || n.File != nil || gone.none() || !gone.rival(e) {
		return
	}
	mine, theirs, ok := r.pair(e, nil)
	if !ok || !gone.after(mine.deed) {
		return
	}
	if theirs.by.Actor.Process() == gone.by.Actor.Process() || theirs.at.HardBefore(gone.at) {
		report(r.finding(e, mine.deed, theirs.deed, gone))
	}
}

func (r *tempCollisionRule) finding(e *world.Effect, mine, theirs, gone deed) Finding {
	path := e.Entry.Path
	f := story("temp-collision", path, e.Before, mine, theirs, gone, deedOf(e))
	if e.Entry2 != nil {
		f.alsoNamed(e.Entry2.Path)
	}
	f.Headline = fmt.Sprintf("%s and %s used the same temporary file %s", actor(theirs), actor(mine), path)
	f.Why = fmt.Sprintf("%s opened %s for itself in step %d, and so did %s in step %d: it is one file. ",
		actor(mine), path, mine.at.Seq, actor(theirs), theirs.at.Seq)
	if gone.none() {
		f.Why += fmt.Sprintf("When %s took it for complete in step %d, it no longer held what had been written there.", actor(deedOf(e)), e.At.Seq)
	} else {
		f.Why += fmt.Sprintf("%s moved or removed it in step %d, so that %s found nothing in step %d.", actor(gone), gone.at.Seq, actor(deedOf(e)), e.At.Seq)
	}
	f.Repair = "Give every process a temporary name of its own that is created with O_EXCL: mktemp in sh, mkstemp in C, os.CreateTemp in Go; for a later " +
		"rename, in the directory of the final name."
	return f
}

func (r *tempCollisionRule) End(*world.World, End, func(Finding)) {}

var tempCollision = Info{
	Name:  "temp-collision",
	Title: "two processes use one temporary file",
	Fires: "Two processes opened one temporary name without O_EXCL, and when one renamed or removed it, the contents were not its own, or the name was gone.",
	Harm: "One process publishes the other's contents, or a mixture or an empty file, under the final name; the other's rename fails. The " +
		"care taken to replace a file in one step is undone by the fixed temporary name.",
	Safe: "A name of its own for every process, made with O_EXCL (mktemp, mkstemp, os.CreateTemp), or a lock from the creation to the rename. A fixed " +
		"name opened with O_EXCL works as a lock (git's config.lock).",
	Wrong:  `sort list >list.tmp && mv list.tmp list`,
	Right:  `t=$(mktemp list.XXXXXX) && sort list >"$t" && mv "$t" list`,
	Source: "TLPI 5.12 (temporary files); mkstemp(3); CWE-377; mktemp(1)",
	Kinds:  []op.Kind{op.Open, op.Rename, op.Link, op.Unlink},
	On:     overwrites | cuts,
	New:    newTempCollision,
}
