package litmus

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"
)

// Place is a directory in which the tests are run.
type Place struct {
	Label string // heads the column of the table; "": the type of the file system
	Dir   string
	Made  string // by what program and version, if it was made for the tests
}

// Options say what is run and how long.
type Options struct {
	Select   []string      // tests ("create") and cases ("create/mkdir"); none: all
	Trials   int           // at most, of each case; 0: DefaultTrials
	Time     time.Duration // for all tests in one directory; 0: DefaultTime, or no end if Trials are given
	Seed     uint64
	Shim     bool // put in each primitive's place what does it wrong
	Together bool // start sections together: no adaptive delay
	Progress func(Progress)

	asked bool // for these Trials, and not for the default
}

// Progress tells how far a run has come.
type Progress struct {
	Label      string
	Test, Case string
	Done, All  int // cases
	Trials     int // of this case, so far

	// Left is how long a case that is tried beside the others should still take; 0: none is waited for.
	Left time.Duration
}

// Defaults of Options.
const (
	DefaultTrials = 20_000
	DefaultTime   = 40 * time.Second
)

// hang is how long a case may go on without ending a trial once its time is up.
const hang = 10 * time.Second

// ErrPlace is wrapped by errors about a directory that cannot be used.
var ErrPlace = errors.New("the directory cannot be used")

// Run runs the tests in every place. When ctx is done, it ends with what there is
// by then and ctx's error. It leaves nothing behind in the places.
func Run(ctx context.Context, places []Place, o Options) (*Matrix, error) {
	cases, err := choose(o.Select)
	if err != nil {
		return nil, err
	}
	m := &Matrix{System: system()}
	o.fill()
	run, stop := context.WithCancel(ctx)
	var open []*column
	defer func() {
		stop()
		for _, c := range open {
			c.end()
		}
	}()
	for _, place := range places {
		c, err := openColumn(place, cases, o)
		if err != nil {
			return m, err
		}
		open, m.Columns = append(open, c), append(m.Columns, c.Column)
		if err := c.try(run); err != nil {
			return m, err
		}
	}
	for _, c := range open {
		c.collect()
	}
	return m, ctx.Err()
}

// allowance is what one case gets.
type allowance struct {
	scratch string        // the directory of the run
	share   time.Duration // of the time
	most    time.Duration // if its verdict needs more than that
}

// runCase runs one case in a directory of its own.
func runCase(ctx context.Context, c chosen, a allowance, p Progress, o Options) Result {
	res := Result{Test: c.test.Name, Case: c.c.Name, Verdict: VerdictNotTested, InTurn: c.c.InTurn}
	got, err := tryCase(ctx, c, a, p, o)
	if err != nil {
		res.Reason = err.Error()
		return res
	}
	return *got
}

func tryCase(ctx context.Context, c chosen, a allowance, p Progress, o Options) (*Result, error) {
	dir, err := os.MkdirTemp(a.scratch, "case")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	b, f, err := newBoard()
	if err != nil {
		return nil, err
	}
	defer b.unmap()
	defer f.Close()
	r, w, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer r.Close()
	t, err := start(c, dir, a, o, f, w)
	w.Close()
	defer t.end()
	if err != nil {
		return nil, err
	}
	answer := make(chan *Result, 1)
	go func() {
		defer close(answer)
		res := new(Result)
		if json.NewDecoder(r).Decode(res) == nil {
			answer <- res
		}
	}()
	// A run without an end notices a case that stands still all the same.
	patience := min(a.share, DefaultTime)
	if c.c.Lasts != nil {
		patience = max(patience, c.c.Lasts())
	}
	return t.watch(ctx, b, answer, 2*patience, p, o.Progress)
}

// troupe is the processes of a case.
type troupe struct {
	cmds   []*exec.Cmd
	names  []string
	errors []*bytes.Buffer
	gone   chan int // numbers of processes that ended
}

