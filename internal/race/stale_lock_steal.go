package race

import (
	"fmt"
	"slices"

	"filerace/internal/op"
	"filerace/internal/world"
)

// staleLockStealRule finds a lock by name (a file made with O_EXCL, a directory,
// a symbolic or hard link) that was judged stale and removed, but was by then a
// fresh one: between the judgement and the removal another process had removed
// the stale lock and made its own. It is harm once a further process has made the
// lock again while the owner of the fresh one believes to have it.
//
// In scripts each step is a process of its own (mkdir, stat, rmdir), so a lock
// belongs to the nearest ancestor of its maker that still lives, and so does a
// look. Programs that only carry out a removal look at the name first; their look
// is nobody's judgement.
type staleLockStealRule struct {
	names perName[*lockName]
}

// ForgetName drops a name that the world has forgotten.
func (r *staleLockStealRule) ForgetName(n *world.Entry) { r.names.ForgetName(n) }

// lockName is a name that is, or may become, a lock.
type lockName struct {
	file  *world.File // made exclusively in this run and there still; nil: none
	made  deed
	looks latest[deed]
	stole theft
}

// theft is the removal of a fresh lock by a process that had last seen another one.
type theft struct {
	look, made, removed deed
	thief               op.Actor
}

// removers are programs that look at a name only to remove it.
var removers = []string{"rm", "rmdir", "unlink", "mv", "busybox"}

func newStaleLockSteal() Rule { return &staleLockStealRule{} }

func (r *staleLockStealRule) Step(w *world.World, e *world.Effect, report func(Finding)) {
	en := e.Entry
	switch e.Op.Kind {
	case op.Link:
		en = e.Entry2
		fallthrough
	case op.Open, op.Mkdir, op.SymlinkOp:
		if en == nil {
			return
		}
		switch {
		case !exclusive(e.Op):
			r.look(en, e)
		case !e.Op.Failed() && e.Created:
			r.made(w, en, e, report)
		case e.Op.Errno() == eexist:
			r.look(en, e)
		}
	case op.Stat, op.AccessOp, op.Readlink:
		if en != nil && !e.Op.FindsNoLink() {
			r.look(en, e)
		}
	case op.Unlink, op.Rmdir, op.Rename:
		if en != nil && !e.Op.Failed() && e.Before != nil && en.File != e.Before {
			r.removed(w, en, e)
		}
	}
}

// exclusive reports whether the operation makes a name or fails.
func exclusive(o *op.Op) bool {
	return o.Kind != op.Open || o.Flags&(op.O_CREAT|op.O_EXCL) == op.O_CREAT|op.O_EXCL
}

func (r *staleLockStealRule) name(en *world.Entry) *lockName {
	n := r.names.get(en)
	if n == nil {
		n = &lockName{}
		r.names.put(en, n)
	}
	return n
}

func (r *staleLockStealRule) look(en *world.Entry, e *world.Effect) {
	if slices.Contains(removers, e.Op.Prog) {
		return
	}
	n := r.name(en)
	n.looks, _ = n.looks.renew(e, deedOf(e))
}

// made notes an exclusive creation, and judges it if it follows a theft.
func (r *staleLockStealRule) made(w *world.World, en *world.Entry, e *world.Effect, report func(Finding)) {
	n := r.name(en)
	if t := n.stole; !t.made.none() {
		owner := living(w, t.made.by.Actor)
		if owner != "" && !e.Op.Actor.Within(owner) {
			report(t.finding(en, owner, deedOf(e)))
		}
	}
	n.stole = theft{}
	n.file, n.made = en.File, deedOf(e)
}

// removed notes the end of a lock: its release, or a theft.
func (r *staleLockStealRule) removed(w *world.World, en *world.Entry, e *world.Effect) {
	n := r.names.get(en)
	if n == nil || n.file == nil || n.file != e.Before {
		return
	}
	t := n.judge(w, e)
	n.file, n.made = nil, deed{}
	n.stole = t
}

// judge tells a theft from a release; the theft is zero if there is none.
func (n *lockName) judge(w *world.World, e *world.Effect) theft {
	owner := living(w, n.made.by.Actor)
	if owner == "" || e.Op.Actor.Within(owner) || n.made.at.MayHardBefore(e.At) {
		return theft{}
	}
	var thief op.Actor
	look := n.looks.newest(func(l *deed) bool {
		by := living(w, l.by.Actor)
		if by == "" || !e.Op.Actor.Within(by) || owner.Within(by) {
			return false
		}
		thief = by
		return true
	})
	if look == nil || look.after(n.made) {
		return theft{}
	}
	return theft{look: *look, made: n.made, removed: deedOf(e), thief: thief}
}

// living returns the process of a, or its nearest ancestor that has not exited;
// "" if there is none.
func living(w *world.World, a op.Actor) op.Actor {
	for a = a.Process(); a != ""; a = a.Parent() {
		if p := w.Process(a); p != nil && !p.Exited {
			return a
		}
	}
	return ""
}

func (r *staleLockStealRule) End(*world.World, End, func(Finding)) {}

func (t theft) finding(en *world.Entry, owner op.Actor, again deed) Finding {
	f := story("stale-lock-steal", en.Path, en.File, t.look, t.made, t.removed, again)
	f.Actors = withNames(f.Actors, owner, t.thief)
	f.Headline = fmt.Sprintf("two processes held the lock %s: %s removed the fresh lock of %s as stale", en.Path, t.thief, owner)
	f.Why = fmt.Sprintf("%s looked at the lock in step %d and took it for a leftover. Before it removed it, %s had made a lock of its own "+
		"under the same name (step %d). The removal in step %d hit that one, so the name was free again for step %d.",
		t.thief, t.look.at.Seq, owner, t.made.at.Seq, t.removed.at.Seq, again.at.Seq)
	f.Repair = "Let the kernel end locks: hold a flock on a file that stays; it goes with its process, so nothing is ever stale. If the lock must be " +
		"a name, let all who may remove it first take a flock on a second file that stays, look again under it, and only then remove."
	return f
}

var staleLockSteal = Info{
	Name:  "stale-lock-steal",
	Title: "two processes judge one lock stale, and the second removes the first one's fresh lock",
	Fires: "A process removed a lock file, directory or link that was made after it last looked, and the lock was made again while the owner of the removed one was at work.",
	Harm:  "Two processes hold the lock at the same time. It happens just when something has crashed and several processes try to recover at once.",
	Safe: "flock or fcntl locks vanish with their process, so nothing has to be judged stale. A removal that is itself guarded by such a lock, with a " +
		"second look under it, is safe, too. The owner's own removal of its lock is not reported.",
	Wrong: `until mkdir lock 2>/dev/null; do
	if ! kill -0 "$(cat lock/pid)" 2>/dev/null; then
		rm -rf lock            # perhaps somebody's fresh lock by now
	fi
	sleep 1
done
echo $$ >lock/pid`,
	Right: `exec 9>lock                # a file that stays
flock 9                    # released by the kernel when this process ends`,
	Source: "procmail lockfile(1), -l; useradd and vipw take the lock by link(2)",
	Kinds:  []op.Kind{op.Open, op.Mkdir, op.SymlinkOp, op.Link, op.Stat, op.AccessOp, op.Readlink, op.Unlink, op.Rmdir, op.Rename},
	New:    newStaleLockSteal,
}
