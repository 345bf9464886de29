package hunt

import (
	"fmt"
	"slices"
	"time"

	"filerace/internal/race"
	"filerace/internal/report"
	"filerace/internal/schedule"
)

// replays is how often a schedule must show its harm to count as proof.
const replays = 3

// minimizeRuns bounds the runs that are spent on a shorter schedule.
const minimizeRuns = 60

// prover holds what the proof of one race needs.
type prover struct {
	h     *hunt
	w     *Worker
	plan  *Plan             // of the run that showed it
	key   string            // rule and object; outcomeKey: the ending alone
	calm  schedule.Schedule // a run without harm that is closest to the harmful one
	open  bool              // the schedule ends with the race, and the run goes on after it
	runs  int
	began time.Time
}

// prove replays the harmful schedule, minimises it, replays that, and saves it.
func (h *hunt) prove(w *Worker, p *Plan, rep *Report, key string) error {
	pr := &prover{h: h, w: w, plan: p, key: key, began: time.Now()}
	h.mu.Lock()
	found, elapsed := h.runs, time.Since(h.began)
	h.mu.Unlock()
	sched := rep.Ran
	bites, last, err := pr.replay(sched)
	if err != nil {
		return err
	}
	if cut := cutOf(rep, key); bites < replays && cut < len(sched) {
		// What came after the race may differ from run to run: it is left out.
		sched, pr.open = sched[:cut], true
		if bites, last, err = pr.replay(sched); err != nil {
			return err
		}
	}
	if bites < replays { // not repeatable: the race stays unproven
		h.unproven(key, bites, last)
		return nil
	}
	if pr.open {
		return pr.keep(sched, last, bites, found, elapsed)
	}
	var failed error
	short := schedule.Minimize(sched, minimizeRuns, func(wish schedule.Schedule) (schedule.Schedule, bool) {
		if failed != nil || h.ctx.Err() != nil || time.Since(pr.began) > 10*time.Second {
			return nil, false
		}
		r, err := pr.run(schedule.Spec{Name: "follow", Schedule: wish}, false)
		if err != nil {
			failed = err
			return nil, false
		}
		if !pr.bites(r) {
			pr.calm = closer(sched, pr.calm, r.Ran)
			return r.Ran, false
		}
		return r.Ran, true
	})
	if failed != nil {
		return failed
	}
	if !slices.Equal(short, sched) {
		n, r, err := pr.replay(short)
		if err != nil {
			return err
		}
		if n == replays {
			sched, last, bites = short, r, n
		}
	}
	return pr.keep(sched, last, bites, found, elapsed)
}

// run makes one run of the race's plan by another strategy.
func (pr *prover) run(s schedule.Spec, keep bool) (*Report, error) {
	p := *pr.plan
	p.Strategy, p.Learn, p.KeepOps = s, false, keep
	pr.runs++
	r, err := pr.w.Run(&p)
	if err == nil && r.Err != "" {
		err = &RunError{r.Kind, r.Err}
	}
	return r, err
}

// replay replays a schedule three times and counts the bites; it gives up at the first miss.
func (pr *prover) replay(s schedule.Schedule) (int, *Report, error) {
	var last *Report
	for i := range replays {
		r, err := pr.run(schedule.Spec{Name: "replay", Schedule: s, Open: pr.open}, i == replays-1)
		if err != nil {
			return 0, nil, err
		}
		if r.Diverged != nil || !pr.bites(r) {
			return i, r, nil
		}
		last = r
	}
	return replays, last, nil
}

// cutOf is how many decisions of the run led up to the race.
func cutOf(r *Report, key string) int {
	if i := slices.Index(r.Keys, key); i >= 0 && i < len(r.Cuts) {
		return r.Cuts[i]
	}
	return len(r.Ran)
}

// bites reports whether a run shows the race.
func (pr *prover) bites(r *Report) bool { return Bites(r, pr.key, *pr.plan.Plain) }

// outcomeKey stands for a harm that no rule explains.
const outcomeKey = "outcome"

// Bites reports whether a run shows the race of that key.
func Bites(r *Report, key string, plain Ending) bool {
	if key == outcomeKey {
		return r.Ending.Differs(plain)
	}
	for i, f := range r.Findings {
		if f.Evidence != race.Possible && r.Keys[i] == key {
			return true
		}
	}
	return false
}

// keep saves the proven race and adds it to the report.
func (pr *prover) keep(s schedule.Schedule, r *Report, bites, found int, elapsed time.Duration) error {
	h := pr.h
	relocate(pr.plan, r)
	f := pr.finding(r)
	f.Evidence = race.Proven
	rec := report.Found{
		Finding: f, Ops: r.Ops, Replays: replays, Bites: bites, RunsToFind: found,
		SecondsToFind: elapsed.Seconds(), Preemptions: s.Preemptions(), Output: r.Output,
	}
	if h.opt.Save != nil {
		name, err := h.opt.Save(&Saved{
			Rule: f.Rule, Key: pr.key, Headline: relative(pr.plan.Dir, f.Headline), Target: pr.plan.Target,
			Plain: *pr.plan.Plain, Shared: pr.plan.Shared, Templates: r.Templates, Schedule: s, Open: pr.open,
		})
		if err != nil { // the finding stands all the same
			h.warn(fmt.Sprintf("the race could not be saved: %v", err))
		}
		rec.Replay = name
	}
	if h.opt.Record != "" {
		if err := pr.recordProof(s, r, &rec); err != nil {
			h.warn(fmt.Sprintf("the run could not be recorded: %v", err))
		}
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.out.Findings = append(h.out.Findings, rec)
	if !h.opt.All {
		h.stop = true
	}
	return nil
}

// finding picks the race out of the last replay.
func (pr *prover) finding(r *Report) race.Finding {
	for i, f := range r.Findings {
		if r.Keys[i] == pr.key {
			return f
		}
	}
	return outcomeFinding(r, *pr.plan.Plain, pr.calm)
}

// unproven notes why a race that was seen could not be proved, and lets a later
// run try again.
func (h *hunt) unproven(key string, bites int, last *Report) {
	h.mu.Lock()
	defer h.mu.Unlock()
	why := fmt.Sprintf("replay %d of the same order did not show it", bites+1)
	if last != nil && last.Diverged != nil {
		why = fmt.Sprintf("replay %d: %v", bites+1, last.Diverged)
	}
	h.failed[key] = why
	h.attempts[key]++
	if h.attempts[key] < maxProofs {
		delete(h.proven, key)
	}
}

// maxProofs bounds the tries to prove one race.
const maxProofs = 5
