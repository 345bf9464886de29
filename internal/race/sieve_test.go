package race

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"filerace/internal/op"
	"filerace/internal/world"
	"filerace/internal/world/worldtest"
)

// What is kept of a script: the numbers of the lines, from 1.
func TestSieveKeeps(t *testing.T) {
	for name, c := range map[string]struct{ script, want string }{
		"two that nothing orders": {`
			1    fork 1.1
			1    fork 1.2
			1.1  write f "a"
			1.2  read f
			1.2  stat g = -ENOENT`, "1 2 3 4 5 6 7 8"},
		"each has its own": {`
			1    fork 1.1
			1    fork 1.2
			1.1  write f "a"
			1.2  write g "b"
			1.2  stat g`, "1 2"},
		"what nobody changes": {`
			have f "a"
			1    fork 1.1
			1.1  read f
			1    read f
			1    stat g = -ENOENT
			1.1  stat g = -ENOENT`, "1"},
		"written before the fork": {`
			1    write f "a"
			1    fork 1.1
			1.1  read f`, "4"},
		"written after the fork": {`
			1    fork 1.1
			1    write f "a"
			1.1  read f`, "1 2 3 4 5 6 7"},
		"a later fork tells nothing of an earlier child": {`
			1    fork 1.1
			1    write f "a"
			1    fork 1.2
			1.2  read f
			1.1  stat f`, "1 2 3 4 5 6 7 8 9"},
		"waited for": {`
			1    fork 1.1
			1.1  write f "a"
			1.1  exit 0
			1    wait 1.1
			1    read f`, "1 5 6"},
		"ended, and not waited for": {`
			1    fork 1.1
			1.1  write f "a"
			1.1  exit 0
			1    read f`, "1 2 3 4 5 6 7 8"},
		"handed on through two generations": {`
			1    fork 1.1
			1.1  fork 1.1.1
			1.1.1 write f "a"
			1.1.1 exit 0
			1.1  wait 1.1.1
			1.1  exit 0
			1    wait 1.1
			1    fork 1.2
			1.2  read f`, "1 2 6 7 8 9 10"},
		"waited for by one, used by another": {`
			1    fork 1.1
			1    fork 1.2
			1.1  write f "a"
			1.1  exit 0
			1    wait 1.1
			1.2  read f`, "1 2 3 4 5 6 7 8 9 10"},
		"readers, and then a writer that none of them is ordered with": {`
			have f "a"
			1    fork 1.1
			1    fork 1.2
			1    fork 1.3
			1.1  read f
			1.2  read f
			1.2  exit 0
			1    wait 1.2
			1.3  stat g = -ENOENT
			1    truncate f 0`, "1 2 3 4 5 6 7 8 9 10 11 13"},
		"readers that were waited for, and then a writer": {`
			have f "a"
			1    fork 1.1
			1    fork 1.2
			1.1  read f
			1.2  read f
			1.1  exit 0
			1.2  exit 0
			1    wait 1.2
			1    wait 1.1
			1    unlink f`, "1 2 9 10 11 12"},
		"a file and the names that it had": {`
			1    fork 1.1
			1    write tmp "a"
			1    rename tmp f
			1.1  stat f`, "1 2 3 4 5 6"},
		"a second name": {`
			have f "a"
			1    fork 1.1
			1    link f g
			1    open g wronly = 3
			1    write 3 "b"
			1.1  read f`, "1 2 3 4 5 6 7"},
		"a read and then a write through one descriptor": {`
			have f "a"
			1    fork 1.1
			1    open f rdwr = 3
			1    read 3
			1    write 3 "b"
			1.1  stat f`, "1 2 3 4 5"},
		"two writes through one descriptor, by two": {`
			1    open f rdwr,creat = 3
			1    fork 1.1
			1    write 3 "a"
			1.1  write 3 "b"`, "1 2 3 4"},
		"a read behind what looks at nothing": {`
			have f "a"
			1    open f rdonly = 3
			1    fork 1.1
			1.1  fsync 3
			1.1  read 3
			1    truncate f 0`, "1 2 3 4 5"},
		"locks on ranges, and what is locked": {`
			1    open l rdwr,creat = 3
			1    lock 3 EX 0 1
			1    write 3 "a"
			1    close 3
			1    write f "a"`, "1 2 3 4"},
		"flock where nothing was raced for": {`
			1    open l rdwr,creat = 3
			1    flock 3 EX
			1    write 3 "a"
			1    close 3`, ""},
		"flock where something was": {`
			1    fork 1.1
			1    open l rdwr,creat = 3
			1    flock 3 EX
			1    write f "a"
			1    close 3
			1.1  write f "b"
			1.1  write g "c"`, "1 2 3 4 5 6 7 8 9 10"},
		"files under a lock": {`
			have f "1"
			have k ""
			1    fork 1.1
			1    fork 1.2
			1.1  open k rdwr,creat = 3
			1.1  flock 3 EX
			1.1  read f
			1.1  write f trunc "2"
			1.1  close 3
			1.2  open k rdwr = 3
			1.2  flock 3 SH
			1.2  read f
			1.2  flock 3 UN
			1.1  open k rdwr = 3
			1.1  flock 3 EX
			1.1  open f.new rdwr,creat,excl = 4
			1.1  write 4 "3"
			1.1  close 4
			1.1  rename f.new f
			1.1  close 3
			1.2  flock 3 EX
			1.2  read f
			1.2  close 3`, "1 2"},
		"a file under a lock, and one not": {`
			have f "1"
			1    open k rdwr,creat = 3
			1    close 3
			1    fork 1.1
			1    fork 1.2
			1.1  open k rdwr,creat = 3
			1.1  flock 3 EX
			1.1  write f trunc "2"
			1.1  close 3
			1.2  open k rdwr = 3
			1.2  write g append "3"
			1.2  flock 3 EX
			1.2  read f
			1.2  close 3
			1.1  write g append "3"`, "1 2 3 4 5 6 10 11 12 13 14 15 19 20 21 22"},
		"a use of a file ahead of the lock": {`
			have f "1"
			1    fork 1.1
			1    fork 1.2
			1.1  open k rdwr,creat = 3
			1.1  flock 3 EX
			1.1  write f trunc "2"
			1.1  close 3
			1.2  open k rdwr = 3
			1.2  stat f
			1.2  flock 3 EX`, "1 2 3 4 5 6 7 8 9 10 11"},
		"pipes": {`
			1    pipe 3 4
			1    write 4 "a"
			1    read 3
			1    fstat 4
			1    close 3
			1    write f "a"`, "1 2 3 5"},
		"a directory that was listed meanwhile": {`
			mkdir d
			1    fork 1.1
			1.1  open d rdonly,directory = 3
			1.1  readdir 3
			1    write d/f "a"
			1    stat d/g = -ENOENT`, "1 3 4"},
		"a directory that was not empty": {`
			mkdir d
			1    fork 1.1
			1    write d/f "a"
			1.1  rmdir d = -ENOTEMPTY`, "1 2 5"},
		"directories move": {`
			mkdir d
			1    rename d e
			1    write e/f "a"`, "1"},
		"signals": {`
			1    fork 1.1
			1    kill 1 23
			1    signal 23
			1    kill 1.1 15
			1.1  signal 15`, "1 4 5"},
	} {
		var got []string
		for _, o := range sieved(worldtest.Ops(t, c.script)) {
			got = append(got, fmt.Sprint(o.Seq))
		}
		if s := strings.Join(got, " "); s != c.want {
			t.Errorf("%s: %s are kept, want %s", name, s, c.want)
		}
	}
}

