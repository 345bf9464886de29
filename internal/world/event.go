package world

import "filerace/internal/op"

// Event is what those who watch a run that nobody controls tell of it.
type Event struct {
	Op   *op.Op // in the order in which ops took effect; nil: a gap
	From int64  // the earliest moment at which Op can have begun, ns: Op.Enter, or its thread's last return if that is not known
	Lost uint64 // of a gap: how many events; 0: not known

	// Unannounced says that Op is of a process that was there before the trace began, so
	// that what it has open and locked is not known.
	Unannounced bool
}
