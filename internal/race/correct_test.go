package race

import (
	"fmt"
	"strings"
	"testing"

	"filerace/internal/op"
	"filerace/internal/world"
	"filerace/internal/world/worldtest"
)

// onNames are the rules on contents, names and directories.
func onNames() []Info {
	return []Info{
		checkThenCreate, checkThenUse, openUnlinked, tempCollision, replacedWhileOpen, lostUpdate,
		lostAppend, overlappingWrite, partialRead, truncatedAway, directoryRace, mixedVersions,
	}
}

// What well-known correct programs do, two at a time. No rule may say a word, even
// if the run failed for another reason.
func TestCorrectPrograms(t *testing.T) {
	scripts(t, map[string]string{
		// git config: the lock file is made with O_EXCL and renamed over. The
		// second one fails, and is run again.
		"git config": `
			have config "[x]\n"
			1    fork 1.1
			1    fork 1.2
			1.1  read config
			1.2  read config
			1.1  open config.lock rdwr,creat,excl = 3
			1.2  open config.lock rdwr,creat,excl = -EEXIST
			1.2  exit 255
			1.1  read config
			1.1  write 3 "[x]\nv=1\n"
			1.1  close 3
			1.1  rename config.lock config
			1.1  exit 0
			1    wait 1.2
			1    fork 1.3
			1.3  stat config.lock = -ENOENT
			1.3  open config.lock rdwr,creat,excl = 3
			1.3  read config
			1.3  write 3 "[x]\nv=1\nv=2\n"
			1.3  close 3
			1.3  rename config.lock config
			1.3  exit 0
		`,
		// SQLite, rollback journal: SHARED, RESERVED and EXCLUSIVE are ranges of POSIX locks.
		"sqlite": `
			have db "page1page2"
			1    fork 1.1
			1    fork 1.2
			1.1  open db rdwr,creat = 3
			1.2  open db rdwr,creat = 3
			1.1  lock 3 RD 110 120
			1.1  access db-journal = -ENOENT
			1.1  pread 3 0 5
			1.2  lock 3 RD 110 120
			1.2  access db-journal = -ENOENT
			1.2  pread 3 0 5
			1.2  lock 3 UN 110 120
			1.1  lock 3 WR 101 102
			1.1  open db-journal rdwr,creat = 4
			1.1  write 4 "page1"
			1.1  lock 3 WR 100 120
			1.1  pwrite 3 0 "PAGE1"
			1.1  close 4
			1.1  unlink db-journal
			1.1  lock 3 UN 100 120
			1.2  lock 3 RD 110 120
			1.2  access db-journal = -ENOENT
			1.2  pread 3 0 5
			1.2  lock 3 WR 100 120
			1.2  open db-journal rdwr,creat = 4
			1.2  write 4 "PAGE1"
			1.2  pwrite 3 0 "Page1"
			1.2  close 4
			1.2  unlink db-journal
			1.2  lock 3 UN 100 120
			1.1  exit 1
			1.2  exit 0
		`,
		// useradd: a file of its own is linked to the lock's name; fcntl besides.
		"useradd": `
			have passwd "root\n"
			1    fork 1.1
			1    fork 1.2
			1.1  open passwd.1 wronly,creat,trunc = 3
			1.1  write 3 "1101"
			1.1  close 3
			1.1  link passwd.1 passwd.lock
			1.1  unlink passwd.1
			1.2  open passwd.2 wronly,creat,trunc = 3
			1.2  write 3 "1202"
			1.2  close 3
			1.2  link passwd.2 passwd.lock = -EEXIST
			1.2  read passwd.lock
			1.2  unlink passwd.2
			1.2  exit 1
			1.1  read passwd
			1.1  open passwd+ wronly,creat,trunc = 4
			1.1  write 4 "root\nnew\n"
			1.1  close 4
			1.1  rename passwd+ passwd
			1.1  unlink passwd.lock
			1.1  exit 0
		`,
		"a job under flock that keeps its lock file": `
			have n "1\n"
			1    fork 1.1
			1    fork 1.2
			1.1  open L rdwr,creat = 9
			1.2  open L rdwr,creat = 9
			1.1  flock 9 EX
			1.2  flock 9 EX waits
			1.1  read n
			1.1  write n trunc "2\n"
			1.1  exit 0
			1.2  flock 9 EX
			1.2  read n
			1.2  write n trunc "3\n"
			1.2  exit 0
		`,
		"readers of a file that is replaced": `
			have conf "one"
			1    fork 1.1
			1    fork 1.2
			1.2  stat conf
			1.2  open conf rdonly = 3
			1.1  open tmpA wronly,creat,excl = 4
			1.1  write 4 "two two"
			1.1  close 4
			1.1  rename tmpA conf
			1.2  fstat 3
			1.2  read 3
			1.2  read 3 = 0
			1.2  close 3
			1.2  stat conf
			1.2  read conf
			1.2  exit 1
		`,
		"a log of several writers": `
			1    fork 1.1
			1    fork 1.2
			1.1  stat log = -ENOENT
			1.2  stat log = -ENOENT
			1.1  open log wronly,creat,append = 3
			1.2  open log wronly,creat,append = 3
			1.1  write 3 "one\n"
			1.2  seek 3 0 end
			1.2  write 3 "two\n"
			1.1  write 3 "three\n"
			1.1  exit 1
			1.2  exit 0
		`,
		// A here-document's file is unlinked before it is read.
		"here-document": `
			1    fork 1.1
			1.1  open sh-thd rdwr,creat,excl = 3
			1.1  open sh-thd rdonly = 4
			1.1  unlink sh-thd
			1.1  write 3 "text"
			1.1  close 3
			1.1  fork 1.1.1
			1.1.1  read 4
			1.1.1  read 4 = 0
			1.1.1  exit 1
			1.1  wait 1.1.1
			1.1  exit 1
		`,
		// An editor writes a file of its own, keeps the old one as a backup, renames.
		"an editor, and a compiler that reads": `
			have a.c "int x;\n"
			1    fork 1.1
			1    fork 1.2
			1.1  stat a.c
			1.1  read a.c
			1.1  open .a.c.swp rdwr,creat,excl = 3
			1.1  write 3 "swap"
			1.2  stat a.c
			1.2  read a.c
			1.1  link a.c a.c~
			1.1  open a.c.new wronly,creat,excl = 4
			1.1  write 4 "int y;\n"
			1.1  close 4
			1.1  rename a.c.new a.c
			1.1  unlink .a.c.swp
			1.2  stat a.h = -ENOENT
			1.2  stat a.o = -ENOENT
			1.2  open a.o wronly,creat,trunc = 5
			1.2  write 5 "code"
			1.2  close 5
			1.1  exit 0
			1.2  exit 0
		`,
		// The driver makes the names, the passes write and read them in turn.
		"a compiler's temporaries": `
			1      fork 1.1
			1.1    open ccA.s rdwr,creat,excl = 3
			1.1    close 3
			1.1    fork 1.1.1
			1.1.1  write ccA.s trunc "asm"
			1.1.1  exit 0
			1.1    wait 1.1.1
			1.1    fork 1.1.2
			1.1.2  read ccA.s
			1.1.2  stat a.o = -ENOENT
			1.1.2  write a.o trunc "code"
			1.1.2  exit 0
			1.1    wait 1.1.2
			1.1    stat ccA.s
			1.1    unlink ccA.s
			1.1    exit 1
		`,
	}, func(t *testing.T, script string) {
		t.Helper()
		for _, rule := range onNames() {
			silent(t, rule, End{Failed: true, All: true}, script)
		}
	})
}

