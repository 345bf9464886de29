package main

import (
	"context"
	"fmt"
	"os"
	"syscall"

	"filerace/internal/hunt"
	"filerace/internal/report"
)

func runCommand(ctx context.Context, c *console, args []string) int {
	f := newFlags(c, "run", "[flags] -- CMD [ARG…]", "Runs CMD once, with its input and output as they are, and reports the races that happened and\nthose that could have. Exit status: 66 if a race was found, else the command's own.")
	runTime := f.Duration("run-time", 0, "kill the run after this `time`, as in 90s or 5m; 0: never")
	strict := f.Bool("strict", false, "exit 66 for possible races, too")
	all := f.Bool("all", false, "leave nothing out: all possible races, all steps")
	record := f.String("record", "", "keep the run's operations in a new directory `NAME`.filerace")
	out := outputFlags(f)
	if stop, status := parse(c, f, args); stop {
		return status
	}
	if f.NArg() == 0 {
		return wrong(c, "run", "no command: give it after --, as in `filerace run -- make test`")
	}
	if *runTime < 0 {
		return wrong(c, "run", "--run-time must be at least 0")
	}
	dir, err := os.Getwd()
	if err != nil {
		return failed(c, "run", fmt.Errorf("find the current directory: %w", err))
	}
	recording, err := recordDir(*record)
	if err != nil {
		return failed(c, "run", err)
	}
	out.all = *all
	if err := out.open(c); err != nil {
		return failed(c, "run", err)
	}
	rep, err := hunt.RecordOnce(ctx, hunt.Target{Command: f.Args(), Dir: dir, RunTime: *runTime, Seed: 0, All: *all}, recording)
	switch {
	case err != nil && ctx.Err() != nil:
		return interrupted(c, "run")
	case err != nil:
		return failed(c, "run", err)
	case rep.Ending.TimedOut:
		fmt.Fprintf(c.err, "filerace run: the command did not end within %v and was killed\n", *runTime)
	}
	r := &report.Report{Command: f.Args(), Runs: 1, Seconds: rep.Elapsed.Seconds(), Explored: 1}
	for _, found := range rep.Findings {
		r.Findings = append(r.Findings, report.Found{Finding: found, Ops: rep.Ops})
	}
	if out.asJSON || out.name != "" || len(r.Findings) > 0 {
		if err := out.write(r, dir, false); err != nil {
			return failed(c, "run", err)
		}
	}
	if rep.RecordErr != "" {
		if status := failed(c, "run", recordFailed(rep.RecordErr)); verdict(r, *strict) != exitRace {
			return status
		}
	}
	switch {
	case verdict(r, *strict) == exitRace:
		return exitRace
	case rep.Ending.TimedOut:
		return 128 + int(syscall.SIGKILL)
	}
	return rep.Ending.Status
}
