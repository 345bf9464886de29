package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"sync"
	"time"
)

// quickCases is how many cases a quick look takes.
const quickCases = 3

// caseResult is what one case gave: the hunts, and how often the race bit in the
// same seconds without them.
type caseResult struct {
	name   string
	right  bool // its README says that it is a correct program
	hunts  hunts
	tally  [waysToTry]tally
	broken error
}

// The other ways to try, in the order of the columns.
const (
	plainWay = iota
	loadWay
	delayWay
	waysToTry
)

type tally struct {
	trials, bites, trouble int
	missing                bool // the tool is not installed
}

func (t tally) String() string {
	switch {
	case t.missing:
		return "no tool"
	case t.trials == 0:
		return "-"
	}
	return fmt.Sprintf("%d/%d", t.bites, t.trials)
}

// sharedCases hunts real programs, beside what else people do to see a race.
func (l *lab) sharedCases() []section {
	racy := section{title: "Real programs with a race: the first proof, beside the same seconds of plain repetition and others",
		head: []string{"case", "x plain", "proven", "runs", "ms to find", "in all", "plain", "load", "delays"}}
	right := section{title: "Real programs without one: a hunt must find nothing",
		head: []string{"case", "found", "hunts", "runs", "plain", "load", "delays"}}
	if l.cases == "" {
		return []section{{title: "Real programs", notes: []string{"skipped: give the directory of the shared cases with --cases DIR"}}}
	}
	taken := l.caseNames()
	if len(taken) == 0 {
		racy.broken = errors.New("the directory of the cases has no NAME/run.sh")
	}
	taken = slices.DeleteFunc(taken, func(name string) bool { return !l.wanted("cases", name) })
	if l.quick {
		taken = taken[:min(len(taken), quickCases)]
	}
	for _, name := range taken {
		l.progress(name)
		r := l.oneCase(name)
		if l.ctx.Err() != nil {
			racy.broken = errGone
			break
		}
		into := &racy
		if r.right {
			into = &right
		}
		r.show(into)
	}
	shown := slices.DeleteFunc([]section{racy, right}, func(s section) bool { return len(s.rows) == 0 && s.broken == nil })
	if len(shown) > 0 {
		l.explain(&shown[len(shown)-1])
	}
	return shown
}

// explain says how all cases were measured.
func (l *lab) explain(s *section) {
	s.note("Cases: `filerace hunt --fresh EMPTY -- sh run.sh .` on all cores, up to %d hunts with a seed of their own each, together at most %v a case. "+
		"Then the same seconds of each other way, after every hunt: %d loops side by side, each in an empty directory. "+
		"plain: nothing else; load: beside `stress-ng --cpu 2` (%s); delays: `strace -f --seccomp-bpf -e inject=CALL:delay_enter=…`, "+
		"call, uses and delay (0.1 to 17 ms) drawn for each trial; of these three: trials that bit / trials. "+
		"Runs and ms to find: until the race was first seen; in all: ms until it was also proven by replays, minimised and saved. "+
		"x plain: milliseconds of plain repetition for each bite over ms to find (>: it never bit).", l.hunts, l.perCase, side(), loadIs())
}

func loadIs() string {
	if _, err := exec.LookPath("stress-ng"); err != nil {
		return "not installed here"
	}
	return "installed here"
}

// caseNames lists the cases in the directory given.
func (l *lab) caseNames() (names []string) {
	if l.cases == "" {
		return nil
	}
	scripts, _ := filepath.Glob(filepath.Join(l.cases, "*", "run.sh"))
	for _, s := range scripts {
		names = append(names, filepath.Base(filepath.Dir(s)))
	}
	return names
}

// prepareCase copies a case and sets it up. A directory without a prepare script
// holds prepared ones.
func (l *lab) prepareCase(name string) (dir string, err error) {
	prepare := filepath.Join(l.cases, "prepare")
	if _, err := os.Stat(prepare); errors.Is(err, os.ErrNotExist) {
		return filepath.Abs(filepath.Join(l.cases, name))
	}
	into := l.sub("cases")
	ctx, cancel := context.WithTimeout(l.ctx, 5*time.Minute)
	defer cancel()
	if out, err := l.command(ctx, "", "sh", prepare, into, name).CombinedOutput(); err != nil {
		return "", fmt.Errorf("its set-up failed: %s", tail(out))
	}
	return filepath.Join(into, name), nil
}

var saysCorrect = regexp.MustCompile(`(?m)^- verdict: correct`)

