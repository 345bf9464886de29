package race

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"filerace/internal/op"
	"filerace/internal/world"
	"filerace/internal/world/worldtest"
)

func TestRulesAreComplete(t *testing.T) {
	if len(Rules) != len(precedence) {
		t.Errorf("%d rules, %d in the order of precedence", len(Rules), len(precedence))
	}
	for _, r := range Rules {
		for what, text := range map[string]string{
			"Title": r.Title, "Fires": r.Fires, "Harm": r.Harm, "Safe": r.Safe, "Wrong": r.Wrong, "Right": r.Right, "Source": r.Source,
		} {
			if text == "" {
				t.Errorf("%s: no %s", r.Name, what)
			}
		}
		if !slices.Contains(precedence, r.Name) {
			t.Errorf("%s has no rank", r.Name)
		}
		if (r.New == nil) != (r.Name == "outcome") {
			t.Errorf("%s: New is nil: %v", r.Name, r.New == nil)
		}
		if Lookup(r.Name).Title != r.Title {
			t.Errorf("Lookup(%q) finds another rule", r.Name)
		}
		file := strings.ReplaceAll(r.Name, "-", "_")
		if _, err := os.Stat(filepath.Join(file + ".go")); err != nil {
			t.Errorf("%s: %v", r.Name, err)
		}
	}
	if Lookup("no-such-rule") != nil {
		t.Error("a rule of no name is found")
	}
}

// scripted is a rule that reports what it is told to at given operations, and
// counts what it is told to forget.
type scripted struct {
	at     map[int]Finding
	last   []Finding
	forgot int
}

func (s *scripted) Step(_ *world.World, e *world.Effect, report func(Finding)) {
	if f, ok := s.at[e.At.Seq]; ok {
		report(f)
	}
}

func (s *scripted) End(_ *world.World, _ End, report func(Finding)) {
	for _, f := range s.last {
		report(f)
	}
}

func (s *scripted) Forget(*world.File) { s.forgot++ }

func detect(t *testing.T, r Rule) []Finding {
	t.Helper()
	d := withRules(r)
	var last *world.World
	worldtest.Run(t, `
		1  open f rdwr,creat = 3
		1  unlink f
		1  close 3
		1  stat g
	`, func(w *world.World, e *world.Effect) {
		last = w
		d.Step(w, e)
	})
	return d.End(last, End{})
}

func TestDetectorSaysEachRaceOnce(t *testing.T) {
	r := &scripted{
		at: map[int]Finding{
			1: {Rule: "lost-update", Path: "/w/f", Evidence: Possible, Headline: "weak"},
			2: {Rule: "lost-update", Path: "/w/f", Evidence: Observed, Headline: "strong"},
			3: {Rule: "lost-update", Path: "/w/f", Evidence: Observed, Headline: "again"},
		},
		last: []Finding{{Rule: "lost-update", Path: "/w/g", Evidence: Observed, Headline: "another file"}},
	}
	found := detect(t, r)
	if len(found) != 2 || found[0].Headline != "strong" || found[1].Headline != "another file" {
		t.Errorf("findings %+v", found)
	}
	if r.forgot != 1 {
		t.Errorf("told of %d files that are gone, want 1", r.forgot)
	}
}

func TestDetectorOrder(t *testing.T) {
	found := detect(t, &scripted{last: []Finding{
		{Rule: "overlapping-write", Path: "/w/a", Evidence: Observed, Marks: []int{4}},
		{Rule: "partial-read", Path: "/w/d", Evidence: Observed, Marks: []int{1}, Explains: true, Actors: actors("9.1", "9.2")},
		{Rule: "lost-update", Path: "/w/b", Evidence: Observed, Marks: []int{9}, Explains: true, Actors: actors("1.1.3", "1.2")},
		{Rule: "lost-append", Path: "/w/c", Evidence: Possible, Marks: []int{1}},
		{Rule: "unlinked-lock", Path: "/w/L", Evidence: Observed, Marks: []int{3, 7}, Actors: actors("1.1", "1.2")},
		{Rule: "lock-mismatch", Path: "/w/M", Evidence: Possible, Marks: []int{2}},
	}})
	var order []string
	for _, f := range found {
		order = append(order, f.Rule)
	}
	want := []string{
		"unlinked-lock", // let the loss happen that made a process fail
		"lost-update", "partial-read",
		"overlapping-write",
		"lock-mismatch", "lost-append",
	}
	if !slices.Equal(order, want) {
		t.Errorf("order %v, want %v", order, want)
	}
}

func actors(names ...op.Actor) []op.Actor { return names }

func TestRepeatedRacesAreTold(t *testing.T) {
	d := withRules()
	var told []string
	d.heard = func(f *Finding, more bool) { told = append(told, "new "+string(f.Evidence)) }
	d.repeat = func(f *Finding) { told = append(told, "again "+string(f.Evidence)) }
	for _, e := range []Evidence{Possible, Possible, Observed, Possible, Observed} {
		d.report(Finding{Rule: "lost-update", Path: "/f", Evidence: e})
	}
	want := []string{"new possible", "again possible", "new observed", "again possible", "again observed"}
	if !slices.Equal(told, want) {
		t.Errorf("told %q, want %q", told, want)
	}
}
