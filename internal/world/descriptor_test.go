package world_test

import (
	"testing"

	"filerace/internal/op"
)

func TestSharedDescription(t *testing.T) {
	s := play(t, `
		have f "0123456789"
		1   open f rdwr = 3
		1   dup 3 = 4
		1   dup2 3 5
		1   fork 1.1
		1.1 read 3 2
		1   read 4 3
		1   open f rdonly = 6
		1   pread 4 1 4
		1   thread 1/2
		1/2 close 5
	`)
	d := s.OFD("1", 3)
	if d != s.OFD("1", 4) || d != s.OFD("1.1", 3) || d != s.OFD("1.1", 5) {
		t.Error("dup and fork do not share the description")
	}
	if d.Offset != 5 {
		t.Errorf("offset %d after reads of 2 and 3 bytes, want 5", d.Offset)
	}
	if s.OFD("1", 6) == d || s.OFD("1", 6).Offset != 0 {
		t.Error("a second open shares the description")
	}
	if e := s.find("1", op.Read, 1); e.Lo != 2 || e.Hi != 5 {
		t.Errorf("second read saw [%d,%d), want [2,5)", e.Lo, e.Hi)
	}
	if e := s.find("1", op.Read, 2); e.Lo != 1 || e.Hi != 5 {
		t.Errorf("pread saw [%d,%d), want [1,5)", e.Lo, e.Hi)
	}
	if s.OFD("1", 5) != nil || s.OFD("1.1", 5) == nil {
		t.Error("a thread's close must close for its process, and only for that")
	}
	if d.Refs != 5 || d.File.Opens != 2 {
		t.Errorf("refs %d, opens %d; want 5, 2", d.Refs, d.File.Opens)
	}
}
