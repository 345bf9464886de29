package litmus

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"runtime"
	"runtime/debug"
	"slices"

	"golang.org/x/sys/unix"
)

// errandVar in the environment makes this program a part of a test: an errand in JSON.
const errandVar = "FILERACE_LITMUS"

// Descriptors of a part of a test.
const (
	boardFD  = 3
	resultFD = 4
)

// Exit statuses of a part of a test.
const (
	exitDone   = 0
	exitUsage  = 2
	exitOrphan = 4
)

// errand is what a process of a case is to do.
type errand struct {
	Test, Case string
	Role       int
	Child      string // the child that it is, of that role; "": it is the role itself
	Program    string
	Scratch    string // absolute; all that the run has in this file system is below it
	Parent     int    // the process that started it
	Shim       bool
	Together   bool // start sections together, without delays
	Trials     int
	Asked      bool  // the user asked for so many
	Until      int64 // no further trial after this time, ns
	Last       int64 // nor after this one, ns, if there were too few until then
	Seed       uint64
}

// MaybeAct turns the process into a part of a test if it was started as one, and
// then does not return. It must be called first thing in main, and in TestMain
// of tests that run litmus tests.
func MaybeAct() {
	v := os.Getenv(errandVar)
	if v == "" {
		return
	}
	os.Unsetenv(errandVar)
	var e errand
	if err := json.Unmarshal([]byte(v), &e); err != nil {
		fmt.Fprintln(os.Stderr, "filerace: "+errandVar+" is for the program's own use")
		os.Exit(exitUsage)
	}
	os.Exit(act(e))
}

func act(e errand) int {
	runtime.LockOSThread()
	// Without a limit GOGC=off would let garbage pile up.
	debug.SetMemoryLimit(256 << 20)
	_, c := find(e.Test, e.Case)
	if c == nil {
		fmt.Fprintf(os.Stderr, "filerace: there is no litmus test %s/%s\n", e.Test, e.Case)
		return exitUsage
	}
	b, err := mapBoard(os.NewFile(boardFD, "memory"))
	if err != nil {
		fmt.Fprintln(os.Stderr, "filerace:", err)
		return exitUsage
	}
	unix.CloseOnExec(boardFD)
	unix.CloseOnExec(resultFD)
	i := e.Role
	if e.Child != "" {
		i = slices.Index(c.parts(), e.Child)
	}
	p := &Proc{
		Rand: rand.New(rand.NewPCG(e.Seed, uint64(i))), errand: e, c: c, board: b, slot: &b.slots[i],
		tally: map[string]int{}, least: map[string]int64{},
	}
	p.slot.tid.Store(int32(threadID()))
	p.slot.pid.Store(int32(os.Getpid()))
	if e.Child != "" {
		p.guard(func() { c.Children[e.Child](p) })
		return exitDone
	}
	pin(i)
	sleepExactly()
	if i == 0 {
		return p.lead()
	}
	p.follow()
	return exitDone
}

// guard runs a piece of the test's own code. It returns false if the case is over.
func (p *Proc) guard(piece func()) (ok bool) {
	defer func() {
		switch v := recover().(type) {
		case nil:
		case left:
			ok = false
		case skipped:
			p.slot.put(v.reason)
			p.slot.failed.Store(1)
			p.board.stop.Store(1)
			ok = false
		default:
			panic(v)
		}
	}()
	piece()
	return true
}

// follow is the life of a role that is not the first.
func (p *Proc) follow() {
	for k := int64(1); ; k++ {
		if !p.guard(func() { p.await(func() bool { return p.board.trial.Load() >= k }) }) {
			return
		}
		if !p.perform(k) {
			return
		}
	}
}

// perform is a role's part of one trial.
func (p *Proc) perform(k int64) bool {
	p.slot.reset()
	ok := p.guard(func() { p.c.Roles[p.errand.Role].Act(p) })
	p.slot.done.Store(k)
	return ok
}

// lead is the life of the first role: it lays out, and judges, every trial.
func (p *Proc) lead() int {
	res := Result{Test: p.errand.Test, Case: p.errand.Case, InTurn: p.c.InTurn, Verdict: VerdictNotTested}
	began := now()
	line := newLineup(len(p.c.Roles), p.Rand)
	for k := int64(1); k <= int64(p.errand.Trials); k++ {
		if k > 1 && !p.more(&res) {
			if p.errand.Asked {
				p.Note("there was time for %d of %d trials", res.Trials, p.errand.Trials)
			}
			break
		}
		ok := p.trial(k, line, &res)
		if !ok || res.Verdict == VerdictBroken || !p.c.InTurn && res.Surprises >= enough {
			break
		}
	}
	res.Seconds = float64(now()-began) / 1e9
	p.conclude(&res)
	p.board.stop.Store(1)
	err := json.NewEncoder(os.NewFile(resultFD, "result")).Encode(&res)
	if err != nil {
		return exitOrphan
	}
	return exitDone
}

