package tracee

import (
	"strings"
	"testing"
	"time"

	"filerace/internal/op"
)

func TestSleepsAreSkipped(t *testing.T) {
	for _, c := range []struct{ script, want string }{
		{"sleep 100; echo done", "done"},
		{"(sleep 300; echo late) & (sleep 200; echo early) & sleep 400; wait; echo end", "early\nlate\nend"},
		{`perl -e 'select(undef, undef, undef, 70); print "selected\n"'`, "selected"},
		{`python3 -c 'import time; time.sleep(50); print("slept")'`, "slept"},
		{`for i in 1 2 3; do (sleep ${i}0; echo $i) & done; sleep 15; echo half; wait`, "1\nhalf\n2\n3"},
		{`(for i in 1 2 3 4 5 6; do sleep 1; [ -e f ] && echo found && exit; done) & sleep 4; : >f; wait`, "found"},
	} {
		if strings.Contains(c.script, "python3") {
			(&stage{argv: []string{"python3"}}).command(t)
		}
		began := time.Now()
		o, _ := play(t, c.script)
		o.expect(t, c.want)
		if took := time.Since(began); took > 10*time.Second {
			t.Errorf("%s: %v", c.script, took)
		}
	}
}

// Every way of waking a sleeper must be seen, or the run hangs or the sleeper is
// passed over. The order is random; the end is always the same.
func TestWakeUps(t *testing.T) {
	for _, c := range []struct{ name, script, want string }{
		{"write to a pipe", `(sleep 1; echo x) | cat`, "x"},
		{"close of a pipe", `mkfifo p; (exec 3>p; sleep 1; exec 3>&-; sleep 1) & cat p; echo end; wait`, "end"},
		{"death of the writer", `mkfifo p; (exec 3>p; sleep 1; kill -9 $(exec sh -c 'echo $PPID')) & cat p; echo end; wait`, "end"},
		{"dup over a pipe", `mkfifo p; (exec 3>p; sleep 1; exec 3</dev/null; sleep 1) & cat p; echo end; wait`, "end"},
		{"exec closes a pipe", `perl -e 'pipe(R, W); if (!fork) { close R; sleep 1; exec "true" } close W; sysread(R, $b, 1); print "end\n"; wait'`, "end"},
		{"room in a pipe", `perl -e 'pipe(R, W); if (!fork) { close R; syswrite(W, "x" x 200000); exit } close W; sleep 1; while (sysread(R, $b, 65536)) { $n += length $b } print "$n\n"'`, "200000"},
		{"meeting in a FIFO", `mkfifo p; (sleep 1; echo x >p) & cat p; (sleep 1; cat p) & echo y >p; wait`, "x\ny"},
		{"end of a child", `(sleep 1; exit 3) & wait $!; echo $?`, "3"},
		{"stop of a child", `"$EXE" role stop-child`, "one\nstopped: true stopped (signal)\ntwo\nstatus: 3"},
		{"signal to a sleeper", `trap 'echo got; exit' USR1; (sleep 1; kill -USR1 $$) & while :; do sleep 50 & wait $!; done`, "got"},
		{"threads", `"$EXE" role threads`, "20 20"},
		{"poll", `python3 -c '
import os, select, time
r, w = os.pipe()
if os.fork() == 0: time.sleep(1); os.write(w, b"x"); os._exit(0)
p = select.poll(); p.register(r, select.POLLIN); print(len(p.poll())); os.wait()'`, "1"},
		{"epoll", `python3 -c '
import os, select, time
r, w = os.pipe()
if os.fork() == 0: time.sleep(1); os.write(w, b"x"); os._exit(0)
p = select.epoll(); p.register(r, select.EPOLLIN); print(len(p.poll())); os.wait()'`, "1"},
		{"semaphore of the kernel", `perl -e 'use IPC::SysV qw(IPC_PRIVATE IPC_RMID IPC_CREAT); my $s = semget(IPC_PRIVATE, 1, 0600 | IPC_CREAT);
if (!fork) { sleep 1; open(F, ">f"); close F; semop($s, pack("s!3", 0, 1, 0)); exit }
semop($s, pack("s!3", 0, -1, 0)); print -e "f" ? "after\n" : "before\n"; wait; semctl($s, 0, IPC_RMID, 0)'`, "after"},
		{"a shared futex", `python3 -c '
import multiprocessing as m, time
m.set_start_method("fork")
e = m.Event()
def f(e): time.sleep(1); e.set()
p = m.Process(target=f, args=(e,)); p.start(); e.wait(); print("set"); p.join()'`, "set"},
		{"inotify", `perl -e 'require "syscall.ph"; exit 9' 2>/dev/null; python3 -c '
import ctypes, os, time
c = ctypes.CDLL(None); fd = c.inotify_init(); c.inotify_add_watch(fd, b".", 0x100)
if os.fork() == 0: time.sleep(1); open("f", "w").close(); os._exit(0)
print(len(os.read(fd, 100)) > 0); os.wait()'`, "True"},
		{"a timer", `python3 -c '
import signal, time
signal.signal(signal.SIGALRM, lambda *a: print("rang")); signal.setitimer(signal.ITIMER_REAL, 0.2); signal.pause()'`, "rang"},
		{"socket", `perl -MSocket -e 'socketpair(A, B, AF_UNIX, SOCK_STREAM, PF_UNSPEC); if (!fork) { sleep 1; syswrite(B, "x"); exit } print sysread(A, $b, 1), "\n"'`, "1"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			for _, tool := range []string{"python3", "perl"} {
				if strings.Contains(c.script, tool) {
					(&stage{argv: []string{tool}}).command(t)
				}
			}
			for seed := range uint64(3) {
				d := newDirector(t, seed)
				d.hold = seed > 0
				o := (&stage{script: c.script}).play(t, d)
				o.expect(t, c.want)
				if o.Deadlock != nil {
					t.Errorf("seed %d: taken for a deadlock: %v", seed, o.Deadlock)
				}
			}
		})
	}
}

// A sleep is interrupted by a signal as it would be: EINTR and the time left.
func TestSignalEndsASleep(t *testing.T) {
	o, d := play(t, `perl -e '$SIG{USR1} = sub { print "handler\n" }; open(R, ">ready"); close R; $left = select(undef, undef, undef, 1000); print $!{EINTR} ? "interrupted\n" : "slept\n"' &
until [ -e ready ]; do sleep 1; done; sleep 2; kill -USR1 $!; wait`)
	o.expect(t, "handler\ninterrupted")
	for _, op1 := range d.ops {
		if op1.Kind == op.Sleep && !op1.Faked {
			t.Errorf("a sleep of %d ns was waited for", op1.Len)
		}
	}
}

// A sleeper that is stopped and continued sleeps on.
func TestStopDuringASleep(t *testing.T) {
	began := time.Now()
	o, _ := play(t, `(sleep 500; echo woke) & p=$!; sleep 1; kill -STOP $p; sleep 1; kill -CONT $p; wait; echo end`)
	o.expect(t, "woke\nend")
	if time.Since(began) > 10*time.Second {
		t.Error("the sleep was waited for")
	}
}