func start(c chosen, dir string, a allowance, o Options, f, w *os.File) (*troupe, error) {
	t := &troupe{gone: make(chan int, maxRoles)}
	exe, err := os.Executable()
	if err != nil {
		return t, fmt.Errorf("find this program: %w", err)
	}
	e := errand{
		Test: c.test.Name, Case: c.c.Name, Program: exe, Scratch: a.scratch, Parent: os.Getpid(), Shim: o.Shim, Together: o.Together,
		Trials: o.Trials, Asked: o.asked, Until: now() + a.share.Nanoseconds(), Last: now() + a.most.Nanoseconds(), Seed: o.Seed,
	}
	if c.c.Trials > 0 {
		e.Trials = min(e.Trials, c.c.Trials)
	}
	for i, name := range c.c.parts()[:len(c.c.Roles)] {
		e.Role = i
		text, err := json.Marshal(e)
		if err != nil {
			return t, err
		}
		cmd := exec.Command(exe)
		cmd.Dir = dir
		// One processor for Go, no collector and no preemption signals: nothing
		// else is to come between the calls of a part.
		cmd.Env = append(os.Environ(), errandVar+"="+string(text), "GOMAXPROCS=1", "GOGC=off", "GODEBUG=asyncpreemptoff=1")
		cmd.ExtraFiles = []*os.File{f, w}
		errs := new(bytes.Buffer)
		cmd.Stderr = errs
		// A group of its own: the terminal's Ctrl-C is for this process, and what a
		// part forked off can be killed with it.
		cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
		if err := cmd.Start(); err != nil {
			return t, fmt.Errorf("start %s: %w", name, err)
		}
		t.cmds, t.names, t.errors = append(t.cmds, cmd), append(t.names, name), append(t.errors, errs)
		go func() {
			cmd.Wait()
			t.gone <- i
		}()
	}
	return t, nil
}

// watch waits for the result. After its patience, a case that ends no trial for a while hangs.
func (t *troupe) watch(ctx context.Context, b *board, answer <-chan *Result, patience time.Duration, p Progress, progress func(Progress)) (*Result, error) {
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	last, moved := int64(-1), time.Now()
	end := time.Now().Add(patience)
	for {
		select {
		case res, ok := <-answer:
			if !ok {
				return nil, t.fallen(0)
			}
			return res, nil
		case i := <-t.gone:
			t.gone <- i // for end
			if state := t.cmds[i].ProcessState; !state.Success() {
				return nil, t.fallen(i)
			}
			// It has done its part; the result is in the pipe.
			res, ok := <-answer
			if !ok {
				return nil, t.fallen(i)
			}
			return res, nil
		case <-ctx.Done():
			return nil, errors.New("interrupted")
		case <-tick.C:
		}
		p.Trials = int(max(b.trial.Load()-1, 0))
		if progress != nil {
			progress(p)
		}
		if k := b.trial.Load(); k != last {
			last, moved = k, time.Now()
		}
		if now := time.Now(); now.After(end) && now.Sub(moved) > hang {
			return nil, fmt.Errorf("trial %d did not end within %v: %s", last, hang, t.waiting(b))
		}
	}
}

// fallen says how a process ended that should not have.
func (t *troupe) fallen(i int) error {
	if i >= len(t.cmds) || t.cmds[i].ProcessState == nil {
		return errors.New("a process ended without a result")
	}
	text := t.cmds[i].ProcessState.String()
	if first, _, _ := strings.Cut(strings.TrimSpace(t.errors[i].String()), "\n"); first != "" {
		text += ": " + first
	}
	return fmt.Errorf("the process %q ended: %s", t.names[i], text)
}

// waiting says which processes are not done with the trial.
func (t *troupe) waiting(b *board) string {
	var names []string
	for i, n := range t.names {
		if b.slots[i].done.Load() < b.trial.Load() {
			names = append(names, n)
		}
	}
	return strings.Join(names, " and ") + " did not come to an end"
}

// end kills what is left of the processes, those that they forked off too, and
// waits for them.
func (t *troupe) end() {
	for _, cmd := range t.cmds {
		syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
	}
	for range t.cmds {
		<-t.gone
	}
}
