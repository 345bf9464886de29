package race

import (
	"fmt"
	"slices"

	"filerace/internal/op"
	"filerace/internal/world"
)

// checkThenUseRule finds a path that was checked and then used by path, while
// another process changed what it leads to: the file is gone, or the use
// destroys a file that came after the check.
//
// Reading a newer version of a replaced file is as it should be. A file that is
// gone is harm only if the process fails of it. Where a directory was listed
// first, directory-race tells the story. A name that was free and is taken by the
// time of an exclusive creation is harm only if the run fails of it: to find a
// lock taken, and say so, is no failure.
type checkThenUseRule struct {
	failures
	looks    *looks
	listings listings
	arrivals *arrivals
	taken    failures
	failed   []Finding // taken names over which a process failed
	astray   []move
}

// move is a rename that met another file than the one that had been checked. No harm is
// done yet: who looks at the new name, and gives the file its own name back, is careful.
type move struct {
	Finding
	deed
	file *world.File
	from *world.Entry
}

func newCheckThenUse() Rule { return &checkThenUseRule{} }

func (r *checkThenUseRule) share(k *kept) { r.looks, r.arrivals = k.looks, k.arrivals }

func (r *checkThenUseRule) Step(_ *world.World, e *world.Effect, report func(Finding)) {
	if e.Entry != nil {
		if uses(e.Op) {
			r.use(e, report)
		} else if e.Op.Errno() == eexist && e.Op.Kind == op.Open {
			r.exists(e)
		}
		r.overcome(e)
		r.taken.overcome(e)
	}
	if len(r.astray) > 0 {
		r.settle(e, report)
	}
	r.listings.note(e)
	r.ended(e, report)
	r.taken.ended(e, func(f Finding) {
		if len(r.failed) < suspects {
			r.failed = append(r.failed, f)
		}
	})
}

func (r *checkThenUseRule) awake() bool { return len(r.astray) > 0 }

func (r *checkThenUseRule) End(w *world.World, end End, report func(Finding)) {
	for _, m := range r.astray {
		report(m.Finding)
	}
	r.failures.End(w, end, report)
	r.taken.End(w, end, report)
	if end.Failed {
		for _, f := range r.failed {
			report(f)
		}
	}
}

// exists judges an exclusive creation of what had been looked for and not found.
func (r *checkThenUseRule) exists(e *world.Effect) {
	n := e.Entry
	made := deed{n.Changed, n.By}
	if made.none() || !made.rival(e) {
		return
	}
	k, ok := r.looks.last(n, e)
	if !ok || k.file != nil || !made.after(k.deed) || !rivals(made, k.deed) {
		return
	}
	f := story("check-then-use", n.Path, n.File, k.deed, made, deedOf(e))
	f.Headline = fmt.Sprintf("%s failed to create %s, which %s had made after it was looked for", actor(deedOf(e)), n.Path, actor(made))
	f.Why = fmt.Sprintf("In step %d %s found no %s. In step %d %s made it, so that step %d, which was to create it, found it there and failed.",
		k.at.Seq, actor(k.deed), n.Path, made.at.Seq, actor(made), e.At.Seq)
	f.Repair = "Give each process a name of its own, and rename the finished file to the common name; or handle the error: someone else has made the file."
	r.taken.suspect(e.Op.Actor, n, f)
}

// uses reports whether the operation acts on a file by path and does not create one.
func uses(o *op.Op) bool {
	switch o.Kind {
	case op.Open:
		return o.Flags&op.O_CREAT == 0
	case op.Unlink, op.Rename, op.Chmod, op.Chown, op.Truncate, op.Exec, op.Rmdir, op.Readlink, op.Link, op.Utime:
		return true
	}
	return false
}

