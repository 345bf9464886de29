package tracee

import (
	"fmt"
	"os"
	"os/exec"
	"testing"
	"time"

	"filerace/internal/op"
)

// through lets everything pass in the order of arrival.
type through struct {
	hold bool
	ops  int
}

func (h *through) Enter(*op.Op) Verdict {
	if h.hold {
		return Hold
	}
	return Through
}
func (h *through) Ready(*op.Op) bool     { return true }
func (h *through) Waits(*op.Op)          {}
func (h *through) Deadlocks(*op.Op) bool { return false }
func (h *through) Pick([]*op.Op) int     { return 0 }
func (h *through) Done(*op.Op)           { h.ops++ }

// BenchmarkOp is one shell that opens, duplicates and closes in a loop: the price
// of one operation under control, beside that of the same loop without.
func BenchmarkOp(b *testing.B) {
	for _, hold := range []bool{false, true} {
		name := "through"
		if hold {
			name = "held"
		}
		b.Run(name, func(b *testing.B) {
			dir := b.TempDir()
			script := func(n int) string {
				return fmt.Sprintf("i=0; while [ $i -lt %d ]; do : >f; i=$((i+1)); done", n)
			}
			const rounds = 3000
			for b.Loop() {
				small, big := &through{hold: hold}, &through{hold: hold}
				t0 := time.Now()
				benchRun(b, dir, script(1), small)
				t1 := time.Now()
				benchRun(b, dir, script(rounds), big)
				t2 := time.Now()
				plainRun(b, dir, script(1))
				t3 := time.Now()
				plainRun(b, dir, script(rounds))
				t4 := time.Now()
				n := float64(big.ops - small.ops)
				controlled := float64(t2.Sub(t1)-t1.Sub(t0)) / n
				plain := float64(t4.Sub(t3)-t3.Sub(t2)) / n
				b.ReportMetric(controlled/1e3, "µs/op")
				b.ReportMetric(plain/1e3, "plain-µs/op")
			}
		})
	}
}

// BenchmarkStart is a run of a shell that does nothing.
func BenchmarkStart(b *testing.B) {
	dir := b.TempDir()
	var controlled, plain time.Duration
	runs, ops := 0, 0
	for b.Loop() {
		h := &through{}
		t0 := time.Now()
		benchRun(b, dir, ":", h)
		t1 := time.Now()
		plainRun(b, dir, ":")
		controlled, plain = controlled+t1.Sub(t0), plain+time.Since(t1)
		runs, ops = runs+1, ops+h.ops
	}
	b.ReportMetric(controlled.Seconds()*1e3/float64(runs), "ms/run")
	b.ReportMetric(plain.Seconds()*1e3/float64(runs), "plain-ms/run")
	b.ReportMetric(float64(ops)/float64(runs), "ops/run")
}

const threeTimesTen = "(: >a;: >b;: <a) & (: >a;: >b;: <a) & (: >a;: >b;: <a) & wait"

// BenchmarkRun3x10 is a short run of three processes, with and without control.
func BenchmarkRun3x10(b *testing.B) {
	dir := b.TempDir()
	var controlled, plain time.Duration
	runs, ops := 0, 0
	for b.Loop() {
		h := &through{hold: true}
		t0 := time.Now()
		benchRun(b, dir, threeTimesTen, h)
		t1 := time.Now()
		plainRun(b, dir, threeTimesTen)
		controlled, plain = controlled+t1.Sub(t0), plain+time.Since(t1)
		runs, ops = runs+1, ops+h.ops
	}
	b.ReportMetric(controlled.Seconds()*1e3/float64(runs), "ms/run")
	b.ReportMetric(plain.Seconds()*1e3/float64(runs), "plain-ms/run")
	b.ReportMetric(plain.Seconds()/controlled.Seconds(), "plain-rate")
	b.ReportMetric(float64(ops)/float64(runs), "ops/run")
}

func benchRun(b *testing.B, dir, script string, h Handler) {
	sh, err := exec.LookPath("sh")
	if err != nil {
		b.Skip(err)
	}
	res, err := Run(Config{Path: sh, Argv: []string{"sh", "-c", script}, Dir: dir, Core: 0,
		Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr}, h)
	if err != nil || res.Status != 0 {
		b.Fatalf("%+v %v", res, err)
	}
}

func plainRun(b *testing.B, dir, script string) {
	cmd := exec.Command("sh", "-c", script)
	cmd.Dir = dir
	if err := cmd.Run(); err != nil {
		b.Fatal(err)
	}
}