// An open that returns a file without a name is kept, whoever removed it.
func TestSieveKeepsVanished(t *testing.T) {
	ops := worldtest.Ops(t, `
		have f "a"
		1  open f rdonly = 3
		1  close 3`)
	if kept := sieved(ops); len(kept) != 0 {
		t.Fatalf("%d are kept of a file that nobody else has seen", len(kept))
	}
	ops[0].File.Nlink = 0
	s := NewSieve()
	for s.More() {
		s.Note(ops[0])
	}
	if !s.Keeps(ops[0]) {
		t.Error("an open of a file without a name is left out")
	}
}

// Where a lock can have been doubled, all is kept that its owners and their children did.
func TestSieveKeepsWhatOwnersDid(t *testing.T) {
	ops := worldtest.Ops(t, `
		1     fork 1.1
		1     fork 1.2
		1     fork 1.3
		1.1   open l rdwr,creat = 3
		1.2   open l rdwr,creat = 3
		1.1   flock 3 EX
		1.1   unlink l
		1.1   close 3
		1.2   flock 3 EX
		1.2   fork 1.2.1
		1.2.1 write mine "a"
		1.2.1 sleep
		1.2.1 stat mine
		1.3   stat l = -ENOENT
		1.3   write other "a"
		1.3   sleep`)
	filled(ops)
	for _, most := range []int{math.MaxInt, 7, 0} { // with all at hand, and with a second pass for the others
		s := NewSieve()
		s.rows.most = most
		passes := 0
		for ; s.More(); passes++ {
			for _, o := range ops[s.From():] {
				s.Note(o)
			}
		}
		if all := most == math.MaxInt; (passes == 1) != all {
			t.Errorf("%d passes with %d operations at hand", passes, most)
		}
		var got []op.Actor
		for i, o := range ops {
			keeps := s.Keeps(o)
			if i < most {
				if known, ok := s.Known(i, 1); !ok || keeps != (known == 1) {
					t.Errorf("operation %d: it is known to be kept %v, %v; and kept %v", o.Seq, known == 1, ok, keeps)
				}
			}
			if keeps && o.Seq > 10 && o.Kind != op.Stat {
				got = append(got, o.Actor)
			}
		}
		if want := []op.Actor{"1.2.1", "1.2.1", "1.2.1", "1.2.1"}; !slices.Equal(got, want) {
			t.Errorf("of %v something is kept, want %v", got, want)
		}
	}
}

