package schedule

import "filerace/internal/op"

// find returns the index in held of the actor's operation, or -1.
func find(held []Held, a op.Actor) int {
	for i := range held {
		if held[i].Actor == a {
			return i
		}
	}
	return -1
}

// goOn chooses without preemption: the actor that ran last if it is held, else
// the lowest. An actor that turns in a circle is passed over for the one after
// it, as it may be waiting for what that one does.
func goOn(held []Held, done Schedule) int {
	if len(done) == 0 {
		return 0
	}
	i := find(held, done[len(done)-1].Actor)
	switch {
	case i < 0:
		return 0
	case circling(done):
		return (i + 1) % len(held)
	}
	return i
}

// A retry loop without a sleep (mkdir until it succeeds) would be followed for
// ever by a strategy that prefers one actor. It is known by circleSteps
// decisions of one actor in a row in which the signatures repeat with a period
// of at most circlePeriod. The remedy of fair scheduling (Musuvathi and Qadeer,
// Fair Stateless Model Checking, PLDI 2008) is to let the others go first.
const (
	circleSteps  = 256 // more than a program reads a shared file in one go, as a rule
	circlePeriod = 8
)

// circling reports whether the actor that ran last turns in a circle. It looks,
// and says so, only at every circleSteps-th decision, which keeps it cheap.
func circling(done Schedule) bool {
	n := len(done)
	if n == 0 || n%circleSteps != 0 {
		return false
	}
	tail := done[n-circleSteps:]
	for period := 1; period <= circlePeriod; period++ {
		if repeats(tail, period) {
			return true
		}
	}
	return false
}

// tired returns the actor that should let the others go first as it turns in a
// circle, "" if none does.
func tired(done Schedule) op.Actor {
	if circling(done) {
		return done[len(done)-1].Actor
	}
	return ""
}

// repeats reports whether s is one actor's, and the same again every period steps.
func repeats(s Schedule, period int) bool {
	for i := 1; i < period; i++ {
		if s[i].Actor != s[0].Actor {
			return false
		}
	}
	for i := period; i < len(s); i++ {
		if s[i] != s[i-period] {
			return false
		}
	}
	return true
}
