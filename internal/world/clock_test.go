package world_test

import (
	"fmt"
	"testing"

	"filerace/internal/op"
	"filerace/internal/world"
)

// order tells how the operations a and b stand, by Seq: "hard", "full", or "none".
func (s *scene) order(a, b int) string {
	s.t.Helper()
	x, y := s.at(a).At, s.at(b).At
	switch {
	case y.Before(x) || y.HardBefore(x):
		return "reverse"
	case x.HardBefore(y):
		if !x.Before(y) {
			return "hard without full"
		}
		return "hard"
	case x.Before(y):
		return "full"
	}
	if !world.Unordered(x, y) {
		return "neither ordered nor unordered"
	}
	return "none"
}

func TestEdges(t *testing.T) {
	for _, c := range []struct {
		name, script string
		a, b         int
		want         string
	}{
		{"program order", "1 sleep\n1 sleep", 1, 2, "hard"},
		{"fork", "1 sleep\n1 fork 1.1\n1.1 sleep", 1, 3, "hard"},
		{"fork orders only what was before it", "1 fork 1.1\n1 sleep\n1.1 sleep", 2, 3, "none"},
		{"thread", "1 sleep\n1 thread 1/2\n1/2 sleep", 1, 3, "hard"},
		{"siblings", "1 fork 1.1\n1 fork 1.2\n1.1 sleep\n1.2 sleep", 3, 4, "none"},
		{"wait", "1 fork 1.1\n1.1 sleep\n1.1 exit 0\n1 wait 1.1\n1 sleep", 2, 5, "hard"},
		{"no wait", "1 fork 1.1\n1.1 sleep\n1.1 exit 0\n1 sleep", 2, 4, "none"},
		{"wait sees threads", "1 fork 1.1\n1.1 thread 1.1/2\n1.1/2 sleep\n1.1 exit 0\n1 wait 1.1\n1 sleep", 3, 6, "hard"},
		{"wait sees ended threads", "1 fork 1.1\n1.1 thread 1.1/2\n1.1/2 exit 0\n1.1 exit 0\n1 wait 1.1\n1 sleep", 3, 6, "hard"},
		{"wait after wait", "1 fork 1.1\n1.1 exit 0\n1 wait 1.1\n1 fork 1.2\n1.2 sleep", 2, 5, "hard"},
		{"pipe", "1 pipe 3 4\n1 fork 1.1\n1.1 sleep\n1.1 write 4 \"x\"\n1 read 3\n1 sleep", 3, 6, "hard"},
		{"pipe does not order the writer", "1 pipe 3 4\n1 fork 1.1\n1 read 3\n1.1 write 4 \"x\"", 3, 4, "none"},
		{"two pipes", "1 pipe 3 4\n1 pipe 5 6\n1 fork 1.1\n1.1 write 4 \"x\"\n1 read 5", 4, 5, "none"},
		{"end of a pipe", "1 pipe 3 4\n1 fork 1.1\n1 close 4\n1.1 sleep\n1.1 close 4\n1 read 3 = 0", 4, 6, "hard"},
		{"end of a pipe by exit", "1 pipe 3 4\n1 fork 1.1\n1 close 4\n1.1 sleep\n1.1 exit 0\n1 read 3 = 0", 4, 6, "hard"},
		{"signal", "1 fork 1.1\n1 sleep\n1 kill 1.1 15\n1.1 signal 15\n1.1 sleep", 2, 5, "hard"},
		{"another signal", "1 fork 1.1\n1 sleep\n1 kill 1.1 15\n1.1 signal 10\n1.1 sleep", 2, 5, "none"},
		{"death by SIGKILL", "1 fork 1.1\n1 sleep\n1 kill 1.1 9\n1.1 exit 137", 2, 4, "hard"},
		{"signal 0", "1 fork 1.1\n1 kill 1.1 0\n1.1 signal 0", 2, 3, "none"},
		{"file contents", "1 fork 1.1\n1 write f \"x\"\n1.1 read f", 3, 6, "none"},

		{"flock", locks("flock 3 EX", "flock 3 UN", "flock 4 EX"), 5, 7, "full"},
		{"flock shared", locks("flock 3 SH", "flock 3 UN", "flock 4 SH"), 5, 7, "none"},
		{"shared to exclusive", locks("flock 3 SH", "flock 3 UN", "flock 4 EX"), 5, 7, "full"},
		{"exclusive to shared", locks("flock 3 EX", "flock 3 SH", "flock 4 SH"), 5, 7, "full"},
		{"release by close", locks("flock 3 EX", "close 3", "flock 4 SH"), 5, 7, "full"},
		{"fcntl", locks("lock 3 WR 0 9", "lock 3 UN 0 9", "lock 4 RD 8 20"), 5, 7, "full"},
		{"fcntl elsewhere", locks("lock 3 WR 0 9", "lock 3 UN 0 9", "lock 4 WR 9 20"), 5, 7, "none"},
		{"fcntl and OFD exclude each other", locks("lock 3 WR 0 9", "lock 3 UN 0 9", "ofdlock 4 RD 8 20"), 5, 7, "full"},
		{"flock and fcntl do not", locks("flock 3 EX", "flock 3 UN", "lock 4 WR 0 9"), 5, 7, "none"},

		{"lock file", "1 fork 1.1\n1 open L rdwr,creat,excl\n1 unlink L\n1.1 open L rdwr,creat,excl", 2, 4, "full"},
		{"not exclusive", "1 fork 1.1\n1 open L rdwr,creat,excl\n1 unlink L\n1.1 open L rdwr,creat", 2, 4, "none"},
		{"lock directory", "1 fork 1.1\n1 mkdir L\n1 rmdir L\n1.1 mkdir L", 2, 4, "full"},
		{"lock link", "1 fork 1.1\n1 symlink 77 L\n1 unlink L\n1.1 symlink 78 L", 2, 4, "full"},
		{"renamed away", "1 fork 1.1\n1 mkdir L\n1 rename L M\n1.1 mkdir L", 2, 4, "full"},
		{"rename to it", "1 fork 1.1\n1 mkdir L\n1 rmdir L\n1.1 mkdir M\n1.1 rename M L noreplace", 2, 5, "full"},
		{"rename over it", "1 fork 1.1\n1 mkdir L\n1 rmdir L\n1.1 mkdir M\n1.1 rename M L", 2, 5, "none"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := play(t, c.script)
			if got := s.order(c.a, c.b); got != c.want {
				t.Errorf("%d and %d: %s, want %s", c.a, c.b, got, c.want)
			}
		})
	}
}

