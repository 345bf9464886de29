package saved

import (
	"fmt"
	"hash/fnv"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"slices"
	"testing"

	"filerace/internal/op"
	"filerace/internal/trace"
)

// glimpsed is what a glance tells of an operation.
func glimpsed(o *op.Op) op.Op {
	g := op.Op{Kind: o.Kind, Actor: o.Actor, Ret: o.Ret, Waits: o.Waits, Inside: o.Inside, Lock: op.Lock{Family: o.Lock.Family}}
	g.File.ID, g.File.Type = o.File.ID, o.File.Type
	switch o.Kind {
	case op.Open:
		g.Flags, g.File.Nlink = o.Flags, o.File.Nlink
	case op.Mmap:
		g.Cmd = o.Cmd
	case op.Copy, op.Dup:
		g.SetFile2(op.File{ID: o.File2().ID, Type: o.File2().Type})
	case op.Close, op.LockOp:
		g.FD, g.Lock.Mode = o.FD, o.Lock.Mode
	case op.Fork, op.Wait, op.Kill, op.Signal:
		if g.Child, g.Signal = o.Child, o.Signal; o.Kind == op.Fork {
			g.Flags = o.Flags
		}
	}
	for i, n := range o.Names {
		name := op.Name{Dir: n.Dir, Base: n.Base, Path: n.Path}
		if o.Kind == op.Rename && i == 0 {
			name.Type = n.Type
		}
		// Which of the others have these does not matter.
		if o.File.ID.IsZero() && !o.Failed() || o.ChangesNames() {
			name.Before, name.After = n.Before, n.After
		}
		g.Names = append(g.Names, name)
	}
	return g
}

func isClear(o *op.Op) bool { return len(o.Names) <= 2 }

// lottery keeps a part of the operations, by what a glance tells of them.
type lottery struct {
	ops   []*op.Op
	lots  []float64 // of the ops
	share float64
	knows func() bool
}

// lot is the number of an operation, from 0 to 1.
func lot(o *op.Op) float64 {
	h, g := fnv.New64a(), glimpsed(o)
	second := g.File2()
	g.SetFile2(op.File{}) // which lies elsewhere
	fmt.Fprintf(h, "%+v %+v", g, second)
	return float64(h.Sum64()%1000) / 1000
}

func (l *lottery) Keeps(o *op.Op) bool { return lot(o) < l.share }

func (l *lottery) keeps(n int) bool { return !isClear(l.ops[n]) || l.lots[n] < l.share }

func (l *lottery) Known(from, n int) (kept uint64, ok bool) {
	for i := range n {
		if l.keeps(from + i) {
			kept |= 1 << i
		}
	}
	return kept, l.knows()
}

// What is left out does not change what is given back, whatever the encoding and wherever pages end.
func TestOnly(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 8))
	same := slices.Repeat(plainOps(1), 150)
	ops := slices.Concat(storm(150), same, storm(40), same)
	for range 300 {
		ops = append(ops, arbitraryOp(r))
	}
	ops = append(ops, storm(150)...)
	lots := make([]float64, len(ops))
	for i, o := range ops {
		lots[i] = lot(o)
	}
	for name, e := range storages {
		t.Run(name, func(t *testing.T) {
			dir := e.record(t, ops)
			glance(t, dir, ops, 0)
			for _, share := range []float64{0, 0.01, 0.1, 0.6, 1} {
				for _, known := range []int{0, 1, 2} { // never, always, at times
					l := &lottery{ops, lots, share, func() bool { return known == 1 || known == 2 && r.IntN(2) == 0 }}
					only(t, dir, l)
				}
			}
		})
	}
}

// The same over many segments, of which several are decoded at a time.
func TestOnlyOverSegments(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(3))
	r := rand.New(rand.NewPCG(9, 10))
	ops := plainOps(900)
	for i := range ops {
		ops[i].Ret = -int64(r.IntN(50))
	}
	lots := make([]float64, len(ops))
	for i, o := range ops {
		lots[i] = lot(o)
	}
	dir := filepath.Join(t.TempDir(), "r.filerace")
	pieces(t, dir, ops, 70, false)
	for _, from := range []int{0, 1, 69, 70, 71, 500, 899, 900} {
		glance(t, dir, ops, from)
	}
	for _, share := range []float64{0, 0.03, 0.5} {
		for range 5 {
			only(t, dir, &lottery{ops, lots, share, func() bool { return share < 0.1 }})
		}
	}
}

func glance(t *testing.T, dir string, ops []*op.Op, from int) {
	t.Helper()
	r, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	n := from
	for o := range r.Glances(from, nil) {
		if clear := isClear(ops[n]); clear != (o != nil) {
			t.Fatalf("operation %d: seen at a glance %v, want %v", n, o != nil, clear)
		}
		if o != nil {
			if got, want := glimpsed(o), glimpsed(ops[n]); !reflect.DeepEqual(got, want) {
				t.Fatalf("operation %d:\n got %+v\nwant %+v", n, got, want)
			}
		}
		n++
	}
	if n != len(ops) {
		t.Errorf("%d operations at a glance, want %d", n, len(ops))
	}
}

