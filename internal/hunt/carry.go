package hunt

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"filerace/internal/race"
	"filerace/internal/schedule"
	"filerace/internal/trace/saved"
	"filerace/internal/tracee"
)

// bench is where a worker carries out its runs, one after the other.
type bench struct {
	dir       string // the worker's own directory; each run gets an empty one in it
	core      int
	interrupt <-chan struct{}
	launcher  tracee.Launcher
}

// A setupError is trouble before or around the run, with the part that had it.
type setupError struct {
	kind string
	err  error
}

func (e *setupError) Error() string { return e.err.Error() }
func (e *setupError) Unwrap() error { return e.err }

// carry carries out one plan.
func (b *bench) carry(p *Plan) Report {
	rep, err := b.attempt(p)
	if err != nil {
		rep.Err = err.Error()
		var se *setupError
		switch {
		case errors.Is(err, tracee.ErrPtrace):
			rep.Kind = "ptrace"
		case errors.Is(err, tracee.ErrInside):
			rep.Kind = "inside"
		case errors.Is(err, tracee.ErrSeccomp):
			rep.Kind = "seccomp"
		case errors.As(err, &se):
			rep.Kind = se.kind
		}
	}
	return rep
}

func (b *bench) attempt(p *Plan) (rep Report, err error) {
	scratch := filepath.Join(b.dir, "run")
	if err := b.clear(scratch); err != nil {
		return rep, &setupError{"scratch", err}
	}
	defer func() {
		if len(rep.Stopped) > 0 {
			return // someone is going to look at the files
		}
		if cerr := b.clear(scratch); cerr != nil && err == nil {
			err = &setupError{"scratch", cerr}
		}
	}()
	if err := os.MkdirAll(filepath.Join(scratch, "tmp"), 0o755); err != nil {
		return rep, &setupError{"scratch", fmt.Errorf("make a scratch directory: %w", err)}
	}
	dir, names := p.Dir, newNaming()
	if p.Fresh != "" {
		dir = filepath.Join(scratch, "fresh")
		if err := copyTree(p.Fresh, dir); err != nil {
			return rep, &setupError{"fresh", fmt.Errorf("copy %s: %w", p.Fresh, err)}
		}
		names.under(dir, "")
	}
	names.under(scratch, scratchMark)
	names.under(p.Dir, "")
	for _, t := range p.Templates {
		names.templates[t] = true
	}
	env := environment(scratch)
	if p.Setup != "" {
		if out, status := shell(p.Setup, dir, env); status != 0 {
			return rep, &setupError{"setup", fmt.Errorf("--setup ended with status %d%s", status, told(out))}
		}
	}
	strategy, err := schedule.New(b.fill(p, names))
	if err != nil {
		return rep, err
	}
	strategy.Begin()
	r := newRunner(p, strategy, names, scratch)
	r.report.Scratch, r.report.Strategy = scratch, p.Strategy.Name
	if p.Step != nil {
		r.step = stepper(p.Step)
	}
	if p.Record != "" {
		meta := recordMeta(&p.Target, time.Now())
		meta.Single = p.Single
		if r.saved, err = saved.Create(p.Record, meta); err != nil {
			return rep, &setupError{"record", err}
		}
		defer r.saved.Close(nil, nil) // of a run that could not be carried out
	}
	res, err := b.run(p, r, dir, env)
	if err != nil {
		return r.report, err
	}
	r.report.Ending = Ending{Status: res.Status, TimedOut: res.TimedOut}
	if p.Check != "" && !res.TimedOut && res.Left == nil {
		r.report.Ending.CheckOut, r.report.Ending.Check = shell(p.Check, dir, env)
	}
	r.finish(res)
	if r.saved != nil {
		r.endRecording()
	}
	strategy.End(schedule.Outcome{Schedule: r.done, Harm: len(r.report.Findings) > 0})
	switch s := strategy.(type) {
	case *schedule.Replay:
		var d *schedule.Divergence
		if errors.As(s.Err(), &d) {
			r.report.Diverged = d
		}
	case *schedule.Directed:
		r.report.GoalMet = s.Met()
	}
	return r.report, nil
}

// fill adds to the strategy's description what only the run knows.
func (b *bench) fill(p *Plan, n *naming) schedule.Spec {
	s := p.Strategy
	s.Same = newAliases().same
	if p.Plain == nil && s.Name == "" {
		s.Name = "fifo"
	}
	return s
}

