package main

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"

	"filerace/internal/hunt"
	"filerace/internal/schedule"
)

// A way is one manner of running the measured program.
type way struct {
	name string
	run  func(args []string, times int) (answer, error)
}

// The names of the ways that others are compared with.
const (
	plain   = "bare"
	control = "under control"
)

// ways are bare, under control, and under strace, in one stand on one core.
func (l *lab) ways(s *stand) []way {
	list := []way{
		{plain, func(args []string, times int) (answer, error) {
			return s.do(order{Argv: slices.Concat(l.program.argv, args), Times: times})
		}},
		{control, func(args []string, times int) (answer, error) {
			return s.do(order{Argv: slices.Concat(l.program.argv, args), Times: times, Control: true})
		}},
	}
	for _, tool := range strace() {
		list = append(list, way{strings.Join(tool, " "), func(args []string, times int) (answer, error) {
			return s.do(order{Argv: slices.Concat(tool, []string{"-o", os.DevNull}, l.program.argv, args), Times: times})
		}})
	}
	return list
}

// sideBySide measures every way in turn and fills the rows: the ratio to the
// first way, then the figure itself.
func (l *lab) sideBySide(out *section, list []way, figure func(w way) (float64, error)) {
	figures := make([]series, len(list))
	var each []func(int) error
	for i, w := range list {
		each = append(each, func(round int) error {
			v, err := figure(w)
			if err != nil {
				return fmt.Errorf("%s: %w", w.name, err)
			}
			if round >= 0 {
				figures[i] = append(figures[i], v)
			}
			return nil
		})
	}
	if !l.byTurns(out, l.rounds, each) {
		return
	}
	for i, w := range list {
		out.row(w.name, figures[i].over(figures[0]).String(), figures[i].String())
	}
}

// byTurns calls every way once a round (interleave), and reports whether all of that succeeded; the section says why not.
func (l *lab) byTurns(out *section, rounds int, ways []func(round int) error) bool {
	out.broken = interleave(rounds, ways...)
	if out.broken != nil && l.ctx.Err() != nil {
		out.broken = errGone
	}
	return out.broken == nil
}

// oneOperation measures what an operation costs: the time of many less the time
// of few, so that the start and the end of the program do not count.
func (l *lab) oneOperation() section {
	const few, many = 20, 2020
	out := section{title: "One operation under control (goal 15 µs)", head: []string{"way", "times bare", "µs an operation"}}
	s, err := startStand(l.ctx, l.memory, l.core)
	if err != nil {
		out.broken = err
		return out
	}
	defer s.close()
	var counted series
	l.sideBySide(&out, l.ways(s), func(w way) (float64, error) {
		times := 1
		if w.name == plain {
			times = 5 // about as long as the others take
		}
		small, e1 := w.run([]string{"loop", strconv.Itoa(few)}, times)
		big, e2 := w.run([]string{"loop", strconv.Itoa(many)}, times)
		if w.name == control {
			counted = append(counted, float64(big.Ops-small.Ops))
		}
		return microseconds(big.Elapsed-small.Elapsed) / float64(times*(many-few)), errors.Join(e1, e2)
	})
	out.note("One process (%s) on core %d: a run of %d operations less one of %d, by turns in %d rounds, on %s. "+
		"Under control every operation is a decision; %s were counted.",
		l.program.how, l.core, many, few, l.rounds, l.memoryIs, counted)
	return out
}

// runsPerSecond measures short runs of three processes with ten operations each.
func (l *lab) runsPerSecond() section {
	const times = 20
	out := section{title: "Runs per second on one core, three processes of ten operations each (goal 0.6 of bare)",
		head: []string{"way", "share of bare", "runs a second"}}
	s, err := startStand(l.ctx, l.memory, l.core)
	if err != nil {
		out.broken = err
		return out
	}
	defer s.close()
	h, err := l.wholeRun()
	if err != nil {
		out.broken = err
		return out
	}
	defer h.worker.Close()
	list := slices.Insert(l.ways(s), 2, way{"a hunt's runs", h.run})
	l.sideBySide(&out, list, func(w way) (float64, error) {
		n := times
		if strings.HasPrefix(w.name, "strace") {
			n = times / 5
		}
		a, err := w.run([]string{"three", "10"}, n)
		return float64(n) / a.Elapsed.Seconds(), err
	})
	out.note("One command (%s) that forks three processes and waits for them, %d runs in a row (strace: a fifth) on core %d, by turns in %d rounds, on %s. "+
		"Under control every operation is a decision, and the processes take turns. A hunt's runs have all its parts: a new directory, "+
		"the plan to a worker and its report back, rules, and the strategy pos on the objects that are shared.",
		l.program.how, times, l.core, l.rounds, l.memoryIs)
	return out
}

// wholeRun makes runs as a hunt does, by one worker.
type wholeRun struct {
	worker *hunt.Worker
	plan   hunt.Plan
	seed   uint64
}

func (l *lab) wholeRun() (*wholeRun, error) {
	// Its directories are in memory, too, as those of the other ways.
	defer os.Setenv("TMPDIR", os.Getenv("TMPDIR"))
	os.Setenv("TMPDIR", l.memory)
	w, err := hunt.StartWorker(l.core)
	if err != nil {
		return nil, err
	}
	h := &wholeRun{worker: w}
	h.plan.Target = hunt.Target{Command: slices.Concat(l.program.argv, []string{"three", "10"}),
		Dir: l.memory, Fresh: l.sub("empty"), RunTime: time.Minute}
	first := h.plan
	first.Learn, first.InTurn, first.Strategy = true, true, schedule.Spec{Name: "fifo"}
	rep, err := w.Run(&first)
	if err == nil && rep.Err != "" {
		err = errors.New(rep.Err)
	}
	if err != nil {
		w.Close()
		return nil, err
	}
	h.plan.Plain, h.plan.Shared, h.plan.Templates = &rep.Ending, rep.Shared, rep.Templates
	return h, nil
}

func (h *wholeRun) run(_ []string, times int) (a answer, err error) {
	began := time.Now()
	for range times {
		h.seed++
		h.plan.Strategy = schedule.Spec{Name: "pos", Seed: h.seed}
		rep, err := h.worker.Run(&h.plan)
		switch {
		case err != nil:
			return a, err
		case rep.Err != "":
			return a, errors.New(rep.Err)
		case rep.Ending.Status != 0:
			return a, fmt.Errorf("the program ended with status %d", rep.Ending.Status)
		}
		a.Ops += rep.OpCount
	}
	a.Elapsed = time.Since(began)
	return a, nil
}

func microseconds(d time.Duration) float64 { return float64(d) / float64(time.Microsecond) }

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// side is how many things go on side by side where all cores are used, as in a hunt.
func side() int { return runtime.NumCPU() }
