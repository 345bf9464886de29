package tracee

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"filerace/internal/op"
)

// fcntlLocks asks for byte ranges of f; perl's own fcntl and flock give EINTR to
// the program, unlike Go's.
const fcntlLocks = `use Fcntl; open(F, "+>>", "f");
sub ask { my ($cmd, $type, $at) = @_; my $l = pack("s s x4 q q i x4", $type, 0, $at, 1, 0);
  print fcntl(F, $cmd, $l) ? "got $at\n" : "$!{EDEADLK}$!{EINTR}$!{EAGAIN}" eq "" ? "error $!\n" : $!{EDEADLK} ? "deadlock\n" : $!{EINTR} ? "interrupted\n" : "held\n" }
$| = 1; `

// Who gets the lock next is the handler's choice: over many seeds each waiter is
// first at some time, and nobody is let in beside the holder.
func TestLocksAreGated(t *testing.T) {
	first := map[string]bool{}
	for seed := range uint64(12) {
		d := newDirector(t, seed)
		o := (&stage{script: `for i in a b c; do (flock 9; echo $i-in; : >busy; rm busy; echo $i-out) 9>l & done; wait`}).play(t, d)
		lines := strings.Fields(o.out)
		if len(lines) != 6 {
			t.Fatalf("seed %d: %q %+v", seed, o.out, o.Result)
		}
		for i := 0; i < 6; i += 2 {
			if lines[i][0] != lines[i+1][0] {
				t.Errorf("seed %d: two had the lock: %q", seed, lines)
			}
		}
		first[lines[0]] = true
	}
	if len(first) != 3 {
		t.Errorf("first came only %v", first)
	}
}

func TestWaitsIsToldOnce(t *testing.T) {
	o, d := play(t, `exec 9>l; flock 9; (flock 8; echo b) 8>l & : >x; : >y; sleep 1; flock -u 9; wait`)
	o.expect(t, "b")
	if len(d.waits) > 1 {
		t.Errorf("%d waits were told of", len(d.waits))
	}
}

func TestAlarmEndsAWaitForALock(t *testing.T) {
	began := time.Now()
	o, _ := play(t, `exec 9>l; flock 9; flock -w 1 l echo never; echo $?`)
	o.expect(t, "1")
	if time.Since(began) < 900*time.Millisecond {
		t.Error("the alarm came before its time")
	}
}

func TestSignalEndsAWaitForALock(t *testing.T) {
	for _, c := range []struct{ name, flags, want string }{
		{"EINTR", "0", "handler\ninterrupted"},
		{"SA_RESTART", "POSIX::SA_RESTART", "handler\ngot"},
	} {
		t.Run(c.name, func(t *testing.T) {
			o, _ := play(t, `exec 9>l; flock 9
perl -MPOSIX -e '$|=1; POSIX::sigaction(SIGUSR1, POSIX::SigAction->new(sub { syswrite STDOUT, "handler\n" }, POSIX::SigSet->new, `+c.flags+`))
 or die; open(F, ">>", "l"); open(R, ">ready"); close R; print flock(F, 2) ? "got\n" : $!{EINTR} ? "interrupted\n" : "error $!\n"' 9>&- &
until [ -e ready ]; do sleep 0.1; done; sleep 2; kill -USR1 $!; sleep 2; flock -u 9; wait`)
			o.expect(t, c.want)
		})
	}
}

func TestPosixDeadlockIsRefused(t *testing.T) {
	d := newDirector(t, 1)
	locks := map[op.Actor]int{}
	d.seen = func(o *op.Op) {
		if o.Kind == op.LockOp && o.Lock.Mode != op.Unlock {
			locks[o.Actor]++
		}
	}
	d.pick = func(held []*op.Op) int { // the first lock of each comes before the second of any
		best := 0
		for i, o := range held {
			if o.Kind != op.LockOp && held[best].Kind == op.LockOp || o.Kind == held[best].Kind && locks[o.Actor] < locks[held[best].Actor] {
				best = i
			}
		}
		return best
	}
	o := (&stage{script: `one() { perl -e '` + fcntlLocks + `ask(F_SETLKW, F_WRLCK, 1); ask(F_SETLKW, F_WRLCK, 2);'; }
two() { perl -e '` + fcntlLocks + `ask(F_SETLKW, F_WRLCK, 2); ask(F_SETLKW, F_WRLCK, 1);'; }
one & two & wait`}).play(t, d)
	if o.Deadlock != nil || strings.Count(o.out, "got") != 3 || strings.Count(o.out, "deadlock") != 1 {
		t.Errorf("%q, %+v", o.out, o.Result)
	}
}

