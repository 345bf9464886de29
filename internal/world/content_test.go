package world_test

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"filerace/internal/op"
	"filerace/internal/world"
)

func TestSegmentsSplitAndReplace(t *testing.T) {
	s := play(t, `
		1   open f rdwr,creat = 3
		1   write 3 "aaaaaaaaaa"
		1   fork 1.1
		1.1 pwrite 3 3 "bbb"
		1.1 pwrite 3 8 "cccc"
		1   pwrite 3 2 "aabba"
	`)
	f := s.OFD("1", 3).File
	if got := spans(f.Segs); got != "[0,2)1 [2,7)1 [7,8)1 [8,12)1.1 " {
		t.Errorf("segments %s", got)
	}
	if f.Size != 12 || f.Version != 4 {
		t.Errorf("size %d, version %d; want 12, 4", f.Size, f.Version)
	}
	if got := spans(s.find("1.1", op.Write, 1).over); got != "[3,6)1 " {
		t.Errorf("the first pwrite replaced %s", got)
	}
	// Of bbb at 3 the last write leaves b at 4 and 5 and sets a at 3: the whole
	// piece differs. Its own a at 2 and at 6 stay what they were.
	if got := spans(s.find("1", op.Write, 2).over); got != "[3,6)1.1 " {
		t.Errorf("the last pwrite replaced %s", got)
	}
}

func TestSameBytesAreNoChange(t *testing.T) {
	s := play(t, `
		1   open f rdwr,creat = 3
		1   write 3 "hello"
		1   fork 1.1
		1.1 pwrite 3 0 "hello"
		1.1 pwrite 3 1 "el"
		1.1 pwrite 3 0 n=5
		1.1 pwrite 3 4 "oo"
	`)
	// The third is not known to be the same, the fourth lies over bytes that are not known.
	for n, changed := range []bool{false, false, true, true} {
		if e := s.find("1.1", op.Write, n+1); len(e.over) > 0 != changed {
			t.Errorf("write %d replaced %q", n+1, spans(e.over))
		}
	}
	for n, want := range []string{"[0,5)1 ", "[1,3)1.1 ", ""} {
		if got := spans(s.find("1.1", op.Write, n+1).again); got != want {
			t.Errorf("write %d wrote the same as %q, want %q", n+1, got, want)
		}
	}
	if f := s.OFD("1", 3).File; f.Version != 3 || f.Size != 6 {
		t.Errorf("version %d, size %d; want 3, 6", f.Version, f.Size)
	}
}

func TestAppendAndTruncate(t *testing.T) {
	s := play(t, `
		have f "0123456789"
		1   open f rdwr,append = 3
		1   fork 1.1
		1.1 open f rdwr = 4
		1.1 pwrite 4 10 "xx"
		1   write 3 "yy"
		1   read 3 5
		1.1 ftruncate 4 11
		1   open f wronly,trunc = 5
		1.1 seek 4 3 end
		1.1 write 4 "z"
	`)
	if e := s.find("1", op.Write, 1); e.Lo != 12 || e.Hi != 14 || e.Op.Off != 12 {
		t.Errorf("append went to [%d,%d)", e.Lo, e.Hi)
	}
	if e := s.find("1", op.Read, 1); e.Op.Ret != 0 || !e.EOF {
		t.Error("the read after an append is at the end")
	}
	if e := s.find("1.1", op.Truncate, 1); spans(e.dropped) != "[11,12)1.1 [12,14)1 " || e.Shrunk != 3 {
		t.Errorf("ftruncate dropped %s, %d bytes", spans(e.dropped), e.Shrunk)
	}
	if e := s.find("1", op.Open, 2); spans(e.dropped) != "[10,11)1.1 " || e.Shrunk != 11 {
		t.Errorf("O_TRUNC dropped %s, %d bytes", spans(e.dropped), e.Shrunk)
	}
	if f := s.OFD("1", 3).File; f.Size != 4 || spans(f.Segs) != "[3,4)1.1 " {
		t.Errorf("size %d, segments %s", f.Size, spans(f.Segs))
	}
}

func TestReads(t *testing.T) {
	s := play(t, `
		have f "0123456789"
		1 open f rdonly = 3
		1 read 3 4
		1 read 3 6
		1 read 3 6
		1 pread 3 8 6
	`)
	for n, want := range []struct {
		lo, hi int64
		eof    bool
	}{{0, 4, false}, {4, 10, false}, {10, 10, true}, {8, 10, true}} {
		if e := s.find("1", op.Read, n+1); e.Lo != want.lo || e.Hi != want.hi || e.EOF != want.eof {
			t.Errorf("read %d: [%d,%d) eof %v, want %v", n+1, e.Lo, e.Hi, e.EOF, want)
		}
	}
}

