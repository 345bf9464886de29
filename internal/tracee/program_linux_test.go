package tracee

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"filerace/internal/op"
)

// What a program does must not depend on control: the same outside and inside,
// with the filter and without.
func TestProgramsAsOutside(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, needs, script string }{
		{"status", "", "exit 7"},
		{"signal", "", "kill -TERM $$"},
		{"abort", "", "kill -ABRT $$"},
		{"stderr", "", "echo a; echo b >&2; cat missing"},
		{"pipeline", "", "seq 2000 | sed s/9/8/ | sort -n | uniq | tail -3"},
		{"broken pipe", "", "yes | head -2; yes 2>&1 | (read a; echo $a)"},
		{"substitution", "", "a=$(echo 1; (exit 3)); echo $a $?"},
		{"files", "", "echo x >f; ln f g; mv f h; stat -c %h g; rm g h; ls -A; mkdir d; rmdir d; rmdir d"},
		{"here document", "", "cat <<E\nx $((1+1))\nE"},
		{"background", "", "sleep 1 & echo a >f; wait; cat f; wait $!; echo $?"},
		{"status of children", "", "(exit 4) & wait $!; echo $?; (kill -9 $(exec sh -c 'echo $PPID')) ; echo $?"},
		{"trap", "", "trap 'echo got' USR1; kill -USR1 $$; echo after; trap 'echo bye' EXIT"},
		{"trap in a wait", "", "trap 'echo got' USR1; sh -c 'sleep 1; kill -USR1 $PPID; sleep 1' & wait; echo $?; wait"},
		{"script kills its parent", "", "sh -c 'kill -KILL $PPID; echo alive'"},
		{"not found", "", "no-such-program; echo $?; /; echo $?"},
		{"fifo", "mkfifo", "mkfifo p; (echo through >p) & cat p; cat p & echo back >p; wait"},
		{"timeout", "timeout", "timeout 0.2 sleep 50; echo $?"},
		{"flock", "flock", "(flock 9; echo a) 9>l; flock l echo b; flock -n l flock -n l echo c; echo $?"},
		{"xargs", "xargs", "seq 20 | xargs -n 3 -P 3 true; echo $?"},
		{"tar", "tar", "mkdir d; echo x >d/f; tar cf - d | tar tf -"},
		{"python subprocess", "python3", `python3 -c '
import subprocess, threading, os, time
print(subprocess.run(["sh", "-c", "echo in; exit 3"], capture_output=True))
r = []
ts = [threading.Thread(target=lambda i=i: (time.sleep(i / 4), r.append(i))) for i in range(4)]
[x.start() for x in ts]; [x.join() for x in ts]; print(r)
p = os.fork()
if p == 0: os._exit(9)
print(os.waitpid(p, 0)[1] >> 8)'`},
		{"python processes", "python3", `python3 -c '
import multiprocessing as m
m.set_start_method("fork")
def f(q, l, i):
    with l: q.put(i)
q, l = m.Queue(), m.Lock()
ps = [m.Process(target=f, args=(q, l, i)) for i in range(3)]
[p.start() for p in ps]; print(sorted(q.get() for p in ps)); [p.join() for p in ps]'`},
		{"perl", "perl", `perl -e 'if (my $p = open(my $f, "-|")) { print <$f>; close $f; print $?>>8, "\n" } else { print "child\n"; exit 5 }'`},
		{"node", "node", `node -e 'const c = require("child_process"); console.log(c.spawnSync("sh", ["-c", "echo x; exit 2"]).status); require("fs").writeFileSync("f", "y"); setTimeout(() => console.log(require("fs").readFileSync("f", "utf8")), 20)'`},
		{"go", "", `"$EXE" role calls`},
		{"threads", "", `"$EXE" role threads`},
		{"exec by a thread", "", `"$EXE" role exec-thread; echo $?`},
		{"first thread ends first", "", `"$EXE" role leader-exits; echo $?`},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			if c.needs != "" {
				if _, err := exec.LookPath(c.needs); err != nil {
					t.Skipf("needs %s", c.needs)
				}
			}
			s := &stage{script: c.script}
			want := s.outside(t)
			for _, mode := range []string{"held", "through", "without a filter"} {
				d := newDirector(t, 5)
				d.hold = mode != "through"
				s.cfg.NoFilter = mode == "without a filter"
				got := s.play(t, d)
				if got.Status != want.Status || got.Signal != want.Signal || got.out != want.out || got.Deadlock != nil {
					t.Errorf("%s: status %d, signal %d, output %q, deadlock %v\noutside: %d, %d, %q", mode,
						got.Status, got.Signal, got.out, got.Deadlock, want.Status, want.Signal, want.out)
				}
			}
		})
	}
}

// Java brings many threads, timed waits and safepoints by memory protection.
func TestJava(t *testing.T) {
	if testing.Short() {
		t.Skip("slow")
	}
	s := &stage{argv: []string{"java", "-Xshare:auto", "-XX:+UseSerialGC", "-version"}}
	want := s.outside(t)
	d := newDirector(t, 1)
	d.hold = false
	if got := s.play(t, d); got.Status != want.Status || got.out != want.out {
		t.Errorf("status %d, %q; outside %d, %q", got.Status, got.out, want.Status, want.out)
	}
}

// A program with one thread does the same operations with the filter and when
// every call is stopped at.
func TestFilterChangesNothing(t *testing.T) {
	script := "echo a >f; cat f f >g; ls; (cd /; pwd); rm f; sh -c 'echo b | cat; exit 2'; wait"
	list := func(noFilter bool) []string {
		d := newDirector(t, 1)
		d.pick = func([]*op.Op) int { return 0 }
		s := &stage{script: script, dir: filepath.Join(t.TempDir(), "work")}
		if err := os.Mkdir(s.dir, 0o700); err != nil {
			t.Fatal(err)
		}
		s.cfg.NoFilter = noFilter
		s.play(t, d)
		var l []string
		for _, o := range d.ops {
			l = append(l, string(o.Actor)+" "+o.Kind.String()+" "+filepath.Base(o.Path))
		}
		return l
	}
	with, without := list(false), list(true)
	for i := range max(len(with), len(without)) {
		if i >= len(with) || i >= len(without) || with[i] != without[i] {
			t.Fatalf("%d and %d operations; with the filter: %q\nwithout: %q", len(with), len(without),
				with[min(i, len(with)):min(i+3, len(with))], without[min(i, len(without)):min(i+3, len(without))])
		}
	}
}
