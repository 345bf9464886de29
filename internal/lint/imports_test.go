// Package lint holds the rules of the house that no compiler knows, as tests.
package lint

import (
	"go/parser"
	"go/token"
	"path"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// layers is the house from the cellar up: a part imports parts of lower floors
// only. Parts of one floor do not know each other.
var layers = [][]string{
	{"internal/op", "internal/screen", "safefile"},
	{"internal/world"},
	{"internal/trace"},
	{"internal/probe", "internal/openhold"},
	{"internal/tracee"},
	{"internal/schedule"},
	{"internal/race"},
	{"internal/litmus"},
	{"internal/report"},
	{"internal/hunt", "internal/watch", "internal/demo", "internal/docs"},
	{"cmd", "racetest", "bench", "examples", "internal/lint"},
}

// part returns the part of the house to which a package or a file belongs, and its floor.
func part(name string) (string, int) {
	for floor, parts := range layers {
		for _, p := range parts {
			if name == p || strings.HasPrefix(name, p+"/") {
				return p, floor
			}
		}
	}
	return "", -1
}

// imports calls f for every import of every Go file, whatever its build tags.
func imports(t *testing.T, f func(file, imported string)) {
	for _, file := range files(t) {
		if path.Ext(file.name) != ".go" {
			continue
		}
		tree, err := parser.ParseFile(token.NewFileSet(), file.name, file.text, parser.ImportsOnly)
		if err != nil {
			t.Error(err)
			continue
		}
		for _, spec := range tree.Imports {
			imported, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				t.Fatal(err)
			}
			f(file.name, imported)
		}
	}
}

func TestImportsRunDownward(t *testing.T) {
	seen := 0
	imports(t, func(file, imported string) {
		inner, ours := strings.CutPrefix(imported, module(t)+"/")
		if !ours {
			return
		}
		seen++
		from, high := part(path.Dir(file))
		to, low := part(inner)
		switch {
		case high < 0:
			t.Errorf("%s: its package has no floor; give it one in layers", file)
		case low < 0:
			t.Errorf("%s imports %s, which has no floor; give it one in layers", file, inner)
		case from != to && low >= high:
			t.Errorf("%s imports %s: %s is not below %s", file, inner, to, from)
		}
	})
	if seen == 0 {
		t.Error("no import inside the module was seen")
	}
}

// Mechanism and policy meet in hunt: neither imports the other. A test may, to
// check what one makes of the other.
func TestMechanismAndPolicyAreStrangers(t *testing.T) {
	apart := map[string][]string{
		"internal/tracee":   {"internal/schedule", "internal/race", "internal/world"},
		"internal/schedule": {"internal/tracee", "internal/race"},
		"internal/race":     {"internal/tracee", "internal/probe", "internal/trace", "internal/schedule"},
		"internal/world":    {"internal/tracee"},
	}
	imports(t, func(file, imported string) {
		if strings.HasSuffix(file, "_test.go") {
			return
		}
		from, _ := part(path.Dir(file))
		to, _ := part(strings.TrimPrefix(imported, module(t)+"/"))
		if slices.Contains(apart[from], to) {
			t.Errorf("%s imports %s: they meet in internal/hunt", file, imported)
		}
	})
}

func TestSafefileStandsAlone(t *testing.T) {
	imports(t, func(file, imported string) {
		if !strings.HasPrefix(file, "safefile/") {
			return
		}
		first, _, _ := strings.Cut(imported, "/")
		standard := !strings.Contains(first, ".") && first != module(t)
		self := imported == module(t)+"/safefile"
		if !standard && !self && !strings.HasPrefix(imported, "golang.org/x/sys") {
			t.Errorf("%s imports %s: safefile has the standard library and golang.org/x/sys only", file, imported)
		}
	})
}