// more tells whether another trial is to begin: as long as the case has time, and until
// there were so many that the verdict does not hang on what else the machine does.
func (p *Proc) more(res *Result) bool {
	at := now()
	return at < p.errand.Until || at < p.errand.Last && res.Trials < p.needed(res)
}

// needed is how many trials a verdict needs.
func (p *Proc) needed(res *Result) int {
	switch {
	case res.InTurn:
		return leastInTurn
	case res.Overlapped == 0:
		return leastTrials + moreLooks
	case p.c.Rare && res.Surprises == 0:
		return leastRare
	}
	return leastTrials
}

// What trials a verdict needs.
const (
	leastInTurn = 3   // nothing hangs on chance
	leastTrials = 30  // learnFirst without delays, and nearly as many with them
	moreLooks   = 5   // if none did
	leastRare   = 200 // a surprise of 1.5 % is missed in 1 run of 20
)

// enough surprises leave no doubt: the time is better spent on other cases.
const enough = 200

// trial carries out one trial and adds it to the result.
func (p *Proc) trial(k int64, line *lineup, res *Result) bool {
	b, roles := p.board, len(p.c.Roles)
	p.met = false
	if p.c.Setup != nil && !p.guard(func() { p.c.Setup(p) }) {
		return false
	}
	b.turn.Store(0)
	b.inside.Store(0)
	b.start.Store(0)
	for i := range roles {
		b.slots[i].delay.Store(0)
		if !p.errand.Together {
			b.slots[i].delay.Store(line.delays[i])
		}
	}
	b.trial.Store(k)
	if !p.perform(k) {
		return false
	}
	if !p.guard(func() {
		p.await(func() bool { return p.all(func(s *slot) bool { return s.done.Load() == k }) })
	}) || b.stop.Load() != 0 {
		return false
	}
	var out Outcome
	if !p.guard(func() { out = p.c.Judge(p, p.collect()) }) {
		return false
	}
	res.add(out, p.said)
	if !p.c.InTurn && (line.learn(b.slots[:roles]) || p.met) {
		res.Overlapped++
	}
	return true
}

// all tells whether something is true of every role.
func (p *Proc) all(is func(*slot) bool) bool {
	for i := range p.c.Roles {
		if !is(&p.board.slots[i]) {
			return false
		}
	}
	return true
}

// collect returns what all processes said in this trial.
func (p *Proc) collect() []*Said {
	for i := range p.c.parts() {
		if len(p.said) <= i {
			p.said = append(p.said, &Said{Role: p.c.parts()[i]})
		}
		s := &p.board.slots[i]
		p.said[i].Err = nil
		if s.errno != 0 {
			p.said[i].Err = unix.Errno(s.errno)
		}
		p.said[i].Values, p.said[i].Text = s.values, s.string()
	}
	return p.said
}

// meet returns when all roles are in Race and none sleeps, with the start set.
func (p *Proc) meet(k int64) {
	b := p.board
	p.slot.ready.Store(2*k - 1)
	if p.errand.Role != 0 {
		// From here on without sleeping: the start is a few microseconds away.
		p.await(func() bool { return b.slots[0].ready.Load() >= 2*k })
		p.slot.ready.Store(2 * k)
		p.spin(func() bool { return b.start.Load() != 0 })
		return
	}
	p.await(func() bool { return p.all(func(s *slot) bool { return s.ready.Load() >= 2*k-1 }) })
	p.slot.ready.Store(2 * k)
	p.spin(func() bool { return p.all(func(s *slot) bool { return s.ready.Load() >= 2*k }) })
	b.start.Store(now() + startLead)
}

// startLead is how long before the start it is announced, ns: a store takes about
// a tenth of that to be seen by another processor.
const startLead = 1000

// spin waits without sleeping.
func (p *Proc) spin(cond func() bool) {
	for n := 0; !cond(); n++ {
		if n > 10_000 {
			// More processes than processors, or somebody was stopped.
			if p.board.stop.Load() != 0 {
				panic(left{})
			}
			p.leaveIfOrphan()
			yield()
		}
	}
}
