package race

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"filerace/internal/world/worldtest"
)

// However things go, the same races are found in what is kept as in all of it.
func TestSieveLosesNoRace(t *testing.T) {
	scripts := 1000
	if testing.Short() {
		scripts = 300
	}
	races, ops, kept := 0, 0, 0
	for seed := range scripts {
		r := rand.New(rand.NewPCG(uint64(seed), 1))
		script := anyScript(r, 20+r.IntN(60))
		end := End{Failed: seed%2 == 0, All: true}
		all := worldtest.Ops(t, script)
		want := judged(New(), all, end)
		some := sieved(worldtest.Ops(t, script))
		if got := judged(New(), some, end); !alike(want, got) {
			t.Fatalf("seed %d:%s\n%d findings in all: %s\n%d in what is kept: %s", seed, script, len(want), keysOf(want), len(got), keysOf(got))
		}
		races, ops, kept = races+len(want), ops+len(all), kept+len(some)
	}
	if races < scripts/4 || kept > ops*9/10 {
		t.Errorf("%d races in %d scripts, %d of %d operations kept: that shows little", races, scripts, kept, ops)
	}
}

func keysOf(found []Finding) string {
	var out []string
	for _, f := range found {
		out = append(out, fmt.Sprint(f.Key(), " ", f.Evidence, " ", f.Marks))
	}
	return strings.Join(out, "; ")
}

// anyScript is what a few processes might do to a few files.
func anyScript(r *rand.Rand, length int) string {
	m := &author{r: r, files: map[string]int{"d/a": 1, "d/b": 2}, procs: []*player{{name: "1", fds: map[int]int{}}}}
	m.say("mkdir d")
	m.say(`have d/a "5"`)
	m.say(`have d/b "text"`)
	m.inodes = 2
	for range length {
		m.step()
	}
	return m.text.String()
}

// author makes a script, and knows as much of what it says as is needed for it to make sense.
type author struct {
	r      *rand.Rand
	text   strings.Builder
	files  map[string]int // inodes by name
	inodes int
	procs  []*player
}

type player struct {
	name     string
	children int
	ended    []string    // children that may be waited for
	fds      map[int]int // inodes
	parent   *player
}

func (m *author) say(format string, args ...any) {
	fmt.Fprintf(&m.text, "\n\t\t"+format, args...)
}

func (m *author) name() string {
	return []string{"a", "b", "c", "d/a", "d/b", "d/c", "d/d", "e", "f", "g"}[m.r.IntN(10)]
}

func (m *author) step() {
	p := m.procs[m.r.IntN(len(m.procs))]
	do := func(format string, args ...any) { m.say(p.name+" "+format, args...) }
	name := m.name()
	inode := m.files[name]
	create := func() {
		if inode == 0 {
			m.inodes++
			m.files[name], inode = m.inodes, m.inodes
		}
	}
	switch n := m.r.IntN(26); n {
	case 0, 1:
		if len(m.procs) < 5 {
			p.children++
			c := &player{name: fmt.Sprint(p.name, ".", p.children), fds: map[int]int{}, parent: p}
			for fd, i := range p.fds {
				c.fds[fd] = i
			}
			do("fork %s", c.name)
			m.procs = append(m.procs, c)
		}
	case 2:
		if p.parent != nil {
			do("exit %d", m.r.IntN(2))
			p.parent.ended = append(p.parent.ended, p.name)
			m.procs = slices.DeleteFunc(m.procs, func(o *player) bool { return o == p })
		}
	case 3, 4:
		if len(p.ended) > 0 {
			do("wait %s", p.ended[0])
			p.ended = p.ended[1:]
		}
	case 5, 6:
		if inode != 0 {
			do("read %s", name)
		}
	case 7, 8:
		do(`write %s %s "%d"`, name, []string{"trunc", "append"}[m.r.IntN(2)], m.r.IntN(9))
		create()
	case 9:
		do(`write %s "%d"`, name, m.r.IntN(9))
		create()
	case 10, 11:
		do("%s %s", []string{"stat", "access", "lstat", "chmod"}[m.r.IntN(4)], name)
	case 12, 13:
		do("unlink %s", name)
		delete(m.files, name)
	case 14, 15:
		to := m.name()
		do("rename %s %s", name, to)
		if inode != 0 && to != name && m.files[to] != inode {
			delete(m.files, name)
			m.files[to] = inode
		}
	case 16:
		to := m.name()
		do("link %s %s", name, to)
		if inode != 0 && m.files[to] == 0 {
			m.files[to] = inode
		}
	case 17, 18:
		fd := 3
		for p.fds[fd] != 0 {
			fd++
		}
		if flags := "rdwr,creat"; m.r.IntN(3) > 0 || inode != 0 {
			do("open %s %s = %d", name, flags, fd)
			create()
			p.fds[fd] = inode
		} else {
			do("open %s %s,excl = %d", name, flags, fd)
			create()
			p.fds[fd] = inode
		}
	case 25:
		do("mkdir lock")
		if m.r.IntN(2) == 0 {
			do("rmdir lock")
		}
	default:
		for fd := 3; fd < 10; fd++ {
			if p.fds[fd] != 0 {
				m.on(p, fd, n)
				break
			}
		}
	}
}

// on is for operations by descriptor.
func (m *author) on(p *player, fd, n int) {
	do := func(format string, args ...any) { m.say(p.name+" "+format, args...) }
	switch n {
	case 19:
		do(`write %d "%d"`, fd, m.r.IntN(9))
	case 20:
		do("read %d", fd)
	case 21:
		do("seek %d 0 end", fd)
	case 22:
		do("fstat %d", fd)
	case 23:
		do("close %d", fd)
		delete(p.fds, fd)
	case 24:
		do("ftruncate %d 0", fd)
	}
}
