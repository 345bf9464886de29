package worldtest

import (
	"testing"

	"filerace/internal/world"
)

func TestRun(t *testing.T) {
	var seen, took, waited int
	Run(t, `
		1    fork 1.1
		1    open L rdwr,creat = 3
		1    flock 3 EX
		1.1  open L rdwr = 3
		1.1  flock 3 EX waits
		1    unlink L
		1    close 3
		1.1  flock 3 EX
	`, func(w *world.World, e *world.Effect) {
		seen++
		if e.At.Seq != seen || w.Process(e.Op.Actor) == nil {
			t.Errorf("effect %d: Seq %d", seen, e.At.Seq)
		}
		if e.Took != nil {
			took++
		}
		if e.Waits != nil {
			waited++
		}
	})
	if seen != 8 || took != 2 || waited != 1 {
		t.Errorf("%d operations, %d locks taken, %d waits; want 8, 2 and 1", seen, took, waited)
	}
}