func TestInfoIsComplete(t *testing.T) {
	for _, i := range onNames() {
		for _, text := range []string{i.Name, i.Title, i.Fires, i.Harm, i.Safe, i.Wrong, i.Right, i.Source} {
			if strings.TrimSpace(text) == "" {
				t.Errorf("%s: an empty field in %+v", i.Name, i)
			}
		}
		if Lookup(i.Name) == nil {
			t.Errorf("%s is not among the rules", i.Name)
		}
	}
}

// storm is what one iteration of a busy run looks like to the rules.
func storm(n int) string {
	var s strings.Builder
	s.WriteString("have conf \"x\"\n1 fork 1.1\n1 fork 1.2\n")
	for range n {
		s.WriteString(`
			1.1  stat conf
			1.1  open tmp wronly,creat,excl = 3
			1.1  write 3 "contents"
			1.1  close 3
			1.1  rename tmp conf
			1.2  stat none = -ENOENT
			1.2  read conf
			1.2  write scratch trunc "z"
			1.2  unlink scratch
		`)
	}
	return s.String()
}

// What the rules keep must follow what is alive and not how long the run was.
func TestRulesForget(t *testing.T) {
	arrived, known, lost := new(arrivals), new(looks), &tempCollisionRule{lost: perFile[loss]{}}
	update, partial := newLostUpdate().(*lostUpdateRule), newPartialRead().(*partialReadRule)
	appended := newLostAppend().(*lostAppendRule)
	rules := withRules(lost, update, partial, appended)
	worldtest.Run(t, storm(200), func(w *world.World, e *world.Effect) {
		arrived.note(e, known)
		rules.Step(w, e)
		for _, f := range w.Forgotten() {
			arrived.Forget(f)
		}
	})
	for what, n := range map[string]int{
		"arrivals": arrived.n, "losses": lost.lost.n, "arrivals of lost-update": update.arrivals.n,
		"open truncations": update.open.n, "sessions": partial.sessions.n, "progress": partial.progress.n,
		"positions": appended.positions.open.n, "sizes": appended.positions.sizes.n, "writers": appended.positions.writers.n,
	} {
		if n > 4 {
			t.Errorf("%s: %d kept after 200 rounds", what, n)
		}
	}
}

