package race

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"filerace/internal/world/worldtest"
)

// Among processes that use files under locks, most of the time, the same races are found in what is kept as in all of it,
// though much is left out because of the locks.
func TestSieveLosesNoRaceUnderLocks(t *testing.T) {
	scripts := 3000
	if testing.Short() {
		scripts = 500
	}
	races, spared := 0, 0
	for seed := range scripts {
		r := rand.New(rand.NewPCG(uint64(seed), 2))
		script := lockedScript(r, 40+r.IntN(150))
		end := End{Failed: seed%2 == 0, All: true}
		want := judged(New(), worldtest.Ops(t, script), end)
		ops := filled(worldtest.Ops(t, script))
		s := NewSieve()
		for s.More() {
			for _, o := range ops {
				s.Note(o)
			}
		}
		some := ops[:0]
		for _, o := range ops {
			if s.Keeps(o) {
				some = append(some, o)
			}
		}
		if got := judgedSome(New(), some, end); !alike(want, got) {
			t.Fatalf("seed %d:%s\n%d findings in all: %s\n%d in what is kept: %s", seed, script, len(want), keysOf(want), len(got), keysOf(got))
		}
		races += len(want)
		for i := range s.all {
			if b := &s.all[i]; b.part == 0 && b.signs&guarded != 0 && !s.keeps(b) {
				spared++
			}
		}
	}
	if races < scripts/4 || spared < scripts/5 {
		t.Errorf("%d races in %d scripts, %d files spared by locks: that shows little", races, scripts, spared)
	}
}

// locksmith makes scripts in which locks exclude each other.
type locksmith struct {
	*author
	held      map[int][]*described // by inodes of lock files
	grips     map[*player]map[int]*described
	careless  int // of a hundred uses of a file without its lock, how many happen
	meddlings int // of a hundred acts, how many remove or replace a lock file
}

// described is an open file description of a lock file.
type described struct {
	lock, inode, refs int
	exclusive, locked bool
}

func lockedScript(r *rand.Rand, length int) string {
	m := &locksmith{
		author: &author{r: r, files: map[string]int{"d/a": 1, "d/b": 2}, inodes: 2, procs: []*player{{name: "1", fds: map[int]int{}}}},
		held:   map[int][]*described{}, grips: map[*player]map[int]*described{},
		careless: []int{0, 0, 2, 20}[r.IntN(4)], meddlings: []int{0, 0, 2, 6}[r.IntN(4)],
	}
	m.say("mkdir d")
	m.say(`have d/a "5"`)
	m.say(`have d/b "text"`)
	m.say("1 pipe 30 31")
	for range 2 + r.IntN(3) {
		m.forks(m.procs[0])
	}
	for range length {
		p := m.procs[r.IntN(len(m.procs))]
		m.act(p)
	}
	return m.text.String()
}

const lockFDs = 40 // where descriptors of lock files begin

func (m *locksmith) act(p *player) {
	roll := m.r.IntN(100)
	switch {
	case roll < 20:
		m.enter(p)
	case roll < 32:
		m.leave(p)
	case roll < 34:
		m.forks(p)
	case roll < 36 && len(m.procs) > 2 && p.parent != nil:
		for _, fd := range m.open(p) {
			m.drop(p, fd)
		}
		exit(m.author, p)
		if m.r.IntN(2) == 0 {
			m.waits(p.parent)
		}
	case roll < 38:
		wait(m.author, p)
	case roll < 40:
		m.dups(p)
	case roll < 42:
		tell(m.author, p)
	case roll == 42 && m.r.IntN(6) == 0:
		m.tidy()
	case roll < 43+m.meddlings:
		lock := fmt.Sprint("k", m.r.IntN(2))
		if m.files[lock] != 0 {
			m.do(p, m.one("unlink %s", "rename %s gone", "stat %s"), lock)
			if s := m.text.String(); !strings.Contains(s[strings.LastIndexByte(s, '\n'):], "stat") {
				delete(m.files, lock)
			}
		}
	default:
		m.work(p)
	}
}

// waits lets a process wait for a child that is over, if it is not over itself.
func (m *locksmith) waits(p *player) {
	if slices.Contains(m.procs, p) {
		wait(m.author, p)
	}
}

// tidy ends nearly all processes but the first, which waits for them and then removes the lock files.
func (m *locksmith) tidy() {
	for i := len(m.procs) - 1; i > 0; i-- {
		p := m.procs[i]
		if m.r.IntN(12) == 0 {
			continue
		}
		for _, fd := range m.open(p) {
			m.drop(p, fd)
		}
		exit(m.author, p)
		for range 3 {
			if m.r.IntN(12) > 0 {
				m.waits(p.parent)
			}
		}
	}
	for lock := range 2 {
		if name := fmt.Sprint("k", lock); m.files[name] != 0 && m.r.IntN(4) > 0 {
			m.do(m.procs[0], "unlink %s", name)
			delete(m.files, name)
		}
	}
	for range 2 + m.r.IntN(2) {
		m.forks(m.procs[0])
	}
}

