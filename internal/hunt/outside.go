package hunt

import (
	"slices"
	"strings"

	"filerace/internal/op"
	"filerace/internal/world"
)

// outside notes what a run changes beyond its own scratch directories: runs that
// do cannot go side by side, and what they leave changes the next run.
type outside struct {
	names   *naming
	scratch string
	wrote   map[string]bool
	left    map[string]bool
}

// scratchMark is how the names of files below the run's own directories begin.
const scratchMark = "{run}"

func newOutside(n *naming, scratch string) *outside {
	return &outside{names: n, scratch: scratch, wrote: map[string]bool{}, left: map[string]bool{}}
}

func (s *outside) see(o *op.Op, e *world.Effect) {
	if o.Failed() || o.Waits {
		return
	}
	if e.Lo < e.Hi && (o.Kind == op.Write || o.Kind == op.Copy) || e.Shrunk > 0 {
		if e.File != nil && e.File.Type == op.Regular {
			s.note(e.File.Path, s.wrote)
		}
	}
	if e.Created {
		en := e.Entry
		if e.Entry2 != nil {
			en = e.Entry2
		}
		s.note(en.Path, s.wrote)
		s.note(en.Path, s.left)
	}
	if len(e.Removed) > 0 || o.Kind == op.Rename {
		for i := range o.Names {
			s.note(o.Names[i].Path, s.wrote)
			if o.Names[i].After.IsZero() {
				delete(s.left, s.names.name(o.Names[i].Path))
			}
		}
	}
	if o.Kind == op.Rename && len(o.Names) == 2 {
		s.note(o.Names[1].Path, s.left)
	}
}

func (s *outside) note(path string, in map[string]bool) {
	name := s.names.name(path)
	if s.scratch != "" && strings.HasPrefix(path, s.scratch+"/") {
		return
	}
	if !strings.HasPrefix(name, "/dev/") && !strings.HasPrefix(name, "/proc/") {
		in[name] = true
	}
}

func sorted(m map[string]bool) []string {
	var all []string
	for s := range m {
		all = append(all, s)
	}
	slices.Sort(all)
	return all
}