// A map of recent things holds the last span keys, and at most twice as many.
func TestRecent(t *testing.T) {
	var r recent[int, int]
	for i := range 5 * span {
		r.put(i, i+1)
		if r.get(0) != 1 {
			t.Fatalf("a key in use is forgotten after %d others", i)
		}
	}
	for i := 4*span + 1; i < 5*span; i++ {
		if r.get(i) != i+1 {
			t.Fatalf("key %d of the last %d is forgotten", i, span)
		}
	}
	if n := len(r.young) + len(r.old); n > 2*span {
		t.Errorf("%d keys, want %d at most", n, 2*span)
	}
	if r.drop(7); r.get(7) != 0 {
		t.Error("a dropped key is still there")
	}
}

func BenchmarkRules(b *testing.B) {
	ops := worldtest.Ops(b, storm(200))
	b.ReportAllocs()
	for b.Loop() {
		w := world.New()
		var rules []Rule
		for _, i := range onNames() {
			rules = append(rules, i.New())
		}
		d := withRules(rules...)
		for _, o := range ops {
			w.Enter(o)
			d.Step(w, w.Apply(o))
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*len(ops)), "ns/op-of-run")
}

// BenchmarkDetector is all that is done with an operation once it has returned,
// for eight processes that open, lock, read, write, rename and remove. The goal is
// 2 M operations per second and core.
func BenchmarkDetector(b *testing.B) {
	var script strings.Builder
	script.WriteString("have log \"x\"\nhave conf \"x\"\n")
	for i := range 8 {
		fmt.Fprintf(&script, "1 fork 1.%d\n", i+1)
	}
	for i := range 8 {
		for _, line := range []string{"open L rdwr,creat = 9", "flock 9 EX", "stat L", "open log rdwr,append = 4", "write 4 \"a line\"",
			"read 4", "close 4", "pwrite 9 0 \"count\"", "pread 9 0 5", "flock 9 UN", "close 9", "read conf", "stat none = -ENOENT",
			"open T wronly,creat,excl = 3", "write 3 \"new\"", "close 3", "rename T conf", "write scratch trunc \"z\"", "unlink scratch"} {
			fmt.Fprintf(&script, "1.%d %s\n", i+1, line)
		}
	}
	ops := worldtest.Ops(b, script.String())
	w, d := world.New(), New()
	step := func(o *op.Op) {
		w.Enter(o)
		d.Step(w, w.Apply(o))
	}
	for _, o := range ops[:8] {
		step(o)
	}
	ops = ops[8:]
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		step(ops[i%len(ops)])
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds()/1e6, "Mops/s")
}
