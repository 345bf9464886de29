//go:build linux

package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// dir has filerace, hunted, and blind, which is hunted without revalidation, once one test has built them.
var dir string

var build = sync.OnceValue(func() (err error) {
	if dir, err = os.MkdirTemp("", "hunted"); err != nil {
		return err
	}
	for name, args := range map[string][]string{
		"filerace": {"filerace/cmd/filerace"},
		"hunted":   {"."},
		"blind":    {"-tags", "safefile_norevalidation", "."},
	} {
		args = append([]string{"build", "-o", filepath.Join(dir, name)}, args...)
		if out, err := exec.Command("go", args...).CombinedOutput(); err != nil {
			return fmt.Errorf("go %v: %w\n%s", args, err, out)
		}
	}
	return nil
})

func TestMain(m *testing.M) {
	status := m.Run()
	os.RemoveAll(dir)
	os.Exit(status)
}

func built(t *testing.T) string {
	t.Helper()
	if err := build(); err != nil {
		t.Fatal(err)
	}
	return dir
}

// hunt hunts for races between three of a primitive, and returns the exit status and the report.
func hunt(t *testing.T, dir, primitive, runs string) (int, string) {
	t.Helper()
	return huntFor(t, dir, runs, "--copies", "3", "--", filepath.Join(dir, "hunted"), primitive)
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
	chosen := []string{"lock", "remove", "pidfile", "update"}
	if all {
		list, _ := exec.Command("go", "run", ".").Output()
		chosen = strings.Fields(string(list))
	}
	dir := built(t)
	for _, p := range chosen {
		t.Run(p, func(t *testing.T) {
			if status, report := hunt(t, dir, p, long("40")); status != 0 {
				t.Errorf("status %d\n%s", status, report)
			}
		})
	}
}

// long is the number of runs of one hunt: short, or 2000 with SAFEFILE_LONG.
func long(short string) string {
	if all {
		return "2000"
	}
	return short
}

// all asks for every hunt instead of a few.
var all = os.Getenv("SAFEFILE_LONG") != ""

// few leaves the first n of a list, unless all are asked for.
func few[T any](n int, list []T) []T {
	if all {
		return list
	}
	return list[:n]
}

// twoAnd are the arguments of a hunt with two of a primitive and a stranger.
func twoAnd(stranger, program, primitive string) []string {
	use := program + " " + primitive
	return []string{"--setup", "echo >x", "--actor", use, "--actor", use, "--actor", stranger}
}

// A stranger deletes or replaces the lock file at any moment.
func TestHuntsBearStrangers(t *testing.T) {
	dir := built(t)
	hunted := filepath.Join(dir, "hunted")
	for _, c := range few(3, []struct{ primitive, stranger string }{
		{"lock", hunted + " " + replace},
		{"owner", "rm -f lock"},
		{"remove", hunted + " " + replace},
		{"pidfile", "rm -f pid"},
		{"lock", "rm -f lock"},
		{"update", "rm -f .sum.lock"},
	}) {
		if status, report := huntFor(t, dir, long("30"), twoAnd(c.stranger, hunted, c.primitive)...); status != 0 {
			t.Errorf("%s beside %s: status %d\n%s", c.primitive, c.stranger, status, report)
		}
	}
	// Whose anchor is not there to bear it.
	if status, report := huntFor(t, dir, "1000", twoAnd("rm -f lock", hunted, "bare")...); status != 66 {
		t.Errorf("bare: status %d\n%s", status, report)
	}
}

// Without revalidation, the hunt finds the race.
func TestHuntsCanFind(t *testing.T) {
	dir := built(t)
	blind := filepath.Join(dir, "blind")
	three := func(primitive string) []string { return []string{"--copies", "3", "--", blind, primitive} }
	for _, what := range few(4, [][]string{
		three("remove-bare"), three("pidfile"), twoAnd("rm -f lock", blind, "lock"), twoAnd("rm -f .sum.lock", blind, "update"),
		three("remove"), twoAnd("rm -f lock", blind, "bare"), twoAnd("rm -f lock", blind, "owner"),
		twoAnd("rm -f lock", blind, "trylock"), twoAnd("rm -f lock", blind, "rlock"),
	}) {
		status, report := huntFor(t, dir, "2000", append([]string{"--seed", "4"}, what...)...)
		if status != 66 || !strings.Contains(report, "unlinked-lock") {
			t.Errorf("%v: status %d\n%s", what, status, report)
		}
	}
}

// An open that is held between finding the file and returning it may return a dead one. These are the
// primitives whose revalidation is about that file. A reader needs somebody who removes it: to
// get the old version of a file that was replaced is no race.
func TestHuntsInsideOpens(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("holding an open inside the kernel takes root")
	}
	dir := built(t)
	three := func(use string) []string { return []string{"--copies", "3", "--", use} }
	for _, c := range few(1, []struct {
		primitive string
		with      func(use string) []string
	}{
		{"openlive", func(use string) []string { return append(three(use), "openlive") }},
		{"lease", func(use string) []string { return append(three(use), "lease") }},
		{"read", func(use string) []string {
			return []string{"--setup", "echo >file", "--actor", use + " read", "--actor", use + " read", "--actor", "rm -f file"}
		}},
	}) {
		inside := func(program string) []string {
			return append([]string{"--inside"}, c.with(filepath.Join(dir, program))...)
		}
		if status, report := huntFor(t, dir, long("20"), inside("hunted")...); status != 0 {
			t.Errorf("%s: status %d\n%s", c.primitive, status, report)
		}
		status, report := huntFor(t, dir, "500", inside("blind")...)
		if status != 66 || !strings.Contains(report, "open-unlinked") {
			t.Errorf("%s without revalidation: status %d\n%s", c.primitive, status, report)
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
