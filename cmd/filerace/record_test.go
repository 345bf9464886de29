package main

import (
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"filerace/internal/demo"
	"filerace/internal/op"
	"filerace/internal/race"
	"filerace/internal/trace/saved"
	"filerace/internal/world"
)

// recordRun records a command's run into a new directory and returns the recording.
func recordRun(t *testing.T, args ...string) string {
	t.Helper()
	return recorded(t, append([]string{"run", "--record", "r", "--"}, args...)...)
}

// recorded runs filerace, which records to r.filerace.
func recorded(t *testing.T, args ...string) string {
	t.Helper()
	dir := t.TempDir()
	cmd := exec.Command("filerace", args...)
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	if err != nil && (!errors.As(err, &exit) || exit.ExitCode() == exitFail || exit.ExitCode() == exitUsage) {
		t.Fatalf("filerace %q: %v\n%s", args, err, out)
	}
	return filepath.Join(dir, "r.filerace")
}

// again reads a recording and lets world and rules judge it afresh.
func again(t *testing.T, dir string) (ops []*op.Op, found []race.Finding) {
	t.Helper()
	r, err := saved.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	w, d := world.New(), race.New()
	failed := false
	for {
		o, err := r.NextOp()
		if err == io.EOF {
			return ops, d.End(w, race.End{Failed: failed})
		}
		if err != nil {
			t.Fatal(err)
		}
		w.Enter(o)
		d.Step(w, w.Apply(o))
		ops = append(ops, o)
		if o.Kind == op.Exit && o.Actor == "1" {
			failed = o.Status != 0
		}
	}
}

// harms are the findings that happened, rule and object, sorted. What was merely
// possible is not the rules' but the hunt's judgement.
func harms(t *testing.T, dir string) []string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(dir, "findings.json"))
	if err != nil {
		t.Fatal(err)
	}
	var rep struct {
		Findings []struct {
			Rule, Evidence, Headline string
			Object                   struct{ Path string }
		}
	}
	if err := json.Unmarshal(text, &rep); err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, f := range rep.Findings {
		if f.Evidence != string(race.Possible) {
			out = append(out, f.Rule+" "+f.Object.Path)
		}
	}
	slices.Sort(out)
	return out
}

// A recorded run judged again gives the findings that it had live.
func TestRecordedRunsAreJudgedAsLive(t *testing.T) {
	bit := 0
	for _, c := range [][]string{
		{"sh", "-c", "echo 0 >n; (read x <n; sleep 1; echo $((x+1)) >n) & (read x <n; sleep 2; echo $((x+10)) >n) & wait"},
		{"sh", "-c", "exec 3>l; flock 3; (exec 4>l; rm l; flock -n 4 || :; exec 5>l; flock 5; sleep 1); sleep 1"},
		{"sh", "-c", "(sleep 1; echo a >t.tmp; sleep 2; mv t.tmp t) & (sleep 2; echo b >t.tmp; sleep 3; mv t.tmp t || :) & wait; :"},
		{"filerace", "demo", "append"},
		{"filerace", "demo", "upgrade"},
	} {
		t.Run(strings.Join(c, " "), func(t *testing.T) {
			dir := recordRun(t, c...)
			live := harms(t, dir)
			ops, found := again(t, dir)
			if len(ops) == 0 {
				t.Fatal("nothing was recorded")
			}
			got := keys(found)
			if !slices.Equal(got, live) {
				t.Errorf("again: %q\nlive:  %q", got, live)
			}
			bit += len(live)
		})
	}
	if bit == 0 {
		t.Error("no run had a finding: the comparison shows nothing")
	}
}

// keys are the findings that happened, as harms has them.
func keys(found []race.Finding) []string {
	var out []string
	for _, f := range found {
		if f.Evidence != race.Possible {
			out = append(out, f.Rule+" "+f.Path)
		}
	}
	slices.Sort(out)
	return out
}

// So do the runs that prove the races of the demos; and their schedules are there.
func TestRecordedProofsAreJudgedAsLive(t *testing.T) {
	for _, d := range demo.List {
		t.Run(d.Name, func(t *testing.T) {
			dir := recorded(t, "hunt", "--quiet", "--record", "r", "--", "filerace", "demo", d.Name)
			live := harms(t, dir)
			if len(live) != 1 {
				t.Fatalf("findings: %q", live)
			}
			if _, found := again(t, dir); !slices.Contains(keys(found), live[0]) {
				t.Errorf("again: %q\nlive:  %q", keys(found), live)
			}
			var s struct{ Decisions []string }
			text, err := os.ReadFile(filepath.Join(dir, "schedule.json"))
			if err == nil {
				err = json.Unmarshal(text, &s)
			}
			if err != nil || len(s.Decisions) == 0 {
				t.Errorf("schedule: %v, %v", s.Decisions, err)
			}
		})
	}
}
