package report

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"filerace/internal/op"
	"filerace/internal/race"
	"filerace/internal/world"
	"filerace/internal/world/worldtest"
)

func TestNothingFoundIsNoProof(t *testing.T) {
	r := &Report{Runs: 500, Seconds: 12.34, Explored: 61, Notes: []string{
		"About 4 in 5 orders were seen.", "A race of depth 2 was missed with a chance of at most 1 in 40."}}
	golden(t, "clean.txt", text(t, r, Options{}))
	if got := string(text(t, r, Options{})); strings.Contains(got, "no race in any order") {
		t.Errorf("absence is claimed though not every order was explored:\n%s", got)
	}
}

// Absence is claimed only when all orders were explored and nothing was missed.
func TestAbsence(t *testing.T) {
	const claim = "no race in any order"
	r := &Report{Runs: 20, Explored: 20, Complete: true}
	if got := string(text(t, r, Options{})); !strings.Contains(got, claim) {
		t.Errorf("not claimed after all orders:\n%s", got)
	}
	r.Missed = []string{"A shared mapping was used."}
	if got := string(text(t, r, Options{})); strings.Contains(got, claim) || !strings.Contains(got, "missed  A shared mapping") {
		t.Errorf("claimed though something was missed:\n%s", got)
	}
	r.Missed, r.Findings = nil, []Found{{Finding: race.Finding{Rule: "append", Evidence: race.Possible, Headline: "x"}}}
	if got := string(text(t, r, Options{})); strings.Contains(got, claim) {
		t.Errorf("claimed though a race is possible:\n%s", got)
	}
}

func TestPossibleRacesComeLastAndFew(t *testing.T) {
	var all []Found
	for i := range 5 {
		all = append(all, Found{Finding: race.Finding{Rule: "lost-append", Evidence: race.Possible, Headline: fmt.Sprint("possible ", i)}})
	}
	all = append(all, Found{Finding: race.Finding{Rule: "lost-update", Evidence: race.Observed, Headline: "it happened"}})
	got := string(text(t, hunted(all...), Options{}))
	if strings.Index(got, "it happened") > strings.Index(got, "possible 0") {
		t.Error("what happened does not come first")
	}
	if strings.Contains(got, "possible 3") || !strings.Contains(got, "and 2 more possible races; --all shows them") {
		t.Errorf("not cut to %d:\n%s", maxPossible, got)
	}
	if got := string(text(t, hunted(all...), Options{All: true})); !strings.Contains(got, "possible 4") {
		t.Errorf("--all does not show all:\n%s", got)
	}
}

// longLoop is a story whose two marks are far apart.
func longLoop(t *testing.T) Found {
	t.Helper()
	script := "have f \"0\"\n1 fork 1.1\n1 fork 1.2\n1.1 open f rdonly = 3\n"
	for range 40 {
		script += "1.2 stat f\n"
	}
	script += "1.1 fstat 3\n1.2 unlink f\n"
	return Found{
		Finding: race.Finding{
			Rule: "open-unlinked", Evidence: race.Observed, Headline: "f went away", Path: "/w/f",
			Actors: []op.Actor{"1.1", "1.2"}, Marks: []int{3, 45}, Why: "Steps 3 and 45 do it, as step 20 knows; step 2 has no part.",
		},
		Ops: worldtest.Ops(t, script),
	}
}

func TestLongStoriesAreShortened(t *testing.T) {
	f := longLoop(t)
	got := string(text(t, hunted(f), Options{Dir: "/w"}))
	golden(t, "long.txt", []byte(got))
	rows := shortened(story(&f), maxRows)
	shown, left := 0, 0
	for _, r := range rows {
		if r.op != nil {
			shown++
		}
		left += r.left
	}
	if shown != maxRows || left != 44-maxRows {
		t.Errorf("%d rows are shown, %d are left out of 44", shown, left)
	}
	if got := string(text(t, hunted(f), Options{All: true})); strings.Contains(got, "more operation") || !strings.Contains(got, "\n>44 ") {
		t.Errorf("--all leaves rows out:\n%s", got)
	}
}

