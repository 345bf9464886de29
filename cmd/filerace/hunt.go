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
		copies  = f.Int("copies", 1, "run the command `N` times at once, at least 1")
		runs    = f.Int("runs", 1000, "end the hunt after `N` runs, at least 1")
		limit   = f.Duration("time", 60*time.Second, "end the hunt after this `time`, as in 90s or 5m; 0: no limit")
		runTime = f.Duration("run-time", 30*time.Second, "kill a run after this `time`, more than 0")
		seed    = f.Uint64("seed", 1, "where all choices begin, `N` from 0 to 2^64-1: the same seed, the same hunt")
		jobs    = f.Int("jobs", runtime.NumCPU(), "runs side by side, `N` at least 1")
		strat   = f.String("strategy", "auto", "how orders are chosen, a `name`: auto, "+strings.Join(choosable(), ", "))
		all     = f.Bool("all", false, "go on after the first proven race; show possible races, too, and all steps")
		strict  = f.Bool("strict", false, "exit 66 for possible races, too, and show them")
		quiet   = f.Bool("quiet", false, "no progress, no warnings")
		show    = f.Bool("show-output", false, "show what the program printed in the run that went wrong")
		record  = f.String("record", "", "keep the run that proves a race in a new directory `NAME`.filerace")
		out     = outputFlags(f)
	)
	f.Var(&actors, "actor", "a `command` for sh -c, run at once with the other --actors, in place of CMD")
	f.StringVar(&opt.Setup, "setup", "", "`command` for sh -c before every run; must end with status 0")
	f.StringVar(&opt.Check, "check", "", "`command` for sh -c after every run; if it fails, the run went wrong")
	f.StringVar(&opt.Fresh, "fresh", "", "start each run inside a new copy of this `directory`")
	f.BoolVar(&opt.Inside, "inside", false, "stop opens inside the kernel, too, between finding the file and returning it; needs root")
	f.BoolVar(&opt.KeepGoing, "keep-going", false, "hunt although the plain run fails")
	if stop, status := parse(c, f, args); stop {
		return status
	}
	if emptyFlag(f, "record") != "" {
		return wrong(c, "hunt", "--record has no value")
	}
	command, err := commandOf(f.Args(), actors, *copies)
	switch {
	case err != nil:
		return wrong(c, "hunt", err.Error())
	case *strat != "auto" && !slices.Contains(choosable(), *strat):
		return wrong(c, "hunt", fmt.Sprintf("there is no strategy %q; there are auto, %s", *strat, strings.Join(choosable(), ", ")))
	case *runs < 1:
		return wrong(c, "hunt", "--runs must be at least 1")
	case *jobs < 1:
		return wrong(c, "hunt", "--jobs must be at least 1")
	case *runTime <= 0:
		return wrong(c, "hunt", "--run-time must be more than 0, as in 30s")
	case *limit < 0:
		return wrong(c, "hunt", "--time must be at least 0")
	}
	dir, err := os.Getwd()
	if err != nil {
		return failed(c, "hunt", fmt.Errorf("find the current directory: %w", err))
	}
	if opt.Record, err = recordDir(*record); err != nil {
		return failed(c, "hunt", err)
	}
	if opt.Fresh != "" {
		opt.Fresh, _ = filepath.Abs(opt.Fresh)
	}
	out.all = *all
	opt.Command, opt.Dir, opt.RunTime, opt.Seed, opt.Target.All = command, dir, *runTime, *seed, *all || *strict
	opt.Runs, opt.Time, opt.Jobs, opt.Strategy, opt.All = *runs, *limit, *jobs, *strat, *all
	opt.Save = func(s *hunt.Saved) (string, error) { return saveRace(dir, s) }
	progress := newProgress(c.err, *quiet)
	opt.Progress, opt.Warn = progress.show, progress.warn
	if err := out.open(c); err != nil {
		return failed(c, "hunt", err)
	}
	rep, err := hunt.Hunt(ctx, opt)
	progress.clear()
	switch {
	case err == nil:
	case errors.Is(err, hunt.ErrInterrupted):
		fmt.Fprintln(c.err, "filerace hunt: interrupted; this is what was found until then")
	case rep == nil || len(rep.Findings) == 0:
		return failed(c, "hunt", err)
	default: // what was found before stands
		failed(c, "hunt", err)
	}
	if werr := out.write(rep, dir, *show); werr != nil {
		return failed(c, "hunt", werr)
	}
	if v := verdict(rep, *strict); v != exitClean || err == nil {
		return v
	}
	return exitFail
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
