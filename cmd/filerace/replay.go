package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"filerace/internal/hunt"
)

func replayCommand(ctx context.Context, c *console, args []string) int {
	f := newFlags(c, "replay", "[flags] FILE.race", "Follows a saved schedule. Exit status: 66 if the race bit, 0 if the schedule was\nfollowed to its end and no harm came, 3 if it could not be followed.")
	var opt hunt.ReplayOptions
	f.IntVar(&opt.Count, "count", 1, "replay `N` times, at least 1")
	f.BoolVar(&opt.Step, "step", false, "wait for Enter before every step, so that you can look at the files meanwhile")
	f.IntVar(&opt.StopAt, "stop-at", 0, "stop before step `N`, from 1, and leave the processes stopped for a debugger; 0: never")
	show := f.Bool("show-output", false, "show what the program prints")
	out := outputFlags(f)
	if stop, status := parse(c, f, args); stop {
		return status
	}
	opt.Show = *show
	switch {
	case f.NArg() != 1:
		return wrong(c, "replay", "give one .race file")
	case opt.Count < 1:
		return wrong(c, "replay", "--count must be at least 1")
	case opt.StopAt < 0:
		return wrong(c, "replay", "--stop-at must be at least 0")
	case (opt.Step || opt.StopAt > 0) && opt.Count > 1:
		return wrong(c, "replay", "--step and --stop-at go with a single replay")
	}
	saved, err := loadRace(f.Arg(0))
	if err != nil {
		return failed(c, "replay", err)
	}
	if opt.StopAt > len(saved.Schedule) {
		return wrong(c, "replay", fmt.Sprintf("--stop-at %d: the schedule has %d steps", opt.StopAt, len(saved.Schedule)))
	}
	if err := out.open(c); err != nil {
		return failed(c, "replay", err)
	}
	res, err := hunt.Replay(ctx, saved, opt)
	if errors.Is(err, hunt.ErrInterrupted) {
		return interrupted(c, "replay")
	}
	if err != nil {
		return failed(c, "replay", err)
	}
	switch {
	case res.Quit:
		fmt.Fprintln(c.out, "stopped")
		return exitClean
	case res.Stopped != nil:
		return left(c, saved, opt, res)
	case res.Diverged != nil && res.Bites < res.Runs:
		fmt.Fprintf(c.err, "filerace replay: the run left the saved schedule: %v\n", res.Diverged)
		fmt.Fprintln(c.err, "filerace replay: the program, its input or the directory is not what it was; hunt again to get a new schedule")
		if res.Runs > 1 {
			fmt.Fprintf(c.err, "filerace replay: the race bit in %d of %d replays\n", res.Bites, res.Runs)
		}
		return exitFail
	}
	res.Report.Command = saved.Command
	dir, err := os.Getwd()
	if err != nil {
		return failed(c, "replay", fmt.Errorf("find the current directory: %w", err))
	}
	switch {
	case res.Bites > 0:
		res.Report.Findings[0].Replay = f.Arg(0)
		err = out.write(&res.Report, dir, false)
	case out.asJSON:
		err = out.write(&res.Report, dir, false)
	default:
		err = out.put(fmt.Appendf(nil, "filerace: the schedule was followed to its end in %d of %d replays, and no harm came: the race is mended\n", res.Runs, res.Runs))
	}
	if err != nil {
		return failed(c, "replay", err)
	}
	if res.Bites > 0 {
		return exitRace
	}
	return exitClean
}

// left tells which processes stand still, and how to go on with them.
func left(c *console, s *hunt.Saved, opt hunt.ReplayOptions, res *hunt.Replayed) int {
	step := s.Schedule[opt.StopAt-1]
	fmt.Fprintf(c.out, "stopped before step %d of %d: %s %s\n", opt.StopAt, len(s.Schedule), step.Actor, step.Sig)
	var pids []string
	for _, p := range res.Stopped {
		pids = append(pids, fmt.Sprint(p))
	}
	fmt.Fprintf(c.out, "stopped processes: %s\n", strings.Join(pids, " "))
	fmt.Fprintf(c.out, "files: %s\n", res.Kept)
	fmt.Fprintf(c.out, "look:  gdb -p %s\n", pids[len(pids)-1])
	fmt.Fprintf(c.out, "go on: kill -CONT %s\n", strings.Join(pids, " "))
	fmt.Fprintf(c.out, "end:   kill -KILL %s; rm -rf '%s'\n", strings.Join(pids, " "), res.Kept)
	return exitClean
}
