// Package race holds the rules: what a race on files looks like in a run. Ops
// and world go in, findings come out; it cannot tell where the ops came from.
package race

import (
	"filerace/internal/op"
	"filerace/internal/world"
)

// Evidence is how sure a finding is.
type Evidence string

// The kinds of evidence, weakest first.
const (
	Possible Evidence = "possible" // a window is open and nothing orders a conflicting op out of it
	Observed Evidence = "observed" // the harm happened in this run
	Proven   Evidence = "proven"   // a saved schedule shows the harm at every replay
)

// Finding is one race.
type Finding struct {
	Rule     string
	Evidence Evidence
	Headline string     // the harm in plain words, paths as they are in the ops (absolute); starts lower case, no full stop
	Path     string     // the object that was raced for, absolute
	ID       op.FileID  // the file it was when it went wrong
	Actors   []op.Actor // the actors involved, in order of appearance
	Marks    []int      // Op.Seq of the operations that tell the story, ascending; the last is the one that makes it go wrong
	Paths    []string   // further names of the story (a temporary file, a guarded file); Path is not repeated
	Why      string     // one paragraph for a reader who has never heard of inodes
	Repair   string
	Explains bool // the harm is that a process failed: the rule says why

	either [2]int // marks of two operations that do the same harm in either order; 0, 0: there are none

	steps []*op.Op // of the marks, in their order: a stream may not keep the operations for so long
}

// Key tells whether two runs show the same race: rule and object.
func (f *Finding) Key() string { return f.Rule + " " + f.Path }

// Rule is one kind of race, fed with the effects of one run in order. A Rule
// value serves one run. What it keeps must be bounded by what is live in the
// world: Forget tells it of files that are gone for good.
type Rule interface {
	// Step sees each operation after it took effect.
	Step(w *world.World, e *world.Effect, report func(Finding))
	// End is called after the last operation.
	End(w *world.World, end End, report func(Finding))
}

// End is how a run ended.
type End struct {
	Failed   bool     // the command's exit status or --check differs from the plain run's
	Deadlock []*op.Op // operations in which every actor sleeps for ever; nil: none
	All      bool     // report what is shown with --all, too (mixed-versions)
}

// Info describes a rule for people: `filerace rules`.
type Info struct {
	Name    string
	Title   string    // one line: what it is
	Fires   string    // when it fires, one sentence
	Harm    string    // what goes wrong, a paragraph
	Safe    string    // what rules it out, a paragraph
	Wrong   string    // code that has the race
	Right   string    // code that has not
	Source  string    // where the field writes about it
	Kinds   []op.Kind // operations that the rule wants to see
	On      trigger   // further ones, by what they did
	Awake   []op.Kind // and others, while it is awake (see sleeper)
	AwakeOn trigger
	New     func() Rule // nil: found by the engine and not in the ops (outcome)
}
