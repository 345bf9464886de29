package tracee

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"filerace/internal/op"
)

// A thread that is held at the entry of an operation can be killed there.
func TestKillOfAHeldThread(t *testing.T) {
	d := newDirector(t, 1)
	d.pick = func(held []*op.Op) int { // the victim never gets to its mkdir
		for i := len(held) - 1; i > 0; i-- {
			if held[i].Kind != op.Mkdir {
				return i
			}
		}
		return 0
	}
	o := (&stage{script: `perl -e 'open(R, ">ready"); close R; mkdir "made"' & until [ -e ready ]; do :; done; kill -9 $!; wait $!; echo $?; ls -d made`}).play(t, d)
	if !strings.Contains(o.out, "137\n") || !strings.Contains(o.out, "No such file") {
		t.Errorf("%q", o.out)
	}
	killed, ended := 0, 0
	for i, o := range d.ops {
		switch {
		case o.Kind == op.Kill:
			killed = i
		case o.Kind == op.Exit && o.Signal == 9:
			ended = i
			if o.Status != 137 {
				t.Errorf("status %d", o.Status)
			}
		}
	}
	if killed == 0 || ended < killed {
		t.Errorf("the end (%d) comes before the kill (%d)", ended, killed)
	}
}

// A process may be killed at any point of its fork: its children are known all
// the same, by a name of their own, and end with the run.
func TestKillInsideAFork(t *testing.T) {
	for seed := range uint64(25) {
		d := newDirector(t, seed)
		d.hold = seed%2 == 0
		parents, names := map[op.Actor]bool{"1": true}, map[op.Actor]bool{"1": true}
		d.seen = func(o *op.Op) {
			if o.Kind == op.Fork && !o.Failed() {
				if names[o.Child] || o.Child.Parent() != o.Actor.Process() {
					t.Errorf("seed %d: child %s of %s", seed, o.Child, o.Actor)
				}
				names[o.Child] = true
				parents[o.Actor] = true
			} else if !names[o.Actor] {
				t.Errorf("seed %d: %s by %s, which nobody forked", seed, o.Kind, o.Actor)
			}
		}
		o := (&stage{script: fmt.Sprintf(`perl -e 'while (1) { next if fork; $x++ for 1..%d; mkdir "d$$"; exit }' & perl -e 'for (1..%d) { mkdir "e$_" } kill 9, $ARGV[0]' $!; wait; echo end`, seed*50, seed*3)}).play(t, d)
		if !strings.Contains(o.out, "end") {
			t.Errorf("seed %d: %q %+v", seed, o.out, o.Result)
		}
	}
}

// All held threads of a process end with it.
func TestExitWithHeldThreads(t *testing.T) {
	d := newDirector(t, 1)
	o := (&stage{script: `perl -e 'use threads; threads->create(sub { for (1..1000) { mkdir "d$_" } })->detach; select(undef, undef, undef, 1); exit 4' 2>&1; echo $?`}).play(t, d)
	if !strings.Contains(o.out, "4") {
		if strings.Contains(o.out, "not built to support threads") || strings.Contains(o.out, "threads.pm") {
			t.Skip("needs perl with threads")
		}
		t.Errorf("%q", o.out)
	}
}

func TestDaemonEndsWithTheRun(t *testing.T) {
	o, _ := play(t, `perl -MPOSIX -e 'exit if fork; setsid; exit if fork; open(P, ">pid.new"); print P $$; close P; rename "pid.new", "pid"; sleep 1000 while 1' ; until [ -e pid ]; do sleep 1; done; echo started`)
	o.expect(t, "started")
	text, err := os.ReadFile(filepath.Join(o.dir, "pid"))
	if err != nil {
		t.Fatal(err)
	}
	pid, err := strconv.Atoi(string(text))
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, "ends", func() bool { // its zombie is for process 1 to take away
		text, err := os.ReadFile("/proc/" + itoa(pid) + "/stat")
		return err != nil || letterOf(text) == 'Z' || letterOf(text) == 'X'
	})
}

