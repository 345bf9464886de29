package race

import (
	"cmp"
	"slices"

	"filerace/internal/op"
	"filerace/internal/world"
)

// deed is an operation as rules remember it: who did it, and when.
type deed struct {
	at world.Stamp
	by *op.Op
}

func deedOf(e *world.Effect) deed { return deed{e.At, e.Op} }

// process is whose deed it was.
func (d deed) process() op.Actor { return d.by.Actor.Process() }

// number is that of the process in the world: cheaper to compare than the name.
func (d deed) number() int32 { return d.at.Process }

func (d deed) none() bool { return d.by == nil }

// tied reports whether d belongs to the same story as the present operation, in
// every schedule: the same process, or causally before it (a child that was
// waited for, the writer of a pipe that was read).
func (d deed) tied(e *world.Effect) bool {
	return d.at.Process == e.At.Process || d.at.HardBefore(e.At)
}

// rival reports whether d is another process's and nothing orders it with the
// present operation.
func (d deed) rival(e *world.Effect) bool {
	return d.at.Process != e.At.Process && world.Unordered(d.at, e.At)
}

// rivals reports the same of two remembered operations.
func rivals(a, b deed) bool {
	return a.at.Process != b.at.Process && world.Unordered(a.at, b.at)
}

// after reports whether d took effect after a in this run.
func (d deed) after(a deed) bool { return d.at.Seq > a.at.Seq }

// sideOf reports whether a is the process that did d or descends from it, and is
// not nearer to the other side, which may be a descendant, too.
func sideOf(a op.Actor, d, other deed) bool {
	mine, theirs := d.by.Actor.Process(), other.by.Actor.Process()
	return a.Within(mine) && !(len(theirs) > len(mine) && a.Within(theirs))
}

// hasWriter reports whether some of the bytes were written by the side of d.
func hasWriter(segs []world.Seg, d, other deed) bool {
	return slices.ContainsFunc(segs, func(s world.Seg) bool {
		return s.By != nil && sideOf(s.By.Actor, d, other)
	})
}

// story begins a finding: actors and marks from the operations that tell it.
func story(rule, path string, f *world.File, deeds ...deed) Finding {
	r := Finding{Rule: rule, Evidence: Observed, Path: path}
	if f != nil {
		r.ID = f.ID
	}
	deeds = slices.DeleteFunc(slices.Clone(deeds), deed.none)
	slices.SortFunc(deeds, func(a, b deed) int { return cmp.Compare(a.at.Seq, b.at.Seq) })
	for _, d := range deeds {
		if !slices.Contains(r.Marks, d.at.Seq) {
			r.Marks, r.steps = append(r.Marks, d.at.Seq), append(r.steps, d.by)
		}
		if p := d.by.Actor.Process(); !slices.Contains(r.Actors, p) {
			r.Actors = append(r.Actors, p)
		}
	}
	return r
}

// eitherWay says that the harm is the same whichever of the two came first.
func (f *Finding) eitherWay(a, b deed) { f.either = [2]int{a.at.Seq, b.at.Seq} }

// alsoNamed adds further names of the story.
func (f *Finding) alsoNamed(paths ...string) {
	for _, p := range paths {
		if p != "" && p != f.Path && !slices.Contains(f.Paths, p) {
			f.Paths = append(f.Paths, p)
		}
	}
}

// pathOf is the name by which people know the file that was used.
func pathOf(e *world.Effect) string {
	switch {
	case e.Entry != nil:
		return e.Entry.Path
	case e.OFD != nil && e.OFD.Entry != nil:
		return e.OFD.Entry.Path
	case e.File != nil:
		return e.File.Path
	}
	return e.Op.Path
}

// actor names the process of an operation in a headline.
func actor(d deed) string { return string(d.by.Actor.Process()) }

// isRegular is for rules that judge contents.
func isRegular(f *world.File) bool { return f != nil && f.Type == op.Regular }
