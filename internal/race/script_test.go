package race

import (
	"slices"
	"strings"
	"testing"

	"filerace/internal/world"
	"filerace/internal/world/worldtest"
)

// withRules returns a detector of these rules, each of which sees everything.
func withRules(rules ...Rule) *Detector {
	d := newDetector(new(wants))
	for _, r := range rules {
		d.add(r)
	}
	d.wants.kind.add(except(), 1<<len(rules)-1)
	return d
}

// play shows a script to one rule and returns what the detector makes of it. That must be
// the same if the rule sees everything: it asked for all that it needs.
func play(t *testing.T, rule Info, end End, script string) []Finding {
	t.Helper()
	d := newDetector(wantsOf([]Info{rule}))
	d.add(rule.New())
	found := playTo(t, d, end, script)
	if all := playTo(t, withRules(rule.New()), end, script); !alike(found, all) {
		t.Errorf("%s: %v if it sees what it wants to, %v if it sees everything", rule.Name, found, all)
	}
	if sieved := playSieved(t, withRules(rule.New()), end, script); !alike(found, sieved) {
		t.Errorf("%s: %v, and %v of what the sieve keeps", rule.Name, found, sieved)
	}
	return found
}

func alike(a, b []Finding) bool {
	return slices.EqualFunc(a, b, func(a, b Finding) bool {
		return a.Key() == b.Key() && a.Evidence == b.Evidence && slices.Equal(a.Marks, b.Marks) && slices.Equal(a.Actors, b.Actors)
	})
}

// playSieved shows a detector only what the sieve keeps.
func playSieved(t *testing.T, d *Detector, end End, script string) []Finding {
	t.Helper()
	return judgedSome(d, sieved(worldtest.Ops(t, script)), end)
}

func playTo(t *testing.T, d *Detector, end End, script string) []Finding {
	t.Helper()
	var last *world.World
	worldtest.Run(t, script, func(w *world.World, e *world.Effect) {
		last = w
		d.Step(w, e)
	})
	return d.End(last, end)
}

// playRule shows a script to a rule without a detector, and does not end the run.
func playRule(t *testing.T, rule Rule, script string, report func(Finding)) {
	t.Helper()
	worldtest.Run(t, script, func(w *world.World, e *world.Effect) { rule.Step(w, e, report) })
}

// starred returns the numbers of the operations in lines that end with "#*"; of
// the three operations of `write NAME` and `read NAME`, the middle one.
func starred(script string) []int {
	var marks []int
	seq := 0
	for _, line := range strings.Split(script, "\n") {
		w := strings.Fields(line)
		if len(w) < 2 || w[0] == "have" || w[0] == "mkdir" || w[0][0] == '#' {
			continue
		}
		at := seq + 1
		seq++
		if (w[1] == "write" || w[1] == "read") && (w[2][0] < '0' || w[2][0] > '9') {
			at, seq = seq+1, seq+2 // open, write, close
		}
		if strings.HasSuffix(strings.TrimSpace(line), "#*") {
			marks = append(marks, at)
		}
	}
	return marks
}

// fires checks that the rule reports exactly one race, on path, whose story is
// the starred operations.
func fires(t *testing.T, rule Info, end End, path, script string) Finding {
	t.Helper()
	found := play(t, rule, end, script)
	if len(found) != 1 {
		t.Fatalf("%d findings, want 1: %+v", len(found), found)
	}
	f := found[0]
	if f.Rule != rule.Name || f.Path != path {
		t.Errorf("finding %s on %s, want %s on %s", f.Rule, f.Path, rule.Name, path)
	}
	if want := starred(script); !slices.Equal(f.Marks, want) {
		t.Errorf("marks %v, want %v", f.Marks, want)
	}
	if f.Headline == "" || f.Why == "" || f.Repair == "" || len(f.Actors) < 2 {
		t.Errorf("incomplete: %+v", f)
	}
	return f
}

func silent(t *testing.T, rule Info, end End, script string) {
	t.Helper()
	for _, f := range play(t, rule, end, script) {
		t.Errorf("false alarm: %s %v: %s", f.Rule, f.Marks, f.Headline)
	}
}

// scripts runs one check over named scripts.
func scripts(t *testing.T, cases map[string]string, check func(t *testing.T, script string)) {
	t.Helper()
	for name, script := range cases {
		t.Run(name, func(t *testing.T) { check(t, script) })
	}
}

func mute(rule Info, end End) func(*testing.T, string) {
	return func(t *testing.T, script string) {
		t.Helper()
		silent(t, rule, end, script)
	}
}