// work uses a file, most often under its lock if it is not the process's own.
func (m *locksmith) work(p *player) {
	var name string
	for {
		name = m.name(p)
		if strings.Contains(name, p.name+"-") || m.r.IntN(100) < m.careless || m.inside(p, m.lockOf(name)) {
			break
		}
	}
	switch m.r.IntN(13) {
	case 0:
		m.do(p, `write %s %s "%d"`, name, m.one("trunc", "append"), m.r.IntN(9))
		m.made(name)
	case 1:
		m.do(p, `write %s "%d"`, name, m.r.IntN(9))
		m.made(name)
	case 2, 3:
		if m.files[name] != 0 {
			m.do(p, "read %s", name)
		}
	case 4:
		m.do(p, "%s %s", m.one("stat", "access", "lstat", "chmod"), name)
	case 5:
		m.do(p, "unlink %s", name)
		delete(m.files, name)
	case 6, 7:
		own := fmt.Sprint("d/", p.name, "-new")
		if m.files[own] == 0 {
			m.do(p, `open %s wronly,creat,excl = 20`, own)
			m.do(p, `write 20 "%d"`, m.r.IntN(9))
			m.do(p, "close 20")
			m.made(own)
		}
		m.do(p, "rename %s %s", own, name)
		delete(m.files, own)
		m.inodes++
		m.files[name] = m.inodes
	case 8:
		if m.files[name] == 0 {
			m.do(p, "open %s wronly,creat,excl = 20", name)
			m.do(p, "close 20")
			m.made(name)
		}
	case 9:
		if m.inside(p, 0) || m.r.IntN(100) < m.careless {
			list(m.author, p)
		}
	case 10:
		if fd := m.free(p); m.files[name] != 0 && fd < 10 {
			m.do(p, "open %s rdwr = %d", name, fd)
			p.fds[fd] = m.files[name]
		}
	case 11:
		m.inHand(p, m.one("write %d \"7\"", "read %d", "seek %d 0 end", "fstat %d"))
	default:
		shut(m.author, p)
	}
}

// inHand does something with an open file, under the lock of one of its names or carelessly.
func (m *locksmith) inHand(p *player, format string) {
	for fd := 3; fd < 10; fd++ {
		if inode := p.fds[fd]; inode != 0 && (m.inside(p, inode%2) || m.r.IntN(100) < m.careless) {
			m.do(p, format, fd)
			return
		}
	}
}

func (m *locksmith) free(p *player) int {
	fd := 3
	for p.fds[fd] != 0 {
		fd++
	}
	return fd
}

// lockOf is the number of the lock that guards a name.
func (m *locksmith) lockOf(name string) int {
	if name >= "e" {
		return 1
	}
	return 0
}

func (m *locksmith) inside(p *player, lock int) bool {
	for _, d := range m.grips[p] {
		if d.locked && d.lock == lock {
			return true
		}
	}
	return false
}

// open are the descriptors of lock files, in order.
func (m *locksmith) open(p *player) []int { return slices.Sorted(maps.Keys(m.grips[p])) }

func (m *locksmith) forks(p *player) {
	if len(m.procs) == 5 {
		return
	}
	fork(m.author, p)
	c := m.procs[len(m.procs)-1]
	m.grips[c] = map[int]*described{}
	for fd, d := range m.grips[p] {
		m.grips[c][fd] = d
		d.refs++
	}
}

func (m *locksmith) dups(p *player) {
	fds := m.open(p)
	if len(fds) == 0 {
		return
	}
	fd := fds[0]
	if other := lockFDs + 10 + fd%10; m.grips[p][other] == nil && fd < lockFDs+10 {
		d := m.grips[p][fd]
		m.do(p, "dup2 %d %d", fd, other)
		m.grips[p][other] = d
		d.refs++
	}
}

// enter opens a lock file, unless it is open, and locks it, unless that would take waiting.
func (m *locksmith) enter(p *player) {
	lock := m.r.IntN(2)
	if m.grips[p] == nil {
		m.grips[p] = map[int]*described{}
	}
	fd := lockFDs + lock
	d := m.grips[p][fd]
	if d == nil {
		name := fmt.Sprint("k", lock)
		m.do(p, "open %s rdwr,creat = %d", name, fd)
		d = &described{lock: lock, inode: m.made(name), refs: 1}
		m.grips[p][fd] = d
	}
	exclusive := m.r.IntN(4) > 0
	for _, o := range m.held[d.inode] {
		if o != d && (exclusive || o.exclusive) {
			if m.r.IntN(3) == 0 {
				m.do(p, "flock %d EX nb = -EAGAIN", fd)
				m.unlock(d)
			}
			return
		}
	}
	m.do(p, "flock %d %s", fd, map[bool]string{true: "EX", false: "SH"}[exclusive])
	m.unlock(d)
	d.locked, d.exclusive = true, exclusive
	m.held[d.inode] = append(m.held[d.inode], d)
}

func (m *locksmith) unlock(d *described) {
	d.locked = false
	var left []*described
	for _, o := range m.held[d.inode] {
		if o != d {
			left = append(left, o)
		}
	}
	m.held[d.inode] = left
}

func (m *locksmith) leave(p *player) {
	fds := m.open(p)
	if len(fds) == 0 {
		return
	}
	fd := fds[0]
	if m.r.IntN(3) == 0 {
		m.do(p, "flock %d UN", fd)
		m.unlock(m.grips[p][fd])
		return
	}
	m.do(p, "close %d", fd)
	m.drop(p, fd)
}

// drop closes a descriptor of a lock file.
func (m *locksmith) drop(p *player, fd int) {
	d := m.grips[p][fd]
	delete(m.grips[p], fd)
	if d.refs--; d.refs == 0 {
		m.unlock(d)
	}
}
