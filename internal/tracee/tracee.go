// Package tracee controls a program: it starts a command under ptrace and a
// seccomp filter, holds every thread at the entry of each operation, and lets one
// operation at a time take effect, when a Handler says so. It is mechanism only
// and knows nothing of strategies or rules.
//
// Invariants, kept by the control loop:
//   - at most one operation is in flight (let go and not returned), but for those
//     that sleep in the kernel;
//   - a decision is asked for only when every thread is held, asleep or gone;
//   - whether a thread is asleep is read from the kernel, never guessed from time;
//   - all ptrace calls come from one locked OS thread.
package tracee

import (
	"errors"
	"os"
	"time"

	"filerace/internal/op"
)

// Config says what to run.
type Config struct {
	Path string   // the executable, already looked up; absolute or relative to Dir
	Argv []string // with the program's name first
	Dir  string   // working directory; "": the caller's
	Env  []string // nil: the caller's
	// Stdin, Stdout and Stderr are handed on as they are.
	Stdin, Stdout, Stderr *os.File

	Seed      uint64          // answers getrandom(2)
	RunTime   time.Duration   // the run is killed after so long; 0: never
	Core      int             // processor to share with the tracees; -1: none in particular
	NewGroup  bool            // own process group: a terminal's Ctrl-C does not reach it
	Inside    bool            // an open that is a decision stops once more inside the kernel, between finding the file and returning it; needs CAP_SYS_ADMIN
	NoFilter  bool            // stop at every call by PTRACE_SYSCALL, so that the processes can be let off the leash
	Interrupt <-chan struct{} // closed: kill the run
}

// Verdict is what a handler says of an operation at its entry.
type Verdict uint8

// The verdicts.
const (
	Through Verdict = iota // let it go as soon as no other is in flight
	Hold                   // wait for a decision
)

// Handler decides. All calls come from the control thread; the handler must not
// keep an *op.Op's Names beyond Done if it changes them.
type Handler interface {
	// Enter sees an operation held at its entry; results are not filled in.
	Enter(o *op.Op) Verdict
	// Ready reports whether a lock operation would be granted now; the others of
	// its kind are held until it is. Called again after every operation.
	Ready(o *op.Op) bool
	// Waits is told once of an operation that is not Ready.
	Waits(o *op.Op)
	// Deadlocks reports whether the kernel would refuse a waiting POSIX lock with EDEADLK.
	Deadlocks(o *op.Op) bool
	// Pick chooses among the held operations that are ready: an index, Stop or Leave.
	// held is sorted by actor. last is the actor let go before, "" at first.
	Pick(held []*op.Op) int
	// Done sees an operation that has returned.
	Done(o *op.Op)
}

// Finder is a Handler that wants to know of opens that have found their file
// (Config.Inside). Such an operation is then among those that Pick chooses from:
// let go, it returns.
type Finder interface {
	Found(o *op.Op)
}

// Answers of Pick beside an index.
const (
	Stop  = -1 // kill the run
	Leave = -2 // stop all processes with SIGSTOP and let go of them; needs Config.NoFilter
)

// Result is how a run ended.
type Result struct {
	Status    int      // exit status of the command, 128 + signal if a signal ended it
	Signal    int      // the signal that ended it, 0: none
	TimedOut  bool     // RunTime was over
	Stopped   bool     // the handler answered Stop, or Interrupt was closed
	Left      []int    // process ids, after Leave
	Deadlock  []*op.Op // what every actor sleeps in for ever; nil: no deadlock
	Ops       int      // operations that returned
	Decisions int
	Foreign   bool     // a program made calls of another ABI, which were let through unseen
	Setuid    []string // programs that would have gained privileges and ran without
	Elapsed   time.Duration
}

// Errors of Run. Each wraps what the kernel said.
var (
	// ErrPtrace: the kernel or its policy forbids ptrace(2).
	ErrPtrace = errors.New("cannot trace processes here")
	// ErrSeccomp: the filter could not be installed.
	ErrSeccomp = errors.New("cannot install a seccomp filter here")
	// ErrInside: opens cannot be stopped inside the kernel.
	ErrInside = errors.New("cannot hold an open inside the kernel here")
	// ErrUnsupported: this operating system has no ptrace that we know.
	ErrUnsupported = errors.New("control needs Linux on amd64 or arm64")
)
