package race

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"filerace/internal/op"
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
		script := anyScript(r, 30+r.IntN(120))
		end := End{Failed: seed%2 == 0, All: true}
		all := worldtest.Ops(t, script)
		want := judged(New(), all, end)
		some := sieved(worldtest.Ops(t, script))
		if got := judgedSome(New(), some, end); !alike(want, got) {
			t.Fatalf("seed %d:%s\n%d findings in all: %s\n%d in what is kept: %s", seed, script, len(want), keysOf(want), len(got), keysOf(got))
		}
		races, ops, kept = races+len(want), ops+len(all), kept+len(some)
	}
	if races < scripts/4 || kept > ops*9/10 {
		t.Errorf("%d races in %d scripts, %d of %d operations kept: that shows little", races, scripts, kept, ops)
	}
}

// Whatever a recording says, the sieve comes to an end, and has an answer.
func TestSieveTakesAnything(t *testing.T) {
	r := rand.New(rand.NewPCG(11, 12))
	var ops []*op.Op
	for range 20000 {
		ops = append(ops, anyGlimpse(r))
	}
	s := NewSieve()
	for s.More() {
		for _, o := range ops {
			s.Note(o)
		}
	}
	known, kept := 0, 0
	for i, o := range ops {
		if k, ok := s.Known(i, 1); ok && k == 1 {
			known++
		}
		if s.Keeps(o) {
			kept++
		}
	}
	if known == 0 || kept == 0 {
		t.Errorf("%d of %d operations are kept as known, %d when asked", known, len(ops), kept)
	}
}

// What the dependence relation takes for a change of a file or name, the sieve does, too.
func TestSieveSeesWhatDependsOn(t *testing.T) {
	r := rand.New(rand.NewPCG(13, 14))
	changed := 0
	for range 20000 {
		o := anyGlimpse(r)
		if o.Done = true; int(o.Kind) >= op.Kinds || o.Waits || o.Kind == op.LockOp {
			continue
		}
		o.Len, o.OldSize, o.Off = 10, op.None, int64(r.IntN(3)-1)
		for _, a := range op.Accesses(o) {
			switch a.Kind {
			case op.ObjName, op.ObjData, op.ObjSize, op.ObjMeta:
				if !a.Write {
					continue
				}
				if changed++; !changes(o) {
					t.Fatalf("%+v changes %+v", o, a)
				}
			}
		}
	}
	if changed == 0 {
		t.Error("nothing was changed")
	}
}

