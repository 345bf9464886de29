package hunt

import (
	"path/filepath"
	"strings"

	"filerace/internal/race"
)

// relocate tells a run as if it had taken place where the user stands: the copy of
// --fresh stands for the current directory, and the run's own temporary directory
// is called $TMPDIR. Both are gone when the report is read.
func relocate(p *Plan, r *Report) {
	if r.Scratch == "" {
		return
	}
	pairs := []string{filepath.Join(r.Scratch, "tmp"), "$TMPDIR"}
	if p.Fresh != "" {
		pairs = append(pairs, filepath.Join(r.Scratch, "fresh"), p.Dir)
	}
	move := strings.NewReplacer(pairs...)
	for i := range r.Findings {
		relocateFinding(move, &r.Findings[i])
	}
	for _, o := range r.Ops {
		o.Path, o.Path2, o.File.Path = move.Replace(o.Path), move.Replace(o.Path2), move.Replace(o.File.Path)
		for i := range o.Names {
			o.Names[i].Path = move.Replace(o.Names[i].Path)
		}
		for i := range o.FDs() {
			f := &o.FDs()[i].File
			f.Path = move.Replace(f.Path)
		}
	}
	r.Scratch = ""
}

func relocateFinding(move *strings.Replacer, f *race.Finding) {
	f.Path, f.Headline = move.Replace(f.Path), move.Replace(f.Headline)
	f.Why, f.Repair = move.Replace(f.Why), move.Replace(f.Repair)
	for i := range f.Paths {
		f.Paths[i] = move.Replace(f.Paths[i])
	}
}

// relative takes the directory off the paths in a sentence.
func relative(dir, text string) string {
	if dir == "/" {
		return text
	}
	return strings.ReplaceAll(text, dir+"/", "")
}