// Readers that are too many to be told apart are ordered with no writer.
func TestSieveCrowd(t *testing.T) {
	for readers, want := range map[int]bool{crowdMax: false, crowdMax + 1: true} {
		script := "have f \"a\""
		for i := range readers {
			script += fmt.Sprintf("\n1 fork 1.%d", i+1)
		}
		for i := range readers {
			script += fmt.Sprintf("\n1.%d stat f", i+1)
		}
		for i := range readers {
			script += fmt.Sprintf("\n1.%d exit 0\n1 wait 1.%[1]d", i+1)
		}
		ops := sieved(worldtest.Ops(t, script+"\n1 unlink f"))
		if got := ops[len(ops)-1].Kind == op.Unlink; got != want {
			t.Errorf("%d readers: kept %v, want %v", readers, got, want)
		}
	}
}

// Readers that come one after the other take no room, whatever else there is.
func TestSieveManyReaders(t *testing.T) {
	script := "have f \"a\"\n1 fork 1.1\n1 fork 1.2\n1.1 stat f\n1.2 stat f"
	for i := range 3 * crowdMax {
		script += fmt.Sprintf("\n1 fork 1.%d\n1.%[1]d stat f\n1.%[1]d exit 0\n1 wait 1.%[1]d", i+3)
	}
	ops := sieved(worldtest.Ops(t, script+"\n1.1 exit 0\n1.2 exit 0\n1 wait 1.1\n1 wait 1.2\n1 unlink f"))
	if ops[len(ops)-1].Kind == op.Unlink {
		t.Error("what comes behind all readers is kept")
	}
}

// What came earlier is no reason to forget what came later.
func TestSieveReadersUnited(t *testing.T) {
	s := NewSieve()
	s.at = epoch{actor: 2, tick: 1}
	b := &s.all[s.subject(0, 0)]
	for _, e := range []epoch{{actor: 3, tick: 5}, {actor: 4, tick: 1}, {actor: 3, tick: 1}} {
		s.reads(b, e)
	}
	if got := s.crowds[b.crowd-1]; !slices.Contains(got, epoch{actor: 3, tick: 5}) {
		t.Errorf("%v are remembered", got)
	}
}

