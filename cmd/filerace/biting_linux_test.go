package main

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"filerace/internal/demo"
)

// hunted proves the race of each demo, each in a directory of its own, and returns where it was saved.
func hunted(t *testing.T) (races []string) {
	t.Helper()
	for _, d := range demo.List {
		dir := t.TempDir()
		cmd := exec.Command("filerace", "hunt", "--quiet", "--record", "proof", "--", "filerace", "demo", d.Name)
		cmd.Dir = dir
		text, err := cmd.CombinedOutput()
		saved, _ := filepath.Glob(filepath.Join(dir, "*.race"))
		if cmd.ProcessState.ExitCode() != exitRace || len(saved) != 1 {
			t.Fatalf("%s: %v, saved %v\n%s", d.Name, err, saved, text)
		}
		races = append(races, saved[0])
		if all := explained(t, filepath.Join(dir, "proof.filerace")); !observed(all, d.Rule) {
			t.Errorf("%s: the recording of the proof is explained as %+v, want %s observed", d.Name, all, d.Rule)
		}
	}
	return races
}

// replayAll lets each saved race happen again.
func replayAll(t *testing.T, races []string) {
	t.Helper()
	for _, race := range races {
		cmd := exec.Command("filerace", "replay", filepath.Base(race))
		cmd.Dir = filepath.Dir(race)
		if text, err := cmd.CombinedOutput(); cmd.ProcessState.ExitCode() != exitRace {
			t.Errorf("replay %s: %v\n%s", race, err, text)
		}
	}
}

// Each demo that bites is told by its rule, however it is seen: recorded and explained, watched
// from outside, by a run around it.
func TestDemosThatBiteAreObserved(t *testing.T) {
	if testing.Short() {
		t.Skip("hunts all demos")
	}
	races := hunted(t)
	needProbe(t)
	dir := t.TempDir()
	var out, said gathered
	cmd := exec.Command("filerace", "watch", "--json", "--tree", strconv.Itoa(os.Getpid()), "--record", "seen")
	cmd.Dir, cmd.Stdout, cmd.Stderr = dir, &out, &said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	until(t, "the watch", func() bool { return strings.Contains(said.String(), "Ctrl-C ends it") })
	replayAll(t, races)
	cmd.Process.Signal(os.Interrupt)
	if got := exitStatus(t, cmd); got != exitRace {
		t.Errorf("watch ends with status %d, want %d\n%s", got, exitRace, said.String())
	}
	var watched []found
	for line := range strings.Lines(out.String()) {
		var f found
		if err := json.Unmarshal([]byte(line), &f); err != nil {
			t.Fatal(err)
		}
		watched = append(watched, f)
	}
	seen := explained(t, filepath.Join(dir, "seen.filerace"))
	around, recorded := runAround(t, races)
	for _, d := range demo.List {
		for how, all := range map[string][]found{"watch": watched, "the watch recorded": seen, "run --with bpf": around, "the run recorded": recorded} {
			if !observed(all, d.Rule) {
				t.Errorf("%s: %s tells %+v, want %s observed", d.Name, how, all, d.Rule)
			}
		}
	}
}

// runAround has one run replay all, and returns what it and its recording tell.
func runAround(t *testing.T, races []string) (around, recorded []found) {
	t.Helper()
	dir := t.TempDir()
	script := ""
	for _, race := range races {
		script += "(cd " + filepath.Dir(race) + " && filerace replay " + filepath.Base(race) + ")\n"
	}
	cmd := exec.Command("filerace", "run", "--with", "bpf", "--json", "-o", "report", "--record", "kept", "--", "sh", "-c", script)
	cmd.Dir = dir
	if text, err := cmd.CombinedOutput(); cmd.ProcessState.ExitCode() != exitRace {
		t.Fatalf("%v: %s", err, text)
	}
	return reported(t, filepath.Join(dir, "report")), explained(t, filepath.Join(dir, "kept.filerace"))
}
