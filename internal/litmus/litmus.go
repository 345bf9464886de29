// Package litmus finds out what this kernel and this file system guarantee to
// processes that race, by letting real processes race.
//
// # How a test is written
//
// A test is one small file that defines a *Test and names it in the table Tests.
// It states one guarantee and the source of it; its cases try it in several ways:
//
//	var exclusiveCreate = &Test{
//		Name:      "create",
//		Guarantee: "Of several processes that create one name exclusively, exactly one succeeds.",
//		Source:    "open(2), O_EXCL; POSIX.1-2024 open()",
//		Cases: []*Case{{
//			Name:  "O_CREAT|O_EXCL",
//			Roles: []Role{{"first", createOnce}, {"second", createOnce}},
//			Setup: func(p *Proc) { p.Remove("file") },
//			Judge: func(p *Proc, said []*Said) Outcome { … },
//		}},
//	}
//
//	func createOnce(p *Proc) {
//		create := Pick(p, createExclusively, lookThenCreate)
//		p.Race(func() { p.SetErr(create("file")) })
//		p.Say("created it")
//	}
//
// Each role is a process of its own, this program started once more, and lives
// for all trials of its case. Its current directory is an empty directory on the
// file system under test. A trial goes
//
//	Setup (first role's process)  →  every role's Act, at once  →  Judge (first role's process)
//
// An Act prepares what it needs, then calls [Proc.Race] once: there the processes
// meet, and each starts its section at a time chosen so that the windows of all
// overlap, at every offset. A window is the whole section, or what [Proc.Window]
// narrows it to. A trial counts as overlapped if windows of two roles did
// overlap, by the clock.
//
// A case whose parts must take turns sets InTurn; its roles call [Proc.Turn]
// instead of Race, and [Proc.Blocking] and [Proc.AwaitBlocked] where one must wait
// for the other to sleep in the kernel. Further processes that a role forks off
// are in Case.Children; see [Proc.Child].
//
// A case whose processes sleep nearly all the time sets Beside, and is tried while the others are.
//
// Judge gets what each role said and saw and answers [Fine], [Surprise] (what the
// standard permits, though few expect it) or [Broken]. What it counts with
// [Proc.Tally] and states with [Proc.Note] stands beside the verdict. Errors that the test does not
// speak of go to [Proc.Must]; a feature that is missing, to [Proc.Skip]. Both end the case as not tested.
//
// Every case must be able to fail: with Options.Shim, [Pick] returns its second
// argument, which does the thing wrong, and the case must say broken.
// TestShimsAreFound runs every case so.
package litmus

import "time"

// Test is one guarantee and the ways in which it is tried.
type Test struct {
	Name      string // as in `filerace litmus NAME`
	Guarantee string // one sentence
	Source    string // where it is promised, or denied
	Cases     []*Case
}

// Case is one way to try a guarantee.
type Case struct {
	Name   string // unique within the test; no spaces at the ends
	Roles  []Role // the processes; one at least
	Setup  func(p *Proc)
	Judge  func(p *Proc, said []*Said) Outcome
	InTurn bool // the parts take turns: nothing races, so overlap is not asked for

	// Children are processes that a role starts; see Proc.Child.
	Children map[string]func(p *Proc)

	// Trials bounds how often it is tried, if less than the default: for
	// cases that are slow or always end alike. 0: the default.
	Trials int

	// Shares is how many shares of the time it gets; 0: one, as most.
	Shares int

	// Beside is how many of it are tried at once, each by processes of its own, beside the other
	// cases: for one whose processes sleep nearly all the time. 0: it is tried in its turn.
	Beside int

	// Lasts is how long one trial of a case with Beside takes.
	Lasts func() time.Duration

	// Rare is a surprise that a few trials can miss. As long as none was seen, the case is
	// tried leastRare times at the least, so that its verdict is the same in every run.
	Rare bool

	// Allowed is why a surprise is permitted, with its source, in one sentence.
	Allowed string

	// Why explains, by type of file system, a verdict or a note that differs
	// from the other file systems': one sentence with its source.
	Why map[string]string

	// NoShim says why nothing can be put in the primitive's place that does it
	// wrong; the case is then left out of the proof that it can fail.
	NoShim string
}

// Role is one of the processes of a case.
type Role struct {
	Name string
	Act  func(p *Proc) // once a trial
}

// Tests are all tests in the order in which they are run and listed.
var Tests = []*Test{
	exclusiveCreate, replace, appending, overlapping, shortWrite, truncation,
	openUnlink, lockUnlinked, lockRemoval,
	flockLocks, fcntlLocks, ofdLocks, lockKinds, leases,
	unlinkedFile, runningProgram, inodeReuse, readDirectory, removeTrees,
	mapping,
}

// Outcome is what one trial showed.
type Outcome struct {
	kind outcomeKind
	text string
}

type outcomeKind int

const (
	fine outcomeKind = iota
	surprising
	breaking
)

// Fine is a trial in which the guarantee was kept.
var Fine = Outcome{}

// Surprise is a trial that showed what the standard permits, though few expect it.
func Surprise(text string) Outcome { return Outcome{surprising, text} }

// Broken is a trial in which the guarantee was not kept.
func Broken(text string) Outcome { return Outcome{breaking, text} }

// Verdict is the answer to a case.
type Verdict string

// The verdicts. Kept and Allowed need trials whose windows overlapped.
const (
	VerdictKept      Verdict = "kept"
	VerdictBroken    Verdict = "broken"
	VerdictAllowed   Verdict = "allowed"
	VerdictNotTested Verdict = "not tested"
)

// Result is what came of one case in one directory. The JSON names are stable.
type Result struct {
	Test       string         `json:"test"`
	Case       string         `json:"case"`
	Verdict    Verdict        `json:"verdict"`
	Reason     string         `json:"reason,omitempty"` // of not tested
	Trials     int            `json:"trials"`
	Overlapped int            `json:"overlapped"`        // trials whose windows overlapped by the clock
	InTurn     bool           `json:"in_turn,omitempty"` // nothing was to overlap
	Surprises  int            `json:"surprises"`         // trials that showed what is allowed
	Example    []string       `json:"example,omitempty"` // of broken, else allowed: what was wrong, then what each process saw
	Notes      []string       `json:"notes,omitempty"`   // what was measured beside the verdict
	Tally      map[string]int `json:"tally,omitempty"`   // how many trials showed what
	Allowed    string         `json:"allowed,omitempty"` // why a surprise is permitted
	Seconds    float64        `json:"seconds"`
}
