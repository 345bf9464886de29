package litmus

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

func TestNoVerdictWithoutOverlap(t *testing.T) {
	res := try(t, "own/never met", Options{Trials: 40, Together: true})
	if res.Verdict != VerdictNotTested || !strings.Contains(res.Reason, "never met in 40 trials") || res.Trials != 40 {
		t.Errorf("%+v", res)
	}
}

// When its time is over, a case goes on until its verdict can be relied on, unless the run's is over too.
func TestTrialsThatAVerdictNeeds(t *testing.T) {
	for _, test := range []struct {
		about  string
		result Result
		rare   bool
		more   bool
	}{
		{"too few", Result{Trials: leastTrials - 1, Overlapped: 1}, false, true},
		{"enough", Result{Trials: leastTrials, Overlapped: 1}, false, false},
		{"none met", Result{Trials: leastTrials + moreLooks - 1}, false, true},
		{"none ever met", Result{Trials: leastTrials + moreLooks}, false, false},
		{"rare, not seen", Result{Trials: leastRare - 1, Overlapped: 1}, true, true},
		{"rare, not there", Result{Trials: leastRare, Overlapped: 1}, true, false},
		{"rare, and seen", Result{Trials: leastTrials, Overlapped: 1, Surprises: 1}, true, false},
		{"in turn, too few", Result{Trials: leastInTurn - 1, InTurn: true}, true, true},
		{"in turn, enough", Result{Trials: leastInTurn, InTurn: true}, true, false},
	} {
		t.Run(test.about, func(t *testing.T) {
			p := &Proc{c: &Case{Rare: test.rare}, errand: errand{Until: now() - 1, Last: now() + int64(time.Hour)}}
			if got := p.more(&test.result); got != test.more {
				t.Errorf("more trials: %v, want %v", got, test.more)
			}
			p.errand.Last = now() - 1
			if p.more(&test.result) {
				t.Error("goes on after the end of the run")
			}
			p.errand.Until = now() + int64(time.Hour)
			if !p.more(&test.result) {
				t.Error("ends before its time")
			}
		})
	}
}

// A few trials do not make it kept.
func TestFewTrialsProveNothing(t *testing.T) {
	res := try(t, "own/slow", Options{Time: 50 * time.Millisecond})
	if res.Verdict != VerdictNotTested || res.Trials >= leastTrials || !strings.Contains(res.Reason, "prove nothing") {
		t.Errorf("%+v", res)
	}
}

func TestCrashIsTold(t *testing.T) {
	res := try(t, "own/crash", Options{})
	if res.Verdict != VerdictNotTested || !strings.Contains(res.Reason, `"second" ended`) || !strings.Contains(res.Reason, "crashed on purpose") {
		t.Errorf("%+v", res)
	}
}

func TestSkipIsTold(t *testing.T) {
	res := try(t, "own/skip", Options{})
	if res.Verdict != VerdictNotTested || res.Reason != "lacks everything" {
		t.Errorf("%+v", res)
	}
}

func TestCounts(t *testing.T) {
	res := try(t, "own/odd trials", Options{Trials: 5})
	want := []string{"trial 1: odd", "only: trial 1"}
	if res.Verdict != VerdictAllowed || res.Surprises != 3 || res.Trials != 5 || !slices.Equal(res.Example, want) ||
		res.Tally["odd"] != 3 || !slices.Equal(res.Notes, []string{"least: 95"}) || res.Allowed != "it is on purpose" {
		t.Errorf("%+v", res)
	}
}

// started runs a case that never ends and returns when its processes are there.
func started(t *testing.T, ctx context.Context, dir string) (roles []int, ended chan *Matrix) {
	t.Helper()
	ended = make(chan *Matrix, 1)
	go func() {
		m, _ := Run(ctx, []Place{{Dir: dir}}, Options{Select: []string{"own/for ever"}, Time: time.Hour})
		ended <- m
	}()
	for len(roles) < 2 {
		roles = inside(dir)
		time.Sleep(time.Millisecond)
	}
	return roles, ended
}

// inside lists the processes whose current directory is below a directory.
func inside(dir string) (pids []int) {
	links, _ := filepath.Glob("/proc/[0-9]*/cwd")
	for _, l := range links {
		if to, err := os.Readlink(l); err == nil && strings.HasPrefix(to, dir+"/") {
			var pid int
			for _, c := range strings.Split(l, "/")[2] {
				pid = pid*10 + int(c-'0')
			}
			pids = append(pids, pid)
		}
	}
	return pids
}

func needProc(t *testing.T) {
	if _, err := os.Stat("/proc/self/cwd"); err != nil {
		t.Skip("processes are found by Linux's /proc")
	}
}

