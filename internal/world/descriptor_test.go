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

func TestExecClosesMarkedDescriptors(t *testing.T) {
	s := play(t, `
		have f "x"
		1   open f rdwr,cloexec = 3
		1   open f rdwr = 4
		1   dup 3 = 5
		1   fork 1.1
		1.1 exec cat
	`)
	if s.OFD("1.1", 3) != nil || s.OFD("1.1", 4) == nil || s.OFD("1.1", 5) == nil {
		t.Error("exec must close descriptor 3 alone: dup(2) clears the mark")
	}
	if s.OFD("1", 3) == nil {
		t.Error("the parent keeps its own")
	}
	if o := s.find("1.1", op.Exec, 1).Op; len(o.FDs()) != 1 || o.FDs()[0].FD != 3 || !o.NoLocks {
		t.Errorf("exec is said to close %v", o.FDs())
	}
	if p := s.Process("1.1"); p.Prog != "cat" {
		t.Errorf("program %q", p.Prog)
	}
}

func TestCloneFilesShareTheTableUntilExec(t *testing.T) {
	s := play(t, `
		have f "x"
		1   open f rdwr = 3
		1   fork 1.1
		1   open f rdwr = 4
	`)
	w := s.World
	w.Apply(&op.Op{Actor: "1", Kind: op.Fork, Child: "1.2", Ret: 500, Flags: op.CLONE_FILES, FD: op.None})
	w.Apply(&op.Op{Actor: "1.2", Kind: op.Close, FD: 4})
	if w.OFD("1", 4) != nil {
		t.Error("a close by the sharing child is not seen")
	}
	w.Apply(&op.Op{Actor: "1.2", Kind: op.Exec, FD: op.None})
	w.Apply(&op.Op{Actor: "1.2", Kind: op.Close, FD: 3})
	if w.OFD("1", 3) == nil || w.OFD("1.2", 3) != nil {
		t.Error("exec does not unshare the table")
	}
}

func TestCloseRange(t *testing.T) {
	s := play(t, `
		have f "x"
		1 open f rdwr = 3
		1 dup 3 = 4
		1 dup 3 = 5
		1 dup 3 = 6
	`)
	s.Apply(&op.Op{Actor: "1", Kind: op.CloseRange, FD: 6, FD2: op.None, Flags: op.CLOSE_RANGE_CLOEXEC})
	if d := s.Process("1").FDs.At(6); d == nil || !d.CloseOnExec {
		t.Error("CLOSE_RANGE_CLOEXEC only marks")
	}
	s.Apply(&op.Op{Actor: "1", Kind: op.CloseRange, FD: 4, FD2: 5})
	if s.OFD("1", 3) == nil || s.OFD("1", 4) != nil || s.OFD("1", 5) != nil || s.OFD("1", 6) == nil {
		t.Error("want 3 and 6 open")
	}
	e := s.Apply(&op.Op{Actor: "1", Kind: op.CloseRange, FD: 0, FD2: op.None})
	if len(e.Closed) != 1 || s.Process("1").FDs.Len() != 0 {
		t.Errorf("closed %d descriptions, want the one", len(e.Closed))
	}
}

func TestFlagsAndDupCommands(t *testing.T) {
	s := play(t, `
		have f "12345"
		1 open f rdwr = 3
	`)
	s.Apply(&op.Op{Actor: "1", Kind: op.SetFlags, FD: 3, Cmd: op.F_SETFL, Flags: op.O_APPEND | op.O_WRONLY})
	if got := s.OFD("1", 3).Flags; got != op.O_APPEND|op.O_RDWR {
		t.Errorf("flags %#x: F_SETFL leaves the access mode alone", got)
	}
	s.Apply(&op.Op{Actor: "1", Kind: op.Dup, FD: 3, FD2: op.None, Ret: 10, Cmd: op.F_DUPFD_CLOEXEC, Flags: op.O_CLOEXEC})
	if d := s.Process("1").FDs.At(10); d == nil || !d.CloseOnExec || d.OFD != s.OFD("1", 3) {
		t.Errorf("F_DUPFD_CLOEXEC made %+v", d)
	}
	s.Apply(&op.Op{Actor: "1", Kind: op.SetFlags, FD: 10, Cmd: op.F_SETFD})
	if s.Process("1").FDs.At(10).CloseOnExec {
		t.Error("F_SETFD 0 clears the mark")
	}
}

// Two commands that begin with one standard output share its offset.
func TestInheritedDescriptionsAreShared(t *testing.T) {
	out := op.File{ID: op.FileID{Dev: 1, Ino: 7}, Type: op.Regular, Path: "/w/out", Nlink: 1, Size: 10}
	s := play(t, "")
	for _, a := range []op.Actor{"1", "2"} {
		o := &op.Op{Actor: a, Kind: op.Inherit, FD: op.None}
		o.SetFDs([]op.FDInfo{
			{FD: 1, File: out, Flags: op.O_WRONLY, Off: 4, Shared: 1},
			{FD: 2, File: out, Flags: op.O_WRONLY, Off: 4, Shared: 1},
		})
		s.Apply(o)
	}
	d := s.OFD("1", 1)
	if d == nil || d.Offset != 4 || d.Refs != 4 || d != s.OFD("2", 2) || d.File.Size != 10 {
		t.Errorf("inherited: %+v", d)
	}
}

// A descriptor, a process or a file that the world has missed is taken as the
// operation tells it.
func TestUnknownIsAdopted(t *testing.T) {
	s := play(t, "")
	f := op.File{ID: op.FileID{Dev: 1, Ino: 9}, Type: op.Regular, Path: "/w/x", Nlink: 1, Size: 8}
	s.Apply(&op.Op{Actor: "1.4.1/2", PID: 77, Kind: op.Close, FD: 99})
	e := s.Apply(&op.Op{Actor: "1.4.1", PID: 77, Kind: op.Write, FD: 5, File: f, Off: op.None, Ret: 3})
	if e.File == nil || e.File.Size != 8 || e.OFD == nil || e.File.Version != 1 {
		t.Errorf("write through an unknown descriptor: %+v", e)
	}
	if p := s.Process("1.4.1"); p == nil || p.PID != 77 {
		t.Error("the process is not adopted")
	}
	for k := op.NoKind; k <= op.Pause; k++ { // nothing is known of any of these
		for _, ret := range []int64{-22, 0, 3} {
			o := &op.Op{Actor: "3/2", Kind: k, FD: 40, FD2: 41, NewFD: op.None, NewFD2: op.None, Ret: ret, Off: op.None,
				Lock: op.Lock{Family: op.PosixLock, Mode: op.Exclusive, End: 5}, Names: []op.Name{{}, {}}}
			if k != op.Rename {
				o.Names = nil
			}
			s.Enter(o)
			s.Blocked(o)
			s.Deadlock(o)
			s.Apply(o)
		}
	}
}

// A descriptor that was closed by a call that nobody saw is known to be closed when its
// number comes again.
func TestDescriptorsClosedUnseen(t *testing.T) {
	s := play(t, "have f \"x\"\nhave g \"y\"\n1 open f rdwr = 3\n1 flock 3 EX\n1 open g = 4")
	again := *s.at(3).Op
	again.Ret, again.NewFD = 3, 3
	e := s.Apply(&again)
	if len(e.Closed) != 1 || e.Closed[0].Entry.Base != "f" || len(e.Freed) != 1 || e.OFD.Entry.Base != "g" {
		t.Errorf("closed %v, freed %v, opened %+v", e.Closed, e.Freed, e.OFD)
	}
}