func TestExecByThreadAndLeaderExit(t *testing.T) {
	for _, c := range []struct {
		role, want string
		status     int
	}{{"exec-thread", "became", 6}, {"leader-exits", "the second thread lives", 5}} {
		for seed := range uint64(5) {
			d := newDirector(t, seed)
			o := (&stage{script: `exec "$EXE" role ` + c.role}).play(t, d)
			o.expect(t, c.want)
			if o.Status != c.status {
				t.Errorf("%s: status %d", c.role, o.Status)
			}
			last := d.ops[len(d.ops)-1]
			if last.Kind != op.Exit || last.Actor != "1" || int(last.Status) != c.status {
				t.Errorf("%s: the last operation is %s of %s, status %d", c.role, last.Kind, last.Actor, last.Status)
			}
		}
	}
}

func TestUntracedChildIsTraced(t *testing.T) {
	o, d := play(t, `"$EXE" role untraced`)
	o.expect(t, "<nil> 0")
	if d.count(op.Mkdir) != 1 {
		t.Error("the child's mkdir was not seen")
	}
}

func TestUringIsRefused(t *testing.T) {
	o, _ := play(t, `"$EXE" role uring`)
	o.expect(t, "true")
}

func TestRandomRepeats(t *testing.T) {
	draw := func(seed uint64) string {
		s := &stage{script: `"$EXE" role random; "$EXE" role random`}
		s.cfg.Seed = seed
		return s.play(t, newDirector(t, 1)).out
	}
	a, b, c := draw(1), draw(1), draw(2)
	lines := strings.Fields(a)
	if a != b || a == c || len(lines) != 2 || lines[0] == lines[1] {
		t.Errorf("seed 1: %q, again %q; seed 2: %q", a, b, c)
	}
}

// A set-user-id program runs, without the other user's rights, and is reported.
func TestSetuidRunsWithoutPrivilege(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root: the file must belong to another user")
	}
	id, err := exec.LookPath("id")
	if err != nil {
		t.Skip("needs id")
	}
	dir := t.TempDir()
	own := filepath.Join(dir, "id")
	text, err := os.ReadFile(id)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(os.WriteFile(own, text, 0o755), os.Chown(own, 65534, 65534), os.Chmod(own, 0o755|fs.ModeSetuid)); err != nil {
		t.Fatal(err)
	}
	d := newDirector(t, 1)
	o := (&stage{script: "./id -u; id -u", dir: dir}).play(t, d)
	o.expect(t, "0\n0")
	if len(o.Setuid) != 1 || filepath.Base(o.Setuid[0]) != "id" {
		t.Errorf("reported: %q", o.Setuid)
	}
}

func TestRunTimeAndInterrupt(t *testing.T) {
	closed := make(chan struct{})
	close(closed)
	for name, script := range map[string]string{
		"computes":      "while :; do :; done",
		"operates":      "while :; do : >f; done",
		"sleeps":        "while :; do sleep 1; done",
		"waits outside": "cat",
	} {
		r, w, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		s := &stage{script: script, stdin: "/proc/self/fd/" + itoa(int(r.Fd()))}
		s.cfg.RunTime = 100 * time.Millisecond
		if o := s.play(t, newDirector(t, 1)); !o.TimedOut || o.Elapsed > 5*time.Second {
			t.Errorf("%s: %+v", name, o.Result)
		}
		s.cfg.RunTime, s.cfg.Interrupt = 0, closed
		if o := s.play(t, newDirector(t, 1)); !o.Stopped || o.TimedOut {
			t.Errorf("%s, interrupted: %+v", name, o.Result)
		}
		r.Close()
		w.Close()
	}
}

func TestStopByTheHandler(t *testing.T) {
	d := newDirector(t, 1)
	d.pick = func(held []*op.Op) int {
		if held[0].Kind == op.Mkdir {
			return Stop
		}
		return 0
	}
	o := (&stage{script: "perl -e 'mkdir \"d\"; print \"made\\n\"'"}).play(t, d)
	o.expect(t, "")
	if _, err := os.Stat(filepath.Join(o.dir, "d")); !o.Stopped || err == nil {
		t.Errorf("%+v, mkdir took effect: %v", o.Result, err == nil)
	}
}

