package litmus

import (
	"context"
	"fmt"
	"sync"
	"time"
)

// aside is a case that is tried while the other cases of its column are: its processes
// sleep nearly all the time, so it disturbs none of them, and takes no share of the time.
type aside struct {
	chosen
	until time.Time // when it should be over
	done  chan Result
}

// startAside begins to try a case that may take until limit.
func startAside(ctx context.Context, c chosen, scratch string, limit time.Duration, o Options) *aside {
	lasts := c.c.Lasts()
	a := &aside{chosen: c, until: time.Now().Add(lasts), done: make(chan Result, 1)}
	if lasts > limit && !o.Shim { // a shim has not the patience
		a.until = time.Now()
		a.done <- Result{Test: c.test.Name, Case: c.c.Name, Verdict: VerdictNotTested, InTurn: c.c.InTurn,
			Reason: fmt.Sprintf("it takes %v, and the run has %v: give it more --time", lasts, limit.Round(time.Second))}
		return a
	}
	go func() { a.done <- tryAtOnce(ctx, c, allowance{scratch, lasts, lasts}, o) }()
	return a
}

// tryAtOnce has each trial made by processes of its own, all at the same time.
func tryAtOnce(ctx context.Context, c chosen, a allowance, o Options) Result {
	trials := min(c.c.Beside, o.Trials)
	o.Trials, o.Progress = 1, nil
	results := make([]Result, trials)
	var all sync.WaitGroup
	for i := range results {
		all.Go(func() { results[i] = runCase(ctx, c, a, Progress{}, o) })
	}
	all.Wait()
	sum := results[0]
	for _, r := range results[1:] {
		sum.join(r)
	}
	return sum
}

// wait waits for the result and tells meanwhile how long it may last.
func (a *aside) wait(p Progress, progress func(Progress)) Result {
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case r := <-a.done:
			return r
		case <-tick.C:
		}
		if progress != nil {
			p.Test, p.Case, p.Left = a.test.Name, a.c.Name, max(time.Until(a.until), 1)
			progress(p)
		}
	}
}
