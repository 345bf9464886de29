package worldtest

import (
	"testing"

	"filerace/internal/op"
	"filerace/internal/world"
)

// Run plays a script and shows each operation to f once it took effect. A lock
// that the script grants although it is held, or lets wait although it is free,
// fails the test.
func Run(t testing.TB, script string, f func(w *world.World, e *world.Effect)) {
	t.Helper()
	w := world.New()
	for _, o := range Ops(t, script) {
		w.Enter(o)
		if o.Kind == op.LockOp && !o.Failed() && o.Lock.Mode != op.Unlock {
			if blocked := len(w.Blocked(o)) > 0; blocked != o.Waits {
				t.Fatalf("operation %d of %s: the lock is held by another: %v; the script lets it wait: %v",
					o.Seq, o.Actor, blocked, o.Waits)
			}
		}
		f(w, w.Apply(o))
	}
}