// locks is a script in which process 1 takes and gives back a lock (5, 6) and 1.1 takes one (7).
func locks(take, give, then string) string {
	return "1 fork 1.1\n1 open f rdwr,creat = 3\n1.1 open f rdwr = 4\n1.1 sleep\n1 " + take + "\n1 " + give + "\n1.1 " + then
}

func TestSocketpairAndNetwork(t *testing.T) {
	s := play(t, "1 sleep")
	do := func(o op.Op) world.Stamp {
		o.FD2, o.Off = op.None, op.None
		return s.Apply(&o).At
	}
	do(op.Op{Actor: "1", Kind: op.SocketOp, FD: op.None, NewFD: 3, NewFD2: 4, Call: op.Named("socketpair")})
	do(op.Op{Actor: "1", Kind: op.SocketOp, FD: op.None, NewFD: 5, NewFD2: op.None, Ret: 5, Call: op.Named("socket")})
	do(op.Op{Actor: "1", Kind: op.Fork, FD: op.None, Child: "1.1", Ret: 200})
	sent := do(op.Op{Actor: "1", Kind: op.Write, FD: 3, Ret: 1})
	if got := do(op.Op{Actor: "1.1", Kind: op.Read, FD: 5, Ret: 1, Len: 1}); sent.Before(got) {
		t.Error("a socket that is no end of the pair")
	}
	if got := do(op.Op{Actor: "1.1", Kind: op.Recv, FD: 4, Ret: 1, Len: 1}); !sent.HardBefore(got) {
		t.Error("the other end of the pair")
	}
	if got := do(op.Op{Actor: "1.1", Kind: op.SocketOp, FD: 5, NewFD: 9, NewFD2: op.None, Ret: 9, Call: op.Named("accept")}); got.IsZero() ||
		s.OFD("1.1", 9) == nil {
		t.Error("accept makes a descriptor")
	}
	sent = do(op.Op{Actor: "1", Kind: op.SocketOp, FD: 5, NewFD: op.None, NewFD2: op.None, Call: op.Named("connect")})
	if got := do(op.Op{Actor: "1.1", Kind: op.SocketOp, FD: 5, NewFD: 10, NewFD2: op.None, Ret: 10, Call: op.Named("accept")}); !sent.HardBefore(got) {
		t.Error("connect comes before accept")
	}
	sent = do(op.Op{Actor: "1.1", Kind: op.Send, FD: 5, Ret: 1})
	if got := do(op.Op{Actor: "1", Kind: op.Recv, FD: 5, Ret: 1, Len: 1}); !sent.HardBefore(got) {
		t.Error("sockets are one network")
	}
}

