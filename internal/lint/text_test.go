package lint

import (
	"bytes"
	"errors"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
)

const root = "../.."

// file is one text file of the repository.
type file struct {
	name string // relative to the root, with slashes
	text []byte
}

// files returns every text file of the repository.
func files(t *testing.T) []file {
	t.Helper()
	all, err := read()
	if err != nil {
		t.Fatal(err)
	}
	return all
}

var read = sync.OnceValues(func() (all []file, err error) {
	err = filepath.WalkDir(root, func(name string, d fs.DirEntry, err error) error {
		switch {
		case errors.Is(err, fs.ErrNotExist): // somebody else's temporary file
			return nil
		case err != nil:
			return err
		case d.IsDir() && (d.Name() == ".git" || strings.HasSuffix(d.Name(), ".filerace")):
			return filepath.SkipDir
		case !d.Type().IsRegular():
			return nil
		}
		text, err := os.ReadFile(name)
		if errors.Is(err, fs.ErrNotExist) || bytes.IndexByte(text, 0) >= 0 {
			return nil
		}
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(root, name)
		all = append(all, file{filepath.ToSlash(rel), text})
		return err
	})
	return all, err
})

var moduleLine = regexp.MustCompile(`(?m)^module (\S+)$`)

// module is the module's path.
func module(t *testing.T) string {
	for _, f := range files(t) {
		if f.name != "go.mod" {
			continue
		}
		if m := moduleLine.FindSubmatch(f.text); m != nil {
			return string(m[1])
		}
	}
	t.Fatal("go.mod has no module line")
	return ""
}

// maxLines is how long a Go file may be. A longer one wants a better idea.
const maxLines = 500

var generated = regexp.MustCompile(`(?m)^// Code generated .* DO NOT EDIT\.$`)

func TestFilesAreShort(t *testing.T) {
	for _, f := range files(t) {
		if path.Ext(f.name) != ".go" || generated.Match(f.text) {
			continue
		}
		if n := bytes.Count(f.text, []byte("\n")); n > maxLines {
			t.Errorf("%s has %d lines, more than %d", f.name, n, maxLines)
		}
	}
}

// empty are names that say nothing about what is inside.
var empty = []string{"util", "utils", "common", "helper", "helpers", "manager", "misc", "base"}

func TestNamesSaySomething(t *testing.T) {
	for _, f := range files(t) {
		if path.Ext(f.name) != ".go" {
			continue
		}
		tree, err := parser.ParseFile(token.NewFileSet(), f.name, f.text, parser.PackageClauseOnly)
		if err != nil {
			t.Error(err)
			continue
		}
		words := strings.FieldsFunc(strings.TrimSuffix(f.name, ".go"), func(r rune) bool { return r == '/' || r == '_' })
		for _, w := range append(words, tree.Name.Name) {
			if slices.Contains(empty, w) {
				t.Errorf("%s: %q says nothing about what is inside", f.name, w)
			}
		}
	}
}

// Paths below somebody's home directory are true on one machine only.
func TestNoPathOfOneMachine(t *testing.T) {
	private := regexp.MustCompile(`/(home|root|Users)/[^\s"')]*`)
	for _, f := range files(t) {
		if found := private.Find(f.text); found != nil && !strings.HasPrefix(f.name, "internal/lint/") {
			t.Errorf("%s speaks of %s, which is on one machine only", f.name, found)
		}
	}
}

func TestLinesEnd(t *testing.T) {
	for _, f := range files(t) {
		switch {
		case strings.Contains(f.name, "/testdata/") || path.Ext(f.name) == ".race":
		case len(f.text) > 0 && !bytes.HasSuffix(f.text, []byte("\n")):
			t.Errorf("%s does not end with a line end", f.name)
		case bytes.Contains(f.text, []byte("\r")):
			t.Errorf("%s has carriage returns", f.name)
		}
	}
}