func (r *checkThenUseRule) use(e *world.Effect, report func(Finding)) {
	if e.Op.Failed() {
		r.missing(e)
		return
	}
	switch e.Op.Kind {
	case op.Unlink, op.Rename, op.Chmod, op.Chown, op.Truncate:
	default:
		return
	}
	met := e.Before
	came := r.arrivals.at(met)
	if came == nil || came.entry != e.Entry || !came.rival(e) {
		return
	}
	k, ok := r.looks.last(e.Entry, e)
	if !ok || k.file == nil || k.file == met || !k.check() || !came.after(k.deed) || !rivals(came.deed, k.deed) {
		return
	}
	f := story("check-then-use", e.Entry.Path, met, k.deed, came.deed, deedOf(e))
	f.Headline = fmt.Sprintf("%s %s the %s that %s had just put there, not the one that it had checked",
		actor(deedOf(e)), did[e.Op.Kind], e.Entry.Path, actor(came.deed))
	f.Why = fmt.Sprintf("In step %d %s looked at %s. In step %d %s put another file there. Step %d goes by the name alone and "+
		"met the new file, which nobody had looked at.",
		k.at.Seq, actor(k.deed), e.Entry.Path, came.at.Seq, actor(came.deed), e.At.Seq)
	f.Repair = checkThenUseRepair
	if e.Op.Kind == op.Rename && len(r.astray) < suspects {
		r.astray = append(r.astray, move{f, deedOf(e), met, e.Entry})
		return
	}
	report(f)
}

// settle reports the moves whose maker went on to something else than looking and putting back.
func (r *checkThenUseRule) settle(e *world.Effect, report func(Finding)) {
	r.astray = slices.DeleteFunc(r.astray, func(m move) bool {
		if m.process() != e.Op.Actor.Process() || m.at.Seq == e.At.Seq || e.Op.Failed() {
			return false
		}
		switch e.Op.Kind {
		case op.Stat, op.AccessOp, op.Readlink, op.Open, op.Read, op.Close:
			return false
		case op.Rename, op.Link:
			if e.Entry2 == m.from && m.from.File == m.file {
				return true
			}
		}
		report(m.Finding)
		return true
	})
}

func (r *checkThenUseRule) missing(e *world.Effect) {
	n := e.Entry
	gone := deed{n.Changed, n.By}
	if e.Op.Errno() != enoent || n.File != nil || gone.none() || !gone.rival(e) {
		return
	}
	k, ok := r.looks.last(n, e)
	if !ok || k.file == nil || !k.check() || !gone.after(k.deed) || !rivals(gone, k.deed) {
		return
	}
	if _, listed := r.listings.last(n.Dir, gone, e); listed {
		return
	}
	f := story("check-then-use", n.Path, k.file, k.deed, gone, deedOf(e))
	f.Headline = fmt.Sprintf("%s failed because %s took %s away after it had been checked", actor(deedOf(e)), actor(gone), n.Path)
	f.Why = fmt.Sprintf("In step %d %s found %s in place and relied on it. In step %d %s removed or renamed it, so that step %d met "+
		"no such file.", k.at.Seq, actor(k.deed), n.Path, gone.at.Seq, actor(gone), e.At.Seq)
	f.Repair = checkThenUseRepair
	r.suspect(e.Op.Actor, n, f)
}

const checkThenUseRepair = "Do not check first: act, and handle the error. Where the check is needed, open the file once and check and use " +
	"the descriptor (fstat, fchmod, ftruncate), or hold a lock over both that everyone takes who changes the name."

var did = map[op.Kind]string{
	op.Unlink: "removed", op.Rename: "moved away", op.Chmod: "changed the mode of", op.Chown: "changed the owner of", op.Truncate: "cut off",
}

var checkThenUse = Info{
	Name:  "check-then-use",
	Title: "a path was checked, then used by path, and led elsewhere by then",
	Fires: "A process checked a path with stat or access; before it used the path, another process removed the file or made the one that was to be created (and the process failed), or put another there that the use destroyed.",
	Harm: "The check says nothing of the file that is used: a file is removed, moved or changed that was never looked at, or a " +
		"program fails on a file that it had just seen.",
	Safe: "Opening once and working on the descriptor; acting without a check and handling the error; a lock over check and use. " +
		"Opening the newer version of a file that was replaced meanwhile is not reported, nor who renames a file aside, looks at it, and puts it back if it is the wrong one.",
	Wrong: `if (stat(path, &st) == 0 && st.st_mtime < limit)
	unlink(path);`,
	Right: `int lock = open("dir/.lock", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
if (lock < 0 || flock(lock, LOCK_EX) < 0)   /* taken by everyone who changes path */
	return -1;
if (stat(path, &st) == 0 && st.st_mtime < limit)
	unlink(path);
close(lock);`,
	Source: "Bishop and Dilger: Checking for Race Conditions in File Accesses, 1996; CWE-367; access(2), NOTES",
	Kinds:  except(onDescriptors...),
	Awake:  except(op.Read, op.Close),
	New:    newCheckThenUse,
}
