package watch

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
	"time"

	"filerace/internal/op"
	"filerace/internal/trace"
	"filerace/internal/world"
)

// maxPending bounds the calls in flight that are kept: one a thread.
const maxPending = 1 << 14

// pending are the lock requests that have been entered and have not returned, by
// thread: those that may be waiting.
type pending struct {
	calls  map[int]*op.Op
	forgot uint64
}

func newPending() *pending { return &pending{calls: map[int]*op.Op{}} }

// see follows one record. Whatever a thread returns from or enters next, it waits
// for the old request no more.
func (p *pending) see(r *trace.Record) {
	if r.Op == nil {
		return
	}
	delete(p.calls, r.Op.TID)
	if r.What != trace.Entered || r.Op.Kind != op.LockOp || !r.Op.Lock.Wait {
		return
	}
	if len(p.calls) >= maxPending {
		p.forgot++
		return
	}
	p.calls[r.Op.TID] = r.Op
}

// TopLock is a lock that is held, or a request that waits for one.
type TopLock struct {
	Path  string
	Kind  string // "flock EX", "fcntl SH [0, 10)"
	Who   string
	Waits bool
	For   time.Duration // held, or waited
	On    []string      // whom a request waits for; empty: someone who took it before the watch
}

// leastWait is how long a request must have been under way to be shown: every
// request is for a moment.
const leastWait = time.Millisecond

// locks lists the locks held and waited for: who waits longest comes first, each
// before those that hold what it waits for; then the others, held longest first.
func (p *pending) locks(w *world.World, now int64, keep func(path string) bool) []TopLock {
	procs := byPID(w)
	var waits, held []TopLock
	for _, o := range p.calls {
		at := procs[o.PID]
		if at == nil || now-o.Enter < int64(leastWait) {
			continue
		}
		asked := *o
		asked.Actor = at.Actor
		w.Enter(&asked)
		if !keep(asked.File.Path) {
			continue
		}
		row := TopLock{Path: asked.File.Path, Kind: lockKind(asked.Lock), Who: process{o.PID, o.Prog}.String(),
			Waits: true, For: time.Duration(now - o.Enter)}
		for _, l := range w.Blocked(&asked) {
			row.On = append(row.On, ownerName(w, l))
		}
		slices.Sort(row.On)
		row.On = slices.Compact(row.On)
		waits = append(waits, row)
	}
	for f := range w.Files() {
		for _, l := range f.Locks {
			path := f.Path
			if l.Entry != nil {
				path = l.Entry.Path
			}
			if !keep(path) {
				continue
			}
			row := TopLock{Path: path, Kind: lockKind(op.Lock{Family: l.Family, Mode: l.Mode, Start: l.Lo, End: l.Hi}), Who: ownerName(w, l)}
			if l.By != nil {
				row.For = time.Duration(max(0, now-l.By.Exit))
			}
			held = append(held, row)
		}
	}
	slices.SortFunc(waits, byAge)
	slices.SortFunc(held, byAge)
	return append(waits, held...)
}

func byAge(a, b TopLock) int {
	return cmp.Or(cmp.Compare(b.For, a.For), cmp.Compare(a.Path, b.Path), cmp.Compare(a.Who, b.Who), cmp.Compare(a.Kind, b.Kind))
}

func lockKind(l op.Lock) string { return l.Family.String() + " " + l.String() }

// ownerName names who a lock keeps others out for: the process that took it, unless
// that is gone and has left it to one that shares the description.
func ownerName(w *world.World, l *world.Lock) string {
	if p := w.Process(l.Proc); p != nil && !p.Exited {
		return process{p.PID, p.Prog}.String()
	}
	for _, p := range w.Processes() {
		for _, d := range p.FDs {
			if d.OFD == l.OFD {
				return process{p.PID, p.Prog}.String()
			}
		}
	}
	if l.By != nil {
		return process{l.By.PID, l.By.Prog}.String() + " (gone)"
	}
	return "?"
}

func byPID(w *world.World) map[int]*world.Process {
	m := map[int]*world.Process{}
	for _, p := range w.Processes() {
		if !p.Exited {
			m[p.PID] = p
		}
	}
	return m
}

func (p process) String() string {
	return strings.TrimSpace(strconv.Itoa(p.pid) + " " + visible(p.prog))
}

// TopDeleted is a file that has lost its last name and is still open: its space is
// freed when the last descriptor is closed.
type TopDeleted struct {
	Path string // that it had
	Size int64  // bytes
	Who  []string
}

// deleted lists the deleted files that are open, the largest first.
func deleted(w *world.World, keep func(path string) bool) []TopDeleted {
	open := map[*world.File]*TopDeleted{}
	for _, p := range w.Processes() {
		for _, d := range p.FDs {
			f := d.File
			if f.Type != op.Regular || f.Nlink > 0 || len(f.Names) > 0 || f.ID.IsZero() {
				continue
			}
			row := open[f]
			if row == nil {
				row = &TopDeleted{Path: f.Path, Size: f.Size}
				if d.Entry != nil {
					row.Path = d.Entry.Path
				}
				open[f] = row
			}
			if who := (process{p.PID, p.Prog}).String(); !slices.Contains(row.Who, who) {
				row.Who = append(row.Who, who)
			}
		}
	}
	var all []TopDeleted
	for _, row := range open {
		row.Path = strings.TrimSuffix(row.Path, " (deleted)") // as the kernel writes it in /proc/PID/fd
		if keep(row.Path) {
			slices.Sort(row.Who)
			all = append(all, *row)
		}
	}
	slices.SortFunc(all, func(a, b TopDeleted) int {
		return cmp.Or(cmp.Compare(b.Size, a.Size), cmp.Compare(a.Path, b.Path))
	})
	return all
}
