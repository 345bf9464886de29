package world_test

import (
	"math/rand/v2"
	"testing"

	"filerace/internal/op"
	"filerace/internal/world"
)

// TestAnythingGoes feeds operations that contradict one another and all that
// went before, as a recorder that loses some would report them. The world must
// stay consistent in itself.
func TestAnythingGoes(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	w := world.New()
	for i := range 20000 {
		o := anyOp(r, i+1)
		w.Enter(o)
		w.Blocked(o)
		w.Deadlock(o)
		e := w.Apply(o)
		if e.At.IsZero() || e.Process == nil || w.Stamp() != e.At {
			t.Fatalf("op %d has no place", i+1)
		}
		if i%100 == 0 {
			consistent(t, w)
		}
		if t.Failed() {
			t.Fatalf("after op %d: %+v", i+1, o)
		}
	}
}

func anyOp(r *rand.Rand, seq int) *op.Op {
	n := func(max int) int { return r.IntN(max) }
	file := func() op.FileID {
		if n(4) == 0 {
			return op.FileID{}
		}
		return id(uint64(10 + n(6)))
	}
	actors := []op.Actor{"1", "1/2", "1.1", "1.2", "1.2/2", "1.1.1", "2"}
	o := &op.Op{
		Seq: seq, Actor: actors[n(len(actors))], PID: n(5), Kind: op.Kind(n(int(op.Pause) + 1)),
		FD: n(6) - 1, FD2: n(6) - 1, NewFD: n(6) - 1, NewFD2: n(6) - 1, Ret: int64(n(8) - 2),
		Flags: []uint64{0, op.O_CREAT, op.O_CREAT | op.O_EXCL, op.O_TRUNC, op.CLONE_FILES, op.O_APPEND, op.O_TMPFILE, op.O_CLOEXEC}[n(8)],
		Off:   int64(n(40) - 1), Off2: int64(n(40) - 1), Len: int64(n(30)), Whence: n(3), Cmd: n(5),
		Lock: op.Lock{Family: op.LockFamily(n(5)), Mode: op.LockMode(n(3)), Start: int64(n(20) - 3), End: int64(n(20) - 3),
			Whence: int16(n(3)), Wait: true},
		File:   op.File{ID: file(), Type: op.FileType(n(int(op.Anon) + 1)), Nlink: uint32(n(3)), Size: int64(n(50))},
		Child:  actors[n(len(actors))],
		Signal: int32(n(3)), Waits: n(8) == 0, Thread: n(2) == 0,
	}
	if n(3) == 0 {
		o.Call = &op.Calls[n(len(op.Calls))]
	}
	for range n(3) {
		o.Names = append(o.Names, op.Name{Dir: id(1), Base: string(rune('a' + n(4))), Before: file(), After: file(),
			Type: op.FileType(n(4)), Nlink: uint32(n(3)), Size: int64(n(50))})
	}
	if o.Kind == op.Inherit {
		o.SetFDs([]op.FDInfo{{FD: n(5), File: o.File, Off: 3}})
	}
	return o
}

// consistent checks what must hold of any world.
func consistent(t *testing.T, w *world.World) {
	t.Helper()
	files, names, ofds := map[int32]*world.File{}, map[int32]*world.Entry{}, map[int32]*world.OFD{}
	refs := map[*world.OFD]int{}
	tables := map[*world.Descriptor]bool{} // processes may share a table
	for _, p := range w.Processes() {
		for _, d := range p.FDs.All() {
			if !tables[d] {
				tables[d] = true
				refs[d.OFD]++
			}
		}
	}
	for d, n := range refs {
		alone(t, files, d.File.Place, d.File)
		alone(t, ofds, d.Place, d)
		if d.Refs < n || d.File.Opens <= 0 {
			t.Errorf("description %d: %d descriptors, %d counted, file open %d times", d.ID, n, d.Refs, d.File.Opens)
		}
	}
	for f := range w.Files() {
		alone(t, files, f.Place, f)
		for _, en := range f.Names {
			alone(t, names, en.Place, en)
			if en.File != f {
				t.Errorf("%s does not lead to the file that has it", en.Base)
			}
		}
		end := int64(0)
		for _, s := range f.Segs {
			if s.Lo < end || s.Hi <= s.Lo {
				t.Errorf("segments %s", spans(f.Segs))
			}
			end = s.Hi
		}
		if end > f.Size {
			t.Errorf("segments %s beyond the %d bytes", spans(f.Segs), f.Size)
		}
		for _, l := range f.Locks {
			if l.File != f || l.Mode == op.Unlock {
				t.Errorf("lock %+v", l)
			}
		}
	}
}

// alone checks that nobody else has the place of one that the world knows.
func alone[T comparable](t *testing.T, places map[int32]T, at world.Place, of T) {
	t.Helper()
	if other, taken := places[at.At]; at.At <= 0 || taken && other != of {
		t.Errorf("place %d is that of two, or of nobody", at.At)
	}
	places[at.At] = of
}
