package report

import (
	"filerace/internal/screen"
	"sort"
	"strings"
)

// names shows paths to people: relative to the directory where they work, free
// of control characters, not too long.
type names struct{ dir string }

// maxName bounds a path inside a table, in columns.
const maxName = 40

// full is the whole path, relative to the directory if it lies in it.
func (n names) full(path string) string {
	if path == n.dir && path != "" {
		return "."
	}
	if n.dir != "" && n.dir != "/" {
		path = strings.TrimPrefix(path, strings.TrimSuffix(n.dir, "/")+"/")
	}
	return screen.Visible(path)
}

// short is full, cut on the left.
func (n names) short(path string) string { return screen.CutLeft(n.full(path), maxName) }

// in shows a sentence in which the paths given appear as they are. Longer paths
// go first, as one may be the beginning of another.
func (n names) in(sentence string, paths []string) string {
	paths = append([]string(nil), paths...)
	sort.Slice(paths, func(i, j int) bool { return len(paths[i]) > len(paths[j]) })
	var pairs []string
	for _, p := range paths {
		if strings.Contains(p, "/") && p != "/" {
			pairs = append(pairs, p, n.full(p))
		}
	}
	return screen.Visible(strings.NewReplacer(pairs...).Replace(sentence))
}
