package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"filerace/internal/hunt"
)

// TestMain lets the test binary play the roles that the bench does.
func TestMain(m *testing.M) {
	hunt.MaybeWork()
	if status, ok := playRole(os.Args[1:]); ok {
		os.Exit(status)
	}
	os.Exit(m.Run())
}

func TestMedian(t *testing.T) {
	for _, c := range []struct {
		s    series
		want string
	}{
		{nil, "-"},
		{series{3}, "3"},
		{series{9, 1, 2}, "2 (1–9)"},
		{series{1, 4, 2, 100}, "3 (1–100)"},
		{series{0.123, 0.05, 12.6}, "0.12 (0.05–13)"},
		{series{9.96, 9.94, 0.999}, "9.9 (1.0–10)"},
	} {
		if got := c.s.String(); got != c.want {
			t.Errorf("%v: %s, want %s", []float64(c.s), got, c.want)
		}
	}
	if got := (series{2, 9}).over(series{4, 3, 5}); !slices.Equal(got, series{0.5, 3}) {
		t.Errorf("ratios %v", got)
	}
}

// Every way comes once a round, and is first as often as any other.
func TestInterleave(t *testing.T) {
	var order []string
	way := func(name string) func(int) error {
		return func(round int) error { order = append(order, fmt.Sprint(name, round)); return nil }
	}
	if err := interleave(2, way("a"), way("b"), way("c")); err != nil {
		t.Fatal(err)
	}
	if want := "a-1 b-1 c-1 b0 c0 a0 c1 a1 b1"; strings.Join(order, " ") != want {
		t.Errorf("%v, want %s", order, want)
	}
	calls := 0
	fails := func(int) error { calls++; return os.ErrInvalid }
	if err := interleave(5, fails, fails); err != os.ErrInvalid || calls != 1 {
		t.Errorf("%v after %d calls", err, calls)
	}
}

func TestSectionKeepsToItsColumns(t *testing.T) {
	s := section{title: "Title", head: []string{"way", "µs"}}
	s.row("bare", "1 (1–1)")
	s.row("under control", "15")
	s.note("%s", strings.Repeat("word ", 40))
	var out bytes.Buffer
	s.print(&out)
	want := "Title\n  way            µs\n  bare           1 (1–1)\n  under control  15\n  word word"
	if !strings.HasPrefix(out.String(), want) {
		t.Errorf("%s", out.String())
	}
	s.row(strings.Repeat("x", 60), strings.Repeat("y", 60))
	s.print(&out)
	for l := range strings.Lines(out.String()) {
		if n := utf8.RuneCountInString(strings.TrimSuffix(l, "\n")); n > columns {
			t.Errorf("%d columns: %s", n, l)
		}
	}
	if strings.Count(out.String(), "word") != 80 || !strings.Contains(out.String(), "…\n") {
		t.Errorf("%s", out.String())
	}
}

func TestFiguresLeaveOutDirectories(t *testing.T) {
	page := string(figures("text\n", []string{"--cases", "secret", "--per-case=5s", "-write=secret", "--quick", "--write", "secret"}))
	if strings.Contains(page, "secret") || !strings.Contains(page, "./bench --cases DIR --per-case=5s --quick`") {
		t.Error(page)
	}
}

func TestHuntIsRead(t *testing.T) {
	var h hunted
	err := h.read([]byte(`{"runs":40,"seconds":2.5,"findings":[{"rule":"a","evidence":"possible"},
		{"rule":"b","evidence":"proven","runs_to_find":7,"seconds_to_find":0.5},{"rule":"c","evidence":"proven","runs_to_find":9}]}`))
	if err != nil || !h.proven || h.rule != "b" || h.runs != 7 || h.find != 500 || h.all != 2500 || h.findings != 2 {
		t.Errorf("%+v %v", h, err)
	}
	var all hunts
	all.add(h)
	all.add(hunted{runs: 3})
	if all.share() != "1/2" || all.wasted != 3 || all.runs.String() != "7" {
		t.Errorf("%+v", all)
	}
	if h.read([]byte("no report")) == nil {
		t.Error("nonsense was read as a report")
	}
}

func TestCaseIsShown(t *testing.T) {
	r := caseResult{name: "start-stop-daemon-pidfile", hunts: hunts{tried: 5, proven: 5, wall: 5 * time.Second,
		runs: series{7, 120, 9}, find: series{250, 12000, 300}, all: series{900, 20000, 1000}}}
	r.tally = [waysToTry]tally{{trials: 20000, bites: 10}, {missing: true}, {trials: 2000, bites: 2, trouble: 3}}
	var s section
	r.show(&s)
	want := "start-stop-daemon-pidfile|1.7|5/5|9 (7–120)|300 (250–12000)|1000|10/20000|no tool|2/2000"
	if got := strings.Join(s.rows[0], "|"); got != want || len(s.notes) != 1 {
		t.Errorf("%s %v", got, s.notes)
	}
	if l := line(s.rows[0], widths(s.rows)); strings.Contains(l, "…") {
		t.Errorf("too wide: %s", l)
	}
	r.tally[plainWay].bites = 0
	if got := r.timesPlain(); got != "> 17" {
		t.Error(got)
	}
	r.hunts = hunts{tried: 1, wasted: 40}
	r.show(&s)
	if got := strings.Join(s.rows[1][:6], "|"); got != "start-stop-daemon-pidfile|-|0/1|-|-|-" {
		t.Error(got)
	}
	r.right = true
	r.show(&s)
	if got := strings.Join(s.rows[2], "|"); got != "start-stop-daemon-pidfile|0|1|40|0/20000|no tool|2/2000" {
		t.Error(got)
	}
}

