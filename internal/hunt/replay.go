package hunt

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"time"

	"filerace/internal/op"
	"filerace/internal/race"
	"filerace/internal/report"
	"filerace/internal/schedule"
	"filerace/internal/tracee"
)

// ReplayOptions say how to replay a saved race.
type ReplayOptions struct {
	Count  int  // how often; at least 1
	Step   bool // wait for a key before every step
	StopAt int  // leave the processes stopped before this step, from 1; 0: never
	Show   bool // the program's output goes to ours
}

// Replayed is what replays of a saved race came to.
type Replayed struct {
	Runs, Bites int
	Diverged    *schedule.Divergence // the first run that could not follow; nil: none
	Report      report.Report        // of the last run that bit
	Stopped     []int                // process ids left stopped
	Quit        bool                 // the person who stepped through it had seen enough
	Kept        string               // directory with the stopped run's files
	Last        *Report
}

// Replay follows a saved schedule.
func Replay(ctx context.Context, s *Saved, opt ReplayOptions) (*Replayed, error) {
	for _, v := range s.Env {
		if name, value, ok := cutEnv(v); ok {
			os.Setenv(name, value)
		}
	}
	w, err := StartWorker(0)
	if err != nil {
		return nil, err
	}
	defer w.Close()
	stop := context.AfterFunc(ctx, func() { w.pipe.Close() })
	defer stop()
	out := &Replayed{}
	out.Report.Command = s.Command
	began := time.Now()
	for range max(opt.Count, 1) {
		p := &Plan{
			Target: s.Target, Plain: &s.Plain, Shared: s.Shared, Templates: s.Templates, KeepOps: true, Show: opt.Show || opt.Step || opt.StopAt > 0,
			Strategy: schedule.Spec{Name: "replay", Schedule: s.Schedule, Open: s.Open},
		}
		if opt.Step || opt.StopAt > 0 {
			p.Step = &StepPlan{Ask: opt.Step, StopAt: opt.StopAt}
		}
		rep, err := w.Run(p)
		if err == nil && rep.Err != "" {
			err = &RunError{rep.Kind, rep.Err}
		}
		if err != nil {
			if ctx.Err() != nil {
				return out, ErrInterrupted
			}
			return out, err
		}
		out.Runs++
		out.Last, out.Stopped = rep, rep.Stopped
		if rep.Stopped != nil {
			w.keep, out.Kept = true, w.dir
			return out, nil
		}
		if rep.Quit {
			out.Quit = true
			return out, nil
		}
		if rep.Diverged != nil {
			if out.Diverged == nil {
				out.Diverged = rep.Diverged
			}
			continue
		}
		if Bites(rep, s.Key, s.Plain) {
			out.Bites++
			out.found(s, p, rep)
		}
	}
	out.Report.Explored = 1
	out.Report.Runs, out.Report.Seconds = out.Runs, time.Since(began).Seconds()
	if len(out.Report.Findings) > 0 {
		out.Report.Findings[0].Replays, out.Report.Findings[0].Bites = out.Runs, out.Bites
	}
	return out, nil
}

func (out *Replayed) found(s *Saved, p *Plan, rep *Report) {
	pr := &prover{plan: p, key: s.Key}
	relocate(p, rep)
	f := pr.finding(rep)
	f.Evidence = race.Proven
	out.Report.Findings = []report.Found{{
		Finding: f, Ops: rep.Ops, Preemptions: s.Schedule.Preemptions(), Output: rep.Output,
	}}
}

func cutEnv(v string) (name, value string, ok bool) {
	for i := range v {
		if v[i] == '=' {
			return v[:i], v[i+1:], i > 0
		}
	}
	return "", "", false
}

// stepper asks a person before every decision: the worker's standard input is the
// terminal. What happened since the last question is printed first.
func stepper(s *StepPlan) func(r *runner, next int) int {
	keys := bufio.NewReader(os.Stdin)
	printed := 0
	return func(r *runner, next int) int {
		at := len(r.done) + 1
		if s.StopAt > 0 && at >= s.StopAt {
			return tracee.Leave
		}
		if !s.Ask {
			return next
		}
		for ; printed < len(r.report.Ops); printed++ {
			printStep(r, r.report.Ops[printed])
		}
		h := r.held[next]
		fmt.Printf("%4d  next: %s %s %s   [Enter: go on, q: stop] ", at, h.Actor, h.Op.Prog, h.Sig)
		line, err := keys.ReadString('\n')
		if err != nil || len(line) > 0 && line[0] == 'q' {
			r.report.Quit = true
			return tracee.Stop
		}
		return next
	}
}

// printStep prints one operation of the growing timeline; those on objects that
// are not raced for are left out.
func printStep(r *runner, o *op.Op) {
	if !decides(r.names, r.shared, o) {
		return
	}
	fmt.Printf("\r      %-14s %-36s %s\n", string(o.Actor)+" "+o.Prog, op.Signature(o, r.names.name), op.Short(o, r.names.name))
}

// RunOnce runs the command once, uncontrolled but recorded, with the program's
// input and output as they are.
func RunOnce(ctx context.Context, t Target) (*Report, error) { return runOnce(ctx, &Plan{Target: t}) }

func runOnce(ctx context.Context, p *Plan) (*Report, error) {
	p.KeepOps, p.Single, p.Show, p.Strategy = true, true, true, schedule.Spec{Name: "fifo"}
	w, err := StartWorker(-1)
	if err != nil {
		return nil, err
	}
	defer w.Close()
	stop := context.AfterFunc(ctx, func() { w.pipe.Close() })
	defer stop()
	rep, err := w.Run(p)
	if err != nil {
		return nil, err
	}
	if rep.Err != "" {
		return nil, &RunError{rep.Kind, rep.Err}
	}
	return rep, nil
}
