package main

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"slices"
	"testing"

	"filerace/internal/demo"
)

// told are programs of which contents decide what is told. Nothing but the times makes one of the two come after
// the other here.
var told = map[string]struct {
	script string
	races  bool // some are told
	bites  bool // one is told as observed
}{
	"count twice": {races: true, script: `echo 0 >n
(read x <n; echo $((x+1)) >n) &
(sleep 0.3; read x <n; echo $((x+1)) >n) &
wait`},
	"count from the same": {races: true, script: `echo 9 >n
(read x <n; sleep 0.3; echo $((x+1)) >n) &
(read x <n; sleep 0.6; echo $((x+1)) >n) &
wait`},
	"count in pieces": {races: true, script: `{ printf 9; echo; } >n
(read x <n; sleep 0.3; { printf $((x+1)); echo; } >n) &
(read x <n; sleep 0.6; { printf $((x+1)); echo; } >n) &
wait`},
	"more of the same": {script: `: >f
(sleep 0.3; printf abc 1<>f) &
(sleep 0.6; printf abcdef 1<>f) &
wait`},
	"the same in pieces": {script: `echo abc >f
(read x <f; sleep 0.3; echo xyz >f) &
(read x <f; sleep 0.6; { printf xy; echo z; } >f) &
wait`},
	"the same in one": {script: `echo abc >f
(read x <f; sleep 0.3; { printf xy; echo z; } >f) &
(read x <f; sleep 0.6; echo xyz >f) &
wait`},
	"others in pieces": {races: true, script: `echo abc >f
(read x <f; sleep 0.3; echo xyz >f) &
(read x <f; sleep 0.6; { printf xy; echo w; } >f) &
wait`},
	"edits of a long file": {races: true, bites: true, script: `seq 500 >f
(sed s/^1$/a/ f >f1; sleep 0.3; mv f1 f) &
(sed s/^2$/b/ f >f2; sleep 0.6; mv f2 f) &
wait`},
}

// A run's recording is explained as the run was told: what happened, and what could have.
func TestExplainedAsTold(t *testing.T) {
	commands := map[string][]string{}
	for name, c := range told {
		commands[name] = []string{"sh", "-c", c.script}
	}
	for _, d := range demo.List {
		commands[d.Name] = []string{"filerace", "demo", d.Name}
	}
	for _, with := range []string{"ptrace", "bpf"} {
		t.Run(with, func(t *testing.T) {
			if with == "bpf" {
				needProbe(t)
			}
			for name, command := range commands {
				live, again := toldAndExplained(t, with, command)
				if !reflect.DeepEqual(live, again) {
					t.Errorf("%s: told\n%v\nexplained\n%v", name, live, again)
				}
				if told[name].races && len(live) == 0 {
					t.Errorf("%s: nothing is told", name)
				}
				if told[name].bites && !slices.ContainsFunc(live, func(f map[string]any) bool { return f["evidence"] == "observed" }) {
					t.Errorf("%s: nothing is told to have happened: %v", name, live)
				}
			}
		})
	}
}

// toldAndExplained returns what a run tells, and what its recording does.
func toldAndExplained(t *testing.T, with string, command []string) (told, again []map[string]any) {
	t.Helper()
	dir := t.TempDir()
	cmd := exec.Command("filerace", append([]string{"run", "--with", with, "--json", "-o", "told", "--record", "kept", "--"}, command...)...)
	cmd.Dir = dir
	if text, err := cmd.CombinedOutput(); cmd.ProcessState.ExitCode() == exitFail {
		t.Fatalf("%v: %s", err, text)
	}
	told = findingsOf(t, filepath.Join(dir, "told"))
	if kept := findingsOf(t, filepath.Join(dir, "kept.filerace", "findings.json")); !reflect.DeepEqual(told, kept) {
		t.Errorf("told\n%v\nand kept with the recording\n%v", told, kept)
	}
	explained(t, filepath.Join(dir, "kept.filerace"))
	cmd = exec.Command("filerace", "explain", "--json", "-o", "again", "kept")
	cmd.Dir = dir
	cmd.Run() // its status tells no more than the report
	return told, findingsOf(t, filepath.Join(dir, "again"))
}

// findingsOf returns the findings of a report in JSON, without what was read and written: that is
// kept in memory only.
func findingsOf(t *testing.T, path string) []map[string]any {
	t.Helper()
	text, err := os.ReadFile(path)
	var r struct{ Findings []map[string]any }
	if err == nil {
		err = json.Unmarshal(text, &r)
	}
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range r.Findings {
		for _, s := range f["steps"].([]any) {
			delete(s.(map[string]any), "args")
		}
	}
	return r.Findings
}
