package hunt

import (
	"errors"
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
	short := schedule.Minimize(sched, minimizeRuns, h.workers, func(wishes []schedule.Schedule) []schedule.Trial {
		if failed != nil || h.ctx.Err() != nil || time.Since(pr.began) > 10*time.Second {
			return make([]schedule.Trial, len(wishes))
		}
		reports, err := pr.sideBySide("follow", wishes)
		if err != nil {
			failed = err
			return make([]schedule.Trial, len(wishes))
		}
		trials := make([]schedule.Trial, len(reports))
		for i, r := range reports {
			trials[i] = schedule.Trial{Ran: r.Ran, Harm: pr.bites(r)}
			if !trials[i].Harm {
				pr.calm = closer(sched, pr.calm, r.Ran)
			}
		}
		return trials
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

// sideBySide makes runs of the race's plan, one for each schedule: the first one
// itself, the next ones as far as other workers are idle. It returns the reports of
// those that were made. Only the first has its operations.
func (pr *prover) sideBySide(strategy string, schedules []schedule.Schedule) ([]*Report, error) {
	plan := func(i int) *Plan {
		p := *pr.plan
		p.Strategy = schedule.Spec{Name: strategy, Schedule: schedules[i], Open: strategy == "replay" && pr.open}
		p.Learn, p.KeepOps = false, strategy == "replay" && i == 0
		return &p
	}
	var answers []<-chan answer
	for i := 1; i < len(schedules); i++ {
		a, ok := pr.h.ask(plan(i))
		if !ok {
			break
		}
		answers = append(answers, a)
	}
	own := carry(pr.w, plan(0))
	reports, err := []*Report{own.report}, own.err
	for _, c := range answers {
		a := <-c
		reports, err = append(reports, a.report), errors.Join(err, a.err)
	}
	return reports, err
}

// replay replays a schedule three times and counts the bites; it gives up soon after
// a miss. The report is that of the miss, or one with the operations.
func (pr *prover) replay(s schedule.Schedule) (int, *Report, error) {
	var first *Report
	for bites := 0; bites < replays; {
		reports, err := pr.sideBySide("replay", slices.Repeat([]schedule.Schedule{s}, replays-bites))
		if err != nil {
			return 0, nil, err
		}
		for _, r := range reports {
			if r.Diverged != nil || !pr.bites(r) {
				return bites, r, nil
			}
			bites++
		}
		if first == nil {
			first = reports[0]
		}
	}
	return replays, first, nil
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
			h.warn(fmt.Sprintf("the run could not be recorded: %v; give --record a name in a directory that you can write, on a disk with room", err))
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