// After Leave the processes stand still, untraced; SIGCONT lets them go on from
// the very operation that they were held at.
func TestLeave(t *testing.T) {
	d := newDirector(t, 1)
	seen := 0
	d.pick = func(held []*op.Op) int {
		for _, o := range held {
			if o.Kind == op.Mkdir {
				seen++
				return Leave
			}
		}
		return 0
	}
	dir := t.TempDir()
	s := &stage{dir: dir, script: `sleep 500 & p=$!; perl -e 'mkdir "d" or die; rmdir "d" or die; open(F, ">went-on"); sleep 1000' ; wait`}
	s.cfg.NoFilter = true
	o := s.play(t, d)
	if seen != 1 || len(o.Left) < 2 {
		t.Fatalf("left %v", o.Left)
	}
	defer func() {
		for _, pid := range o.Left {
			unix.Kill(pid, unix.SIGKILL)
			unix.Wait4(pid, nil, 0, nil) // ECHILD where it is no child of ours
		}
	}()
	for _, pid := range o.Left {
		eventually(t, "stops", func() bool {
			text, err := os.ReadFile("/proc/" + itoa(pid) + "/stat")
			return err == nil && letterOf(text) == 'T'
		})
		if _, err := os.Stat(filepath.Join(dir, "d")); err == nil {
			t.Error("the held operation took effect")
		}
	}
	for _, pid := range o.Left {
		unix.Kill(pid, unix.SIGCONT)
	}
	eventually(t, "goes on", func() bool {
		_, err := os.Stat(filepath.Join(dir, "went-on"))
		return err == nil
	})
}

// eventually waits for a condition.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(10 * time.Second); !ok(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("it never %s", what)
		}
	}
}

func TestLeaveNeedsNoFilter(t *testing.T) {
	d := newDirector(t, 1)
	d.pick = func([]*op.Op) int { return Leave }
	path, err := exec.LookPath("true")
	if err != nil {
		t.Skip("needs true")
	}
	if _, err := Run(Config{Path: path, Argv: []string{"true"}, Core: -1, Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr}, d); err == nil {
		t.Error("processes were left that the filter would make fail")
	}
}

func TestCommandThatCannotStart(t *testing.T) {
	_, err := Run(Config{Path: "/no/such/program", Argv: []string{"x"}, Core: -1, Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr}, newDirector(t, 1))
	if !errors.Is(err, unix.ENOENT) {
		t.Errorf("%v", err)
	}
}

func TestMuchOutput(t *testing.T) {
	s := &stage{script: "head -c 20000000 /dev/zero | tr '\\0' x"}
	d := newDirector(t, 1)
	d.hold = false
	if o := s.play(t, d); len(o.out) != 20000000 {
		t.Errorf("%d bytes", len(o.out))
	}
}

// Nothing is left of many runs, whichever way they end.
func TestNothingIsLeft(t *testing.T) {
	scripts := []string{"true", "(sleep 5; echo x) & exit 3", "kill -9 $$", "exec 9>l 8>l; flock 9; flock 8", "sleep 1 | cat & sleep 2"}
	dir := t.TempDir()
	run := func(i int) {
		s := &stage{script: scripts[i%len(scripts)], dir: dir}
		d := newDirector(t, uint64(i))
		n := i
		d.pick = func(held []*op.Op) int {
			if n--; i%7 == 0 && n < 0 {
				return Stop
			}
			return i % len(held)
		}
		s.play(t, d)
	}
	run(0)
	before, files := descriptors(t), len(list(t, dir))
	runs := 300
	if testing.Short() {
		runs = 60
	}
	for i := range runs {
		run(i)
	}
	if after := descriptors(t); after > before {
		t.Errorf("%d descriptors, %d before", after, before)
	}
	if kids := children(t); len(kids) > 0 {
		t.Errorf("children left: %v", kids)
	}
	if n := len(list(t, dir)); n > files+1 {
		t.Errorf("%d files, %d before", n, files)
	}
}

func list(t *testing.T, dir string) []os.DirEntry {
	e, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func descriptors(t *testing.T) int { return len(list(t, "/proc/self/fd")) }

// children lists the processes whose parent is this one, zombies too.
func children(t *testing.T) []string {
	var kids []string
	for _, task := range list(t, "/proc/self/task") {
		text, err := os.ReadFile("/proc/self/task/" + task.Name() + "/children")
		if err == nil {
			kids = append(kids, strings.Fields(string(text))...)
		}
	}
	return kids
}
