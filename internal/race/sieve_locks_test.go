package race

import (
	"slices"
	"testing"

	"filerace/internal/world/worldtest"
)

// A descriptor that was closed is nobody's: what comes under its number may be shared.
func TestSieveForgetsClosedDescriptors(t *testing.T) {
	ops := filled(worldtest.Ops(t, `
		have k ""
		1  open k rdonly = 3
		1  flock 3 EX
		1  close 3`))
	for _, c := range []struct {
		seq  []int
		held bool
	}{{[]int{0, 1}, true}, {[]int{0, 2, 1}, false}, {[]int{1}, false}, {[]int{0, 1, 2}, false}} {
		s := NewSieve()
		s.More()
		for _, i := range c.seq {
			s.Note(ops[i])
		}
		if g := s.gripOf(s.known["1"]); (g.lock != 0) != c.held {
			t.Errorf("after %v: %+v", c.seq, *g)
		}
		if s.Note(nil); s.now(s.known["1"]).lock != 0 {
			t.Errorf("after %v and a gap there is a lock", c.seq)
		}
	}
}

// What rules find although a lock orders all uses of a file, or seems to.
func TestSieveSeesThroughLocks(t *testing.T) {
	const three = `
			1    fork 1.1
			1    fork 1.2
			1    fork 1.3`
	for name, c := range map[string]struct{ rule, script string }{
		"a fresh lock taken for a stale one, each step under a lock": {"stale-lock-steal", "1 mkdir L" + three + `
			1.1  open k rdwr,creat = 40
			1.1  flock 40 EX
			1.1  stat L
			1.1  flock 40 UN
			1.2  open k rdwr,creat = 40
			1.2  flock 40 EX
			1.2  rmdir L
			1.2  mkdir L
			1.2  flock 40 UN
			1.1  flock 40 EX
			1.1  rmdir L
			1.1  mkdir L
			1.1  flock 40 UN`},
		"the same with two names made by one who alone could": {"stale-lock-steal", "have L \"\"" + three + `
			1.1  open k rdwr,creat = 40
			1.1  flock 40 EX
			1.1  stat L
			1.1  flock 40 UN
			1.2  open k rdwr,creat = 40
			1.2  flock 40 EX
			1.2  unlink L
			1.2  open u rdwr,creat,excl = 3
			1.2  close 3
			1.2  link u L
			1.2  unlink u
			1.2  flock 40 UN
			1.1  flock 40 EX
			1.1  unlink L
			1.1  mkdir L
			1.1  flock 40 UN`},
		"the same with a name that anybody could have made": {"stale-lock-steal", "have L \"\"" + three + `
			1.1  open k rdwr,creat = 40
			1.1  flock 40 EX
			1.1  stat L
			1.1  flock 40 UN
			1.2  open k rdwr,creat = 40
			1.2  flock 40 EX
			1.2  unlink L
			1.2  open u rdwr,creat = 3
			1.2  close 3
			1.2  link u L
			1.2  unlink u
			1.2  flock 40 UN
			1.1  flock 40 EX
			1.1  unlink L
			1.1  mkdir L
			1.1  flock 40 UN`},
		"a lock that is removed, all under another": {"unlinked-lock", three + `
			1.1  open k rdwr,creat = 40
			1.1  flock 40 EX
			1.1  open l rdwr,creat = 3
			1.1  flock 3 EX
			1.1  flock 40 UN
			1.2  open k rdwr,creat = 40
			1.2  flock 40 EX
			1.2  unlink l
			1.2  flock 40 UN
			1.3  open k rdwr,creat = 40
			1.3  flock 40 EX
			1.3  open l rdwr,creat = 3
			1.3  flock 3 EX
			1.3  flock 40 UN
			1.1  write x "1"
			1.3  write y "1"`},
		"two kinds of lock, all under another": {"lock-mismatch", three + `
			1.1  open k rdwr,creat = 40
			1.1  flock 40 EX
			1.1  open l rdwr,creat = 3
			1.1  flock 3 EX
			1.1  flock 40 UN
			1.2  open k rdwr,creat = 40
			1.2  flock 40 EX
			1.2  open l rdwr,creat = 3
			1.2  lock 3 WR
			1.2  flock 40 UN
			1.1  flock 40 EX
			1.1  write D "1"
			1.1  flock 40 UN
			1.2  flock 40 EX
			1.2  read D
			1.2  flock 40 UN`},
		"a lock of one's own that was removed, and a child's": {"unlinked-lock", `
			1    open k rdwr,creat = 40
			1    flock 40 EX
			1    unlink k
			1    fork 1.1
			1.1  close 40
			1.1  open k rdwr,creat = 40
			1.1  flock 40 EX
			1    write x "1"
			1.1  write y "1"`},
		"locked after another has removed what was handed on": {"unlinked-lock", `
			1    open k rdwr,creat = 40
			1    fork 1.1
			1    fork 1.2
			1    close 40
			1.2  unlink k
			1.1  flock 40 EX
			1.1  write x "1"`},
		"a child lets go": {"overlapping-write", three + `
			have D "0"
			1.1  open k rdwr,creat = 40
			1.1  flock 40 EX
			1.1  fork 1.1.1
			1.1.1 flock 40 UN
			1.1  open D wronly = 3
			1.1  write 3 "1"
			1.1  close 40
			1.2  open k rdwr,creat = 40
			1.2  flock 40 EX
			1.2  open D wronly = 3
			1.2  write 3 "2"`},
		"a descriptor is put in the lock's place": {"overlapping-write", three + `
			have D "0"
			1.1  open k rdwr,creat = 40
			1.1  open D wronly = 3
			1.1  flock 40 EX
			1.1  dup2 3 40
			1.1  write 3 "1"
			1.1  close 40
			1.2  open k rdwr,creat = 40
			1.2  flock 40 EX
			1.2  open D wronly = 3
			1.2  write 3 "2"`},
		"a lock that is lost while a stronger one is asked for": {"overlapping-write", three + `
			have D "0"
			1.1  open k rdwr,creat = 40
			1.1  flock 40 SH
			1.3  open k rdwr,creat = 40
			1.3  flock 40 SH
			1.1  flock 40 EX nb = -EAGAIN
			1.1  open D wronly = 3
			1.1  write 3 "1"
			1.1  close 40
			1.3  close 40
			1.2  open k rdwr,creat = 40
			1.2  flock 40 EX
			1.2  open D wronly = 3
			1.2  write 3 "2"`},
		"one description, handed on": {"overlapping-write", `
			have D "0"
			1    open k rdwr,creat = 40
			1    fork 1.1
			1    fork 1.2
			1.1  flock 40 EX
			1.1  open D wronly = 3
			1.1  write 3 "1"
			1.1  close 40
			1.2  flock 40 EX
			1.2  open D wronly = 3
			1.2  write 3 "2"`},
		"a thread lets go": {"overlapping-write", three + `
			have D "0"
			1.1  thread 1.1/2
			1.1  open k rdwr,creat = 40
			1.1  flock 40 EX
			1.1/2 close 40
			1.1  open D wronly = 3
			1.1  write 3 "1"
			1.1  exit 0
			1.2  open k rdwr,creat = 40
			1.2  flock 40 EX
			1.2  open D wronly = 3
			1.2  write 3 "2"`},
		"two have one lock, nobody knows how": {"overlapping-write", three + `
			have D "0"
			1.1  open k rdwr,creat = 40
			1.1  flock 40 EX
			1.1  open D wronly = 3
			1.1  write 3 "1"
			1.2  open k rdwr,creat = 40
			1.2  flock 40 EX
			1.2  open D wronly = 3
			1.2  write 3 "2"`},
		"another lock": {"overlapping-write", three + `
			have D "0"
			1.1  open k rdwr,creat = 40
			1.1  flock 40 EX
			1.1  flock 40 UN
			1.1  open l rdwr,creat = 41
			1.1  flock 41 EX
			1.1  open D wronly = 3
			1.1  write 3 "1"
			1.1  close 41
			1.2  open k rdwr,creat = 40
			1.2  flock 40 EX
			1.2  open D wronly = 3
			1.2  write 3 "2"`},
	} {
		end := End{All: true}
		want := judged(New(), worldtest.Ops(t, c.script), end)
		if !slices.ContainsFunc(want, func(f Finding) bool { return f.Rule == c.rule }) {
			t.Errorf("%s: no %s but %s", name, c.rule, keysOf(want))
		}
		if got := judgedSome(New(), sieved(worldtest.Ops(t, c.script)), end); !alike(want, got) {
			t.Errorf("%s: in all %s, in what is kept %s", name, keysOf(want), keysOf(got))
		}
	}
}
