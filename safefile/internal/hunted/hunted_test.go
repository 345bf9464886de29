//go:build linux

package main

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// built is the directory with filerace, hunted, and blind: hunted without revalidation.
func built(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for name, args := range map[string][]string{
		"filerace": {"filerace/cmd/filerace"},
		"hunted":   {"."},
		"blind":    {"-tags", "safefile_norevalidation", "."},
	} {
		args = append([]string{"build", "-o", filepath.Join(dir, name)}, args...)
		if out, err := exec.Command("go", args...).CombinedOutput(); err != nil {
			t.Fatalf("go %v: %v\n%s", args, err, out)
		}
	}
	return dir
}

// hunt hunts for races between three of a primitive, and returns the exit status and the report.
func hunt(t *testing.T, dir, program, primitive, runs string) (int, string) {
	t.Helper()
	return huntFor(t, dir, runs, "--copies", "3", "--", filepath.Join(dir, program), primitive)
}

func huntFor(t *testing.T, dir, runs string, what ...string) (int, string) {
	t.Helper()
	args := append([]string{"hunt", "--quiet", "--fresh", t.TempDir(), "--time", "0", "--runs", runs}, what...)
	cmd := exec.Command(filepath.Join(dir, "filerace"), args...)
	cmd.Dir = t.TempDir() // where the race is saved
	cmd.Env = append(os.Environ(), "TMPDIR="+t.TempDir())
	out, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return cmd.ProcessState.ExitCode(), string(out)
}

// TestHuntsFindNothing hunts a few primitives for a second each; with SAFEFILE_LONG=1 all of them in 2000 runs each.
func TestHuntsFindNothing(t *testing.T) {
	runs, chosen := "40", []string{"lock", "remove", "pidfile", "update"}
	if os.Getenv("SAFEFILE_LONG") != "" {
		list, _ := exec.Command("go", "run", ".").Output()
		runs, chosen = "2000", strings.Fields(string(list))
	}
	dir := built(t)
	for _, p := range chosen {
		t.Run(p, func(t *testing.T) {
			if status, report := hunt(t, dir, "hunted", p, runs); status != 0 {
				t.Errorf("status %d\n%s", status, report)
			}
		})
	}
}

// A stranger deletes the lock file at any moment.
func TestHuntsBearDeletion(t *testing.T) {
	dir := built(t)
	runs := "100"
	if os.Getenv("SAFEFILE_LONG") != "" {
		runs = "2000"
	}
	hunted := filepath.Join(dir, "hunted")
	for primitive, file := range map[string]string{"lock": "lock", "update": ".sum.lock"} {
		use := hunted + " " + primitive
		if status, report := huntFor(t, dir, runs, "--actor", use, "--actor", use, "--actor", "rm -f "+file); status != 0 {
			t.Errorf("%s: status %d\n%s", primitive, status, report)
		}
	}
	use := hunted + " bare" // whose anchor is not there to bear it
	if status, report := huntFor(t, dir, "1000", "--actor", use, "--actor", use, "--actor", "rm -f lock"); status != 66 {
		t.Errorf("bare: status %d\n%s", status, report)
	}
}

// Without revalidation, the hunt finds the race.
func TestHuntsCanFind(t *testing.T) {
	dir := built(t)
	for _, p := range []string{"remove", "remove-bare"} {
		status, report := hunt(t, dir, "blind", p, "500")
		if status != 66 || !strings.Contains(report, "unlinked-lock") {
			t.Errorf("%s: status %d\n%s", p, status, report)
		}
	}
}

func TestEveryPrimitiveWorksAlone(t *testing.T) {
	for name, use := range primitives {
		t.Chdir(t.TempDir())
		if err := use(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if left, _ := filepath.Glob(".*.temp-*"); len(left) > 0 {
			t.Errorf("%s left %v", name, left)
		}
	}
}