// A stamp that was handed out never changes, however many edges come later.
func TestStampsStay(t *testing.T) {
	s := play(t, "1 pipe 3 4\n1 fork 1.1\n1.1 sleep\n1 sleep")
	child, parent := s.at(3).At, s.at(4).At
	for range 3 {
		s.Apply(&op.Op{Actor: "1.1", Kind: op.Write, FD: 4, Off: op.None, Ret: 1})
		s.Apply(&op.Op{Actor: "1", Kind: op.Read, FD: 3, Off: op.None, Ret: 1})
	}
	if !world.Unordered(child, parent) || !child.HardBefore(s.Stamp()) {
		t.Error("an old stamp has learnt something new")
	}
}

// A shell that starts one command after the other: vectors do not grow, and
// order stays right where a new process takes over the place of an ended one.
func TestEndedThreadsGiveUpTheirPlace(t *testing.T) {
	s := play(t, "")
	var before world.Stamp
	for i := range 1000 {
		c := op.Actor(fmt.Sprintf("1.%d", i+1))
		s.Apply(&op.Op{Actor: "1", Kind: op.Fork, FD: op.None, Child: c, Ret: int64(i + 2)})
		first := s.Apply(&op.Op{Actor: c, Kind: op.Sleep, FD: op.None}).At
		if !before.HardBefore(first) || first.Before(before) && i > 0 || s.Actor(first.Thread) != c {
			t.Fatalf("%s is not after the child that was waited for", c)
		}
		parent := s.Apply(&op.Op{Actor: "1", Kind: op.Sleep, FD: op.None}).At
		if !world.HardUnordered(parent, first) {
			t.Fatalf("%s is ordered with its parent", c)
		}
		before = s.Apply(&op.Op{Actor: c, Kind: op.Exit, FD: op.None}).At
		s.Apply(&op.Op{Actor: "1", Kind: op.Wait, FD: op.None, Child: c, Ret: int64(i + 2)})
	}
	if n := len(s.Processes()); n != 1 {
		t.Errorf("%d processes are kept", n)
	}
	if n := world.Width(s.World); n != 2 {
		t.Errorf("vectors of %d places for two processes at a time", n)
	}
}

func TestProcessesEnd(t *testing.T) {
	s := play(t, `
		1     fork 1.1
		1.1   fork 1.1.1
		1.1   exit 4
		1.1.1 exit 0
	`)
	p := s.Process("1.1")
	if p == nil || !p.Exited || p.Status != 4 || s.Process("1.1.1") != nil {
		t.Errorf("1.1 is a zombie, its orphan is not: %+v", p)
	}
	s.Apply(&op.Op{Actor: "1", Kind: op.Wait, FD: op.None, Child: "1.1"})
	if ps := s.Processes(); len(ps) != 1 || ps[0].Actor != "1" {
		t.Errorf("%d processes after the wait", len(ps))
	}
}

func TestExecByAThread(t *testing.T) {
	s := play(t, `
		1   thread 1/2
		1   thread 1/3
		1/3 sleep
		1/2 sleep
		1/2 exec prog
		1   sleep
	`)
	if s.order(3, 6) != "hard" || s.order(4, 6) != "hard" {
		t.Error("what the threads did comes before the new program")
	}
}
