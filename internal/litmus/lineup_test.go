package litmus

import (
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// own are cases on the engine itself; they are in no table that users see.
var own = &Test{Name: "own", Guarantee: "The engine keeps its word.", Source: "this package", Cases: []*Case{
	{
		// The first role's window opens late in its section and is short: sections
		// that start together never meet there.
		Name: "late window",
		Roles: []Role{{"late", func(p *Proc) {
			p.Race(func() {
				spend(100 * time.Microsecond)
				p.Window(func() { spend(5 * time.Microsecond) })
			})
		}}, {"early", func(p *Proc) {
			p.Race(func() { p.Window(func() { spend(5 * time.Microsecond) }) })
		}}},
		Judge: func(*Proc, []*Said) Outcome { return Fine },
	},
	{
		// Whatever the machine does to them: the first role's window opens when the other's section is over.
		Name: "never met",
		Roles: []Role{{"first", func(p *Proc) {
			p.Race(func() { p.Turn(1, func() { p.Window(func() {}) }) })
		}}, {"second", func(p *Proc) {
			p.Race(func() {})
			p.Turn(0, nil)
		}}},
		Judge: func(*Proc, []*Said) Outcome { return Fine },
	},
	{
		Name:  "slow",
		Roles: []Role{{"first", runs30ms}, {"second", runs30ms}},
		Judge: func(*Proc, []*Said) Outcome { return Fine },
	},
	{
		Name: "crash", InTurn: true,
		Roles: []Role{{"first", func(p *Proc) { p.Turn(1, nil) }}, {"second", func(p *Proc) { panic("the second process crashed on purpose") }}},
		Judge: func(*Proc, []*Said) Outcome { return Fine },
	},
	{
		Name: "skip", InTurn: true,
		Roles: []Role{{"first", func(p *Proc) { p.Turn(1, nil) }}, {"second", func(p *Proc) { p.Skip("lacks %s", "everything") }}},
		Judge: func(*Proc, []*Said) Outcome { return Fine },
	},
	{
		Name: "for ever", InTurn: true,
		Roles: []Role{{"first", func(p *Proc) { p.Turn(1, nil) }}, {"second", func(p *Proc) { p.Turn(1, nil) }}},
		Judge: func(*Proc, []*Said) Outcome { return Fine },
	},
	{
		Name: "beside", InTurn: true, Beside: 5, Lasts: func() time.Duration { return 300 * time.Millisecond },
		Roles: []Role{{"sleeper", func(*Proc) { time.Sleep(300 * time.Millisecond) }}},
		Judge: func(p *Proc, _ []*Said) Outcome {
			p.Tally("judged")
			p.Note("a note")
			return Fine
		},
	},
	{
		Name: "beside for ever", InTurn: true, Beside: 2, Lasts: func() time.Duration { return time.Second },
		Roles: []Role{{"sleeper", func(p *Proc) { p.Await(func() bool { return false }) }}},
		Judge: func(*Proc, []*Said) Outcome { return Fine },
	},
	{
		Name: "odd trials", InTurn: true, Allowed: "it is on purpose",
		Roles: []Role{{"only", func(p *Proc) { p.Say("trial %d", p.Trial()) }}},
		Judge: func(p *Proc, said []*Said) Outcome {
			p.Least("least", int64(100-p.Trial()))
			if p.Trial()%2 == 1 {
				p.Tally("odd")
				return Surprise("odd")
			}
			return Fine
		},
	},
}}

func init() { Tests = append(Tests, own) }

func spend(d time.Duration) {
	for end := now() + d.Nanoseconds(); now() < end; {
	}
}

// runs30ms takes so long that there is time for a few trials only.
func runs30ms(p *Proc) { p.Race(func() { spend(30 * time.Millisecond) }) }

// The windows are 5 µs each. Sections that start together miss by 95 µs; offsets
// drawn from -5 to 5 µs overlap always, but for what disturbs them: others that want the processors,
// too, do so entirely. Then it is tried again, and nothing is concluded.
func TestDelayFindsTheWindow(t *testing.T) {
	const tries = 3
	for n := 1; ; n++ {
		others := othersTime()
		begun := time.Now()
		helped, without := delayHelps(t)
		if without.Overlapped == 0 && without.Verdict != VerdictNotTested {
			t.Errorf("without overlap the verdict is %q", without.Verdict)
		}
		if helped {
			return
		}
		switch taken := othersTime() - others; {
		case taken*10 < time.Since(begun):
			t.Fatal("the delay does not help")
		case n == tries:
			t.Skipf("others took the processors for %v: this needs two that are idle", taken)
		}
	}
}

// delayHelps reports whether windows overlap far more often with delays than without.
func delayHelps(t *testing.T) (helped bool, without Result) {
	with := try(t, "own/late window", Options{Trials: 300})
	without = try(t, "own/late window", Options{Trials: 300, Together: true})
	t.Logf("overlapped: %d of %d with the delay, %d of %d without", with.Overlapped, with.Trials, without.Overlapped, without.Trials)
	if with.Trials < 100 {
		t.Skipf("only %d trials: the machine is too busy", with.Trials)
	}
	return with.Overlapped*without.Trials > 4*without.Overlapped*with.Trials && with.Overlapped*10 >= with.Trials, without
}

// othersTime is how long the processors have worked for others than this process and its children; 0 where there
// is no /proc/stat.
func othersTime() time.Duration {
	text, err := os.ReadFile("/proc/stat")
	if err != nil {
		return 0
	}
	const tick = time.Second / 100 // USER_HZ: proc(5)
	var all time.Duration
	for i, word := range strings.Fields(strings.SplitN(string(text), "\n", 2)[0]) {
		if n, err := strconv.Atoi(word); err == nil && i != 4 && i != 5 && i < 9 { // neither idle nor waiting; guests count as user
			all += time.Duration(n) * tick
		}
	}
	for _, who := range []int{syscall.RUSAGE_SELF, syscall.RUSAGE_CHILDREN} {
		var u syscall.Rusage
		if syscall.Getrusage(who, &u) == nil {
			all -= time.Duration(u.Utime.Nano() + u.Stime.Nano())
		}
	}
	return all
}

// The same with times that no machine disturbs, but that each process is held up for a millisecond once in a hundred trials.
func TestLineupBringsWindowsTogether(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	leads := []int64{100_000, 5_000}
	for _, delayed := range []bool{true, false} {
		l, overlapped := newLineup(2, r), 0
		const trials = 300
		for trial := range trials {
			slots := make([]slot, 2)
			for i := range slots {
				s := &slots[i]
				s.began = r.Int64N(500)
				if delayed {
					s.began += l.delays[i]
				}
				s.opened = s.began + leads[i] + r.Int64N(500)
				if trial%100 == 50+i {
					s.opened += 1_000_000
				}
				s.closed = s.opened + 5_000
			}
			if l.learn(slots) {
				overlapped++
			}
		}
		if delayed && overlapped < trials/2 || !delayed && overlapped > 0 {
			t.Errorf("delayed %v: %d of %d overlapped", delayed, overlapped, trials)
		}
	}
}

// Drawn offsets lie where windows overlap, at both ends of the range.
func TestDrawnOffsets(t *testing.T) {
	l := newLineup(2, rand.New(rand.NewPCG(1, 2)))
	l.roles = []timing{{lead: 50_000, length: 3000}, {lead: 10_000, length: 1000}}
	least, most := int64(1<<40), int64(-1<<40)
	for range 10_000 {
		l.draw()
		opens := []int64{l.delays[0] + 50_000, l.delays[1] + 10_000}
		if min(l.delays[0], l.delays[1]) != 0 {
			t.Fatalf("nobody begins at once: %v", l.delays)
		}
		offset := opens[1] - opens[0]
		least, most = min(least, offset), max(most, offset)
	}
	if least < -1000 || least > -900 || most > 3000 || most < 2900 {
		t.Errorf("offsets from %d to %d ns, want -1000 to 3000", least, most)
	}
}

// A value that a preemption made a thousand times too long moves the average little.
func TestAverageBearsOutliers(t *testing.T) {
	var avg float64
	for i := range 200 {
		v := 1000.0
		if i%20 == 10 {
			v = 1e6
		}
		average(&avg, v, i)
	}
	if avg < 900 || avg > 2000 {
		t.Errorf("average %.0f, want about 1000", avg)
	}
}

// BenchmarkDelay prints what the delay is worth: trials whose windows overlapped,
// and trials that showed the surprise, in percent.
func BenchmarkDelay(b *testing.B) {
	for _, name := range []string{"own/late window", "truncate/copytruncate", "open-unlink/unlink", "open-unlink/rename away, then unlink", "replace/rename"} {
		for _, together := range []bool{false, true} {
			how := map[bool]string{false: "/delay", true: "/together"}[together]
			b.Run(name+how, func(b *testing.B) {
				res := try(b, name, Options{Trials: max(b.N, 2*learnFirst), Together: together, Time: time.Minute})
				b.ReportMetric(100*float64(res.Overlapped)/float64(res.Trials), "%overlapped")
				b.ReportMetric(100*float64(res.Surprises)/float64(res.Trials), "%surprises")
			})
		}
	}
}
