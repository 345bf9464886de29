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
	if len(w.actors) > 2*actorsMax || len(w.free) > freeLooked+1 || w.slots > freeLooked+2 || len(w.procs)+len(w.threads) != 0 {
		t.Errorf("%d actors, %d slots, %d processes and %d threads are kept", len(w.actors), w.slots, len(w.procs), len(w.threads))
	}
}

// A process that nobody waited for gives its place to a stranger in the end. What was
// known of its order with others stays; what would have to be asked of the stranger is
// neither ordered nor unordered.
func TestPlacesOfProcessesThatNobodyWaitsFor(t *testing.T) {
	w := New()
	apply := func(a op.Actor, kind op.Kind, child op.Actor) Stamp {
		o := op.Op{Actor: a, Kind: kind, Child: child, FD: op.None, FD2: op.None, NewFD: op.None, NewFD2: op.None, Done: true}
		return w.Apply(&o).At
	}
	life := func(n int) (first Stamp) {
		a := op.Actor("1").Child(n)
		apply("1", op.Fork, a)
		first = apply(a, op.Stat, "")
		apply(a, op.Exit, "")
		w.Bury(a)
		return first
	}
	life(1)
	apply("1", op.Fork, "1.2")
	old := apply("1.2", op.Stat, "")
	apply("1.2", op.Exit, "")
	apply("1", op.Wait, "1.2")
	seen, unseen := apply("1", op.Stat, ""), life(3)
	apply("1", op.Fork, "1.4")
	young := apply("1.4", op.Stat, "")
	n, next := 5, life(5)
	for ; next.line.slot != unseen.line.slot; n++ {
		next = life(n + 1)
	}
	if n < freeLooked {
		t.Errorf("the place is given away after %d processes", n)
	}
	if now := apply("1", op.Stat, ""); !old.HardBefore(seen) || !old.HardBefore(now) || !Unordered(unseen, young) || unseen.Before(now) || now.Before(unseen) {
		t.Error("what was known before is not known now")
	}
	if unseen.Before(next) || next.Before(unseen) || Unordered(unseen, next) {
		t.Error("a process and the heir of its place are said to be ordered, or not to be")
	}
	if !unseen.MayHardBefore(next) || unseen.MayHardBefore(young) || !old.MayHardBefore(seen) {
		t.Error("what may be ordered is told from what is not, and from what is not known")
	}
}
