package main

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"testing"

	"filerace/internal/demo"
)

// twice is two processes that count, one after the other here: nothing but the times makes it so.
const twice = `echo 0 >n
(read x <n; echo $((x+1)) >n) &
(sleep 0.3; read x <n; echo $((x+1)) >n) &
wait`

// A run's recording is explained as the run was told: what happened, and what could have.
func TestExplainedAsTold(t *testing.T) {
	commands := map[string][]string{"twice": {"sh", "-c", twice}}
	for _, d := range demo.List {
		commands[d.Name] = []string{"filerace", "demo", d.Name}
	}
	for _, with := range []string{"ptrace", "bpf"} {
		t.Run(with, func(t *testing.T) {
			if with == "bpf" {
				needProbe(t)
			}
			for name, command := range commands {
				told, again := toldAndExplained(t, with, command)
				if !reflect.DeepEqual(told, again) {
					t.Errorf("%s: told\n%v\nexplained\n%v", name, told, again)
				}
				if name == "twice" && len(told) == 0 {
					t.Errorf("%s: nothing is told of what could have happened", name)
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
