package saved

import (
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"reflect"
	"runtime"
	"testing"

	"filerace/internal/op"
)

// phases are operations of which many in a row are alike, and what they are like comes back in other segments under another
// number.
func phases(r *rand.Rand, segments, each int) []*op.Op {
	var ops []*op.Op
	progs := []string{"a", "b", "c"}
	like := *plainOps(1)[0]
	for len(ops) < segments*each {
		if r.IntN(2) == 0 {
			like.Prog = progs[r.IntN(len(progs))]
		}
		if r.IntN(2) == 0 {
			like.Flags = uint64(r.IntN(3))
		}
		if r.IntN(2) == 0 {
			like.Sum = uint32(r.IntN(3))
		}
		if r.IntN(2) == 0 {
			like.PID = r.IntN(3)
		}
		for range min(rowsAtOnce*(1+r.IntN(3))+r.IntN(2)*r.IntN(rowsAtOnce), segments*each-len(ops)) {
			o := like
			o.Seq, o.Enter, o.Exit = len(ops)+1, int64(len(ops)), int64(len(ops))+1
			ops = append(ops, &o)
		}
	}
	return ops
}

// A number that stood for one word in a segment stands for another one in the next.
func TestNumbersMeanSomethingElseInTheNextSegment(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1)) // one decoder for all
	for seed := range uint64(30) {
		r := rand.New(rand.NewPCG(seed, 21))
		ops := phases(r, 6, 8*rowsAtOnce)
		dir := filepath.Join(t.TempDir(), fmt.Sprint(seed, ".filerace"))
		pieces(t, dir, ops, 8*rowsAtOnce, false)
		got, _ := readAll(t, dir)
		if len(got) != len(ops) {
			t.Fatalf("%d operations of %d", len(got), len(ops))
		}
		for i := range ops {
			if want := kept(ops[i]); !reflect.DeepEqual(got[i], want) {
				t.Fatalf("seed %d, operation %d:\n got %+v\nwant %+v", seed, i, got[i], want)
			}
		}
		lots := make([]float64, len(ops))
		for i := range lots {
			lots[i] = r.Float64()
		}
		for _, share := range []float64{0.02, 0.3, 1} {
			only(t, dir, &lottery{ops, lots, share, func() bool { return true }})
		}
	}
}