// oneCase hunts one case and repeats it in the other ways.
func (l *lab) oneCase(name string) (r caseResult) {
	r.name = name
	readme, _ := os.ReadFile(filepath.Join(l.cases, name, "README.md"))
	r.right = saysCorrect.Match(readme)
	dir, err := l.prepareCase(name)
	if err != nil {
		r.broken = err
		return r
	}
	script := filepath.Join(dir, "run.sh")
	rep, err := l.startRepeaters(script)
	if err != nil {
		r.broken = err
		return r
	}
	defer rep.close()
	r.hunts, r.broken = l.huntAgain(func(h hunted, round int) error {
		for i := range waysToTry {
			way := (i + round) % waysToTry
			if err := rep.repeat(&r.tally[way], way, h.wall, uint64(round)); err != nil {
				return err
			}
		}
		return nil
	}, "--fresh", l.sub("empty"), "--", "sh", script, ".")
	return r
}

func (r *caseResult) show(s *section) {
	h, t := &r.hunts, &r.tally
	if r.broken != nil {
		s.row(r.name, "not measured")
		s.note("%s: not measured: %v", r.name, r.broken)
		return
	}
	if r.right {
		runs := h.wasted
		for _, n := range h.runs {
			runs += int(n)
		}
		s.row(r.name, fmt.Sprint(h.findings), fmt.Sprint(h.tried), fmt.Sprint(runs), t[0].String(), t[1].String(), t[2].String())
	} else {
		s.row(r.name, r.timesPlain(), h.share(), h.runs.String(), h.find.String(), number(h.all.median()), t[0].String(), t[1].String(), t[2].String())
	}
	for i, way := range []string{"plain", "load", "delays"} {
		if t[i].trouble > 0 {
			s.note("%s, %s: %d trials could not be judged.", r.name, way, t[i].trouble)
		}
	}
}

// timesPlain is how much sooner a hunt saw the race than plain repetition, which
// needed its time divided by its bites; at least so much if it never bit.
func (r *caseResult) timesPlain() string {
	bites := r.tally[plainWay].bites
	ratio := milliseconds(r.hunts.wall) / float64(max(bites, 1)) / r.hunts.find.median()
	switch {
	case r.hunts.proven == 0:
		return "-"
	case bites == 0:
		return "> " + number(ratio)
	}
	return number(ratio)
}

// repeaters are loops side by side, one for each core.
type repeaters struct {
	l      *lab
	script string
	loops  []*stand
	delays []string // the case's calls before which strace may delay
}

func (l *lab) startRepeaters(script string) (*repeaters, error) {
	r := &repeaters{l: l, script: script}
	for i := range side() {
		s, err := startStand(l.ctx, l.sub(fmt.Sprintf("loop%d", i)), -1)
		if err != nil {
			r.close()
			return nil, err
		}
		r.loops = append(r.loops, s)
	}
	if len(strace()) < 2 {
		return r, nil
	}
	a, err := r.loops[0].do(order{Case: script, Calls: delayCalls()})
	if err != nil {
		r.close()
		return nil, err
	}
	r.delays = a.Calls
	return r, nil
}

func (r *repeaters) close() {
	for _, s := range r.loops {
		s.close()
	}
}

// repeat repeats the case for so long in one way.
func (r *repeaters) repeat(t *tally, way int, long time.Duration, seed uint64) error {
	o := order{Case: r.script, Time: long}
	switch way {
	case loadWay:
		stop, err := r.l.load()
		if err != nil {
			t.missing = true
			return nil
		}
		defer stop()
	case delayWay:
		if o.Delays = r.delays; len(o.Delays) == 0 {
			t.missing = true
			return nil
		}
	}
	answers, errs := make([]answer, len(r.loops)), make([]error, len(r.loops))
	var all sync.WaitGroup
	for i, s := range r.loops {
		all.Go(func() {
			o := o
			o.Seed = seed*uint64(len(r.loops)) + uint64(i)
			answers[i], errs[i] = s.do(o)
		})
	}
	all.Wait()
	for _, a := range answers {
		t.trials, t.bites, t.trouble = t.trials+a.Trials, t.bites+a.Bites, t.trouble+a.Trouble
	}
	return errors.Join(errs...)
}

// load starts stress-ng; the error tells that it is not installed.
func (l *lab) load() (stop func(), err error) {
	if _, err := exec.LookPath("stress-ng"); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(l.ctx)
	cmd := l.command(ctx, l.dir, "stress-ng", "--cpu", "2", "--quiet")
	if err := cmd.Start(); err != nil {
		cancel()
		return nil, err
	}
	return func() { cancel(); cmd.Wait() }, nil
}
