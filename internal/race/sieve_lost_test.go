package race

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"filerace/internal/op"
	"filerace/internal/world/worldtest"
)

// A lock file may be removed when all who had it are dead. Of them nothing need be kept then.
func TestSieveSeesWhereLocksAreLost(t *testing.T) {
	const (
		two = `
			1    fork 1.1
			1    fork 1.2`
		both = two + `
			1.1  open l rdwr,creat = 3
			1.1  flock 3 EX
			1.1  write f "1"
			1.1  close 3
			1.2  open l rdwr,creat = 3
			1.2  flock 3 EX
			1.2  close 3
			1.2  write f "2"
			1.1  exit 0
			1.2  exit 0`
		over = `
			1    wait 1.1
			1    wait 1.2`
	)
	for name, c := range map[string]struct {
		script string
		lost   bool
	}{
		"removed when all are dead":   {both + over + "\n1 unlink l", false},
		"one was not waited for":      {both + "\n1 wait 1.1\n1 unlink l", true},
		"nobody was":                  {both + "\n1 unlink l", true},
		"removed by one of them":      {two + "\n1.1 open l rdwr,creat = 3\n1.1 flock 3 EX\n1.1 write f \"1\"\n1.1 unlink l\n1.2 open l rdwr,creat = 3\n1.2 write f \"1\"", true},
		"by another who did not wait": {both + over + "\n1 fork 1.3\n1.3 unlink l", false},
		"by one who was there before": {"\n1 fork 1.3" + both + over + "\n1.3 unlink l", true},
		"locked when it has no name any more": {both + over + `
			1    fork 1.3
			1.3  open l rdwr = 3
			1    unlink l
			1.3  flock 3 EX`, true},
		"another of that name": {both + over + `
			1    unlink l
			1    fork 1.3
			1.3  open l rdwr,creat = 3
			1.3  flock 3 EX`, true},
		"locked after it got its name": {two + `
			1    open t rdwr,creat = 3
			1    close 3
			1    rename t l
			1.1  open l rdwr = 3
			1.1  flock 3 EX
			1.1  write f "1"
			1.2  write f "2"`, true},
		"replaced": {both + "\n1 open t rdwr,creat = 3\n1 close 3\n1 rename t l", true},
		"renamed when all are dead, to one that has none": {both + over + "\n1 rename l m", false},
		"to one that was locked":                          {both + over + "\n1 open m rdwr,creat = 3\n1 flock 3 EX\n1 close 3\n1 rename l m", true},
		"to one that the dead had locked": {both + over + `
			1    fork 1.3
			1.3  open m rdwr,creat = 3
			1.3  flock 3 EX
			1    rename m l`, true},
		"to one that somebody missed before": {two + `
			1.2  stat m = -ENOENT
			1.1  open l rdwr,creat = 3
			1.1  flock 3 EX
			1    rename l m`, true},
		"locked again, by a description of the one who is alive": {`
			1    open l rdwr,creat = 4
			1    fork 1.1
			1.1  open l rdwr = 3
			1.1  flock 3 EX
			1.1  flock 4 SH
			1.1  exit 0
			1    wait 1.1
			1    unlink l`, true},
		"orphans that the dead one has waited for are no children": {two + `
			1.1  open l rdwr,creat = 3
			1.1  flock 3 EX
			1.1  fork 1.1.1
			1.1  fork 1.1.2
			1.1.2 fork 1.1.2.1
			1.1.2 fork 1.1.2.2
			1.1.2 exit 0
			1.1  wait 1.1.2
			1.1.2.1 exit 0
			1.1  wait 1.1.2.1
			1.1.2.2 exit 0
			1.1  wait 1.1.2.2
			1.1  exit 0
			1    wait 1.1
			1    unlink l`, true},
		"a child of a dead one is not": {two + `
			1.1  open l rdwr,creat = 3
			1.1  flock 3 EX
			1.1  fork 1.1.1
			1.1  exit 0
			1    wait 1.1
			1    unlink l
			1.1.1 write f "1"
			1.2  open l rdwr,creat = 3
			1.2  flock 3 EX
			1.2  write f "2"`, true},
		"nor a grandchild": {two + `
			1.1  open l rdwr,creat = 3
			1.1  flock 3 EX
			1.1  fork 1.1.1
			1.1.1 fork 1.1.1.1
			1.1.1 exit 0
			1.1  wait 1.1.1
			1.1  exit 0
			1    wait 1.1
			1    unlink l
			1.1.1.1 write f "1"
			1.2  write f "2"`, true},
		"its children are, too": {two + `
			1.1  open l rdwr,creat = 3
			1.1  flock 3 EX
			1.1  fork 1.1.1
			1.1.1 write f "1"
			1.1.1 exit 0
			1.1  wait 1.1.1
			1.1  exit 0
			1.2  write f "2"
			1    wait 1.1
			1    unlink l`, false},
		"what was opened by the one who is alive": {two + `
			1    open l rdwr,creat = 3
			1    fork 1.3
			1.3  flock 3 EX
			1.3  write f "1"
			1.3  exit 0
			1.2  write f "2"
			1    wait 1.3
			1    unlink l`, true},
		"what one process has, not a description": {two + `
			1    open l rdwr,creat = 3
			1    fork 1.3
			1.3  lock 3 WR
			1.3  write f "1"
			1.3  exit 0
			1.2  write f "2"
			1    wait 1.3
			1    unlink l`, false},
		"a description under a number that is not known": {two + `
			1.1  open l rdwr,creat = 70
			1.1  ofdlock 70 WR
			1.1  write f "1"
			1.1  exit 0
			1.2  write f "2"
			1    wait 1.1
			1    unlink l`, true},
		"a thread's": {two + `
			1.1  thread 1.1/2
			1.1/2 open l rdwr,creat = 3
			1.1/2 lock 3 WR
			1.1/2 exit 0
			1.1  write f "1"
			1.2  write f "2"
			1    unlink l
			1.1  exit 0
			1    wait 1.1`, true},
	} {
		s := NewSieve()
		ops := filled(worldtest.Ops(t, c.script))
		for s.More() {
			for _, o := range ops {
				s.Note(o)
			}
		}
		at := slices.IndexFunc(ops, func(o *op.Op) bool { return o.Kind == op.LockOp })
		n := s.fileOf(ops[at].File.ID, 0, false)
		if n == 0 {
			t.Fatalf("%s: the locked file is not known", name)
		}
		if got := s.all[n].signs&lockLost != 0; got != c.lost {
			t.Errorf("%s: lost %v, want %v", name, got, c.lost)
		}
	}
}

