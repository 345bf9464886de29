package hunt

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"filerace/internal/race"
	"filerace/internal/report"
	"filerace/internal/schedule"
)

// Options say how to hunt.
type Options struct {
	Target
	Runs      int                          // of the whole hunt, the proving runs not counted
	Time      time.Duration                // of the whole hunt; 0: no limit
	Jobs      int                          // workers; 0: one per processor
	Strategy  string                       // "auto" or a name of the schedule package
	All       bool                         // go on after the first proven race
	KeepGoing bool                         // hunt although the plain run fails
	Save      func(*Saved) (string, error) // stores a proven race, returns the file's name
	Record    string                       // directory that a proving run is recorded in; "": none
	Progress  func(Progress)
	Warn      func(string)
}

// Progress is told after every run.
type Progress struct {
	Runs     int
	Orders   int // distinct orders of dependent operations seen
	Elapsed  time.Duration
	Trying   string // what is being tried
	Findings int
}

// Errors of Hunt.
var (
	// ErrPlainFailed: the command fails without any help; nothing can be said about order.
	ErrPlainFailed = errors.New("the plain run fails")
	// ErrInterrupted: the hunt was stopped from outside; what was found until then is valid.
	ErrInterrupted = errors.New("interrupted")
)

// A RunError is a run that could not be carried out. Kind tells which part
// failed: ptrace, seccomp, setup, fresh, start, scratch or "".
type RunError struct {
	Kind, Text string
}

func (e *RunError) Error() string { return e.Text }

// hunt is the coordinator's state; mu guards all below it.
type hunt struct {
	opt   Options
	ctx   context.Context
	began time.Time

	mu     sync.Mutex
	plain  *Report
	shared map[string]bool
	drawn  map[string]bool // templates of random names
	goals  *goalQueue
	runs   int
	orders map[uint64]bool
	proven map[string]bool // by key; taken while it is being proved
	mixer  mixer
	stop   bool
	err    error
	out    report.Report
	seen   map[string]*race.Finding // observed, not proven
	maybe  map[string]*report.Found // possible

	failed   map[string]string // by key: why the last proof failed
	attempts map[string]int    // by key: proofs that failed
	proving  int               // proofs under way
	settled  chan struct{}     // closed when the proof that others wait for has ended
	recorded int               // proving runs

	workers int // set before they work
	errands chan errand
}

// Hunt reruns the command until a race is proven, or the limits are reached.
func Hunt(ctx context.Context, opt Options) (*report.Report, error) {
	h := &hunt{
		opt: opt, ctx: ctx, began: time.Now(), shared: map[string]bool{}, drawn: map[string]bool{}, goals: newGoalQueue(),
		orders: map[uint64]bool{}, proven: map[string]bool{}, seen: map[string]*race.Finding{}, maybe: map[string]*report.Found{},
		failed: map[string]string{}, attempts: map[string]int{},
	}
	h.workers, h.errands = 1, make(chan errand)
	h.out.Command = opt.Command
	h.mixer = mixer{name: opt.Strategy, seed: opt.Seed}
	if opt.Time > 0 {
		var cancel context.CancelFunc
		h.ctx, cancel = context.WithTimeout(ctx, opt.Time)
		defer cancel()
	}
	first, err := StartWorker(0)
	if err != nil {
		return nil, err
	}
	if err := h.first(first); err != nil {
		first.Close()
		return &h.out, err
	}
	workers := []*Worker{first}
	for jobs := h.jobs(); len(workers) < jobs; {
		w, err := StartWorker(len(workers))
		if err != nil {
			break
		}
		workers = append(workers, w)
	}
	h.workers = len(workers)
	var all sync.WaitGroup
	for _, w := range workers {
		all.Go(func() { h.work(w) })
	}
	all.Wait()
	return h.finish(ctx)
}

// first makes the plain run: the actors run in turn, each as long as it can. That is
// the order in which even a racy program goes right, and the same at every hunt.
func (h *hunt) first(w *Worker) error {
	stop := h.closeOnCancel(w)
	defer stop()
	possible := h.opt.Target.All
	p := &Plan{Target: h.opt.Target, Learn: true, InTurn: true, Single: possible, KeepOps: possible, Strategy: schedule.Spec{Name: "fifo"}}
	rep, err := w.Run(p)
	if err != nil {
		if h.ctx.Err() != nil {
			return ErrInterrupted
		}
		return err
	}
	h.runs = 1
	if rep.Err != "" {
		return &RunError{rep.Kind, rep.Err}
	}
	relocate(p, rep)
	h.plain = rep
	h.learn(rep)
	h.out.Outcomes = map[string]int{}
	h.count(rep)
	if len(rep.Setuid) > 0 {
		h.warn(fmt.Sprintf("%s ran without the privileges of its set-user-id bit", rep.Setuid[0]))
	}
	for _, call := range rep.Unmodelled {
		h.miss(fmt.Sprintf("%s of shared file memory was seen, but not what is done with the memory", call))
	}
	if rep.Foreign {
		h.miss("a program made 32-bit calls, which were not seen: nothing is said about them")
	}
	if e := rep.Ending; (e.Status != 0 || e.Check != 0 || e.TimedOut) && !h.opt.KeepGoing {
		return fmt.Errorf("%w: %s", ErrPlainFailed, describe(rep))
	}
	if len(rep.Left) > 0 && h.opt.Fresh == "" && h.opt.Setup == "" {
		h.warn(fmt.Sprintf("a run leaves %s behind, which the next run meets; --fresh DIR or --setup CMD gives each the same start", listed(rep.Left, 4)))
	}
	for i, f := range rep.Findings {
		if f.Evidence != race.Possible {
			h.seen[rep.Keys[i]] = &f
		} else {
			h.maybe[rep.Keys[i]] = &report.Found{Finding: f, Ops: rep.Ops}
		}
	}
	return nil
}

