package litmus

import (
	"context"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// What is tried beside the others is counted together, and has its place among the results.
func TestBesideTheOthers(t *testing.T) {
	names := []string{"own/odd trials", "own/beside", "own/skip"}
	o := Options{Select: names, Trials: 2, Time: 5 * time.Second}
	dir := t.TempDir()
	m, err := Run(context.Background(), []Place{{Dir: dir}}, o)
	if err != nil {
		t.Fatal(err)
	}
	checkClean(t, dir)
	var order []string
	for _, r := range m.Columns[0].Results {
		order = append(order, r.Test+"/"+r.Case)
	}
	if want := []string{"own/skip", "own/beside", "own/odd trials"}; !slices.Equal(order, want) {
		t.Errorf("results of %q, want %q", order, want)
	}
	res := m.Columns[0].result("own", "beside")
	if res.Verdict != VerdictKept || res.Trials != 2 || res.Tally["judged"] != 2 || !slices.Equal(res.Notes, []string{"a note"}) {
		t.Errorf("%+v", res)
	}
}

// That it is waited for is told, and for how long, also when it takes longer than it should.
func TestWaitTells(t *testing.T) {
	test, c := find("own", "beside")
	for _, left := range []time.Duration{time.Hour, -time.Hour} {
		a := &aside{chosen: chosen{test, c}, until: time.Now().Add(left), done: make(chan Result, 1)}
		var p Progress
		var once sync.Once
		r := a.wait(Progress{Label: "ext4", All: 3}, func(told Progress) {
			once.Do(func() { p = told; a.done <- Result{Trials: 7} })
		})
		if r.Trials != 7 || p.Label != "ext4" || p.All != 3 || p.Test != "own" || p.Case != "beside" || p.Left <= 0 || p.Left > time.Hour {
			t.Errorf("%+v, then %+v", p, r)
		}
	}
}

// A run that is too short for it does not begin it.
func TestBesideWantsTime(t *testing.T) {
	res := try(t, "own/beside", Options{Time: 100 * time.Millisecond})
	if res.Verdict != VerdictNotTested || res.Trials != 0 || !strings.Contains(res.Reason, "give it more --time") {
		t.Errorf("%+v", res)
	}
}

func TestInterruptEndsWhatIsBeside(t *testing.T) {
	needProc(t)
	dir := t.TempDir()
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() {
		_, err := Run(ctx, []Place{{Dir: dir}}, Options{Select: []string{"own/beside for ever"}})
		ended <- err
	}()
	for len(inside(dir)) < 2 {
		time.Sleep(time.Millisecond)
	}
	cancel()
	if err := <-ended; err != context.Canceled {
		t.Error(err)
	}
	checkClean(t, dir)
}

// One trial that shows it is enough, whichever it is.
func TestJoin(t *testing.T) {
	kept := Result{Verdict: VerdictKept, Trials: 1, Notes: []string{"a"}}
	broken := Result{Verdict: VerdictBroken, Trials: 1, Example: []string{"wrong"}, Notes: []string{"b"}, Tally: map[string]int{"x": 1}}
	none := Result{Verdict: VerdictNotTested, Reason: "lacks it"}
	for _, all := range [][]Result{{kept, broken, none}, {none, kept, broken}, {broken, none, kept}} {
		sum := all[0]
		for _, r := range all[1:] {
			sum.join(r)
		}
		if sum.Verdict != VerdictBroken || sum.Trials != 2 || len(sum.Example) != 1 || sum.Reason != "" || len(sum.Notes) != 2 || sum.Tally["x"] != 1 {
			t.Errorf("%+v", sum)
		}
	}
	if none.join(kept); none.Verdict != VerdictKept || none.Reason != "" {
		t.Errorf("%+v", none)
	}
}

// What the holder and the opener of a lapsing lease find is judged without 45 s of patience.
func TestJudgeLapse(t *testing.T) {
	const limit = 45 * time.Second
	for _, test := range []struct {
		about string
		took  time.Duration
		late  int64
		left  int64
		kind  outcomeKind
	}{
		{"when it was over", limit + 3*time.Millisecond, 0, unix.F_RDLCK, fine},
		{"within the tick", limit - 9*time.Millisecond, 0, unix.F_RDLCK, fine},
		{"too early", limit - time.Second, 0, unix.F_RDLCK, breaking},
		{"never", limit + tooLate, 1, unix.F_UNLCK, breaking},
		{"and the lease untouched", limit, 0, unix.F_WRLCK, breaking},
	} {
		holder, opener := &Said{}, &Said{}
		holder.Values[0], holder.Values[1], holder.Values[2] = 1, 1, test.left
		holder.Values[3], holder.Values[4] = int64(limit), test.late
		opener.Values[2] = int64(test.took)
		if out := judgeLapse(nil, []*Said{holder, opener}); out.kind != test.kind {
			t.Errorf("let in %s: %+v", test.about, out)
		}
	}
}

// Trials that were asked for are done unless --time cuts them, and then it says so.
func TestAskedTrials(t *testing.T) {
	res := try(t, "own/slow", Options{Trials: 40, Time: 200 * time.Millisecond})
	if res.Trials >= 40 || !slices.ContainsFunc(res.Notes, func(n string) bool { return strings.HasSuffix(n, "of 40 trials") }) {
		t.Errorf("cut: %+v", res)
	}
	for _, o := range []struct {
		given, want Options
	}{
		{Options{}, Options{Trials: DefaultTrials, Time: DefaultTime}},
		{Options{Trials: 7}, Options{Trials: 7, Time: endless, asked: true}},
		{Options{Time: time.Second}, Options{Trials: DefaultTrials, Time: time.Second}},
		{Options{Trials: 7, Time: time.Second}, Options{Trials: 7, Time: time.Second, asked: true}},
	} {
		got := o.given
		if got.fill(); got.Trials != o.want.Trials || got.Time != o.want.Time || got.asked != o.want.asked {
			t.Errorf("%+v becomes %+v", o.given, got)
		}
	}
	if none := try(t, "own/odd trials", Options{Trials: 9}); none.Trials != 9 || len(none.Notes) != 1 {
		t.Errorf("not cut: %+v", none)
	}
}
