package race

import (
	"slices"

	"filerace/internal/op"
	"filerace/internal/world"
)

// handed follows what processes hand on through pipes: a reader may end well, and leave
// it to whoever reads what it printed to fail over it (sh: v=$(cat cert key) || exit).
type handed struct {
	writer perFile[op.Actor]            // who last wrote to a pipe
	from   recent[op.Actor, []op.Actor] // whose pipes a process read, the latest
	bad    recent[op.Actor, *Finding]   // what a process has to hand on
}

const (
	handersMax = 8 // by process
	handsMax   = 4 // from the one that read the files to the one that fails
)

func newHanded() handed { return handed{writer: perFile[op.Actor]{}} }

// note learns from a write to a pipe, or a read.
func (h *handed) note(e *world.Effect) {
	if e.File == nil || e.File.Type != op.Pipe || e.Op.Ret <= 0 {
		return
	}
	p := e.Op.Actor.Process()
	switch e.Op.Kind {
	case op.Write:
		h.writer[e.File] = p
	case op.Read:
		w, list := h.writer[e.File], h.from.get(p)
		if w == "" || w == p || slices.Contains(list, w) {
			return
		}
		if len(list) >= handersMax {
			list = slices.Delete(list, 0, 1)
		}
		h.from.put(p, append(list, w))
	}
}

// has keeps what a process would hand on.
func (h *handed) has(p op.Actor, f Finding) {
	if h.bad.get(p) == nil {
		h.bad.put(p, &f)
	}
}

// to finds what was handed to a process, by way of others if need be; nil: nothing.
func (h *handed) to(p op.Actor) *Finding { return h.by(p, handsMax) }

func (h *handed) by(p op.Actor, hands int) *Finding {
	for _, w := range h.from.get(p) {
		if f := h.bad.get(w); f != nil {
			return f
		}
		if hands > 1 {
			if f := h.by(w, hands-1); f != nil {
				return f
			}
		}
	}
	return nil
}