// testStand starts a stand that is on no core in particular.
func testStand(t *testing.T) *stand {
	t.Helper()
	if runtime.GOOS != "linux" {
		t.Skip("control needs Linux")
	}
	s, err := startStand(context.Background(), t.TempDir(), -1)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.close)
	return s
}

// The program must make exactly the operations that costs are divided by, in C
// and in Go.
func TestProgramMakesItsOperations(t *testing.T) {
	s := testStand(t)
	programs := map[string]program{}
	for _, compiler := range []string{"gcc", "clang"} {
		if _, err := exec.LookPath(compiler); err == nil {
			p, err := compile(t.TempDir(), compiler)
			if err != nil {
				t.Fatal(err)
			}
			programs[compiler] = p
		}
	}
	p, err := goProgram()
	if err != nil {
		t.Fatal(err)
	}
	programs["go"] = p
	for name, p := range programs {
		count := func(args ...string) int {
			a, err := s.do(order{Argv: slices.Concat(p.argv, args), Times: 1, Control: true})
			if err != nil {
				t.Fatalf("%s %v: %v", name, args, err)
			}
			return a.Ops
		}
		// Go's runtime starts and ends threads when it likes, which counts, too.
		exact := name != "go"
		if got := count("loop", "3020") - count("loop", "20"); got != 3000 && (exact || got < 2700 || got > 3300) {
			t.Errorf("%s: 3000 operations more are %d under control", name, got)
		}
		if got := count("three", "1010") - count("three", "10"); got != 3000 && (exact || got < 2700 || got > 3300) {
			t.Errorf("%s: 1000 operations more in each of three processes are %d under control", name, got)
		}
		if _, err := s.do(order{Argv: slices.Concat(p.argv, []string{"three", "10"}), Times: 2}); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := s.do(order{Argv: slices.Concat(p.argv, []string{"loop", "7"}), Times: 1}); err == nil {
			t.Errorf("%s made 7 operations", name)
		}
	}
}

// All ways of running must work, and none may leave a file.
func TestWaysSideBySide(t *testing.T) {
	testStand(t)
	p, err := buildProgram(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	l := &lab{ctx: context.Background(), dir: t.TempDir(), memory: t.TempDir(), core: lastCore(), rounds: 1, program: p}
	for _, s := range []section{l.oneOperation(), l.runsPerSecond()} {
		if s.broken != nil {
			t.Fatal(s.broken)
		}
		if len(s.rows) < 2 || s.rows[0][1] != "1" {
			t.Errorf("%v", s.rows)
		}
		for _, row := range s.rows {
			if v, err := strconv.ParseFloat(row[2], 64); err != nil || v <= 0 {
				t.Errorf("%v", row)
			}
		}
	}
	if left, _ := os.ReadDir(l.memory); len(left) != 1 || left[0].Name() != "shared" {
		t.Errorf("left behind: %v", left)
	}
}

// testCase writes a case's script.
func testCase(t *testing.T, text string) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "run.sh")
	if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return name
}

func TestTrialsAreCounted(t *testing.T) {
	s := testStand(t)
	for text, want := range map[string]answer{
		`cd "$1" && : >f && [ "$(ls)" = f ]`: {Trials: 1},
		`echo lost; exit 1`:                  {Trials: 1, Bites: 1},
		`exit 1`:                             {Trials: 1, Trouble: 1},
		`echo set-up; exit 2`:                {Trials: 1, Trouble: 1},
		`kill -9 $$`:                         {Trials: 1, Trouble: 1},
	} {
		got, err := s.do(order{Case: testCase(t, text), Time: 1})
		if err != nil || got.Trials != want.Trials || got.Bites != want.Bites || got.Trouble != want.Trouble {
			t.Errorf("%s: %+v %v", text, got, err)
		}
	}
	got, err := s.do(order{Case: testCase(t, `exit 0`), Time: 50 * time.Millisecond})
	if err != nil || got.Elapsed < 50*time.Millisecond {
		t.Errorf("%+v %v", got, err)
	}
}

// A daemon that a trial starts is gone when the trial is counted.
func TestTrialsLeaveNoDaemon(t *testing.T) {
	s := testStand(t)
	note := filepath.Join(t.TempDir(), "pid")
	text := fmt.Sprintf(`(trap '' HUP; exec sleep 1000) & echo $! >%s; exit 0`, note)
	if _, err := s.do(order{Case: testCase(t, text), Time: 1}); err != nil {
		t.Fatal(err)
	}
	pid, err := os.ReadFile(note)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat("/proc/" + strings.TrimSpace(string(pid))); err == nil {
		t.Errorf("process %s is still there", pid)
	}
}

func TestDelaysComeWithStrace(t *testing.T) {
	s := testStand(t)
	if len(strace()) < 2 {
		t.Skip("no strace that knows --seccomp-bpf")
	}
	script := testCase(t, `cd "$1" && echo x >f && mv f g && rm g`)
	a, err := s.do(order{Case: script, Calls: delayCalls()})
	if err != nil || a.Trouble != 0 || !slices.Contains(a.Calls, "openat") || !slices.Contains(a.Calls, "unlinkat") {
		t.Fatalf("%+v %v", a, err)
	}
	if slices.Contains(a.Calls, "close") {
		t.Errorf("a delay of close would order nothing: %v", a.Calls)
	}
	if a, err = s.do(order{Case: script, Delays: a.Calls, Time: 1}); err != nil || a.Trials != 1 || a.Trouble != 0 {
		t.Errorf("%+v %v", a, err)
	}
}
