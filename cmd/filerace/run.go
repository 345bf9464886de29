package main

import (
	"context"
	"fmt"
	"os"
	"time"

	"filerace/internal/hunt"
	"filerace/internal/report"
)

func runCommand(ctx context.Context, c *console, args []string) int {
	f := newFlags(c, "run", "[flags] -- CMD [ARG…]", "Runs CMD once, with its input and output as they are, and reports the races that happened and\nthose that could have. Exit status: 66 if a race was found, else the command's own.")
	runTime := f.Duration("run-time", 24*time.Hour, "time for the run")
	strict := f.Bool("strict", false, "exit 66 for possible races, too")
	all := f.Bool("all", false, "show all possible races")
	out := outputFlags(f)
	if stop, status := parse(c, f, args); stop {
		return status
	}
	if f.NArg() == 0 {
		return wrong(c, "run", "no command: give it after --, as in `filerace run -- make test`")
	}
	dir, err := os.Getwd()
	if err != nil {
		return failed(c, "run", fmt.Errorf("find the current directory: %w", err))
	}
	out.all = *all
	w, done, err := out.open(c)
	if err != nil {
		return failed(c, "run", err)
	}
	defer done()
	rep, err := hunt.RunOnce(ctx, hunt.Target{Command: f.Args(), Dir: dir, RunTime: *runTime, Seed: 0, All: *all})
	if err != nil {
		return failed(c, "run", err)
	}
	r := &report.Report{Command: f.Args(), Runs: 1, Seconds: rep.Elapsed.Seconds(), Explored: 1}
	for _, found := range rep.Findings {
		r.Findings = append(r.Findings, report.Found{Finding: found, Ops: rep.Ops})
	}
	if out.json() || len(r.Findings) > 0 {
		if err := out.write(w, r, dir); err != nil {
			return failed(c, "run", fmt.Errorf("write the report: %w", err))
		}
	}
	if v := verdict(r, *strict); v == exitRace {
		return v
	}
	return rep.Ending.Status
}
