package world

import "filerace/internal/op"

// Bury forgets an ended process that nobody will wait for any more, as far as the
// watcher can tell: an edge from its end is not known later.
func (w *World) Bury(a op.Actor) {
	if p := w.procs[a.Process()]; p != nil && p.Exited {
		p.reaped = true
		w.drop(p)
	}
}
