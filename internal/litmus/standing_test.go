package litmus

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// standsOn is how a comment of safefile names the tests on which a promise stands.
var standsOn = regexp.MustCompile(`\blitmus: ([a-z, -]+)`)

// The tests on which safefile says that it stands are there, and the ones of this package that it leans on
// most are named.
func TestSafefileStandsOnTests(t *testing.T) {
	files, err := filepath.Glob("../../safefile/*.go")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	named := map[string]bool{}
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		text := regexp.MustCompile(`\n\s*//\s*`).ReplaceAllString(string(b), " ")
		for _, m := range standsOn.FindAllStringSubmatch(text, -1) {
			for name := range strings.SplitSeq(m[1], ", ") {
				if named[name] = true; !slices.ContainsFunc(Tests, func(t *Test) bool { return t.Name == name }) {
					t.Errorf("%s names a test %q, which there is not", f, name)
				}
			}
		}
	}
	for _, name := range []string{"append", "create", "replace", "open-unlink", "lock-removal", "flock", "fcntl", "ofd", "reuse", "tree", "lease"} {
		if !named[name] {
			t.Errorf("nothing in safefile stands on %q", name)
		}
	}
}
