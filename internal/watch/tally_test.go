package watch

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"filerace/internal/op"
	"filerace/internal/race"
	"filerace/internal/report"
	"filerace/internal/world"
	"filerace/internal/world/worldtest"
)

func lostUpdate(e race.Evidence, path string) *race.Finding {
	return &race.Finding{Rule: "lost-update", Evidence: e, Path: path}
}

func TestTallyTellsEachRaceOnce(t *testing.T) {
	const second = int64(time.Second)
	a := newTally(10 * time.Second)
	if !a.add(lostUpdate(race.Possible, "/n"), 0) || a.add(lostUpdate(race.Possible, "/n"), 1) {
		t.Error("a race is told at the first time, and not at the second")
	}
	if !a.add(lostUpdate(race.Observed, "/n"), 2) || a.add(lostUpdate(race.Possible, "/n"), 3) {
		t.Error("a race that becomes certain is told again, and does not become uncertain")
	}
	if a.observed != 1 || a.possible != 0 {
		t.Errorf("%d observed, %d possible", a.observed, a.possible)
	}
	a.add(lostUpdate(race.Observed, "/m"), 4)
	if early := a.due(10*second, false); len(early) != 0 {
		t.Errorf("counted anew after less than ten seconds: %v", early)
	}
	late := a.due(10*second+2, false)
	if len(late) != 1 || string(late[0].line()) != "filerace: ×4  lost-update · observed  /n\n" {
		t.Fatalf("due: %+v", late)
	}
	if again := a.due(30*second, true); len(again) != 0 {
		t.Errorf("a count that did not change is told again: %v", again)
	}
	a.add(lostUpdate(race.Observed, "/n\x1b"), 5)
	a.add(lostUpdate(race.Observed, "/n\x1b"), 6)
	if last := a.due(6, true); len(last) != 1 || string(last[0].line()) != `filerace: ×2  lost-update · observed  /n\x1b`+"\n" {
		t.Errorf("at the end: %+v", last)
	}
}

func TestTallyIsBounded(t *testing.T) {
	a := newTally(time.Second)
	a.most = 100
	for i := range 1000 {
		a.add(lostUpdate(race.Observed, fmt.Sprint("/", i)), int64(i))
		a.add(lostUpdate(race.Observed, "/often"), int64(i))
	}
	if len(a.known) > 100 || a.forgot < 900 {
		t.Errorf("%d races known, %d forgotten", len(a.known), a.forgot)
	}
	if r := a.known["lost-update /often"]; r == nil || r.count != 1000 {
		t.Errorf("a race that is seen all the time was forgotten: %+v", r)
	}
}

// found plays a lock file that is removed on release, until two hold it.
func found(t *testing.T) (race.Finding, []*op.Op) {
	t.Helper()
	d := race.New()
	var ops []*op.Op
	var last *world.World
	worldtest.Run(t, `
		1    fork 1.1
		1    fork 1.2
		1    fork 1.3
		1.1  open L rdwr,creat = 9
		1.1  flock 9 EX
		1.2  open L rdwr,creat = 9
		1.2  flock 9 EX waits
		1.1  unlink L
		1.1  close 9
		1.2  flock 9 EX
		1.3  open L rdwr,creat = 9
		1.3  flock 9 EX
		1.2  write log append "in"
		1.3  write log append "in"
		1.2  close 9
		1.3  close 9
	`, func(w *world.World, e *world.Effect) {
		last = w
		ops = append(ops, e.Op)
		d.Step(w, e)
	})
	all := d.End(last, race.End{})
	if len(all) == 0 || all[0].Rule != "unlinked-lock" {
		t.Fatalf("the rules find %+v", all)
	}
	return all[0], ops
}

func TestBlockIsThatOfHunt(t *testing.T) {
	f, ops := found(t)
	b, err := block(f, ops, wall, report.Options{})
	if err != nil {
		t.Fatal(err)
	}
	text := string(b)
	if !strings.HasPrefix(text, "filerace: ") || !strings.HasSuffix(text, "\nseen    2017-08-03 20:58:05\n\n") {
		t.Errorf("the block begins or ends otherwise:\n%s", text)
	}
	for _, want := range []string{"unlinked-lock · observed", "\nwhy     ", "\nrepair  ", "\n>"} {
		if strings.Count(text, want) != 1 {
			t.Errorf("%q is there %d times in\n%s", want, strings.Count(text, want), text)
		}
	}
	if strings.Contains(text, "race found") || strings.Contains(text, " run,") {
		t.Errorf("the block sums up:\n%s", text)
	}
}

func TestFindingJSON(t *testing.T) {
	f, ops := found(t)
	line, err := findingJSON(f, ops, wall)
	if err != nil || strings.Count(string(line), "\n") != 1 {
		t.Fatalf("%s, %v", line, err)
	}
	var got struct {
		Type, Wall, Rule, Evidence string
		Steps                      []struct{ Op string }
	}
	if err := json.Unmarshal(line, &got); err != nil {
		t.Fatal(err)
	}
	if got.Type != "finding" || got.Wall != "2017-08-03T20:58:05Z" || got.Rule != "unlinked-lock" || got.Evidence != "observed" || len(got.Steps) < 5 {
		t.Errorf("got %+v", got)
	}
}
