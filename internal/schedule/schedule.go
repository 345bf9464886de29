// Package schedule decides the order in which the actors' operations are let go.
// A strategy is an oracle that outlives the runs; the engine owns the loop. It
// knows nothing of ptrace.
//
// New makes every strategy by name. Each has a file of its own that cites its
// paper; one that explores all classes of order belongs here as another such
// file and another row in New's table.
package schedule

import "filerace/internal/op"

// Step is one decision: the actor that was let go, and its operation.
type Step struct {
	Actor op.Actor
	Sig   string // op.Signature: the same in every run that does the same
}

// Schedule is the list of decisions of one run, in order.
type Schedule []Step

// Held is one operation that waits at its entry and would not block.
type Held struct {
	Step
	Op *op.Op // arguments and names are filled in, results are not
}

// A Strategy chooses the next operation. Its methods are called from one goroutine.
type Strategy interface {
	// Begin starts another run; false: nothing is left to try.
	Begin() bool
	// Pick returns the index in held of the operation to let go. held is never
	// empty and is sorted by actor; done holds the decisions of this run so far.
	// Stop ends the run.
	Pick(held []Held, done Schedule) int
	// End reports how the run that Begin started ended.
	End(Outcome)
}

// Stop as the answer of Pick ends the run.
const Stop = -1

// Outcome is how a run ended.
type Outcome struct {
	Schedule Schedule
	Harm     bool // a rule fired, or the command or the check failed
}
