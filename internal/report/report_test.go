package report

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"testing"

	"filerace/internal/op"
	"filerace/internal/race"
	"filerace/internal/world/worldtest"
)

var update = flag.Bool("update", false, "write the files in testdata anew")

// golden compares what was written with a file of testdata.
func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, got, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s differs:\n%s", path, got)
	}
}

func text(t *testing.T, r *Report, o Options) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := Text(&b, r, o); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// removedLock is the lock file that is removed on release, as in three backup jobs.
func removedLock(t *testing.T) Found {
	t.Helper()
	ops := worldtest.Ops(t, `
		have count "0\n"
		1    fork 1.1
		1    fork 1.2
		1    fork 1.3
		1.1  open app.lock rdwr,creat = 9
		1.1  flock 9 EX
		1.2  open app.lock rdwr,creat = 9
		1.2  flock 9 EX waits
		1.1  read count
		1.1  unlink app.lock
		1.1  close 9
		1.2  flock 9 EX
		1.3  open app.lock rdwr,creat = 9
		1.3  flock 9 EX
		1.3  exit 0
	`)
	return Found{
		Finding: race.Finding{
			Rule: "unlinked-lock", Evidence: race.Proven, Path: "/w/app.lock", ID: ops[3].File.ID,
			Headline: "two processes held the lock on /w/app.lock at the same time",
			Actors:   []op.Actor{"1.1", "1.2", "1.3"}, Marks: []int{4, 5, 6, 7, 11, 13, 14, 15},
			Why: "A lock belongs to the file, not to its name. Step 11 took the name away while 1.2 was waiting, so 1.3 " +
				"made a new file of the same name and locked that one.",
			Repair: "Keep the lock file: never remove it. If it must go, compare fstat(fd) with stat(path) after locking and " +
				"start over when they differ (safefile.Lock does).",
		},
		Ops: ops, Replay: "app-lock.race", Replays: 3, Bites: 3, RunsToFind: 7, SecondsToFind: 0.4, Preemptions: 2,
	}
}

// lostUpdate is a counter that two processes raise at once.
func lostUpdate(t *testing.T) Found {
	t.Helper()
	ops := worldtest.Ops(t, `
		have count "41\n"
		1    fork 1.1
		1    fork 1.2
		1.1  read count
		1.2  read count
		1.2  open count rdwr,trunc = 3
		1.2  write 3 "42\n"
		1.2  close 3
		1.1  open count rdwr,trunc = 3
		1.1  write 3 "42\n"
	`)
	return Found{
		Finding: race.Finding{
			Rule: "lost-update", Evidence: race.Observed, Path: "/w/count", ID: ops[2].File.ID,
			Headline: "1.1 overwrote what 1.2 had written to /w/count",
			Actors:   []op.Actor{"1.1", "1.2"}, Marks: []int{4, 10, 13},
			Why:    "1.1 read in step 4, and wrote in step 13 what followed from it. Step 10 is lost.",
			Repair: "Take a lock before reading and keep it until after writing.",
		},
		Ops: ops,
	}
}

func hunted(found ...Found) *Report {
	return &Report{
		Command: []string{"sh", "backup.sh"}, Runs: 7, Seconds: 0.41, Explored: 6,
		Outcomes: map[string]int{"exit 0": 6, "exit 1": 1}, Findings: found,
	}
}

func TestTextOfARemovedLockFile(t *testing.T) {
	golden(t, "removed-lock.txt", text(t, hunted(removedLock(t)), Options{Dir: "/w"}))
}

func TestTextOfALostUpdate(t *testing.T) {
	golden(t, "lost-update.txt", text(t, hunted(lostUpdate(t)), Options{Dir: "/w"}))
}

func TestColour(t *testing.T) {
	golden(t, "colour.txt", text(t, hunted(lostUpdate(t)), Options{Dir: "/w", Color: true}))
}

func TestNarrow(t *testing.T) {
	golden(t, "narrow.txt", text(t, hunted(removedLock(t)), Options{Width: 72}))
}

func TestJSONForm(t *testing.T) {
	r := hunted(removedLock(t), lostUpdate(t))
	r.Missed = []string{"A mapping of /w/db was not modelled."}
	var b bytes.Buffer
	if err := JSON(&b, r); err != nil {
		t.Fatal(err)
	}
	golden(t, "report.json", b.Bytes())
}

func TestJSONOfNothing(t *testing.T) {
	var b bytes.Buffer
	if err := JSON(&b, &Report{}); err != nil {
		t.Fatal(err)
	}
	golden(t, "nothing.json", b.Bytes())
}
