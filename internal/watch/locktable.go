package watch

import (
	"bytes"
	"cmp"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"filerace/internal/op"
	"filerace/internal/world"
)

// TopLock is a lock that is held, or a request that waits for one.
type TopLock struct {
	Path  string
	Kind  string // "flock EX", "fcntl SH [0, 10)"
	Who   string
	Waits bool
	For   time.Duration // held, or waited
	Least bool          // For is from the first look on: it may have been longer
	On    string        // whom a request waits for
}

// lockTable reads the kernel's own table of locks, /proc/locks (proc(5)): it holds
// those that were taken before the watch, and who sleeps for which.
type lockTable struct {
	proc   string // "/proc"
	known  map[lockKey]*knownLock
	looked bool
}

// lockKey tells locks apart for as long as they are in the table.
type lockKey struct {
	kind, mode   string
	pid          int
	major, minor uint64
	ino          uint64
	lo, hi       string
	waits        bool
}

type knownLock struct {
	since int64 // ns
	least bool
	path  string
	who   string
}

// tableLock is one line of the table.
type tableLock struct {
	lockKey
	depth int // of a request: the lock or request that it waits for is the last line before with one less
}

func newLockTable(proc string) *lockTable {
	return &lockTable{proc: proc, known: map[lockKey]*knownLock{}}
}

// look reads the table. Requests come first, those that wait longest before the
// others; then the locks held, by age, too.
func (t *lockTable) look(w *world.World, now int64, keep func(path string) bool) []TopLock {
	if t.proc == "" {
		return nil
	}
	text, err := os.ReadFile(filepath.Join(t.proc, "locks"))
	if err != nil {
		return nil
	}
	live := make(map[lockKey]*knownLock)
	var rows []TopLock
	var chain []string // by depth: who
	procs := byPID(w)
	for line := range bytes.Lines(text) {
		l, ok := parseLock(string(line))
		if !ok {
			continue
		}
		k := t.known[l.lockKey]
		if k == nil {
			k = &knownLock{since: now, least: !t.looked, path: t.pathOf(&l, l.pid, procs[l.pid]), who: t.whoIs(l.pid, procs[l.pid])}
			if at, ok := takenAt(&l, procs[l.pid]); ok {
				k.since, k.least = at, false
			}
			if procs[l.pid] == nil && !l.waits {
				t.handedOn(k, &l, procs)
			}
		}
		live[l.lockKey] = k
		chain = append(chain[:min(l.depth, len(chain))], k.who)
		if !keep(k.path) {
			continue
		}
		row := TopLock{Path: k.path, Kind: l.words(), Who: k.who, Waits: l.waits, For: time.Duration(max(0, now-k.since)), Least: k.least}
		if l.depth > 0 && l.depth < len(chain) {
			row.On = chain[l.depth-1]
		}
		rows = append(rows, row)
	}
	t.known, t.looked = live, true
	slices.SortFunc(rows, func(a, b TopLock) int {
		return cmp.Or(truth(b.Waits)-truth(a.Waits), cmp.Compare(b.For, a.For), cmp.Compare(a.Path, b.Path), cmp.Compare(a.Who, b.Who), cmp.Compare(a.Kind, b.Kind))
	})
	return rows
}

func truth(b bool) int {
	if b {
		return 1
	}
	return 0
}

// parseLock reads a line such as
//
//	1: FLOCK  ADVISORY  WRITE 4711 00:2f:12345 0 EOF
//	1: -> FLOCK  ADVISORY  WRITE 4712 00:2f:12345 0 EOF
//
// in which the second waits for the first (fs/locks.c, lock_get_status). Numbers of
// devices are hexadecimal, ends inclusive.
func parseLock(line string) (l tableLock, ok bool) {
	_, rest, ok := strings.Cut(line, ":")
	if !ok {
		return l, false
	}
	f := strings.Fields(rest)
	for len(f) > 0 && strings.HasSuffix(f[0], "->") {
		l.depth += strings.Count(f[0], "->")
		f = f[1:]
	}
	if len(f) != 7 {
		return l, false
	}
	l.kind, l.mode, l.lo, l.hi, l.waits = f[0], f[2], f[5], f[6], l.depth > 0
	id := strings.Split(f[4], ":")
	if len(id) != 3 {
		return l, false
	}
	var errs [4]error
	l.pid, errs[0] = strconv.Atoi(f[3])
	l.major, errs[1] = strconv.ParseUint(id[0], 16, 32)
	l.minor, errs[2] = strconv.ParseUint(id[1], 16, 32)
	l.ino, errs[3] = strconv.ParseUint(id[2], 10, 64)
	return l, errs == [4]error{}
}

// families are the table's words for the kinds of lock.
var families = map[string]op.LockFamily{
	"FLOCK": op.FlockLock, "POSIX": op.PosixLock, "OFDLCK": op.OFDLock, "LEASE": op.LeaseLock, "DELEG": op.LeaseLock,
}

