package hunt

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"filerace/internal/op"
	"filerace/internal/report"
	"filerace/internal/schedule"
	"filerace/internal/trace/saved"
)

// recordMeta describes a recording of t made by control.
func recordMeta(t *Target, began time.Time) saved.Meta {
	return saved.Meta{
		Command: t.Command, Dir: t.Dir, Recorder: "control", Start: began, Notes: saved.Notes{Identities: true},
	}
}

// record keeps an operation that has taken effect. A recording that fails, fails for
// good and says so at its end; the run goes on.
func (r *runner) record(o *op.Op) {
	if r.report.Began.IsZero() {
		r.report.Began = time.Now().Add(-time.Duration(o.Exit))
		if r.saved != nil {
			r.saved.Began(r.report.Began)
		}
	}
	if r.saved != nil {
		r.saved.Op(o)
	}
}

// endRecording closes the recording of a single run, with what was found.
func (r *runner) endRecording() {
	var findings bytes.Buffer
	err := report.JSON(&findings, Single(&r.plan.Target, &r.report))
	if cerr := r.saved.Close(findings.Bytes(), nil); err == nil {
		err = cerr
	}
	if err != nil {
		r.report.RecordErr = err.Error()
	}
}

// Single is the report of one run, neither rerun nor replayed.
func Single(t *Target, rep *Report) *report.Report {
	out := &report.Report{Command: t.Command, Runs: 1, Seconds: rep.Elapsed.Seconds(), Explored: 1, Findings: rep.Told}
	for _, found := range rep.Findings {
		out.Findings = append(out.Findings, report.Found{Finding: found, Ops: rep.Ops})
	}
	return out
}

// RecordOnce is RunOnce that also records the run in dir, which must not exist.
// Report.RecordErr says why the recording is not complete.
func RecordOnce(ctx context.Context, t Target, dir string) (*Report, error) {
	return runOnce(ctx, &Plan{Target: t, Record: dir})
}

// recordProof records the run that proved a race, its schedule and its finding. The
// second proof of a hunt goes to NAME-2.filerace, and so on.
func (pr *prover) recordProof(s schedule.Schedule, r *Report, rec *report.Found) error {
	h := pr.h
	h.mu.Lock()
	h.recorded++
	n := h.recorded
	h.mu.Unlock()
	dir := h.opt.Record
	if n > 1 {
		dir = fmt.Sprintf("%s-%d%s", strings.TrimSuffix(dir, saved.Suffix), n, saved.Suffix)
	}
	decisions, err := json.MarshalIndent(struct {
		Version   int               `json:"version"`
		Open      bool              `json:"open"` // the run goes on after the last decision, in any way
		Decisions schedule.Schedule `json:"decisions"`
	}{1, pr.open, s}, "", "  ")
	if err != nil {
		return err
	}
	var findings bytes.Buffer
	one := &report.Report{
		Command: pr.plan.Command, Runs: rec.RunsToFind, Seconds: rec.SecondsToFind, Explored: 1, Findings: []report.Found{*rec},
	}
	if err := report.JSON(&findings, one); err != nil {
		return err
	}
	w, err := saved.Create(dir, recordMeta(&pr.plan.Target, r.Began))
	if err != nil {
		return err
	}
	for _, o := range r.Ops {
		if w.Op(o) != nil {
			break // Close says why
		}
	}
	return w.Close(findings.Bytes(), append(decisions, '\n'))
}
