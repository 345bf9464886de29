package tracee

import (
	"strings"
	"testing"
)

// Timeouts of waits inside the kernel expire when all of the run sleeps, with the
// results that the calls have when their time is really over.
func TestTimeoutsExpire(t *testing.T) {
	for _, c := range []struct{ name, script, want string }{
		{"futex", `python3 -c 'import threading; print(threading.Event().wait(200))'`, "False"},
		{"poll", `python3 -c '
import os, select
r, w = os.pipe(); p = select.poll(); p.register(r, select.POLLIN); print(p.poll(200000))'`, "[]"},
		{"epoll", `python3 -c '
import os, select
r, w = os.pipe(); p = select.epoll(); p.register(r, select.EPOLLIN); print(p.poll(200))'`, "[]"},
		{"select", `python3 -c '
import os, select
r, w = os.pipe(); print(select.select([r], [], [r], 200))'`, "([], [], [])"},
		{"what select leaves", `perl -e '
pipe(R, W); vec($set, fileno(R), 1) = 1; ($n, $left) = select($set, undef, undef, 200); print "$n $left ", unpack("b*", $set) + 0, "\n"'`, "0 0 0"},
		{"the earlier one first", `python3 -c '
import threading, time
def f(n): threading.Event().wait(n * 40); print(n, flush=True)
for t in [threading.Thread(target=f, args=(n,)) for n in (3, 1, 2)]: t.start()'`, "1\n2\n3"},
		{"between processes", `python3 -c '
import os, select
r, w = os.pipe()
for n in (3, 1, 2):
    if os.fork() == 0: select.select([r], [], [], n * 40); print(n, flush=True); os._exit(0)
for _ in range(3): os.wait()'`, "1\n2\n3"},
		{"among sleeps", `(sleep 100; echo slept) & python3 -c '
import os, select
r, w = os.pipe(); select.select([r], [], [], 50); print("selected", flush=True); select.select([r], [], [], 100); print("again")'; wait`, "selected\nslept\nagain"},
		{"woken before", `python3 -c '
import os, select, time
r, w = os.pipe()
if os.fork() == 0: time.sleep(100); os.write(w, b"x"); os._exit(0)
print(select.select([r], [], [], 200) == ([r], [], []), select.select([r], [], [], 0) == ([r], [], [])); os.wait()'`, "True True"},
		{"a lock with a timeout", `python3 -c '
import threading, time
l = threading.Lock(); l.acquire()
def f(): time.sleep(100); l.release()
threading.Thread(target=f).start(); print(l.acquire(timeout=50), l.acquire(timeout=200))'`, "False True"},
	} {
		t.Run(c.name, func(t *testing.T) {
			tool, _, _ := strings.Cut(c.script, " -")
			if strings.Contains(c.script, "python3") {
				tool = "python3"
			}
			(&stage{argv: []string{tool}}).command(t)
			// A timeout that is waited for hangs: it takes longer than play waits.
			for seed := range uint64(3) {
				d := newDirector(t, seed)
				d.hold = seed > 0
				o := (&stage{script: c.script}).play(t, d)
				o.expect(t, c.want)
			}
		})
	}
}

// A program that looks at the clock after its timeout waits again for the rest, and
// gets it.
func TestTimeoutsOfClockWatchers(t *testing.T) {
	o, _ := play(t, `python3 -c '
import os, select, time
r, w = os.pipe(); end = time.monotonic() + 0.3
while time.monotonic() < end: select.select([r], [], [], end - time.monotonic())
print("over")'`)
	o.expect(t, "over")
}

// An answer from outside may be on its way: its time is not cut short.
func TestTimeoutsOfSocketsAreReal(t *testing.T) {
	(&stage{argv: []string{"python3"}}).command(t)
	o, _ := play(t, `python3 -c '
import select, socket, threading, time
a, b = socket.socketpair(); began = time.monotonic()
def f(): threading.Event().wait(0.3); print("event", time.monotonic() - began >= 0.3, flush=True)
t = threading.Thread(target=f); t.start()
select.select([a], [], [], 0.5); print("socket", time.monotonic() - began >= 0.5); t.join()'`)
	o.expect(t, "event True\nsocket True")
}
