package world_test

import (
	"testing"

	"filerace/internal/op"
)

// held prints the locks on the file that descriptor fd of the actor leads to.
func (s *scene) held(a op.Actor, fd int) string { return lockSpans(s.OFD(a, fd).File.Locks) }

// ask is a lock operation held at its entry.
func (s *scene) ask(a op.Actor, fd int, f op.LockFamily, m op.LockMode, lo, hi int64) *op.Op {
	o := &op.Op{Actor: a, Kind: op.LockOp, FD: fd, Off: op.None,
		Lock: op.Lock{Family: f, Mode: m, Wait: true, Start: lo, End: hi}}
	s.Enter(o)
	return o
}

func TestFlockBelongsToTheDescription(t *testing.T) {
	s := play(t, `
		1   open f rdwr,creat = 3
		1   flock 3 EX
		1   fork 1.1
		1   open f rdwr = 4
		1.1 open f rdwr = 4
		1.1 flock 4 EX waits
		1   close 3
		1.1 flock 3 SH
		1.1 close 3
		1.1 flock 4 EX
	`)
	if e := s.at(2); e.Took == nil || e.Took.OFD != e.OFD || e.Took.Proc != "1" || e.Took.Entry.Path != "/w/f" {
		t.Errorf("took %+v", e.Took)
	}
	if e := s.at(6); e.Waits == nil || e.Took != nil {
		t.Error("the second one waits")
	}
	if e := s.at(7); len(e.freed) != 0 {
		t.Error("the lock lives on in the child's descriptor")
	}
	if e := s.at(8); len(e.freed) != 1 || e.freed[0].Mode != op.Exclusive || e.Took == nil || e.Took.Mode != op.Shared {
		t.Errorf("conversion freed %d", len(e.freed))
	}
	if e := s.at(9); len(e.freed) != 1 || e.closed != 1 {
		t.Error("the last close frees")
	}
	if f := s.OFD("1", 4).File; len(f.Waits) != 0 || lockSpans(f.Locks) != "1.1:EX[0,end) " {
		t.Errorf("held %s, %d wait", lockSpans(f.Locks), len(f.Waits))
	}
}

func TestWaitsEnd(t *testing.T) {
	s := play(t, `
		1   open f rdwr,creat = 3
		1   flock 3 EX
		1   fork 1.1
		1   fork 1.2
		1.1 open f rdwr = 4
		1.2 open f rdwr = 4
		1.1 flock 4 EX waits
		1.2 flock 4 SH waits
		1.1 flock 4 EX = -EINTR
	`)
	f := s.OFD("1", 3).File
	if got := lockSpans(f.Waits); got != "1.2:SH[0,end) " {
		t.Errorf("after EINTR there wait %s", got)
	}
	s.Apply(&op.Op{Actor: "1.2", Kind: op.Exit, FD: op.None, Status: 137})
	if len(f.Waits) != 0 {
		t.Error("the dead do not wait")
	}
}

func TestPosixRanges(t *testing.T) {
	s := play(t, `
		have f "0123456789"
		1   open f rdwr = 3
		1   lock 3 WR 0 10
		1   lock 3 RD 3 6
		1   lock 3 UN 8 20
		1   lock 3 WR 3 4
		1   lock 3 WR 6 8
	`)
	if got := s.held("1", 3); got != "1:EX[0,4) 1:SH[4,6) 1:EX[6,8) " {
		t.Errorf("held %s", got)
	}
	if e := s.at(3); len(e.freed) != 0 {
		t.Error("a change of mode lets nothing go")
	}
	if e := s.at(4); len(e.freed) != 1 || e.freed[0].Lo != 8 || e.freed[0].Hi != 10 {
		t.Errorf("F_UNLCK freed %+v", e.freed)
	}
	if e := s.at(6); e.Took.By != s.at(2).Op {
		t.Error("what is held already stays as it was taken")
	}
}

