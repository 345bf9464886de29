package race

import (
	"filerace/internal/op"
	"filerace/internal/world"
)

// asked remembers on which files a lock was asked for. A lock from before the trace can
// have kept two processes apart only if one of them asked for it in the trace: of two that
// held theirs from before, neither waited for the other. So a log that the command writes to,
// opened by whoever started it, is no doubt.
type asked struct {
	files map[op.FileID]bool
	any   bool // a file is not known, or there are too many
}

// askedMax bounds the files that are remembered.
const askedMax = 1 << 12

func (a *asked) note(e *world.Effect) {
	if e.Op.Kind != op.LockOp || a.any {
		return
	}
	if e.File == nil || e.File.ID.IsZero() || len(a.files) == askedMax {
		a.files, a.any = nil, true
		return
	}
	if a.files == nil {
		a.files = map[op.FileID]bool{}
	}
	a.files[e.File.ID] = true
}

// locked reports whether a lock may have been asked for on the file.
func (a *asked) locked(f *world.File) bool {
	return a.any || f.ID.IsZero() || a.files[f.ID]
}

// inherited reports whether a process has a descriptor from before the trace through
// which it may hold a lock that another one then waited for. Locks of descriptions pass on with
// descriptors, those of processes not at all (fork(2)).
func (s *Stream) inherited(p *world.Process) bool {
	for _, d := range p.FDs.All() {
		if d.Opened.IsZero() && d.File.Type == op.Regular && s.asked.locked(d.File) {
			return true
		}
	}
	return false
}
