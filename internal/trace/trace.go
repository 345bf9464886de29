// Package trace brings runs that nobody controls into the form that the world and
// the rules read: operations, each with its actor and the identity of what it
// touched, in an order in which they can have taken effect. Records come from a
// watching kernel program, from a recorded run, or from another tool's log.
//
// The way of a record:
//
//	Source → Record → Flow: actors and paths → order → identities → Event, with its *op.Op
//
// A source decodes by the one table (op.Decode, op.Finish); text sources hand it
// the strings and structures of the log as Memory.
package trace

import (
	"io"
	"time"

	"filerace/internal/op"
)

// Record is one thing that a source tells: a call that has returned, a moment of a
// process's life, the entry of a call, or a gap.
type Record struct {
	What What

	// Op is the operation as far as the source knows it. Call, Kind, Args, the
	// decoded arguments and the result are set by op.Decode and op.Finish; PID, TID,
	// Prog, Enter and Exit (ns since Source.Start) by the source. Enter is op.None if
	// the source tells only of returns.
	//
	// What the source does not know it leaves empty, and the Builder fills it in:
	// Actor always; Path made absolute in Names; File and Names[i].Before, After and
	// Dir where they have no identity (then Derived counts them). A source that knows
	// part of a name (the directory's identity, the file that was removed) puts it
	// into Names, in the order of the call's path arguments.
	Op *op.Op

	UID    uint32 // real user id
	Cgroup uint64 // cgroup v2 id; 0: not known
	View   View   // what the process sees under a path
	Parent int    // process id of the parent, for What == Born and What == There; 0: not known
	// Lost is, for What == Gap, how many events were lost somewhere between here and the next
	// Gap whose Lost is 0. 0: here, not known how many; or the end of such a stretch.
	Lost uint64
}

// View tells apart what processes see under one path; the zero View is that of the watcher, or not known.
type View struct {
	Root   uint32 // any number for another root directory than the watcher's; Mounts is 0 then
	Mounts uint32 // the number of another mount namespace with the same root
}

// What tells the kinds of record apart.
type What uint8

// The kinds of record.
const (
	Returned What = iota // Op is a call that has returned
	Entered              // Op is a call that has been entered: arguments, no result. For people; it changes nothing
	Born                 // Op.PID is a new process, Op.TID a new thread if it differs; Parent made it, Op.Flags are CLONE_*
	There                // Op.PID was there when the watching began; Op.FDs are its open descriptors, Op.Prog and Op.Path its program and working directory
	Ended                // thread Op.TID of Op.PID is gone; Op.Status if it was the last one. Its descriptors are closed
	Gap                  // events were lost here: nothing that depends on their absence may be concluded
)

// Source is where records come from. Records of one thread come in order; those
// of different threads nearly so.
type Source interface {
	// Next returns the next record; io.EOF at the end. A record belongs to the
	// caller.
	Next() (Record, error)
	// Notes tells what is known of the source so far; complete at io.EOF.
	Notes() Notes
	io.Closer
}

// Notes are what a reader of findings must know of the source.
type Notes struct {
	Kind       string    // "strace", "perf trace", "openclosesnoop", "recorded run", "eBPF"
	Start      time.Time // wall time of time 0; zero: not known
	Command    []string  // the command that was traced, if known
	Broken     int       // records that could not be read, and were left out
	FirstBad   string    // where and what the first of them was: "line 7: …"
	Lost       uint64    // events that the source itself lost
	Absent     string    // what the source lacks as a whole, a sentence: "the file of task 12 is not there"
	NoEntry    bool      // entry times are missing: what overlaps cannot be told
	Calls      string    // what calls the source holds, if not all: "open, unlink, close"
	Identities bool      // the source knows files' identities
}
