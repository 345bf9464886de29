package demo

import (
	"bytes"
	"os"
	"strings"
	"testing"
)

// The actors of a demo are the program itself run again: here the test binary.
func TestMain(m *testing.M) {
	if len(os.Args) > 2 && os.Args[1] == "demo" {
		os.Exit(Main(os.Args[2], os.Args[3:], os.Stdout, os.Stderr))
	}
	// Under -race every process lingers for a second at its end unless told not to.
	os.Setenv("GORACE", "atexit_sleep_ms=0")
	os.Exit(m.Run())
}

// runHere runs a demo in the current directory.
func runHere(t *testing.T, name string, args ...string) (status int, out string) {
	t.Helper()
	var stdout, stderr bytes.Buffer
	status = Main(name, args, &stdout, &stderr)
	if stderr.Len() > 0 {
		t.Fatalf("%s %v said on standard error: %s", name, args, &stderr)
	}
	return status, strings.TrimSuffix(stdout.String(), "\n")
}

func content(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// How each demo may end: with the race in it any of these, and the safe variant
// always like this.
var ends = []struct {
	name  string
	flags []string
	racy  func(status int, out string) bool
	safe  func(t *testing.T, out string) bool
}{
	{
		name: "concurrent-delete",
		racy: badReadIfFailed,
		safe: goodReads,
	},
	{
		name:  "concurrent-delete",
		flags: []string{"--via-rename"},
		racy:  badReadIfFailed,
		safe:  goodReads,
	},
	{
		name: "unlink-violation",
		racy: func(status int, out string) bool {
			return status == 0 && eachSample(out, func(n int) bool { return n == 1 || n == 2 })
		},
		safe: func(_ *testing.T, out string) bool {
			return eachSample(out, func(n int) bool { return n == 1 }) && !strings.Contains(out, "twice")
		},
	},
	{
		name: "lockfile-delete",
		racy: func(status int, out string) bool {
			return status == 0 && (strings.Contains(out, "at the same time") || strings.HasPrefix(out, "one at a time"))
		},
		safe: func(t *testing.T, out string) bool {
			_, err := os.Stat(appLock)
			return err == nil && len(out) == len("one at a time: A, B, C") && strings.HasPrefix(out, "one at a time")
		},
	},
	{
		name: "exclusive-open",
		racy: func(status int, out string) bool {
			return status == 0 && strings.Contains(out, "created it exclusively")
		},
		safe: func(_ *testing.T, out string) bool {
			return strings.Count(out, "created it exclusively") == 1 && strings.Count(out, "found it there") == 1
		},
	},
	{
		name: "append",
		racy: func(status int, out string) bool {
			return status == 0 && strings.HasPrefix(out, "6 records written, ") && out[19] >= '3' && out[19] <= '6'
		},
		safe: func(t *testing.T, out string) bool {
			return out == "6 records written, 6 in the file" && len(content(t, recordFile)) == 6*len("record A1\n")
		},
	},
	{
		name: "overlapping-write",
		racy: func(status int, out string) bool { return status == 0 && !strings.ContainsAny(out, ".?") },
		safe: oneLetter,
	},
	{name: "overlapping-write", flags: []string{"--with", "lockf"}, racy: safely, safe: oneLetter},
	{name: "overlapping-write", flags: []string{"--with", "fcntl"}, racy: safely, safe: oneLetter},
	{
		name:  "overlapping-write",
		flags: []string{"--gap"},
		racy:  func(_ int, out string) bool { return out == "blocks: AAAABBBB" },
		safe:  func(_ *testing.T, out string) bool { return out == "blocks: AAAABBBB" },
	},
	{
		name: "upgrade",
		racy: func(status int, out string) bool {
			return strings.HasPrefix(out, "the reader got v") && (status == 1) == strings.Contains(out, "mixed")
		},
		safe: func(t *testing.T, out string) bool {
			whole := out == "the reader got v1 v1 v1" || out == "the reader got v2 v2 v2"
			return whole && content(t, siteDir+"/data") == "v2"
		},
	},
	{
		name: "counter",
		racy: func(status int, out string) bool {
			n := strings.TrimPrefix(out, "100, plus 1, plus 10 is ")
			return status == 0 && (n == "101" || n == "110" || n == "111")
		},
		safe: func(t *testing.T, out string) bool { return content(t, counterFile) == "111\n" },
	},
	{
		name: "truncate-write",
		racy: func(status int, out string) bool { return status == 0 && strings.HasPrefix(out, "the reader got ") },
		safe: func(t *testing.T, out string) bool {
			whole := out == "the reader got the old file" || out == "the reader got the new file"
			return whole && content(t, configFile) == configNew
		},
	},
}

func badReadIfFailed(status int, out string) bool {
	return (status == 1) == strings.Contains(out, "bad read") && strings.Contains(out, "st_nlink")
}

func goodReads(_ *testing.T, out string) bool { return strings.Count(out, "had a good read") == 2 }

func oneLetter(t *testing.T, out string) bool {
	b := content(t, blockFile)
	return strings.Trim(b, b[:1]) == "" && len(b) == blockLen*blocksBy && !strings.Contains(out, "mixture")
}

// safely is the racy end of a variant that has no race.
func safely(status int, out string) bool { return status == 0 && !strings.Contains(out, "mixture") }

func eachSample(out string, good func(times int) bool) bool {
	did, _, _ := strings.Cut(out, "\ndone twice")
	for _, s := range samples {
		if _, err := os.Stat(s); err == nil || !good(strings.Count(did, s)) {
			return false
		}
	}
	return true
}

func TestRacy(t *testing.T) {
	for _, e := range ends {
		t.Run(strings.Join(append([]string{e.name}, e.flags...), " "), func(t *testing.T) {
			t.Chdir(t.TempDir())
			for range 3 {
				if status, out := runHere(t, e.name, e.flags...); !e.racy(status, out) {
					t.Fatalf("ended with status %d: %s", status, out)
				}
			}
		})
	}
}

func TestSafe(t *testing.T) {
	for _, e := range ends {
		t.Run(strings.Join(append([]string{e.name}, e.flags...), " "), func(t *testing.T) {
			t.Chdir(t.TempDir())
			runHere(t, e.name, e.flags...) // whose files must not be in the way
			for range 8 {
				status, out := runHere(t, e.name, append([]string{"--safe"}, e.flags...)...)
				if status != 0 || !e.safe(t, out) {
					t.Fatalf("ended with status %d: %s", status, out)
				}
			}
		})
	}
}

func TestListIsComplete(t *testing.T) {
	tried := map[string]bool{}
	for _, e := range ends {
		tried[e.name] = true
	}
	for _, d := range List {
		if d.Title == "" || d.Rule == "" || len(d.Actors) < 2 {
			t.Errorf("%s lacks a title, a rule or actors", d.Name)
		}
		if !tried[d.Name] {
			t.Errorf("%s is not tried", d.Name)
		}
	}
}

func TestWrongUsage(t *testing.T) {
	for _, args := range [][]string{
		{"no-such-demo"},
		{"counter", "--gap"},
		{"counter", "more"},
		{"counter", "--actor", "Z"},
		{"overlapping-write", "--with", "prayer"},
	} {
		var stdout, stderr bytes.Buffer
		if status := Main(args[0], args[1:], &stdout, &stderr); status != 2 || stderr.Len() == 0 || stdout.Len() > 0 {
			t.Errorf("%q ended with status %d, said %q", args, status, &stderr)
		}
	}
	var stdout, stderr bytes.Buffer
	if status := Main("overlapping-write", []string{"-h"}, &stdout, &stderr); status != 0 || !strings.Contains(stdout.String(), "--with flock|") {
		t.Errorf("-h ended with status %d, said %q", status, &stdout)
	}
}

// An actor that cannot do its work is told of, with the call that failed.
func TestBrokenActor(t *testing.T) {
	t.Chdir(t.TempDir())
	d := counter
	d.setup = func(Options) error { return nil }
	_, err := d.run(Options{}, nil)
	if err == nil || !strings.Contains(err.Error(), "actor A: open counter: no such file") {
		t.Errorf("error is %v", err)
	}
}

func TestWhoWasIn(t *testing.T) {
	for log, want := range map[string]string{
		"A in\nA out\nC in\nC out\nB in\nB out\n": "one at a time: A, C, B",
		"A in\nA out\nB in\nC in\nB out\nC out\n": "B and C held the lock at the same time",
	} {
		if got := whoWasIn(log); got != want {
			t.Errorf("log %q is read as %q", log, got)
		}
	}
}

func TestBlockLetters(t *testing.T) {
	b := strings.Repeat("A", blockLen) + strings.Repeat("B", blockLen/2) + strings.Repeat("A", blockLen/2)
	if got := blockLetters([]byte(b)); got != "A?" {
		t.Errorf("letters are %q", got)
	}
}
