package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"filerace/internal/hunt"
	"filerace/internal/race"
	"filerace/internal/report"
	"filerace/internal/schedule"
)

// list is a flag that may be given several times.
type list []string

func (l *list) String() string     { return strings.Join(*l, " ") }
func (l *list) Set(v string) error { *l = append(*l, v); return nil }

func huntCommand(ctx context.Context, c *console, args []string) int {
	f := newFlags(c, "hunt", "[flags] -- CMD [ARG…]", "Reruns CMD under control, in another order of its file operations each time, until a race bites.")
	var (
		actors  list
		opt     hunt.Options
		copies  = f.Int("copies", 1, "run the command so many times at once")
		runs    = f.Int("runs", 1000, "runs of the whole hunt")
		limit   = f.Duration("time", 60*time.Second, "time for the whole hunt; 0: no limit")
		runTime = f.Duration("run-time", 30*time.Second, "time for one run")
		seed    = f.Uint64("seed", 1, "seed of all choices")
		jobs    = f.Int("jobs", runtime.NumCPU(), "runs side by side")
		strat   = f.String("strategy", "auto", "how orders are chosen: auto, "+strings.Join(choosable(), ", "))
		all     = f.Bool("all", false, "go on after the first proven race, and show possible races, too")
		strict  = f.Bool("strict", false, "exit 66 for possible races, too")
		quiet   = f.Bool("quiet", false, "no progress, no warnings")
		show    = f.Bool("show-output", false, "show what the program printed in the run that went wrong")
		out     = outputFlags(f)
	)
	f.Var(&actors, "actor", "a command for sh -c, run at the same time as the other --actors (instead of CMD)")
	f.StringVar(&opt.Setup, "setup", "", "command for sh -c before every run")
	f.StringVar(&opt.Check, "check", "", "command for sh -c after every run; if it fails, the run went wrong")
	f.StringVar(&opt.Fresh, "fresh", "", "start each run inside a new copy of this directory")
	f.BoolVar(&opt.KeepGoing, "keep-going", false, "hunt although the plain run fails")
	if stop, status := parse(c, f, args); stop {
		return status
	}
	command, err := commandOf(f.Args(), actors, *copies)
	switch {
	case err != nil:
		return wrong(c, "hunt", err.Error())
	case *strat != "auto" && !slices.Contains(choosable(), *strat):
		return wrong(c, "hunt", fmt.Sprintf("there is no strategy %q; there are auto, %s", *strat, strings.Join(choosable(), ", ")))
	case *runs < 1 || *jobs < 1 || *runTime <= 0 || *limit < 0:
		return wrong(c, "hunt", "--runs, --jobs and --run-time must be more than 0, --time at least 0")
	}
	dir, err := os.Getwd()
	if err != nil {
		return failed(c, "hunt", fmt.Errorf("find the current directory: %w", err))
	}
	if opt.Fresh != "" {
		opt.Fresh, _ = filepath.Abs(opt.Fresh)
	}
	opt.Command, opt.Dir, opt.RunTime, opt.Seed, opt.Target.All = command, dir, *runTime, *seed, *all
	opt.Runs, opt.Time, opt.Jobs, opt.Strategy, opt.All = *runs, *limit, *jobs, *strat, *all
	opt.Save = func(s *hunt.Saved) (string, error) { return saveRace(dir, s) }
	progress := newProgress(c.err, *quiet)
	opt.Progress, opt.Warn = progress.show, progress.warn
	w, done, err := out.open(c)
	if err != nil {
		return failed(c, "hunt", err)
	}
	defer done()
	rep, err := hunt.Hunt(ctx, opt)
	progress.clear()
	if err != nil && !errors.Is(err, hunt.ErrInterrupted) {
		return failed(c, "hunt", err)
	}
	if err != nil {
		fmt.Fprintln(c.err, "filerace hunt: interrupted; this is what was found until then")
	}
	if err := out.write(w, rep, dir); err != nil {
		return failed(c, "hunt", fmt.Errorf("write the report: %w", err))
	}
	if *show && !out.json() {
		showOutput(w, rep)
	}
	return verdict(rep, *strict)
}

// choosable are the strategies that need nothing but a seed.
func choosable() []string {
	return slices.DeleteFunc(schedule.Names(), func(s string) bool { return s == "replay" || s == "follow" })
}

// commandOf makes the command of --copies and --actor: a shell that starts all at
// once, waits for each and fails if one fails.
func commandOf(cmd, actors []string, copies int) ([]string, error) {
	switch {
	case len(actors) > 0 && (len(cmd) > 0 || copies != 1):
		return nil, errors.New("--actor stands in place of CMD and --copies")
	case len(actors) == 0 && len(cmd) == 0:
		return nil, errors.New("no command: give it after --, as in `filerace hunt -- sh backup.sh`")
	case copies < 1:
		return nil, errors.New("--copies must be at least 1")
	case len(actors) == 0 && copies == 1:
		return cmd, nil
	}
	const all = `p=; for c; do sh -c "$c" & p="$p $!"; done; s=0; for q in $p; do wait $q || s=$?; done; exit $s`
	if len(actors) > 0 {
		return append([]string{"sh", "-c", all, "filerace-actors"}, actors...), nil
	}
	script := fmt.Sprintf(`p=; i=0; while [ $i -lt %d ]; do "$@" & p="$p $!"; i=$((i+1)); done; s=0; for q in $p; do wait $q || s=$?; done; exit $s`, copies)
	return append([]string{"sh", "-c", script, "filerace-copies"}, cmd...), nil
}

// verdict is the exit status for a report.
func verdict(rep *report.Report, strict bool) int {
	for _, f := range rep.Findings {
		if strict || f.Evidence != race.Possible {
			return exitRace
		}
	}
	return exitClean
}
