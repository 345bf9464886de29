package world_test

import (
	"testing"

	"filerace/internal/world"
	"filerace/internal/world/worldtest"
)

// BenchmarkApply plays the life of a lock file by eight processes in turn: open,
// flock, stat, append, read, unlock, close; a fresh temporary file renamed over a
// name now and then. The goal is 2 M operations per second and core.
func BenchmarkApply(b *testing.B) {
	w := world.New()
	script := "have log \"x\"\n"
	actors := []string{"1.1", "1.2", "1.3", "1.4", "1.5", "1.6", "1.7", "1.8"}
	for _, a := range actors {
		script += "1 fork " + a + "\n"
	}
	forks := len(actors)
	for _, a := range actors {
		for _, line := range []string{"open L rdwr,creat = 9", "flock 9 EX", "stat L", "open log rdwr,append = 4", "write 4 \"a line\"",
			"read 4", "close 4", "pwrite 9 0 \"count\"", "pread 9 0 5", "flock 9 UN", "close 9",
			"open T wronly,creat,excl = 3", "write 3 \"new\"", "close 3", "rename T conf"} {
			script += a + " " + line + "\n"
		}
	}
	ops := worldtest.Ops(b, script)
	for _, o := range ops[:forks] {
		w.Apply(o)
	}
	ops = ops[forks:]
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		w.Apply(ops[i%len(ops)])
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds()/1e6, "Mops/s")
}

// A held read that touches nothing new must cost no memory.
func TestReadsDoNotAllocate(t *testing.T) {
	w := world.New()
	ops := worldtest.Ops(t, "have f \"0123456789\"\n1 open f rdonly = 3\n1 pread 3 0 4\n1 stat f")
	w.Apply(ops[0])
	for _, o := range ops[1:] {
		if n := testing.AllocsPerRun(100, func() { w.Enter(o); w.Apply(o) }); n > 0 {
			t.Errorf("kind %d: %v allocations", o.Kind, n)
		}
	}
}
