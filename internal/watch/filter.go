package watch

import (
	"slices"
	"strings"

	"filerace/internal/op"
	"filerace/internal/race"
	"filerace/internal/trace"
)

// Filter says which calls or findings are shown. Its parts must all agree; an empty
// part always does.
type Filter struct {
	PIDs  []int    // the process is one of these
	Names []string // the program's name is one of these, or begins with it where the kernel cut it
	UIDs  []uint32 // the real user is one of these
	Path  *Glob    // a path of it matches
	Calls []string // the system call is one of these
}

// Empty reports whether everything is shown.
func (f *Filter) Empty() bool {
	return len(f.PIDs) == 0 && len(f.Names) == 0 && len(f.UIDs) == 0 && f.Path == nil && len(f.Calls) == 0
}

// commLen is how much of a program's name the kernel keeps (TASK_COMM_LEN, without the NUL).
const commLen = 15

func (f *Filter) named(prog string) bool {
	return slices.ContainsFunc(f.Names, func(n string) bool { return n == prog || len(prog) == commLen && strings.HasPrefix(n, prog) })
}

// call reports whether a call is to be shown.
func (f *Filter) call(r *trace.Record) bool {
	o := r.Op
	switch {
	case len(f.PIDs) > 0 && !slices.Contains(f.PIDs, o.PID):
	case len(f.Names) > 0 && !f.named(o.Prog):
	case len(f.UIDs) > 0 && !slices.Contains(f.UIDs, r.UID):
	case len(f.Calls) > 0 && !slices.Contains(f.Calls, callName(o)):
	case f.Path != nil && !f.about(o):
	default:
		return true
	}
	return false
}

// about reports whether the call is about a path that matches.
func (f *Filter) about(o *op.Op) bool {
	return f.Path.Match(pathOf(o, 0)) || f.Path.Match(pathOf(o, 1)) || f.Path.Match(o.File.Path) || f.Path.Match(o.File2().Path)
}

// finding reports whether a finding is to be shown: one of the processes that took
// part agrees, and one of its paths. Who took part is told by the operations.
func (f *Filter) finding(found *race.Finding, ops []*op.Op, uid func(pid int) (uint32, bool)) bool {
	if f.Path != nil && !f.Path.Match(found.Path) && !slices.ContainsFunc(found.Paths, f.Path.Match) {
		return false
	}
	if len(f.PIDs) == 0 && len(f.Names) == 0 && len(f.UIDs) == 0 {
		return true
	}
	return slices.ContainsFunc(ops, func(o *op.Op) bool {
		if !slices.Contains(found.Marks, o.Seq) {
			return false
		}
		id, known := uid(o.PID)
		return (len(f.PIDs) == 0 || slices.Contains(f.PIDs, o.PID)) && (len(f.Names) == 0 || f.named(o.Prog)) &&
			(len(f.UIDs) == 0 || known && slices.Contains(f.UIDs, id))
	})
}
