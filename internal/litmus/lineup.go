package litmus

import "math/rand/v2"

// lineup chooses when each role's section of the next trial begins, so that the
// windows overlap at every offset with the same odds: what LTP's fuzzy sync
// (include/tst_fuzzy_sync.h) does for two threads. From past trials it learns how
// far into its section each role's window opens and how long it stays open, and
// draws the offset between the windows from the range in which they overlap.
type lineup struct {
	delays []int64 // of the next trial, ns; the least is 0
	roles  []timing
	seen   int
	rand   *rand.Rand
}

// timing is what is known of one role, in ns: moving averages.
type timing struct {
	lead   float64 // from the start of the section to the opening of the window
	length float64 // of the window
}

const (
	learnFirst  = 16   // trials without delays, to learn from
	learnWeight = 0.1  // of a new trial in the averages
	learnClip   = 4    // a value of more times the average was disturbed, and counts as this many
	longest     = 20e6 // delay, ns
)

func newLineup(n int, r *rand.Rand) *lineup {
	return &lineup{delays: make([]int64, n), roles: make([]timing, n), rand: r}
}

// learn takes in a trial, draws the next delays, and tells whether the windows of
// the first role and of another one overlapped.
func (l *lineup) learn(slots []slot) (overlapped bool) {
	for i := range slots {
		s := &slots[i]
		l.roles[i].take(float64(s.opened-s.began), float64(s.closed-s.opened), l.seen)
		if i > 0 && s.opened < slots[0].closed && slots[0].opened < s.closed {
			overlapped = true
		}
	}
	if l.seen++; l.seen >= learnFirst {
		l.draw()
	}
	return overlapped
}

func (t *timing) take(lead, length float64, seen int) {
	average(&t.lead, lead, seen)
	average(&t.length, length, seen)
}

func average(old *float64, v float64, seen int) {
	if seen < learnFirst {
		// The first ones count alike; the median-like clip needs an average to begin with.
		if seen > 0 {
			v = min(v, learnClip**old+100)
		}
		*old += (v - *old) / float64(seen+1)
		return
	}
	*old += (min(v, learnClip**old+100) - *old) * learnWeight
}

// draw chooses the delays: window i is to open between length_i before and
// length_0 after the first role's window opens.
func (l *lineup) draw() {
	first := l.roles[0]
	least := int64(0)
	for i, t := range l.roles[1:] {
		offset := l.rand.Float64()*(t.length+first.length) - t.length
		l.delays[i+1] = int64(offset + first.lead - t.lead)
		least = min(least, l.delays[i+1])
	}
	l.delays[0] = 0
	for i := range l.delays {
		l.delays[i] = min(l.delays[i]-least, longest)
	}
}
