package race

import (
	"fmt"
	"slices"

	"filerace/internal/op"
	"filerace/internal/world"
)

// leaseOverrunRule finds the holder of a lease that kept on using the file after
// its lease was broken: another process opened the file, because the holder gave
// way or because it did not within /proc/sys/fs/lease-break-time (fcntl(2),
// F_SETLEASE). A write then is harm, and so is a read of what the other has
// written. Only the description that the lease was taken on counts: a file that
// was opened anew is used without a lease.
type leaseOverrunRule struct {
	leases []*leaseUse
}

// leaseUse is one lease and what became of it.
type leaseUse struct {
	file    *world.File
	ofd     *world.OFD
	entry   *world.Entry
	proc    op.Actor
	mode    op.LockMode // the strongest that it had
	left    op.LockMode // what remains after giving way
	took    deed
	yielded bool // gave way while another waited to open
	broken  deed // the open that it was to keep out
	changed deed // a write by the other, later
}

func newLeaseOverrun() Rule { return &leaseOverrunRule{} }

// Forget drops a file that is gone.
func (r *leaseOverrunRule) Forget(f *world.File) {
	r.leases = slices.DeleteFunc(r.leases, func(l *leaseUse) bool { return l.file == f })
}

func (r *leaseOverrunRule) Step(_ *world.World, e *world.Effect, report func(Finding)) {
	if e.Op.Kind == op.LockOp && e.Op.Lock.Family == op.LeaseLock {
		r.lease(e)
		return
	}
	if len(r.leases) == 0 {
		return
	}
	r.leases = slices.DeleteFunc(r.leases, func(l *leaseUse) bool {
		return slices.Contains(e.Closed, l.ofd) || l.file == e.File && l.step(e, report)
	})
}

func (r *leaseOverrunRule) awake() bool { return len(r.leases) > 0 }

// lease follows F_SETLEASE.
func (r *leaseOverrunRule) lease(e *world.Effect) {
	if e.Op.Failed() || e.OFD == nil {
		return
	}
	i := slices.IndexFunc(r.leases, func(l *leaseUse) bool { return l.ofd == e.OFD })
	asked := e.Op.Lock.Mode
	if i >= 0 && asked < r.leases[i].mode && awaited(e) {
		r.leases[i].yielded, r.leases[i].left = true, asked
		return
	}
	if i >= 0 {
		r.leases = slices.Delete(r.leases, i, i+1)
	}
	if asked != op.Unlock {
		r.leases = append(r.leases, &leaseUse{
			file: e.File, ofd: e.OFD, entry: e.OFD.Entry, proc: e.Op.Actor.Process(), mode: asked, left: asked, took: deedOf(e),
		})
	}
}

// awaited reports whether somebody waits to open the file.
func awaited(e *world.Effect) bool {
	return slices.ContainsFunc(e.File.Waits, func(l *world.Lock) bool {
		return l.Family == op.LeaseLock && l.Proc != e.Op.Actor.Process()
	})
}

// step follows an operation on the file; true ends the story.
func (l *leaseUse) step(e *world.Effect, report func(Finding)) bool {
	if e.Op.Failed() || e.Op.Waits {
		return false
	}
	reads, writes := touchesData(e)
	switch {
	case e.OFD != l.ofd && !e.Op.Actor.Within(l.proc):
		if l.broken.none() && l.breaks(e.Op) {
			l.broken = deedOf(e)
		}
		if writes && !l.broken.none() {
			l.changed = deedOf(e)
		}
	case e.OFD != l.ofd || l.broken.none():
	case writes, reads && !l.changed.none() && (!l.yielded || l.left == op.Unlock):
		report(l.finding(deedOf(e), writes))
		return true
	}
	return false
}

// breaks reports whether the operation is one that the lease would keep waiting:
// a write lease any open, a read lease one that may change the file.
func (l *leaseUse) breaks(o *op.Op) bool {
	if o.Kind == op.Truncate {
		return true
	}
	return o.Kind == op.Open && o.Flags&op.O_PATH == 0 &&
		(l.mode == op.Exclusive || o.Flags&op.O_ACCMODE != op.O_RDONLY || o.Flags&op.O_TRUNC != 0)
}

func (r *leaseOverrunRule) End(*world.World, End, func(Finding)) {}

func (l *leaseUse) finding(last deed, writes bool) Finding {
	path := l.file.Path
	if l.entry != nil {
		path = l.entry.Path
	}
	f := story("lease-overrun", path, l.file, l.took, l.broken, l.changed, last)
	verb := "reading"
	if writes {
		verb = "writing"
	}
	other := l.broken.by.Actor.Process()
	f.Headline = fmt.Sprintf("%s went on %s %s after its lease had ended and %s had opened it", l.proc, verb, path, other)
	f.Why = fmt.Sprintf("A lease promises its holder to be told before anybody else opens the file, no more. %s took one in step %d, and in step %d "+
		"%s had the file open. From then on %s did not have it alone, and still used it in step %d as if it had.",
		l.proc, l.took.at.Seq, l.broken.at.Seq, other, l.proc, last.at.Seq)
	f.Repair = "On the lease-break signal write back what is pending, give up the lease with F_UNLCK, and touch the file no more until a new lease is " +
		"granted. Do so within /proc/sys/fs/lease-break-time. To share the file use locks instead."
	return f
}

var leaseOverrun = Info{
	Name:  "lease-overrun",
	Title: "a lease holder kept on using the file after its lease was broken",
	Fires: "Another process's open of the leased file returned, and the holder went on writing through its descriptor without a new lease, or read what the other had written.",
	Harm:  "The holder writes back what it cached when the file was its own, over what the other process has written since; or it mixes cached and new contents.",
	Safe:  "Finish before giving up the lease; afterwards use the file only under a new lease, or opened anew without one. A lease that is not given up in time is taken away by the kernel.",
	Wrong: `fcntl(fd, F_SETLEASE, F_WRLCK);
/* ... the lease-break signal arrives ... */
fcntl(fd, F_SETLEASE, F_UNLCK);
pwrite(fd, cache, n, 0);       /* the other process has the file by now */`,
	Right: `fcntl(fd, F_SETLEASE, F_WRLCK);
/* ... the lease-break signal arrives ... */
pwrite(fd, cache, n, 0);
fcntl(fd, F_SETLEASE, F_UNLCK);`,
	Source:  "F_SETLEASE(2const); fs/locks.c of Linux, __break_lease",
	Kinds:   []op.Kind{op.LockOp},
	Awake:   locking,
	AwakeOn: closes,
	New:     newLeaseOverrun,
}
