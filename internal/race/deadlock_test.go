package race

import (
	"testing"

	"filerace/internal/op"
	"filerace/internal/world"
	"filerace/internal/world/worldtest"
)

// hang plays a script to the deadlock rule; the last operations of the given
// number are those in which all sleep.
func hang(t *testing.T, script string, asleep int) Finding {
	t.Helper()
	d := withRules(deadlock.New())
	var last *world.World
	var ops []*op.Op
	worldtest.Run(t, script, func(w *world.World, e *world.Effect) {
		last, ops = w, append(ops, e.Op)
		d.Step(w, e)
	})
	for _, o := range ops[len(ops)-asleep:] {
		if !o.Waits {
			t.Fatalf("operation %d does not sleep", o.Seq)
		}
	}
	found := d.End(last, End{Deadlock: ops[len(ops)-asleep:]})
	if len(found) != 1 || found[0].Evidence != Observed || !found[0].Explains {
		t.Fatalf("findings %+v, want one that explains", found)
	}
	return found[0]
}

func TestDeadlock(t *testing.T) {
	for _, c := range []struct {
		name, headline string
		asleep         int
		marks          int
		script         string
	}{
		{"two locks", "1.1 and 1.2 wait for each other's lock for ever", 3, 4, `
			have a
			have b
			1    fork 1.1
			1    fork 1.2
			1.1  open a rdwr = 3
			1.1  open b rdwr = 4
			1.2  open a rdwr = 3
			1.2  open b rdwr = 4
			1.1  flock 3 EX
			1.2  flock 4 EX
			1    wait 1.1 waits
			1.1  flock 4 EX waits
			1.2  flock 3 EX waits
		`},
		{"a circle of three", "1.1, 1.2 and 1.3 wait for each other's locks in a circle for ever", 3, 6, `
			have f "abc"
			1    fork 1.1
			1    fork 1.2
			1    fork 1.3
			1.1  open f rdwr = 3
			1.2  open f rdwr = 3
			1.3  open f rdwr = 3
			1.1  ofdlock 3 WR 0 1
			1.2  ofdlock 3 WR 1 2
			1.3  ofdlock 3 WR 2 3
			1.1  ofdlock 3 WR 1 2 waits
			1.2  ofdlock 3 WR 2 3 waits
			1.3  ofdlock 3 WR 0 1 waits
		`},
		{"its own lock", "1.1 waits for ever for a lock that it holds itself", 2, 2, `
			have a
			1    fork 1.1
			1.1  open a rdwr = 3
			1.1  open a rdwr = 4
			1.1  flock 3 EX
			1    wait 1.1 waits
			1.1  flock 4 EX waits
		`},
		{"a parent that holds what its child wants",
			"1 waits for the end of 1.1, and 1.1 waits for the lock on /w/a, which 1 has, for ever", 2, 3, `
			have a
			1    open a rdwr,cloexec = 3
			1    lock 3 WR
			1    fork 1.1
			1.1  open a rdwr = 4
			1    wait 1.1 waits
			1.1  lock 4 WR waits
		`},
		{"pipes", "every process waits for ever: 1 in wait4, 1.1 in read", 2, 2, `
			1    pipe 3 4
			1    fork 1.1
			1    wait 1.1 waits
			1.1  read 3 waits
		`},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := hang(t, c.script, c.asleep)
			if f.Headline != c.headline || len(f.Marks) != c.marks || f.Why == "" || f.Repair == "" {
				t.Errorf("marks %v, headline %q\nwant %d marks, %q", f.Marks, f.Headline, c.marks, c.headline)
			}
		})
	}
}

func TestDeadlockSilent(t *testing.T) {
	found := play(t, deadlock, End{Failed: true}, `
		have a
		1    fork 1.1
		1    open a rdwr = 3
		1    flock 3 EX
		1.1  open a rdwr = 3
		1.1  flock 3 EX waits
		1    close 3
		1.1  flock 3 EX
	`)
	if len(found) != 0 {
		t.Errorf("a wait that ended is reported: %s", found[0].Headline)
	}
}