func anyGlimpse(r *rand.Rand) *op.Op {
	n := func(max int) int { return r.IntN(max) }
	file := func() op.FileID { return op.FileID{Ino: uint64(n(9)), Birth: int64(n(2))} }
	actors := []op.Actor{"", "1", "1/2", "1.1", "1.2", "1.2/2", "1.1.1", "2", "2.1"}
	o := &op.Op{
		Kind: op.Kind(n(256)), Actor: actors[n(len(actors))], Child: actors[n(len(actors))], Ret: int64(n(4) - 2), Waits: n(9) == 0, Inside: n(9) == 0,
		Flags: []uint64{0, op.O_CREAT, op.O_TRUNC, op.O_TMPFILE, op.CLONE_FILES}[n(5)], Cmd: n(4), Signal: int32(n(200) - 20),
		File: op.File{ID: file(), Type: op.FileType(n(12)), Nlink: uint32(n(2))},
	}
	o.SetFile2(op.File{ID: file(), Type: op.FileType(n(12))})
	if n(3) > 0 {
		o.Kind = []op.Kind{op.Fork, op.Exit, op.Wait, op.Kill, op.Signal, op.Open, op.Write, op.Read, op.Rename, op.Unlink}[n(10)]
	}
	if n(20) == 0 {
		o.Lock.Family = op.LockFamily(n(7))
	}
	for range n(3) {
		o.Names = append(o.Names, op.Name{Dir: file(), Base: string(rune('a' + n(4))), Path: "/x", Before: file(), After: file()})
	}
	return o
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
	m := &author{r: r, files: map[string]int{"d/a": 1, "d/b": 2}, inodes: 2, procs: []*player{{name: "1", fds: map[int]int{}}}}
	m.say("mkdir d")
	m.say(`have d/a "5"`)
	m.say(`have d/b "text"`)
	m.say("1 pipe 30 31") // for all
	for range length {
		p := m.procs[r.IntN(len(m.procs))]
		acts[r.IntN(len(acts))](m, p)
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

func (m *author) say(format string, args ...any) { fmt.Fprintf(&m.text, "\n\t\t"+format, args...) }

func (m *author) do(p *player, format string, args ...any) { m.say(p.name+" "+format, args...) }

func (m *author) one(of ...string) string { return of[m.r.IntN(len(of))] }

// name is one that others use, too, or one of p's own.
func (m *author) name(p *player) string {
	if m.r.IntN(2) == 0 {
		return fmt.Sprint("d/", p.name, m.one("-a", "-b"))
	}
	return m.one("a", "b", "c", "d/a", "d/b", "d/c", "d/d", "e", "f", "g")
}

// made is the inode of a name that is there from now on.
func (m *author) made(name string) int {
	if m.files[name] == 0 {
		m.inodes++
		m.files[name] = m.inodes
	}
	return m.files[name]
}

// on does something with the first descriptor, if there is one.
func on(format string) func(*author, *player) {
	return func(m *author, p *player) {
		for fd := 3; fd < 10; fd++ {
			if p.fds[fd] != 0 {
				m.do(p, format, fd)
				return
			}
		}
	}
}

// acts are what is done; what is there twice is done twice as often.
var acts = []func(m *author, p *player){
	fork, fork, exit, wait, wait, open, open, shut, write, write, overwrite, reads, reads, looksAt, looksAt, unlink, unlink, rename, rename, link,
	on(`write %d "7"`), on(`write %d "8"`), on("read %d"), on("seek %d 0 end"), on("fstat %d"), on("ftruncate %d 0"),
	on("flock %d EX"), on("flock %d UN"), on("lock %d WR 0 4"), on("lock %d UN"), on("ofdlock %d RD"),
	lockByName, list, tell, signals,
}

func fork(m *author, p *player) {
	if len(m.procs) == 5 {
		return
	}
	p.children++
	c := &player{name: fmt.Sprint(p.name, ".", p.children), fds: maps.Clone(p.fds), parent: p}
	m.do(p, "fork %s", c.name)
	m.procs = append(m.procs, c)
}

func exit(m *author, p *player) {
	if p.parent == nil {
		return
	}
	m.do(p, "exit %d", m.r.IntN(2))
	p.parent.ended = append(p.parent.ended, p.name)
	m.procs = slices.DeleteFunc(m.procs, func(o *player) bool { return o == p })
}

func wait(m *author, p *player) {
	if len(p.ended) > 0 {
		m.do(p, "wait %s", p.ended[0])
		p.ended = p.ended[1:]
	}
}

func open(m *author, p *player) {
	fd := 3
	for p.fds[fd] != 0 {
		fd++
	}
	name, excl := m.name(p), ""
	if m.files[name] == 0 && m.r.IntN(3) == 0 {
		excl = ",excl"
	}
	m.do(p, "open %s rdwr,creat%s = %d", name, excl, fd)
	p.fds[fd] = m.made(name)
}

func shut(m *author, p *player) {
	for fd := 3; fd < 10; fd++ {
		if p.fds[fd] != 0 {
			m.do(p, "close %d", fd)
			delete(p.fds, fd)
			return
		}
	}
}

func write(m *author, p *player) {
	name := m.name(p)
	m.do(p, `write %s %s "%d"`, name, m.one("trunc", "append"), m.r.IntN(9))
	m.made(name)
}

func overwrite(m *author, p *player) {
	name := m.name(p)
	m.do(p, `write %s "%d"`, name, m.r.IntN(9))
	m.made(name)
}

func reads(m *author, p *player) {
	if name := m.name(p); m.files[name] != 0 {
		m.do(p, "read %s", name)
	}
}

func looksAt(m *author, p *player) {
	m.do(p, "%s %s", m.one("stat", "access", "lstat", "chmod"), m.name(p))
}

func unlink(m *author, p *player) {
	name := m.name(p)
	m.do(p, "unlink %s", name)
	delete(m.files, name)
}

func rename(m *author, p *player) {
	from, to := m.name(p), m.name(p)
	m.do(p, "rename %s %s", from, to)
	if inode := m.files[from]; inode != 0 && to != from && m.files[to] != inode {
		delete(m.files, from)
		m.files[to] = inode
	}
}

func link(m *author, p *player) {
	from, to := m.name(p), m.name(p)
	m.do(p, "link %s %s", from, to)
	if m.files[from] != 0 && m.files[to] == 0 {
		m.files[to] = m.files[from]
	}
}

func lockByName(m *author, p *player) { m.do(p, "%s lock", m.one("mkdir", "rmdir", "stat")) }

func list(m *author, p *player) {
	m.do(p, "open d rdonly,directory = 20")
	m.do(p, "readdir 20")
	m.do(p, "close 20")
}

// tell lets another process know that this one has come so far.
func tell(m *author, p *player) {
	m.do(p, `write 31 "."`)
	m.do(m.procs[m.r.IntN(len(m.procs))], "read 30 1")
}

func signals(m *author, p *player) {
	to := m.procs[m.r.IntN(len(m.procs))]
	m.do(p, "kill %s 10", to.name)
	m.do(to, "signal 10")
}