// Exits count when they free a lock of the story; a lock that flock(1) took is
// its parent's once flock(1) is gone.
func TestLocksOfDescriptionsAndExits(t *testing.T) {
	ops := worldtest.Ops(t, `
		1      fork 1.1
		1.1    open L rdwr,creat = 9
		1.1    fork 1.1.1
		1.1.1  flock 9 EX
		1.1.1  exit 0
		1.1    stat L
		1.1    exit 0
		1      unlink L
	`)
	f := Found{Finding: race.Finding{Rule: "unlinked-lock", Evidence: race.Observed, Headline: "x", Path: "/w/L", Actors: []op.Actor{"1.1", "1.1.1", "1"}, Marks: []int{2, 8}}, Ops: ops}
	golden(t, "flock-1.txt", text(t, hunted(f), Options{Dir: "/w"}))
}

func TestManyActorsShareAColumn(t *testing.T) {
	script := "have f \"0\"\n"
	var actors []op.Actor
	for i := range 7 {
		a := op.Actor("1").Child(i + 1)
		actors = append(actors, a)
		script += fmt.Sprintf("1 fork %s\n", a)
	}
	for _, a := range actors {
		script += fmt.Sprintf("%s open f wronly = 3\n%s flock 3 SH\n%s pwrite 3 0 \"%s\"\n", a, a, a, a)
	}
	f := Found{Finding: race.Finding{Rule: "overlapping-write", Evidence: race.Observed, Headline: "x", Path: "/w/f", Actors: actors, Marks: []int{8, 11, 22, 28}}, Ops: worldtest.Ops(t, script)}
	golden(t, "many-actors.txt", text(t, hunted(f), Options{Dir: "/w"}))
}

func TestLockFamiliesAreToldApart(t *testing.T) {
	ops := worldtest.Ops(t, `
		have db "0"
		1    fork 1.1
		1.1  open db rdwr = 3
		1    open db rdwr = 3
		1.1  flock 3 EX
		1    lock 3 RD
	`)
	f := Found{Finding: race.Finding{Rule: "lock-mismatch", Evidence: race.Observed, Headline: "x", Path: "/w/db", Actors: []op.Actor{"1.1", "1"}, Marks: []int{4, 5}}, Ops: ops}
	got := string(text(t, hunted(f), Options{Dir: "/w"}))
	if !strings.Contains(got, "held by 1.1 (flock) and 1 (fcntl, shared)") {
		t.Errorf("families are not named:\n%s", got)
	}
}

func TestAgainQuotesTheFile(t *testing.T) {
	f := removedLock(t)
	f.Replay = "/w/my race's.race"
	if got := string(text(t, hunted(f), Options{Dir: "/w"})); !strings.Contains(got, `filerace replay 'my race'\''s.race'`) {
		t.Errorf("the command is not fit for a shell:\n%s", got)
	}
}

type brokenPipe struct{}

func (brokenPipe) Write([]byte) (int, error) { return 0, errors.New("broken pipe") }

func TestWriteErrors(t *testing.T) {
	if err := Text(brokenPipe{}, hunted(), Options{}); err == nil {
		t.Error("Text hides that it could not write")
	}
	if err := JSON(brokenPipe{}, hunted()); err == nil {
		t.Error("JSON hides that it could not write")
	}
}

// Of a long run only the last operations are kept, and those that a finding marks: what their descriptors lead to is told
// by them, not by an open whose close is no longer there.
func TestDescriptorsOfLongRuns(t *testing.T) {
	all := worldtest.Ops(t, `
		have a "a"
		1    fork 1.1
		1    fork 1.2
		1.1  open a rdonly = 3
		1.1  close 3
		1.1  open f wronly,creat = 3
		1.1  write 3 "mine"
		1.2  open f wronly = 3
		1.2  write 3 "yours"
	`)
	w := world.New()
	var kept []*op.Op
	for _, o := range all {
		w.Apply(o)
		if o.Seq != 4 && o.Seq != 5 {
			kept = append(kept, o)
		}
	}
	rows := story(&Found{Finding: race.Finding{Path: "/w/f", Actors: []op.Actor{"1.1", "1.2"}, Marks: []int{6, 8}}, Ops: kept})
	if len(rows) != 3 {
		t.Fatalf("%d rows", len(rows))
	}
	for i, size := range []int64{0, 4, 5} { // before the first look at the name nothing is known of it
		if r := rows[i]; r.op.File.Path != "/w/f" && len(r.op.Names) == 0 || r.other != "" || r.file.size != size {
			t.Errorf("row %d: %v of %s, other %q, a file of %d bytes, want %d", i, r.op, r.op.File.Path, r.other, r.file.size, size)
		}
	}
}