func TestDeadlocks(t *testing.T) {
	for _, c := range []struct {
		name, script string
		kinds        []op.Kind
	}{
		{"flocks crosswise", `exec 8>a 9>b; flock 8; (exec 8>&- 9>&-; exec 7>b; flock 7; touch t; exec 6>a; flock 6) &
			until [ -e t ]; do sleep 1; done; exec 5>b; flock 5; wait`, []op.Kind{op.LockOp, op.LockOp}},
		{"a lock of its own", `exec 8>a 9>a; flock 8; flock 9`, []op.Kind{op.LockOp}},
		{"pipes", `mkfifo p q; (exec 3<>p 4<>q; read a <&3; echo x >&4) & exec 3<>p 4<>q; read a <&4; echo x >&3; wait`,
			[]op.Kind{op.Read, op.Read}},
		{"own pipe", `perl -e 'pipe(R, W); sysread(R, $b, 1)'`, []op.Kind{op.Read}},
		{"own poll", `python3 -c 'import os, select; r, w = os.pipe(); p = select.poll(); p.register(r); p.poll()'`, []op.Kind{op.Poll}},
	} {
		t.Run(c.name, func(t *testing.T) {
			if strings.Contains(c.script, "python3") {
				(&stage{argv: []string{"python3"}}).command(t)
			}
			o, _ := play(t, c.script)
			if o.Deadlock == nil || o.TimedOut {
				t.Fatalf("not found: %+v", o.Result)
			}
			for _, kind := range c.kinds {
				found := false
				for _, d := range o.Deadlock {
					found = found || d.Kind == kind && d.Actor != ""
				}
				if !found {
					t.Errorf("no %s in %v", kind, o.Deadlock)
				}
			}
		})
	}
}

// A program that waits for the outside is never taken for a deadlock.
func TestOutsideIsNoDeadlock(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	for name, script := range map[string]string{
		"standard input": "cat",
		"socket":         `perl -MSocket -e 'socketpair(A, B, AF_UNIX, SOCK_STREAM, PF_UNSPEC); open(R, ">ready"); sysread(A, $b, 1)'`,
		"pause":          `perl -MPOSIX -e 'open(R, ">ready"); pause'`,
	} {
		d := newDirector(t, 1)
		dir := t.TempDir()
		s := &stage{script: script, dir: dir, stdin: "/proc/self/fd/" + itoa(int(r.Fd()))}
		s.cfg.RunTime = 300 * time.Millisecond
		if o := s.play(t, d); o.Deadlock != nil || !o.TimedOut {
			t.Errorf("%s: %+v", name, o.Result)
		}
	}
	w.Close()
	d := newDirector(t, 1)
	s := &stage{script: "cat; echo end", stdin: "/proc/self/fd/" + itoa(int(r.Fd()))}
	s.play(t, d).expect(t, "end")
}

// A lock that a process outside the run has is waited for, and asked for again.
func TestLockHeldOutside(t *testing.T) {
	dir := t.TempDir()
	f, err := os.Create(filepath.Join(dir, "l"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	fd := int(f.Fd())
	if err := unix.Flock(fd, unix.LOCK_EX); err != nil {
		t.Fatal(err)
	}
	d := newDirector(t, 1)
	d.told = func() { time.AfterFunc(20*time.Millisecond, func() { unix.Flock(fd, unix.LOCK_UN) }) }
	o := (&stage{script: "flock l echo got; flock -n l echo again", dir: dir}).play(t, d)
	o.expect(t, "got\nagain")
	if len(d.waits) != 1 {
		t.Errorf("%d waits were told of", len(d.waits))
	}
}

func TestLeases(t *testing.T) {
	for _, open := range []string{"cat f", "echo more >>f; cat f", `perl -e 'truncate("f", 5) or die $!'; cat f`} {
		for seed := range uint64(4) {
			d := newDirector(t, seed)
			o := (&stage{script: `"$EXE" role lease & until [ -e leased ]; do sleep 1; done; ` + open + `; wait`}).play(t, d)
			if o.Deadlock != nil || !strings.HasPrefix(o.out, "whole") {
				t.Errorf("%s: %q, %+v", open, o.out, o.Result)
			}
		}
	}
}

// The holder of a lease that ends without a word frees it.
func TestLeaseHolderEnds(t *testing.T) {
	o, _ := play(t, `"$EXE" role lease-deaf & until [ -e leased ]; do sleep 1; done; cat f && echo opened; wait`)
	o.expect(t, "opened")
}