func checkClean(t *testing.T, dir string) {
	t.Helper()
	if left, _ := os.ReadDir(dir); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
	if pids := inside(dir); len(pids) > 0 {
		t.Errorf("still running: %v", pids)
	}
}

func TestInterruptLeavesNothing(t *testing.T) {
	needProc(t)
	dir := t.TempDir()
	ctx, cancel := context.WithCancel(context.Background())
	_, ended := started(t, ctx, dir)
	cancel()
	<-ended
	checkClean(t, dir)
}

func TestKilledChildLeavesNothing(t *testing.T) {
	needProc(t)
	for i := range 2 {
		dir := t.TempDir()
		roles, ended := started(t, context.Background(), dir)
		syscall.Kill(roles[i], syscall.SIGKILL)
		m := <-ended
		if res := m.Columns[0].Results[0]; res.Verdict != VerdictNotTested || !strings.Contains(res.Reason, "killed") {
			t.Errorf("%+v", res)
		}
		checkClean(t, dir)
	}
}

// A program that is killed cannot clean; its processes notice and do.
func TestKilledProgramLeavesNothing(t *testing.T) {
	needProc(t)
	dir := t.TempDir()
	cmd := exec.Command(os.Args[0], "-test.run=^TestForEver$")
	cmd.Env = append(os.Environ(), "LITMUS_FOR_EVER="+dir)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	for len(inside(dir)) < 2 {
		time.Sleep(time.Millisecond)
	}
	cmd.Process.Kill()
	cmd.Wait()
	for end := time.Now().Add(10 * time.Second); time.Now().Before(end); time.Sleep(time.Millisecond) {
		if left, _ := os.ReadDir(dir); len(left) == 0 && len(inside(dir)) == 0 {
			return
		}
	}
	checkClean(t, dir)
}

// TestForEver is what TestKilledProgramLeavesNothing kills.
func TestForEver(t *testing.T) {
	dir := os.Getenv("LITMUS_FOR_EVER")
	if dir == "" {
		t.Skip("started by TestKilledProgramLeavesNothing only")
	}
	Run(context.Background(), []Place{{Dir: dir}}, Options{Select: []string{"own/for ever"}, Time: time.Hour})
}

func TestBadPlaces(t *testing.T) {
	_, err := Run(context.Background(), []Place{{Dir: filepath.Join(t.TempDir(), "none")}}, Options{})
	if !errors.Is(err, ErrPlace) || !errors.Is(err, os.ErrNotExist) {
		t.Errorf("%v", err)
	}
	var unknown *UnknownError
	if _, err := Run(context.Background(), nil, Options{Select: []string{"append/none"}}); !errors.As(err, &unknown) {
		t.Errorf("%v", err)
	}
}

// What a removal inside an open shows is no matter of chance.
func TestHeldOpensShowEveryTime(t *testing.T) {
	for _, name := range []string{
		"open-unlink/unlink inside open (fanotify)", "open-unlink/rename, unlink inside open (fanotify)", "open-unlink/unlink inside open (lease)",
		"open-flock/flock, unlink inside open (fanotify)", "open-flock/flock, rename inside open (fanotify)", "open-flock/flock, unlink inside open (lease)",
	} {
		t.Run(name, func(t *testing.T) {
			o := Options{Time: 30 * time.Second}
			if testing.Short() {
				o.Trials = 50
			}
			res := try(t, name, o)
			if res.Verdict == VerdictNotTested {
				t.Skip(res.Reason)
			}
			if res.Verdict != VerdictAllowed || res.Surprises != res.Trials {
				t.Errorf("%s: %d of %d: %q", res.Verdict, res.Surprises, res.Trials, res.Example)
			}
			if !testing.Short() && res.Trials != heldTrials {
				t.Errorf("%d trials, want %d", res.Trials, heldTrials)
			}
		})
	}
}

// Every test says what it promises and where that stands; every name can be given to the command.
func TestTableIsWhole(t *testing.T) {
	seen := map[string]bool{}
	for _, test := range Tests {
		if test.Name == "" || test.Source == "" || !strings.HasSuffix(test.Guarantee, ".") || strings.ContainsAny(test.Name, "/ ") {
			t.Errorf("%q: name, source or guarantee is not as it should be", test.Name)
		}
		for _, c := range test.Cases {
			name := test.Name + "/" + c.Name
			if seen[name] || c.Name == "" || len(c.Name) > 60 || c.Judge == nil || len(c.Roles) == 0 || len(c.parts()) > maxRoles {
				t.Errorf("%q is not as it should be", name)
			}
			if got, err := choose([]string{name}); err != nil || len(got) != 1 || got[0].c != c {
				t.Errorf("%q selects %v, %v", name, got, err)
			}
			seen[name] = true
		}
	}
}
