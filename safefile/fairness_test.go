//go:build unix

package safefile

import (
	"context"
	"path/filepath"
	"strconv"
	"sync/atomic"
	"testing"
)

// greedyRole takes the lock again as soon as it gave it up, until it is told to end:
// greedy FILE HOW. It says when it has had it 30 times, and how often in all.
func greedyRole(args []string) {
	waiting := context.Background()
	if args[1] == "polling" {
		var cancel context.CancelFunc
		waiting, cancel = context.WithCancel(waiting)
		defer cancel()
	}
	var stop atomic.Bool
	go func() {
		untilTold()
		stop.Store(true)
	}()
	n := 0
	for ; !stop.Load(); n++ {
		unlock, err := Lock(waiting, args[0])
		orDie(err)
		for range 20 {
			stat(args[0]) // what one does inside
		}
		orDie(unlock())
		if n == 30 {
			say("had it")
		}
	}
	say("%d", n)
}

// Among processes that never let go for longer than it takes, each gets its turns, those
// that sleep in the kernel and those that poll.
func TestNobodyStarves(t *testing.T) {
	name := filepath.Join(t.TempDir(), "lock")
	var all []*actor
	for _, how := range []string{"sleeping", "sleeping", "polling", "polling"} {
		all = append(all, startRole(t, "greedy", name, how))
	}
	for _, a := range all {
		a.expect("had it")
	}
	for _, a := range all {
		a.in.Close()
	}
	for _, a := range all {
		n, err := strconv.Atoi(a.line())
		ok(t, err)
		t.Logf("%s: %d times", a.cmd.Args[2], n)
	}
}
