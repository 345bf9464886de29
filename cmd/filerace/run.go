package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"syscall"

	"filerace/internal/hunt"
	"filerace/internal/probe"
	"filerace/internal/race"
)

// running is one use of `filerace run`.
type running struct {
	target hunt.Target
	with   string // bpf, ptrace or auto
	record string // directory of the recording, "" for none
	strict bool
	out    *output
}

func runCommand(ctx context.Context, c *console, args []string) int {
	f := newFlags(c, "run", "[flags] -- CMD [ARG…]", "Runs CMD once, with its input and output as they are, and reports the races that happened and\nthose that could have. Exit status: 66 if a race was found, else the command's own.")
	r := &running{with: defaultRecorder}
	runTime := f.Duration("run-time", 0, "kill the run after this `time`, as in 90s or 5m; 0: never")
	f.BoolVar(&r.strict, "strict", false, "exit 66 for possible races, too")
	all := f.Bool("all", false, "leave nothing out: all possible races, all steps")
	record := f.String("record", "", "keep the run's operations in a new directory `NAME`.filerace")
	withFlag(f, &r.with)
	r.out = outputFlags(f)
	if stop, status := parse(c, f, args); stop {
		return status
	}
	if emptyFlag(f, "record") != "" {
		return wrong(c, "run", "--record has no value")
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
	if r.record, err = recordDir(*record); err != nil {
		return failed(c, "run", err)
	}
	r.out.all = *all
	if err := r.out.open(c); err != nil {
		return failed(c, "run", err)
	}
	r.target = hunt.Target{Command: f.Args(), Dir: dir, RunTime: *runTime, Seed: 0, All: *all}
	return r.run(ctx, c)
}

// defaultRecorder is what tells of the run if --with does not say.
const defaultRecorder = "auto"

func withFlag(f *flag.FlagSet, with *string) {
	f.Func("with", "how the run is seen, a `way`: bpf (at full speed, as it happens; needs root), ptrace (one call after\nthe other), auto (bpf where it works); "+defaultRecorder+" if not given", func(s string) error {
		switch s {
		case "bpf", "ptrace", "auto":
			*with = s
			return nil
		}
		return fmt.Errorf("%q is none of bpf, ptrace, auto", s)
	})
}

func (r *running) run(ctx context.Context, c *console) int {
	rep, missed, err := r.once(ctx)
	switch {
	case err != nil && ctx.Err() != nil:
		return interrupted(c, "run")
	case err != nil:
		return failed(c, "run", err)
	case rep.Ending.TimedOut:
		fmt.Fprintf(c.err, "filerace run: the command did not end within %v and was killed\n", r.target.RunTime)
	}
	for _, text := range missed {
		fmt.Fprintln(c.err, "filerace run:", text)
	}
	out := hunt.Single(&r.target, rep)
	out.Missed = missed
	if r.out.asJSON || r.out.name != "" || len(out.Findings) > 0 {
		if err := r.out.write(out, r.target.Dir, false); err != nil {
			return failed(c, "run", err)
		}
	}
	race := verdict(out, r.strict) == exitRace
	if rep.RecordErr != "" {
		if status := failed(c, "run", recordFailed(rep.RecordErr)); !race {
			return status
		}
	}
	switch {
	case race:
		return exitRace
	case rep.Ending.TimedOut:
		return 128 + int(syscall.SIGKILL)
	}
	return rep.Ending.Status
}

// once carries the run out, watched if that is wanted and works, else under control.
func (r *running) once(ctx context.Context) (*hunt.Report, []string, error) {
	if r.with != "ptrace" {
		end := stepAside()
		rep, missed, err := hunt.WatchOnce(ctx, r.target, r.record)
		end()
		if r.with == "bpf" || !errors.Is(err, probe.ErrUnavailable) {
			return rep, missed, cannotWatch(err)
		}
	}
	rep, err := hunt.RecordOnce(ctx, r.target, r.record)
	if err == nil && rep.Short {
		return rep, []string{race.ShortOfRoom}, nil
	}
	return rep, nil, err
}