// words says the lock as the texts do: "flock EX", "fcntl SH [0, 10)".
func (l *tableLock) words() string {
	lock := op.Lock{Family: families[l.kind], Mode: l.lockMode(), End: op.MaxOffset}
	lock.Start, _ = strconv.ParseInt(l.lo, 10, 64)
	if last, err := strconv.ParseInt(l.hi, 10, 64); err == nil && last < op.MaxOffset {
		lock.End = last + 1
	}
	return lock.Family.String() + " " + lock.String()
}

func (l *tableLock) lockMode() op.LockMode {
	switch l.mode {
	case "WRITE", "RW":
		return op.Exclusive
	case "READ":
		return op.Shared
	}
	return op.Unlock
}

// takenAt is when the watch saw the lock being taken.
func takenAt(l *tableLock, p *world.Process) (ns int64, ok bool) {
	if p == nil || l.waits {
		return 0, false
	}
	for _, d := range p.FDs.All() {
		if d.File.ID.Ino != l.ino {
			continue
		}
		for _, held := range d.File.Locks {
			if held.Family == families[l.kind] && held.Mode == l.lockMode() && held.By != nil {
				return held.By.Exit, true
			}
		}
	}
	return 0, false
}

// handedOn looks into a lock whose taker has ended, as flock(1) does that locks a
// descriptor of a shell: others have the open file, and with it the lock.
func (t *lockTable) handedOn(k *knownLock, l *tableLock, procs map[int]*world.Process) {
	if families[l.kind] == op.PosixLock {
		return // goes with its process
	}
	have := map[int]string{}
	for pid, p := range procs {
		for fd, d := range p.FDs.All() {
			if d.File.ID.Ino != l.ino {
				continue
			}
			lock := taken(l, d.OFD)
			if lock == nil && !t.bears(pid, fd, l) {
				continue
			}
			have[pid] = process{pid, p.Prog}.String()
			switch {
			case lock == nil:
				k.path = t.pathOf(l, pid, p)
			case lock.Entry != nil:
				k.path = lock.Entry.Path
			}
			if lock != nil {
				k.since, k.least = lock.By.Exit, false
			}
		}
	}
	if len(have) == 0 {
		return
	}
	const shown = 3
	pids := slices.Sorted(maps.Keys(have))
	var names []string
	for _, pid := range pids[:min(len(pids), shown)] {
		names = append(names, have[pid])
	}
	if len(pids) > shown {
		names = append(names, "…")
	}
	k.who = strings.Join(names, ", ")
}

// taken returns the lock of the table that the watch saw being taken through d, nil if it did not.
func taken(l *tableLock, d *world.OFD) *world.Lock {
	for _, held := range d.File.Locks {
		if held.OFD == d && held.Family == families[l.kind] && held.By != nil && held.By.PID == l.pid {
			return held
		}
	}
	return nil
}

// bears reports whether a descriptor bears the lock, as /proc/PID/fdinfo tells of those taken before the watch, too.
func (t *lockTable) bears(pid, fd int, l *tableLock) bool {
	text, err := os.ReadFile(filepath.Join(t.proc, strconv.Itoa(pid), "fdinfo", strconv.Itoa(fd)))
	if err != nil {
		return false
	}
	for line := range strings.Lines(string(text)) {
		rest, is := strings.CutPrefix(line, "lock:")
		if b, ok := parseLock(rest); is && ok && b.lockKey == l.lockKey {
			return true
		}
	}
	return false
}

// pathOf finds the name of the locked file: by the descriptors of a process that the watch knows,
// else by those that /proc shows. The device's number is no help where the file
// system has several (btrfs, overlay).
func (t *lockTable) pathOf(l *tableLock, pid int, p *world.Process) string {
	if p != nil {
		for _, d := range p.FDs.All() {
			if d.File.ID.Ino == l.ino && d.Entry != nil {
				return d.Entry.Path
			}
		}
	}
	fds := filepath.Join(t.proc, strconv.Itoa(pid), "fd")
	entries, _ := os.ReadDir(fds)
	for _, e := range entries {
		link := filepath.Join(fds, e.Name())
		if info, err := os.Stat(link); err == nil && inode(info) == l.ino {
			if name, err := os.Readlink(link); err == nil {
				return name
			}
		}
	}
	return fmt.Sprintf("inode %d of device %d:%d", l.ino, l.major, l.minor)
}

// whoIs names a process. OFD locks belong to none (-1).
func (t *lockTable) whoIs(pid int, p *world.Process) string {
	if pid <= 0 {
		return "any that has it open"
	}
	if p != nil {
		return process{pid, p.Prog}.String()
	}
	comm, _ := os.ReadFile(filepath.Join(t.proc, strconv.Itoa(pid), "comm"))
	return process{pid, string(bytes.TrimSuffix(comm, []byte("\n")))}.String()
}
