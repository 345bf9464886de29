package tracee

import (
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"filerace/internal/op"
	"filerace/internal/world"
)

// The test binary plays the programs under test, too: it is called as
// "tracee.test role NAME ARG…", in scripts as "$EXE" role NAME ARG….
func TestMain(m *testing.M) {
	if len(os.Args) > 2 && os.Args[1] == "role" {
		play, ok := roles[os.Args[2]]
		if !ok {
			fmt.Fprintln(os.Stderr, "no role", os.Args[2])
			os.Exit(99)
		}
		play(os.Args[3:])
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// director is a handler as hunt has one: locks are judged by the world. It holds
// every operation on a path below dir or a descriptor and picks at random.
type director struct {
	t     testing.TB
	world *world.World
	rand  *rand.Rand
	hold  bool
	pick  func(held []*op.Op) int // nil: at random
	seen  func(o *op.Op)          // after each operation
	told  func()                  // after each wait

	ops      []*op.Op
	waits    []*op.Op
	atEntry  map[int]*op.Op // by thread
	lastTime int64
}

func newDirector(t testing.TB, seed uint64) *director {
	return &director{t: t, world: world.New(), rand: rand.New(rand.NewPCG(seed, 1)), hold: true, atEntry: map[int]*op.Op{}}
}

func (d *director) Enter(o *op.Op) Verdict {
	d.world.Enter(o)
	if o.Done || o.Seq != 0 {
		d.t.Errorf("%s of %s is done at its entry", o.Kind, o.Actor)
	}
	d.atEntry[o.TID] = o
	if d.hold {
		return Hold
	}
	return Through
}

func (d *director) Ready(o *op.Op) bool     { d.world.Enter(o); return len(d.world.Blocked(o)) == 0 }
func (d *director) Deadlocks(o *op.Op) bool { return d.world.Deadlock(o) != nil }
func (d *director) Waits(o *op.Op) {
	w := *o
	w.Waits = true
	d.waits = append(d.waits, &w)
	d.world.Enter(&w)
	d.world.Apply(&w)
	if d.told != nil {
		d.told()
	}
}

func (d *director) Pick(held []*op.Op) int {
	for i := 1; i < len(held); i++ {
		if compareActors(held[i-1].Actor, held[i].Actor) >= 0 {
			d.t.Errorf("held operations out of order: %s, %s", held[i-1].Actor, held[i].Actor)
		}
	}
	if d.pick != nil {
		return d.pick(held)
	}
	return d.rand.IntN(len(held))
}

func (d *director) Done(o *op.Op) {
	d.ops = append(d.ops, o)
	if o.Seq != len(d.ops) || !o.Done || o.Exit < d.lastTime || o.Exit < o.Enter || o.Actor == "" {
		d.t.Errorf("operation %d: seq %d, done %v, entry %d, exit %d after %d, actor %q",
			len(d.ops), o.Seq, o.Done, o.Enter, o.Exit, d.lastTime, o.Actor)
	}
	d.lastTime = o.Exit
	if d.seen != nil {
		d.seen(o)
	}
	d.world.Enter(o)
	d.world.Apply(o)
}

// count counts the operations of a kind that did not fail.
func (d *director) count(k op.Kind) int {
	n := 0
	for _, o := range d.ops {
		if o.Kind == k && !o.Failed() {
			n++
		}
	}
	return n
}

// stage is one run to be made.
type stage struct {
	script  string   // for sh -c
	argv    []string // instead
	dir     string   // "": a new one
	stdin   string
	foreign bool   // makes calls of another ABI
	cfg     Config // what is not filled in by play
}

// outcome is what a run left.
type outcome struct {
	Result
	out string // standard output and error
	dir string
}

func (s *stage) command(t testing.TB) (path string, argv []string) {
	argv = s.argv
	if argv == nil {
		argv = []string{"sh", "-c", s.script}
	}
	path, err := exec.LookPath(argv[0])
	if err != nil {
		t.Skipf("needs %s", argv[0])
	}
	return path, argv
}

func (s *stage) environment(t testing.TB) []string {
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return append(os.Environ(), "EXE="+exe, "LC_ALL=C", "GOMAXPROCS=2")
}

var plays atomic.Uint32

// play runs the stage under control.
func (s *stage) play(t testing.TB, h Handler) outcome {
	t.Helper()
	cfg := s.cfg
	cfg.Path, cfg.Argv = s.command(t)
	if cfg.Dir = s.dir; cfg.Dir == "" {
		cfg.Dir = t.TempDir()
	}
	cfg.Env = s.environment(t)
	in, err := os.Open(os.DevNull)
	if s.stdin != "" {
		in, err = os.Open(s.stdin)
	}
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	out, err := os.CreateTemp(t.TempDir(), "out")
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	if err := unix.SetNonblock(int(out.Fd()), false); err != nil {
		t.Fatal(err)
	}
	cfg.Stdin, cfg.Stdout, cfg.Stderr = in, out, out
	unix.FcntlInt(out.Fd(), unix.F_SETFL, unix.O_APPEND)
	cfg.Core = int(plays.Add(1)%2) - 1 // every other run on one processor, the rest wherever they like
	if cfg.RunTime == 0 {
		cfg.RunTime = time.Minute // for slow machines: what hangs is told of then
	}
	res, err := Run(cfg, h)
	if err != nil {
		t.Fatalf("%s: %v", s.script, err)
	}
	if s.cfg.RunTime == 0 && res.TimedOut {
		t.Errorf("hangs under control: %s", s.script)
	}
	if res.Foreign != s.foreign {
		t.Errorf("calls of another ABI: reported: %v, made: %v", res.Foreign, s.foreign)
	}
	out.Seek(0, io.SeekStart)
	text, err := io.ReadAll(out)
	if err != nil {
		t.Fatal(err)
	}
	return outcome{Result: res, out: string(text), dir: cfg.Dir}
}

// outside runs the stage without control.
func (s *stage) outside(t testing.TB) outcome {
	t.Helper()
	path, argv := s.command(t)
	cmd := &exec.Cmd{Path: path, Args: argv, Dir: s.dir, Env: s.environment(t)}
	if cmd.Dir == "" {
		cmd.Dir = t.TempDir()
	}
	text, _ := cmd.CombinedOutput()
	o := outcome{out: string(text), dir: cmd.Dir}
	o.Status = cmd.ProcessState.ExitCode()
	if ws := cmd.ProcessState.Sys().(interface{ Signaled() bool }); ws.Signaled() {
		o.Signal = int(cmd.ProcessState.Sys().(interface{ Signal() unix.Signal }).Signal())
		o.Status = 128 + o.Signal
	}
	return o
}

// play is a short way to run a script under control in a random order.
func play(t testing.TB, script string) (outcome, *director) {
	t.Helper()
	d := newDirector(t, 1)
	return (&stage{script: script}).play(t, d), d
}

// expect checks what a run printed.
func (o outcome) expect(t testing.TB, want string) {
	t.Helper()
	if strings.TrimSpace(o.out) != strings.TrimSpace(want) {
		t.Errorf("printed %q, want %q; %+v", o.out, want, o.Result)
	}
}