func only(t *testing.T, dir string, l *lottery) {
	t.Helper()
	r, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	keepSome(t, r, rand.IntN(40_000))
	r.Only(l)
	want := kept
	if rand.IntN(2) == 0 {
		r.ForStream()
		want = forStream
	}
	at := 0
	for {
		rec, err := r.Next()
		passed := r.Passed()
		for range passed {
			if l.keeps(at) {
				t.Fatalf("share %v: operation %d was left out", l.share, at)
			}
			at++
		}
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if want := want(l.ops[at]); !reflect.DeepEqual(rec.Op, want) {
			t.Fatalf("share %v, operation %d:\n got %+v\nwant %+v", l.share, at, rec.Op, want)
		}
		if !l.keeps(at) {
			t.Fatalf("share %v: operation %d was given back", l.share, at)
		}
		at++
	}
	if at != len(l.ops) {
		t.Errorf("share %v: %d operations told of, want %d", l.share, at, len(l.ops))
	}
}

// forStream is what Reader.ForStream leaves of an operation.
func forStream(o *op.Op) *op.Op {
	o = kept(o)
	o.Seq, o.OFD, o.OFD2, o.NoLocks, o.Decision = 0, 0, 0, false, 0
	if len(o.Names) <= 2 {
		o.SetVia(nil)
	}
	if o.Kind != op.Inherit {
		o.SetFDs(nil)
	}
	switch o.Kind {
	case op.Copy, op.Dup:
	default:
		o.Off2 = op.None
		o.SetFile2(op.File{})
	}
	switch o.Kind {
	case op.Fork, op.Exit, op.Wait, op.Kill, op.Signal:
	default:
		o.Child, o.Reaped, o.Status, o.Signal, o.Thread = "", 0, 0, 0, false
	}
	switch o.Kind {
	case op.Write, op.Copy, op.Send:
	default:
		o.Sum, o.Next, o.Same = 0, [2]uint32{}, [2]uint16{}
	}
	return o
}

// Operations for a Stream lack only what ForStream says.
func TestForStream(t *testing.T) {
	r := rand.New(rand.NewPCG(17, 18))
	var ops []*op.Op
	for range 500 {
		o := arbitraryOp(r)
		for begins := r.IntN(3) == 0; begins && o.Kind != op.Inherit; {
			o = arbitraryOp(r)
		}
		ops = append(ops, o)
		for range r.IntN(2) * r.IntN(2) * r.IntN(2*rowsAtOnce) { // no lists for a while
			ops = append(ops, plainOps(1)...)
		}
	}
	read := func(t *testing.T, dir string) {
		rd, err := Open(dir)
		if err != nil {
			t.Fatal(err)
		}
		defer rd.Close()
		rd.ForStream()
		for i := range ops {
			rec, err := rd.Next()
			if err != nil {
				t.Fatal(err)
			}
			if want := forStream(ops[i]); !reflect.DeepEqual(rec.Op, want) {
				t.Fatalf("operation %d:\n got %+v\nwant %+v", i, rec.Op, want)
			}
		}
	}
	for name, e := range storages {
		t.Run(name, func(t *testing.T) { read(t, e.record(t, ops)) })
	}
	t.Run("segments", func(t *testing.T) {
		dir := filepath.Join(t.TempDir(), "r.filerace")
		pieces(t, dir, ops, 130, false)
		read(t, dir)
	})
}

// keepSome looks at the recording, and lets its reader keep so many bytes of that.
func keepSome(t *testing.T, r *Reader, room int) {
	t.Helper()
	for i := range r.segs {
		if info, err := os.Stat(filepath.Join(r.dir, opsDir, r.segs[i].name())); err == nil {
			r.segs[i].size = info.Size() // those that no list tells of, too
			room += int(info.Size())
		}
	}
	r.room = room
	seen := 0
	for range r.Glances(0, nil) {
		seen++
	}
	if seen > 0 && len(r.loaded) == 0 {
		t.Error("a glance keeps nothing")
	}
}

// Records that are no operations are given back, and count as rows.
func TestOnlyOperationsAreLeftOut(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "r.filerace")
	w, err := Create(dir, Meta{Recorder: "test"})
	if err != nil {
		t.Fatal(err)
	}
	ops := storm(3)
	for _, rec := range []trace.Record{{What: trace.Returned, Op: ops[0]}, {What: trace.Gap, Lost: 7}, {What: trace.Returned, Op: ops[1]}, {What: trace.Entered, Op: ops[2]}} {
		if err := w.Record(rec); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(nil, nil); err != nil {
		t.Fatal(err)
	}
	for _, knows := range []bool{false, true} {
		r, err := Open(dir)
		if err != nil {
			t.Fatal(err)
		}
		var seen []bool
		for o := range r.Glances(0, nil) {
			seen = append(seen, o != nil)
		}
		if want := []bool{true, false, true, false}; !reflect.DeepEqual(seen, want) {
			t.Errorf("operations at a glance: %v, want %v", seen, want)
		}
		r.Only(nothingBut(knows))
		var got []string
		for {
			rec, err := r.Next()
			if n := r.Passed(); n > 0 {
				got = append(got, fmt.Sprint(n, " passed"))
			}
			if err != nil {
				break
			}
			got = append(got, fmt.Sprint(rec.What))
		}
		if want := []string{"1 passed", fmt.Sprint(trace.Gap), "1 passed", fmt.Sprint(trace.Entered)}; !reflect.DeepEqual(got, want) {
			t.Errorf("got %q, want %q", got, want)
		}
		r.Close()
	}
}

// nothingBut keeps the two rows of TestOnlyOperationsAreLeftOut that are no operations.
type nothingBut bool

func (nothingBut) Keeps(*op.Op) bool { return false }

func (k nothingBut) Known(from, n int) (uint64, bool) { return 0b1010 >> from & (1<<n - 1), bool(k) }
