package world

import (
	"fmt"
	"testing"

	"filerace/internal/op"
)

// Processes that come and go leave nothing behind, even those that nobody waits for.
func TestEndedProcessesAreForgotten(t *testing.T) {
	w := New()
	const processes = 3 * actorsMax
	apply := func(o op.Op) *Effect {
		o.FD, o.FD2, o.NewFD, o.NewFD2, o.Done = op.None, op.None, op.None, op.None, true
		return w.Apply(&o)
	}
	for n := 1; n <= processes; n++ {
		a := op.Actor(fmt.Sprint(n))
		if got := w.Actor(apply(op.Op{Actor: a, PID: n, Kind: op.Stat}).At.Thread); got != a {
			t.Fatalf("process %s is told to be %q", a, got)
		}
		apply(op.Op{Actor: a, PID: n, Kind: op.Exit})
		w.Bury(a)
	}
	if w.Actor(0) != "" {
		t.Error("the first process is still known by its number")
	}
	if len(w.actors) > 2*actorsMax || len(w.free) > 2*freeLooked || len(w.procs)+len(w.threads) != 0 {
		t.Errorf("%d actors, %d free slots, %d processes and %d threads are kept", len(w.actors), len(w.free), len(w.procs), len(w.threads))
	}
}
