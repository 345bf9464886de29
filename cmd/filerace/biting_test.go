package main

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"

	"filerace/internal/demo"
)

// found is what these tests look at of a finding in JSON.
type found struct {
	Type, Rule, Evidence string
}

func observed(all []found, rule string) bool {
	return slices.ContainsFunc(all, func(f found) bool { return f.Rule == rule && (f.Evidence == "observed" || f.Evidence == "proven") })
}

// explained returns what `filerace explain` finds in a trace.
func explained(t *testing.T, trace string) []found {
	t.Helper()
	if info, err := os.Stat(trace); err == nil && info.IsDir() {
		sameSifted(t, trace)
	}
	report := filepath.Join(t.TempDir(), "report")
	cmd := exec.Command("filerace", "explain", "--json", "-o", report, trace)
	cmd.Run() // its status tells no more than the report
	return reported(t, report)
}

func reported(t *testing.T, path string) []found {
	t.Helper()
	text, err := os.ReadFile(path)
	var r struct{ Findings []found }
	if err == nil {
		err = json.Unmarshal(text, &r)
	}
	if err != nil {
		t.Fatal(err)
	}
	return r.Findings
}

// The logs of strace -f -ttt -T -y of each demo in a run that went wrong.
func TestStraceLogsOfDemosThatBit(t *testing.T) {
	for _, d := range demo.List {
		if all := explained(t, filepath.Join("testdata", "strace", d.Name+".strace")); !observed(all, d.Rule) {
			t.Errorf("%s: %+v, want %s observed", d.Name, all, d.Rule)
		}
	}
}