func TestCloseDropsPosixLocks(t *testing.T) {
	s := play(t, `
		1   open f rdwr,creat = 3
		1   lock 3 WR 0 10
		1   ofdlock 3 RD 20 30
		1   fork 1.1
		1   open f rdonly = 4
		1.1 close 3
		1   close 4
		1   lock 3 WR 0 5
		1   exec prog
		1   close 3
	`)
	if e := s.at(6); len(e.freed) != 0 || len(e.trap) != 0 || !e.Op.NoLocks == (len(e.freed) > 0) {
		t.Error("a child's close is its own affair")
	}
	if e := s.at(7); len(e.freed) != 1 || len(e.trap) != 1 || e.trap[0].By != s.at(2).Op || e.Op.NoLocks {
		t.Errorf("freed %+v, trap %+v", e.freed, e.trap)
	}
	if e := s.at(9); len(e.freed) != 0 {
		t.Error("locks live through exec")
	}
	if e := s.at(10); len(e.freed) != 2 || len(e.trap) != 0 {
		t.Errorf("the last close freed %d, trapped %d", len(e.freed), len(e.trap))
	}
}

// close(2) of a descriptor that was opened with O_PATH drops no lock.
func TestPathDescriptorsDropNoLocks(t *testing.T) {
	s := play(t, `
		1 open f rdwr,creat = 3
		1 lock 3 WR 0 10
	`)
	f := s.at(1).Op
	s.Apply(&op.Op{Actor: "1", Kind: op.Open, Flags: op.O_PATH, FD: op.None, Ret: 4, File: f.File, Names: f.Names})
	e := s.apply(&op.Op{Actor: "1", Kind: op.Close, FD: 4})
	if e.closed != 1 || len(e.freed) != 0 || !e.Op.NoLocks {
		t.Errorf("closed %d, freed %d", e.closed, len(e.freed))
	}
}

func TestExitFrees(t *testing.T) {
	s := play(t, `
		1   open f rdwr,creat = 3
		1   fork 1.1
		1.1 open f rdwr = 4
		1.1 lock 3 WR 0 10
		1.1 flock 4 SH
		1.1 exit 0
	`)
	if e := s.at(6); len(e.freed) != 2 || len(e.trap) != 0 || e.closed != 1 || len(e.Op.FDs()) != 2 {
		t.Errorf("exit freed %d, trapped %d, closed %d", len(e.freed), len(e.trap), e.closed)
	}
	if s.held("1", 3) != "" {
		t.Error("the parent holds locks of the child")
	}
}

func TestBlocked(t *testing.T) {
	const posix, ofd, flock = op.PosixLock, op.OFDLock, op.FlockLock
	s := play(t, `
		1   open f rdwr,creat = 3
		1   fork 1.1
		1.1 open f rdwr = 4
		1   lock 3 WR 0 10
		1.1 ofdlock 4 RD 20 30
		1   flock 3 SH
		1   lease 3 RD
	`)
	for _, c := range []struct {
		o    *op.Op
		want string
	}{
		{s.ask("1", 3, posix, op.Exclusive, 0, 10), ""},
		{s.ask("1.1", 3, posix, op.Shared, 5, 6), "1:EX[0,10) "},
		{s.ask("1.1", 3, posix, op.Shared, 10, 12), ""},
		{s.ask("1.1", 4, ofd, op.Shared, 9, 12), "1:EX[0,10) "},
		{s.ask("1.1", 4, posix, op.Exclusive, 25, 26), "1.1:SH[20,30) "},
		{s.ask("1.1", 4, posix, op.Shared, 25, 26), ""},
		{s.ask("1.1", 4, flock, op.Shared, 0, 0), ""},
		{s.ask("1.1", 4, flock, op.Exclusive, 0, 0), "1:SH[0,end) "},
		{s.ask("1.1", 3, flock, op.Exclusive, 0, 0), ""}, // the same description
		{s.ask("1.1", 3, posix, op.Unlock, 0, 10), ""},
	} {
		if got := lockSpans(s.Blocked(c.o)); got != c.want {
			t.Errorf("%s asks %+v: blocked by %q, want %q", c.o.Actor, c.o.Lock, got, c.want)
		}
	}
}