// jobs is how many runs go side by side. Runs that write in a common directory
// would race with each other.
func (h *hunt) jobs() int {
	if len(h.plain.Outside) > 0 {
		if h.opt.Jobs > 1 {
			h.warn(fmt.Sprintf("the runs write %s and so go one after the other; --fresh DIR gives each its own copy", listed(h.plain.Outside, 3)))
		}
		return 1
	}
	return max(h.opt.Jobs, 1)
}

// work takes plans until there are none.
func (h *hunt) work(w *Worker) {
	defer w.Close()
	stop := h.closeOnCancel(w)
	defer stop()
	for {
		p, trying := h.next(w)
		if p == nil {
			return
		}
		a := carry(w, p)
		if a.err != nil {
			h.fail(a.err)
			return
		}
		if key := h.took(p, a.report, trying); key != "" {
			err := h.prove(w, p, a.report, key)
			h.endProof()
			if err != nil {
				h.fail(err)
				return
			}
		}
	}
}

func (h *hunt) fail(err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.ctx.Err() == nil && h.err == nil && !h.stop {
		h.err = err
	}
	h.stop = true
}

// closeOnCancel ends the worker's run when the hunt is over.
func (h *hunt) closeOnCancel(w *Worker) func() bool {
	return context.AfterFunc(h.ctx, func() { w.pipe.Close() })
}

// next plans a run; nil: the hunt is over.
func (h *hunt) next(w *Worker) (*Plan, string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for h.proving > 0 && !h.opt.All { // one race is enough, if its proof succeeds
		settled := h.settled
		h.mu.Unlock()
		h.help(w, settled)
		h.mu.Lock()
	}
	if h.stop || h.ctx.Err() != nil || h.runs >= h.opt.Runs {
		return nil, ""
	}
	h.runs++
	plain := h.plain.Ending
	p := &Plan{Target: h.opt.Target, Plain: &plain, Shared: sorted(h.shared), Templates: sorted(h.drawn)}
	spec, trying := h.mixer.next(h.goals)
	p.Strategy = spec
	p.Patience = 100 + 2*h.plain.Steps
	p.Learn = spec.Name == "directed" || h.runs%8 == 0
	return p, trying
}

// learn takes up shared objects and windows.
func (h *hunt) learn(rep *Report) {
	for _, k := range rep.Shared {
		h.shared[k] = true
	}
	for _, t := range rep.Templates {
		h.drawn[t] = true
	}
	h.goals.add(rep.Goals)
}

func (h *hunt) count(rep *Report) {
	h.out.Outcomes[outcomeOf(rep.Ending)]++
	if rep != h.plain {
		h.orders[rep.Order] = true
		h.mixer.saw(rep)
	}
}

// took notes a run's report and returns the key of a race to be proved, if there is one.
func (h *hunt) took(p *Plan, rep *Report, trying string) string {
	h.mu.Lock()
	defer h.mu.Unlock()
	relocate(p, rep)
	h.learn(rep)
	h.count(rep)
	h.goals.tried(p.Strategy, rep)
	if h.opt.Progress != nil {
		h.opt.Progress(Progress{h.runs, len(h.orders), time.Since(h.began), trying, len(h.out.Findings)})
	}
	for i, f := range rep.Findings {
		if f.Evidence == race.Possible {
			h.maybe[rep.Keys[i]] = &report.Found{Finding: f, Ops: rep.Ops}
		}
	}
	if h.stop || h.proving > 0 && !h.opt.All {
		return ""
	}
	for i, f := range rep.Findings {
		if f.Evidence != race.Possible && !h.proven[rep.Keys[i]] {
			h.proven[rep.Keys[i]] = true
			h.seen[rep.Keys[i]] = &rep.Findings[i]
			h.beginProof()
			return rep.Keys[i]
		}
	}
	if rep.Ending.Differs(*p.Plain) && !explained(rep) && !h.proven[outcomeKey] {
		h.proven[outcomeKey] = true
		h.beginProof()
		return outcomeKey
	}
	return ""
}

// explained reports whether a rule says why the run went wrong.
func explained(rep *Report) bool {
	return slices.ContainsFunc(rep.Findings, func(f race.Finding) bool { return f.Evidence != race.Possible })
}

func (h *hunt) reported(rule string) bool {
	return slices.ContainsFunc(h.out.Findings, func(f report.Found) bool { return f.Rule == rule })
}

func (h *hunt) miss(s string) { h.out.Missed = append(h.out.Missed, s) }

func (h *hunt) note(s string) { h.out.Notes = append(h.out.Notes, s) }

func (h *hunt) warn(s string) {
	if h.opt.Warn != nil {
		h.opt.Warn(s)
	}
}

// finish makes the report.
func (h *hunt) finish(ctx context.Context) (*report.Report, error) {
	h.out.Runs, h.out.Seconds, h.out.Explored = h.runs, time.Since(h.began).Seconds(), len(h.orders)
	for key, why := range h.failed {
		if f := h.seen[key]; f != nil && !h.reported(f.Rule) {
			h.note(fmt.Sprintf("seen and not proven: %s (%s); %s", f.Headline, f.Rule, why))
		}
	}
	if h.opt.Target.All {
		for _, key := range slices.Sorted(maps.Keys(h.maybe)) {
			if !h.proven[key] {
				h.out.Findings = append(h.out.Findings, *h.maybe[key])
			}
		}
	}
	if h.runs > 1 {
		h.note(h.mixer.bound())
	}
	switch {
	case h.err != nil:
		return &h.out, h.err
	case ctx.Err() != nil:
		return &h.out, ErrInterrupted
	}
	return &h.out, nil
}
