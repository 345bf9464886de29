package hunt

import (
	"fmt"
	"slices"

	"filerace/internal/op"
	"filerace/internal/race"
	"filerace/internal/world"
)

// possible names the races that this run did not show but left room for: windows
// of one process, with an operation of another that nothing kept out of them,
// neither its place in the program nor a lock. Only shapes that a directed run can
// aim at are named.
func (w *windows) possible(shared []string) []race.Finding {
	var found []race.Finding
	ops := w.on(shared)
	for _, path := range ops.paths {
		on := ops.byPath[path]
		for j, a2 := range on {
			for i := j - 1; i >= 0; i-- {
				a1 := on[i]
				if !a1.at.HardBefore(a2.at) {
					continue
				}
				for _, b := range on {
					rule := shape(a1.op, b.op, a2.op)
					if rule == "" || !world.Unordered(b.at, a1.at) || !world.Unordered(b.at, a2.at) {
						continue
					}
					f := possibleFinding(rule, a1, b, a2)
					if !slices.ContainsFunc(found, func(g race.Finding) bool { return g.Key() == f.Key() }) {
						found = append(found, f)
					}
				}
			}
		}
	}
	return found
}

// shape names the rule that would fire if b came between a1 and a2, "" if none.
func shape(a1, b, a2 *op.Op) string {
	writes := changesBytes(a2) && !appends(a2)
	switch {
	case absent(a1) && creates(a2) && creates(b):
		return "check-then-create"
	case a1.Kind == op.Read && a2.Kind == op.Truncate && b.Kind == op.Write:
		return "truncated-away"
	case a1.Kind == op.Read && (writes || replaces(a2)) && (changesBytes(b) || replaces(b)):
		return "lost-update"
	case a1.Kind == op.Seek && a1.Whence == 2 && a2.Kind == op.Write && !appends(a2) && b.Kind == op.Write:
		return "lost-append"
	case empties(a1) && a2.Kind == op.Write && b.Kind == op.Read:
		return "partial-read"
	case a1.Kind == op.Open && locks(a2) && removes(b):
		return "unlinked-lock"
	}
	return ""
}

func absent(o *op.Op) bool {
	const enoent = 2
	return o.Errno() == enoent && (o.Kind == op.Stat || o.Kind == op.AccessOp || o.Kind == op.Open)
}

// creates: without O_EXCL, or by a rename that replaces.
func creates(o *op.Op) bool {
	return !o.Failed() && (o.Kind == op.Open && o.Flags&(op.O_CREAT|op.O_EXCL) == op.O_CREAT || replaces(o))
}

func replaces(o *op.Op) bool { return o.Kind == op.Rename && !o.Failed() && o.Flags == 0 }

func empties(o *op.Op) bool {
	return !o.Failed() && (o.Kind == op.Open && o.Flags&op.O_TRUNC != 0 || o.Kind == op.Truncate && o.Len == 0)
}

func changesBytes(o *op.Op) bool {
	return !o.Failed() && (o.Kind == op.Write || empties(o) || o.Kind == op.Truncate)
}

func appends(o *op.Op) bool { return o.Kind == op.Write && o.OFlags&op.O_APPEND != 0 }

func possibleFinding(rule string, a1, b, a2 *windowOp) race.Finding {
	o := a2.op
	f := race.Finding{
		Rule: rule, Evidence: race.Possible, Path: objectOf(a1.op, o), ID: o.File.ID,
		Actors: addActor(addActor(nil, a1.Actor), b.Actor), Marks: []int{a1.op.Seq, b.op.Seq, o.Seq},
	}
	slices.Sort(f.Marks)
	info := race.Lookup(rule)
	f.Headline = fmt.Sprintf("%s can come between two steps of %s on %s: %s", b.Actor, a1.Actor, f.Path, info.Title)
	f.Why = fmt.Sprintf("Nothing keeps step %d of %s from coming between step %d and step %d of %s. In this run it did not.",
		b.op.Seq, b.Actor, a1.op.Seq, o.Seq, a2.Actor)
	f.Repair = info.Safe
	return f
}

// objectOf is the path that two operations have in common.
func objectOf(a, b *op.Op) string {
	pa, pb := pathsOf(a), pathsOf(b)
	for _, p := range pb {
		if slices.Contains(pa, p) {
			return p
		}
	}
	if len(pb) > 0 {
		return pb[0]
	}
	return ""
}

func pathsOf(o *op.Op) []string {
	var all []string
	for i := range o.Names {
		all = append(all, o.Names[i].Path)
	}
	if len(all) == 0 && o.File.Path != "" {
		all = append(all, o.File.Path)
	}
	return all
}
