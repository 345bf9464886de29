// Package hunt reruns a program under control until a race bites: it is where the
// mechanism (tracee), the order (schedule) and the judgement (world, race) meet.
// A coordinator decides what to try next; worker processes carry the runs out.
package hunt

import (
	"time"

	"filerace/internal/op"
	"filerace/internal/race"
	"filerace/internal/report"
	"filerace/internal/schedule"
)

// Target is what is run, and how a run is prepared and judged.
type Target struct {
	Command []string      `json:"command"`
	Dir     string        `json:"dir"`              // absolute; where the command starts unless Fresh
	Setup   string        `json:"setup,omitempty"`  // sh -c, before every run
	Check   string        `json:"check,omitempty"`  // sh -c, after every run; non-zero: the run went wrong
	Fresh   string        `json:"fresh,omitempty"`  // each run starts inside a new copy of this directory
	RunTime time.Duration `json:"run_time"`         // of one run
	Seed    uint64        `json:"seed"`             // answers getrandom(2)
	All     bool          `json:"all,omitempty"`    // report what is shown with --all, too
	Inside  bool          `json:"inside,omitempty"` // opens are two steps: finding the file, and returning it
}

// Plan is one run for a worker to carry out.
type Plan struct {
	Target
	Strategy  schedule.Spec `json:"strategy"`
	Shared    []string      `json:"shared,omitempty"`    // keys of objects whose operations are decisions
	Templates []string      `json:"templates,omitempty"` // shapes of names that are drawn at random
	Plain     *Ending       `json:"plain,omitempty"`     // how the plain run ended; nil: this is the plain run
	Patience  int           `json:"patience,omitempty"`  // decisions that an operation is held at most while others go on; 0: no limit
	KeepOps   bool          `json:"keep_ops,omitempty"`  // send all operations back
	Learn     bool          `json:"learn,omitempty"`     // send windows and shared objects back
	Single    bool          `json:"single,omitempty"`    // the only run: tell what could have happened, too
	Show      bool          `json:"show,omitempty"`      // the program's output goes to ours
	InTurn    bool          `json:"in_turn,omitempty"`   // every operation is a decision: with the strategy fifo, one actor runs as long as it can, then the next
	Step      *StepPlan     `json:"step,omitempty"`
	Record    string        `json:"record,omitempty"` // directory in which the run is recorded; "": it is not
}

// StepPlan is for replays that a person follows.
type StepPlan struct {
	Ask    bool `json:"ask"`     // wait for a line of standard input before every decision
	StopAt int  `json:"stop_at"` // leave the processes stopped before this decision, from 1; 0: never
}

// Ending is how a run ended, as far as the user can tell.
type Ending struct {
	Status   int    `json:"status"` // of the command; 128 + signal
	Check    int    `json:"check"`
	TimedOut bool   `json:"timed_out,omitempty"`
	CheckOut string `json:"check_out,omitempty"` // what the check printed, its end
}

// Differs reports whether e is worse than the plain run's ending.
func (e Ending) Differs(plain Ending) bool {
	return e.Status != plain.Status || e.Check != plain.Check || e.TimedOut != plain.TimedOut
}

// Report is what a worker tells of one run.
type Report struct {
	Strategy   string               `json:"strategy"`
	Err        string               `json:"err,omitempty"`  // the run could not be carried out
	Kind       string               `json:"kind,omitempty"` // of Err: "ptrace", "seccomp", "setup", "fresh", "start", ""
	Ending     Ending               `json:"ending"`
	Findings   []race.Finding       `json:"findings,omitempty"`
	Told       []report.Found       `json:"-"`              // Findings with the operations that are kept of each, of a run that is watched
	Keys       []string             `json:"keys,omitempty"` // of the findings: rule and object, the same in every run
	Cuts       []int                `json:"cuts,omitempty"` // of each finding: decisions that had been made when it had happened
	Order      uint64               `json:"order"`          // tells classes of order apart
	Ran        schedule.Schedule    `json:"ran,omitempty"`
	Diverged   *schedule.Divergence `json:"diverged,omitempty"`
	Ops        []*op.Op             `json:"ops,omitempty"`
	Shared     []string             `json:"shared,omitempty"` // learnt in this run
	Goals      []schedule.Goal      `json:"goals,omitempty"`
	Steps      int                  `json:"steps"` // operations on shared objects, as far as learnt
	Actors     int                  `json:"actors"`
	OpCount    int                  `json:"op_count"`
	Elapsed    time.Duration        `json:"elapsed"`
	Templates  []string             `json:"templates,omitempty"` // those known, with what this run showed
	Outside    []string             `json:"outside,omitempty"`   // files written outside the run's own scratch directory
	Left       []string             `json:"left,omitempty"`      // of these, what the run made and did not remove
	Stopped    []int                `json:"stopped,omitempty"`   // process ids left for a debugger
	Output     string               `json:"output,omitempty"`    // the end of what the command printed
	Setuid     []string             `json:"setuid,omitempty"`
	Foreign    bool                 `json:"foreign,omitempty"`
	Unmodelled []string             `json:"unmodelled,omitempty"` // calls whose effect is not modelled
	Scratch    string               `json:"scratch,omitempty"`    // directory of the run, for showing paths
	Short      bool                 `json:"short,omitempty"`      // not all that could have happened was looked for
	Endless    bool                 `json:"endless,omitempty"`    // stopped after MaxDecisions
	Quit       bool                 `json:"quit,omitempty"`       // ended by the person who stepped through it
	GoalMet    bool                 `json:"goal_met,omitempty"`
	Began      time.Time            `json:"began"`                // wall time of Op.Enter 0
	RecordErr  string               `json:"record_err,omitempty"` // why the recording is not complete
}
