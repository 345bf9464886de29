package main

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"testing"
)

func TestFirstErrorTellsWhy(t *testing.T) {
	for said, want := range map[string]string{
		"": "exit status 1",
		"\nsh: 1: modprobe: not found\nchdir(/lib/modules): No such file\nTraceback\n":                     "chdir(/lib/modules): No such file",
		"ERROR: couldn't set RLIMIT_MEMLOCK for bpftrace.\nstdin:1: ERROR: tracepoint not found: a:b\n~\n": "stdin:1: ERROR: tracepoint not found: a:b",
	} {
		if got := firstError([]byte(said), errors.New("exit status 1")); got != want {
			t.Errorf("%q: %q, want %q", said, got, want)
		}
	}
}

// testStorm is a storm whose programs are there.
func testStorm(t *testing.T) *storm {
	t.Helper()
	if _, err := exec.LookPath("cc"); err != nil || runtime.GOOS != "linux" {
		t.Skip("the storm needs Linux and a C compiler")
	}
	l := &lab{ctx: context.Background(), dir: t.TempDir(), memory: t.TempDir()}
	s := newStorm(l, 500)
	if err := s.compile(); err != nil {
		t.Fatal(err)
	}
	return s
}

// Whoever looks on from beside is waited for, counted and ended.
func TestLookingOnFromBeside(t *testing.T) {
	s := testStorm(t)
	shell := func(text string) *onlooker {
		return &onlooker{name: "shell", argv: []string{"sh", "-c", text}, each: 5, beside: true}
	}
	const until = `; trap 'echo 3 storm 4 /b; exit 0' INT; echo 1 stormlet 3 /a; while :; do sleep 0.01; done`
	o := shell(`echo PID` + until)
	if a, err := s.seenBy(o, 5); err != nil || a.Elapsed <= 0 || o.untold != 0 || o.ordered != 1 {
		t.Errorf("%+v %v %+v", a, err, o)
	}
	if _, err := s.seenBy(o, 20); err != nil || o.untold != 3 || o.ordered != 4 {
		t.Errorf("%v %+v", err, o)
	}
	var out section
	told(&out, []*onlooker{o}, "tmpfs")
	if len(out.notes) != 2 || out.notes[1] != "shell left out 3 of 4 lines in one storm." {
		t.Errorf("%q", out.notes)
	}
	if _, err := s.seenBy(shell(`echo no tracepoint >&2; exit 1`), 5); err == nil || err.Error() != "no tracepoint" {
		t.Error(err)
	}
	if _, err := os.Stat(s.told); err == nil {
		t.Error("what was told is left behind")
	}
}

// Of every tool there is a row or the reason why there is none.
func TestEveryOnlookerIsAccountedFor(t *testing.T) {
	s := testStorm(t)
	t.Setenv("PATH", t.TempDir())
	var out section
	if there := s.tried(&out); len(there) != 0 || len(out.notes) != len(s.onlookers()) {
		t.Errorf("%v %q", there, out.notes)
	}
	if notes := strings.Join(out.notes, "\n"); !strings.Contains(notes, "bpftrace: not installed (apt-get install bpftrace)\nopensnoop: not installed (apt-get install libbpf-tools)") {
		t.Error(notes)
	}
}