// run starts the command and stays with it to its end.
func (b *bench) run(p *Plan, r *runner, dir string, env []string) (tracee.Result, error) {
	path, err := lookUp(p.Command[0], dir, env)
	if err != nil {
		return tracee.Result{}, &setupError{"start", err}
	}
	cfg := tracee.Config{
		Path: path, Argv: p.Command, Dir: dir, Env: env, Seed: p.Seed, RunTime: p.RunTime, Core: b.core,
		NewGroup: !p.Show, Inside: p.Inside && !p.InTurn, NoFilter: p.Step != nil && p.Step.StopAt > 0, Interrupt: b.interrupt,
		Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr,
	}
	if p.Show && p.Step == nil {
		return b.launcher.Run(cfg, r)
	}
	null, err := os.Open(os.DevNull)
	if err != nil {
		return tracee.Result{}, err
	}
	defer null.Close()
	cfg.Stdin = null
	if p.Show {
		return b.launcher.Run(cfg, r)
	}
	tail, err := newTail()
	if err != nil {
		return tracee.Result{}, err
	}
	cfg.Stdout, cfg.Stderr = tail.in, tail.in
	res, err := b.launcher.Run(cfg, r)
	r.report.Output = tail.close()
	return res, err
}

// finish judges the run when it is over.
func (r *runner) finish(res tracee.Result) {
	rep := &r.report
	rep.Ran, rep.Elapsed, rep.Setuid, rep.Foreign, rep.Stopped = r.done, res.Elapsed, res.Setuid, res.Foreign, res.Left
	rep.Unmodelled, rep.Templates = sorted(r.marked), sorted(r.names.templates)
	failed := r.plan.Plain != nil && rep.Ending.Differs(*r.plan.Plain)
	deadlock := res.Deadlock
	for _, f := range r.rules.End(r.world, race.End{Failed: failed, Deadlock: deadlock, All: r.plan.All}) {
		rep.Findings = append(rep.Findings, f)
		rep.Keys = append(rep.Keys, f.Rule+" "+r.names.name(f.Path))
		rep.Cuts = append(rep.Cuts, r.cut(&f))
	}
	rep.Order = r.order
	if r.plan.InTurn {
		rep.Ran = nil // every operation of the program: of use to nobody
	}
	seen := map[string]bool{}
	for _, s := range r.done {
		seen[string(s.Actor)] = true
	}
	rep.Actors = len(seen)
	rep.Outside, rep.Left = sorted(r.outside.wrote), sorted(r.outside.left)
	if r.learn != nil {
		rep.Shared = r.learn.keys()
		all := append(append([]string{}, r.plan.Shared...), rep.Shared...)
		rep.Goals, rep.Steps = r.windows.goals(all)
	}
	if r.room != nil {
		rep.Short = r.room.Short()
		for _, f := range r.room.Besides(rep.Findings) {
			rep.Findings, rep.Keys = append(rep.Findings, f), append(rep.Keys, f.Rule+" "+r.names.name(f.Path))
		}
	}
}

// environment is the caller's, with temporary files in the run's own directory.
func environment(scratch string) []string {
	var env []string
	for _, v := range os.Environ() {
		if !strings.HasPrefix(v, "TMPDIR=") && !strings.HasPrefix(v, workerVar+"=") {
			env = append(env, v)
		}
	}
	return append(env, "TMPDIR="+filepath.Join(scratch, "tmp"))
}

// shell runs a --setup or --check command, uncontrolled; its output is kept to its end.
func shell(command, dir string, env []string) (out string, status int) {
	cmd := exec.Command("/bin/sh", "-c", command)
	cmd.Dir, cmd.Env = dir, env
	tail, err := newTail()
	if err != nil {
		return err.Error(), 126
	}
	cmd.Stdout, cmd.Stderr = tail.in, tail.in
	cmd.WaitDelay = time.Second
	err = cmd.Run()
	out = tail.close()
	var exit *exec.ExitError
	switch {
	case err == nil:
		return out, 0
	case errors.As(err, &exit) && exit.ExitCode() > 0:
		return out, exit.ExitCode()
	}
	return out + err.Error(), 126
}

func told(out string) string {
	if out = strings.TrimSpace(out); out == "" {
		return ""
	}
	return ": " + out
}

// lookUp finds the program as a shell would, and says why it cannot be run.
func lookUp(name, dir string, env []string) (string, error) {
	if strings.Contains(name, "/") {
		path := name
		if !filepath.IsAbs(path) {
			path = filepath.Join(dir, path)
		}
		info, err := os.Stat(path)
		switch {
		case err != nil:
			return "", fmt.Errorf("cannot run %s: %w", name, errors.Unwrap(err))
		case info.IsDir():
			return "", fmt.Errorf("cannot run %s: it is a directory", name)
		case info.Mode()&0o111 == 0:
			return "", fmt.Errorf("cannot run %s: it is not executable (chmod +x, or put its interpreter before it)", name)
		}
		return path, nil
	}
	path, err := exec.LookPath(name)
	if err != nil {
		return "", fmt.Errorf("cannot run %s: no such command in PATH", name)
	}
	return path, nil
}

// cut is how much of the schedule it takes to show the race. A race that explains
// a failure takes all of it: the failure comes last.
func (r *runner) cut(f *race.Finding) int {
	if n := len(f.Marks); n > 0 && !f.Explains && f.Marks[n-1] <= len(r.decided) {
		return int(r.decided[f.Marks[n-1]-1])
	}
	return len(r.done)
}