// Whom the sieve cannot tell apart, or has not seen all of, may be alive.
func TestSieveDoubtsDeath(t *testing.T) {
	script := func(n int) string {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, "\n1 fork 1.%d\n1.%[1]d open l rdwr,creat = 3\n1.%[1]d flock 3 SH", i+1)
		}
		for i := range n {
			fmt.Fprintf(&b, "\n1.%d exit 0\n1 wait 1.%[1]d", i+1)
		}
		return b.String() + "\n1 unlink l"
	}
	for name, c := range map[string]struct {
		processes int
		before    func(s *Sieve, o *op.Op)
		lost      bool
	}{
		"so many":      {takersMax, func(*Sieve, *op.Op) {}, false},
		"too many":     {takersMax + 1, func(*Sieve, *op.Op) {}, true},
		"no room":      {1, func(s *Sieve, o *op.Op) { fillTakers(s) }, true},
		"a gap":        {1, func(s *Sieve, o *op.Op) { gapBefore(s, o, op.Unlink) }, true},
		"an early gap": {1, func(s *Sieve, o *op.Op) { gapBefore(s, o, op.Fork) }, false},
		"ranges":       {1, func(_ *Sieve, o *op.Op) { rangesOf(o) }, false},
		"ranges that belong to a table of several": {1, func(s *Sieve, o *op.Op) {
			if rangesOf(o) {
				s.shareTable(s.actor(o.Actor))
			}
		}, true},
		"handed on": {1, func(s *Sieve, o *op.Op) {
			if o.Kind == op.Exit {
				s.Note(&op.Op{Kind: op.Send, Actor: o.Actor, File: op.File{Type: op.Socket}})
			}
		}, true},
	} {
		s := NewSieve()
		s.More()
		ops := filled(worldtest.Ops(t, script(c.processes)))
		for _, o := range ops {
			c.before(s, o)
			s.Note(o)
		}
		if got := s.all[s.fileOf(ops[len(ops)-1].Names[0].Before, 0, false)].signs&lockLost != 0; got != c.lost {
			t.Errorf("%s: lost %v, want %v", name, got, c.lost)
		}
	}
}

// The same if the file takes the place of another one, and the other had been locked since.
func TestSieveDoubtsDeathOfEither(t *testing.T) {
	const m = `
		1 fork 1.98
		1.98 open l rdwr,creat = 3
		1.98 flock 3 EX
		1.98 exit 0
		1 wait 1.98
		1 fork 1.99
		1.99 open m rdwr,creat = 3
		1.99 flock 3 EX
		1.99 exit 0
		1 wait 1.99
		1 rename l m`
	for name, c := range map[string]struct {
		processes int
		gap, lost bool
	}{"plain": {1, false, false}, "a gap": {1, true, true}, "too many": {takersMax + 1, false, true}} {
		var b strings.Builder
		for i := range c.processes {
			fmt.Fprintf(&b, "\n1 fork 1.%d\n1.%[1]d open l rdwr,creat = 3\n1.%[1]d flock 3 SH", i+1)
		}
		for i := range c.processes {
			fmt.Fprintf(&b, "\n1.%d exit 0\n1 wait 1.%[1]d", i+1)
		}
		s := NewSieve()
		s.More()
		ops := filled(worldtest.Ops(t, b.String()+m))
		for _, o := range ops {
			if c.gap && o.Kind == op.Fork && o.Child == "1.99" {
				s.Note(nil)
			}
			s.Note(o)
		}
		if got := s.all[s.fileOf(ops[len(ops)-1].Names[0].Before, 0, false)].signs&lockLost != 0; got != c.lost {
			t.Errorf("%s: lost %v, want %v", name, got, c.lost)
		}
	}
}

// rangesOf makes an operation on a lock one on ranges.
func rangesOf(o *op.Op) bool {
	if o.Kind != op.LockOp {
		return false
	}
	o.Lock.Family = op.PosixLock
	return true
}

func fillTakers(s *Sieve) {
	for n := range int32(takenMax) {
		s.takers[-n-1] = &takers{}
	}
}

func gapBefore(s *Sieve, o *op.Op, k op.Kind) {
	if o.Kind == k {
		s.Note(nil)
	}
}