// A descriptor of a file that nobody raced for is left open where only its opening is kept; what comes under its number
// is another file's.
func TestSieveAndReusedDescriptors(t *testing.T) {
	const script = `
		mkdir d
		have d/x "a"
		1    fork 1.1
		1    fork 1.2
		1.1  open d/mine wronly,creat,excl = 3
		1.1  close 3
		1.1  open d rdonly,directory = 3
		1.1  readdir 3
		1.1  close 3
		1.2  unlink d/x
		1.1  unlink d/x = -ENOENT
		1.1  exit 1`
	ops, end := sieved(worldtest.Ops(t, script)), End{All: true}
	if slices.ContainsFunc(ops, func(o *op.Op) bool { return o.Kind == op.Close }) {
		t.Fatal("a close is kept: this shows nothing")
	}
	want, got := judged(New(), worldtest.Ops(t, script), end), judgedSome(New(), ops, end)
	if len(want) != 1 || want[0].Rule != "directory-race" || !alike(want, got) {
		t.Errorf("in all %s, in what is kept %s", keysOf(want), keysOf(got))
	}
}

// When there are too many actors or subjects, more is kept and nothing less.
func TestSieveFull(t *testing.T) {
	const script = `
		1    fork 1.1
		1.1  write f "a"
		1    stat g = -ENOENT
		1    write f "b"
		1    write h "b"`
	play := func(s *Sieve) (kept []int) {
		ops := filled(worldtest.Ops(t, script))
		s.More()
		for _, o := range ops {
			s.Note(o)
		}
		for i, o := range ops {
			if s.Keeps(o) {
				kept = append(kept, i+1)
			}
		}
		return kept
	}
	if got, want := play(NewSieve()), []int{1, 2, 3, 4, 6, 7, 8}; !slices.Equal(got, want) {
		t.Fatalf("%v are kept, want %v", got, want)
	}
	s := NewSieve()
	s.actors = make([]performer, performersMax)
	if got, want := play(s), []int{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11}; !slices.Equal(got, want) {
		t.Errorf("of strangers %v are kept, want %v", got, want)
	}
	s = NewSieve()
	s.all = make([]subject, subjectsMax+1)
	got := play(s)
	for _, n := range []int{1, 2, 3, 4, 6, 7, 8} {
		if !slices.Contains(got, n) {
			t.Errorf("where subjects are taken for one another, %d is left out", n)
		}
	}
}

// Known says what Keeps says, in whatever pieces it is asked.
func TestSieveKnows(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	ops := filled(worldtest.Ops(t, anyScript(r, 300)))
	s := NewSieve()
	for s.More() {
		s.Note(nil)
		for _, o := range ops {
			s.Note(o)
		}
	}
	for from := 0; from <= len(ops); {
		n := min(1+r.IntN(64), len(ops)+1-from)
		kept, ok := s.Known(from, n)
		if !ok {
			t.Fatalf("rows %d to %d are not known", from, from+n-1)
		}
		for i := range n {
			if want := from+i == 0 || s.Keeps(ops[from+i-1]); want != (kept>>i&1 != 0) {
				t.Errorf("row %d: kept %v, want %v", from+i, !want, want)
			}
		}
		from += n
	}
	if _, ok := s.Known(len(ops), 2); ok {
		t.Error("it knows of what was never noted")
	}
}

func judged(d *Detector, ops []*op.Op, end End) []Finding {
	w := world.New()
	for _, o := range ops {
		w.Enter(o)
		d.Step(w, w.Apply(o))
	}
	return d.End(w, end)
}

// judgedSome is judged for what a sieve has kept.
func judgedSome(d *Detector, ops []*op.Op, end End) []Finding {
	w := world.New()
	w.Sifted()
	for _, o := range ops {
		d.Step(w, w.Apply(o))
	}
	return d.End(w, end)
}

// sieved returns the operations that the sieve keeps, as a recording has them: with what the world
// fills in.
func sieved(ops []*op.Op) (kept []*op.Op) {
	s := NewSieve()
	filled(ops)
	for s.More() {
		for _, o := range ops {
			s.Note(o)
		}
	}
	for _, o := range ops {
		if s.Keeps(o) {
			kept = append(kept, o)
		}
	}
	return kept
}

func filled(ops []*op.Op) []*op.Op {
	w := world.New()
	for _, o := range ops {
		w.Enter(o)
		w.Apply(o)
	}
	return ops
}