func TestLeasesBlockOpens(t *testing.T) {
	s := play(t, `
		1   open f rdwr,creat = 3
		1   fork 1.1
		1   lease 3 RD
	`)
	open := func(a op.Actor, flags uint64) int {
		return len(s.Blocked(&op.Op{Actor: a, Kind: op.Open, FD: op.None, Flags: flags, Names: []op.Name{{Before: s.at(1).File.ID}}}))
	}
	if open("1.1", op.O_RDONLY) != 0 || open("1.1", op.O_WRONLY) != 1 || open("1.1", op.O_RDONLY|op.O_TRUNC) != 1 {
		t.Error("a read lease holds up whoever would change the file")
	}
	if open("1", op.O_WRONLY) != 0 || open("1.1", op.O_WRONLY|op.O_NONBLOCK) != 0 {
		t.Error("one's own lease, and O_NONBLOCK, do not sleep")
	}
	s.Apply(s.ask("1", 3, op.LeaseLock, op.Exclusive, 0, 0))
	if open("1.1", op.O_RDONLY) != 1 {
		t.Error("a write lease holds up all")
	}
	e := s.Apply(s.ask("1", 3, op.LeaseLock, op.Unlock, 0, 0))
	if open("1.1", op.O_WRONLY) != 0 || len(e.Freed) != 1 {
		t.Error("the lease is given up")
	}
}

func TestDeadlock(t *testing.T) {
	s := play(t, `
		1   open f rdwr,creat = 3
		1   fork 1.1
		1   fork 1.2
		1   lock 3 WR 0 1
		1.1 lock 3 WR 1 2
		1.2 lock 3 WR 2 3
		1   lock 3 WR 1 2 waits
		1.1 lock 3 RD 2 3 waits
	`)
	o := s.ask("1.2", 3, op.PosixLock, op.Shared, 0, 1)
	if got := s.Deadlock(o); len(got) != 3 || got[0] != "1.2" || got[1] != "1" || got[2] != "1.1" {
		t.Errorf("cycle %v, want 1.2, 1, 1.1", got)
	}
	if got := s.Deadlock(s.ask("1.2", 3, op.PosixLock, op.Shared, 5, 6)); got != nil {
		t.Errorf("a free range makes the cycle %v", got)
	}
	s.Apply(&op.Op{Actor: "1.1", Kind: op.LockOp, FD: 3, Ret: -4, Lock: op.Lock{Family: op.PosixLock, Mode: op.Shared, Start: 2, End: 3}})
	if got := s.Deadlock(o); got != nil {
		t.Errorf("1.1 was interrupted, but the cycle is %v", got)
	}
}

func TestLockRangesFromWhence(t *testing.T) {
	s := play(t, `
		have f "0123456789"
		1 open f rdwr = 3
		1 read 3 4
	`)
	for _, c := range []struct {
		whence         int
		lo, hi         int64
		wantLo, wantHi int64
	}{{op.SEEK_SET, 1, 2, 1, 2}, {op.SEEK_CUR, -1, 2, 3, 6}, {op.SEEK_END, -2, op.MaxOffset, 8, op.MaxOffset}} {
		o := &op.Op{Actor: "1", Kind: op.LockOp, FD: 3, Lock: op.Lock{Family: op.PosixLock, Whence: int16(c.whence), Start: c.lo, End: c.hi}}
		s.Enter(o)
		s.Enter(o) // again: nothing changes
		if o.Lock.Start != c.wantLo || o.Lock.End != c.wantHi {
			t.Errorf("from %d: [%d,%d), want [%d,%d)", c.whence, o.Lock.Start, o.Lock.End, c.wantLo, c.wantHi)
		}
	}
}