func TestCopyAndAllocate(t *testing.T) {
	s := play(t, `
		have src "0123456789"
		1 open src rdonly = 3
		1 open dst rdwr,creat = 4
		1 write 4 "abcdef"
	`)
	cp := &op.Op{Seq: 10, Actor: "1", Kind: op.Copy, Call: op.Named("copy_file_range"), FD: 4, FD2: 3,
		Off: 2, Off2: op.None, Len: 3, Ret: 3, Args: [6]uint64{3, 0, 4, 0x1000, 3}}
	e := s.apply(cp)
	if e.Lo != 2 || e.Hi != 5 || spans(e.over) != "[2,5)1 " || s.OFD("1", 3).Offset != 3 || s.OFD("1", 4).Offset != 6 {
		t.Errorf("copy to [%d,%d), over %s, offsets %d %d", e.Lo, e.Hi, spans(e.over), s.OFD("1", 3).Offset, s.OFD("1", 4).Offset)
	}
	alloc := func(flags uint64, off, n int64) kept {
		return s.apply(&op.Op{Actor: "1", Kind: op.Allocate, FD: 4, Flags: flags, Off: off, Len: n})
	}
	f := e.File
	alloc(op.FALLOC_FL_KEEP_SIZE, 0, 100)
	if f.Size != 6 {
		t.Errorf("FALLOC_FL_KEEP_SIZE: size %d", f.Size)
	}
	alloc(0, 0, 10)
	if f.Size != 10 {
		t.Errorf("fallocate: size %d", f.Size)
	}
	if e := alloc(op.FALLOC_FL_PUNCH_HOLE|op.FALLOC_FL_KEEP_SIZE, 1, 2); spans(e.over) != "[1,2)1 [2,3)1 " || f.Size != 10 {
		t.Errorf("punching a hole: over %s, size %d", spans(e.over), f.Size)
	}
	if e := alloc(op.FALLOC_FL_COLLAPSE_RANGE, 0, 2); spans(e.dropped) != "[0,1)1 [1,2)1 " || e.Shrunk != 2 || f.Size != 8 {
		t.Errorf("collapse dropped %s, size %d", spans(e.dropped), f.Size)
	}
	if got := spans(f.Segs); got != "[0,1)1 [1,3)1 [3,4)1 " {
		t.Errorf("segments after the collapse: %s", got)
	}
	alloc(op.FALLOC_FL_INSERT_RANGE, 2, 4)
	if got := spans(f.Segs); got != "[0,1)1 [1,2)1 [6,7)1 [7,8)1 " || f.Size != 12 {
		t.Errorf("segments after the insertion: %s, size %d", got, f.Size)
	}
}

// What goes to a device is gone: nobody wrote the contents of /dev/null.
func TestDevicesHaveNoContents(t *testing.T) {
	s := play(t, `
		have src "0123456789"
		1 open src rdonly = 3
		1 open null wronly,creat = 4
	`)
	f := s.OFD("1", 4).File
	f.Type = op.Device
	s.apply(&op.Op{Actor: "1", Kind: op.Copy, Call: op.Named("copy_file_range"), FD: 4, FD2: 3,
		Off: op.None, Off2: op.None, Len: 10, Ret: 10, Args: [6]uint64{3, 0, 4, 0, 10}})
	s.apply(&op.Op{Actor: "1", Kind: op.Write, Call: op.Named("write"), FD: 4, Off: op.None, Len: 5, Ret: 5, Args: [6]uint64{4, 0, 5}})
	if len(f.Segs) > 0 || f.Size > 0 || f.Version > 0 || !s.OFD("1", 4).Wrote || s.OFD("1", 3).Offset != 10 {
		t.Errorf("%s, size %d, version %d, source at %d", spans(f.Segs), f.Size, f.Version, s.OFD("1", 3).Offset)
	}
}

func TestManySegmentsAreThinned(t *testing.T) {
	s := play(t, "1 open f rdwr,creat = 3")
	for i := range int64(20000) {
		s.Apply(&op.Op{Seq: int(i) + 2, Actor: []op.Actor{"1", "1/2"}[i%2], Kind: op.Write, Call: op.Named("pwrite64"), FD: 3,
			Off: i * 2, Args: [6]uint64{3: uint64(i * 2)}, Len: 1, Ret: 1})
	}
	f := s.OFD("1", 3).File
	if n := len(f.Segs); n > 4096 || n < 1000 {
		t.Errorf("%d segments", n)
	}
	if last := f.Segs[len(f.Segs)-1]; last.Lo != 39998 || f.Version != 20000 {
		t.Errorf("the latest write is lost: %+v, version %d", last, f.Version)
	}
}

// A recording keeps no contents: what was written over the same bytes is told by the operations.
func TestSameWithoutContents(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 7))
	for range 300 {
		script := "have f \"\"\n1 open f rdwr = 3\n"
		for range 12 {
			at, n := r.IntN(8), 1+r.IntN(5)
			text := []byte("aaaaaaaaaaaaa")[at : at+n]
			if r.IntN(3) == 0 {
				text = []byte("aaaabbbbccccd")[at : at+n]
			}
			script += fmt.Sprintf("1 pwrite 3 %d \"%s\"\n", at, text)
		}
		live := play(t, script)
		again := &scene{World: world.New(), t: t}
		for i, o := range live.ops {
			kept := *o
			kept.Data = nil
			k, was := again.apply(&kept), live.effects[i]
			if len(was.over) == 0 && len(k.over) > 0 || len(k.over) < len(was.over) || k.Op.Same != o.Same {
				t.Fatalf("%s\noperation %d, %v: over %d and the same as %d segments, same %d; without contents %d, %d, %d", script, i, o,
					len(was.over), len(was.again), o.Same, len(k.over), len(k.again), k.Op.Same)
			}
		}
	}
}
