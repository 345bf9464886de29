package race

import (
	"fmt"
	"slices"

	"filerace/internal/op"
	"filerace/internal/world"
)

// lockDroppedByCloseRule finds the trap of POSIX locks: closing any descriptor
// of a file drops all locks that the process has on it, also those taken through
// other descriptors (fcntl_locking(2)).
//
// It is harm when another process got in (a conflicting lock, or a write) and
// the first one, after that, still behaves as if it held the lock: it writes in
// the locked range, reads what has been changed, or unlocks. Without the other
// process's step it is possible harm.
type lockDroppedByCloseRule struct {
	fallen []*fallenLock
}

// fallenLock is a lock that its process lost without meaning to.
type fallenLock struct {
	file   *world.File
	entry  *world.Entry
	proc   op.Actor
	mode   op.LockMode
	lo, hi int64
	took   deed
	trap   deed
	inside deed // the first step of another process that the lock would have kept out
	wrote  bool // that process, or a later one, wrote
	relied deed // the first use that relies on the lock
}

func newLockDroppedByClose() Rule { return &lockDroppedByCloseRule{} }

func (r *lockDroppedByCloseRule) Forget(f *world.File) {
	r.fallen = slices.DeleteFunc(r.fallen, func(l *fallenLock) bool { return l.file == f })
}

func (r *lockDroppedByCloseRule) Step(_ *world.World, e *world.Effect, report func(Finding)) {
	if len(r.fallen) > 0 {
		r.follow(e, report)
	}
	for _, l := range e.Trap {
		r.fallen = append(r.fallen, &fallenLock{
			file: l.File, entry: l.Entry, proc: l.Proc, mode: l.Mode, lo: l.Lo, hi: l.Hi,
			took: deed{l.At, l.By}, trap: deedOf(e),
		})
	}
}

func (r *lockDroppedByCloseRule) awake() bool { return len(r.fallen) > 0 }

func (r *lockDroppedByCloseRule) follow(e *world.Effect, report func(Finding)) {
	kept := r.fallen[:0]
	for _, l := range r.fallen {
		if l.step(e, report) {
			kept = append(kept, l)
		}
	}
	clear(r.fallen[len(kept):])
	r.fallen = kept
}

// step follows one operation; false if the story of the lock is over.
func (l *fallenLock) step(e *world.Effect, report func(Finding)) bool {
	p := e.Op.Actor.Process()
	if p != l.proc {
		l.rival(e)
		return true
	}
	if e.Op.Kind == op.Exit && e.Process.Exited {
		l.close(report)
		return false
	}
	if e.File != l.file || e.Op.Failed() || e.Op.Waits {
		return true
	}
	if e.Op.Kind == op.LockOp && e.Op.Lock.Family == op.PosixLock && e.Op.Lock.Start < l.hi && l.lo < e.Op.Lock.End {
		if e.Op.Lock.Mode != op.Unlock {
			return false // it takes the lock again
		}
		l.rely(e, report)
		l.close(report)
		return false
	}
	reads, writes := touchesData(e)
	if (writes || reads && l.wrote) && l.covers(e) {
		return l.rely(e, report)
	}
	return true
}

// rely notes a use that needs the lock; false once it is known to be harm.
func (l *fallenLock) rely(e *world.Effect, report func(Finding)) bool {
	if !l.inside.none() {
		report(l.finding(deedOf(e)))
		return false
	}
	if l.relied.none() {
		l.relied = deedOf(e)
	}
	return true
}

// close ends a story in which nobody else got in.
func (l *fallenLock) close(report func(Finding)) {
	if l.inside.none() && !l.relied.none() {
		f := l.finding(l.relied)
		f.Evidence = Possible
		report(f)
	}
}

// rival notes a step of another process that the lock would have kept out.
func (l *fallenLock) rival(e *world.Effect) {
	if e.Op.Actor.Within(l.proc) || e.File != l.file {
		return
	}
	if k := e.Took; k != nil && class(k.Family) == op.PosixLock && k.Lo < l.hi && l.lo < k.Hi &&
		(k.Mode == op.Exclusive || l.mode == op.Exclusive) && l.inside.none() {
		l.inside = deedOf(e)
	}
	if _, writes := touchesData(e); writes && l.covers(e) {
		l.wrote = true
		if l.inside.none() {
			l.inside = deedOf(e)
		}
	}
}

// covers reports whether bytes that the operation used lie in the lost range.
func (l *fallenLock) covers(e *world.Effect) bool {
	lo, hi := e.Lo, e.Hi
	if e.Op.Kind == op.Truncate || e.Op.Kind == op.Open || lo >= hi {
		hi = op.MaxOffset
	}
	return lo < l.hi && l.lo < hi
}

func (r *lockDroppedByCloseRule) End(_ *world.World, _ End, report func(Finding)) {
	for _, l := range r.fallen {
		l.close(report)
	}
	r.fallen = nil
}

func (l *fallenLock) finding(last deed) Finding {
	path := l.file.Path
	if l.entry != nil {
		path = l.entry.Path
	}
	f := story("lock-dropped-by-close", path, l.file, l.took, l.trap, l.inside, last)
	f.Headline = fmt.Sprintf("%s lost its lock on %s by closing another descriptor of it, and went on as if it held it", l.proc, path)
	rest := "Nothing kept others out from then on."
	if !l.inside.none() {
		rest = fmt.Sprintf("%s got in at step %d, and %s relied on its lock in step %d.",
			l.inside.by.Actor.Process(), l.inside.at.Seq, l.proc, last.at.Seq)
	}
	f.Why = fmt.Sprintf("An fcntl lock belongs to the process and the file, not to the descriptor that it was taken through. Closing any "+
		"descriptor of the file, as %s did in step %d, drops it without a word. %s", l.proc, l.trap.at.Seq, rest)
	f.Repair = "Use open file description locks (fcntl F_OFD_SETLKW) or flock, which belong to the descriptor; or open the file once " +
		"in the process and close it only when the lock may go."
	return f
}

var lockDroppedByClose = Info{
	Name:  "lock-dropped-by-close",
	Title: "an fcntl lock is lost because the process closed another descriptor of the file",
	Fires: "A process lost a POSIX lock by a close of another descriptor, another process locked or wrote the file, and the first one went on using it or unlocked it.",
	Harm: "Two processes are inside the critical section at once. The one that lost its lock cannot notice: no call fails. " +
		"A library that opens, reads and closes the file is enough.",
	Safe: "Open file description locks and flock belong to the description and survive closes of others. So does a process that opens " +
		"the file once. SQLite keeps descriptors open until its last lock is gone for this reason. Taking the lock again ends the report.",
	Wrong: `int fd = open(path, O_RDWR);
struct flock l = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
fcntl(fd, F_SETLKW, &l);
int again = open(path, O_RDONLY);    /* perhaps inside a library */
read(again, buf, sizeof buf);
close(again);                        /* the lock is gone */
pwrite(fd, buf, n, 0);`,
	Right: `int fd = open(path, O_RDWR);
struct flock l = { .l_type = F_WRLCK, .l_whence = SEEK_SET };    /* l_pid must be 0 */
fcntl(fd, F_OFD_SETLKW, &l);         /* belongs to fd */
int again = open(path, O_RDONLY);
read(again, buf, sizeof buf);
close(again);
pwrite(fd, buf, n, 0);`,
	Source: "fcntl_locking(2), NOTES; https://sqlite.org/howtocorrupt.html section 2.2; TLPI 55.3.6",
	On:     frees,
	Awake:  slices.Concat(locking, []op.Kind{op.Exit}),
	New:    newLockDroppedByClose,
}
