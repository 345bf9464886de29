package litmus

import (
	"context"
	"os"
	"testing"
	"time"
)

func TestMain(m *testing.M) {
	MaybeAct()
	os.Exit(m.Run())
}

// try runs one case for a short time.
func try(t testing.TB, name string, o Options) Result {
	t.Helper()
	o.Select = []string{name}
	if o.Time == 0 {
		o.Time = 5 * time.Second
	}
	dir := t.TempDir()
	m, err := Run(context.Background(), []Place{{Dir: dir}}, o)
	if err != nil {
		t.Fatal(err)
	}
	if left, _ := os.ReadDir(dir); len(left) > 0 {
		t.Errorf("%s left %v behind", name, left)
	}
	return m.Columns[0].Results[0]
}

// Every case, run against something that does the primitive wrong, must say so.
func TestShimsAreFound(t *testing.T) {
	for _, test := range Tests {
		if test == own {
			continue
		}
		for _, c := range test.Cases {
			name := test.Name + "/" + c.Name
			t.Run(name, func(t *testing.T) {
				if c.NoShim != "" {
					t.Skip(c.NoShim)
				}
				res := try(t, name, Options{Shim: true})
				if res.Verdict == VerdictNotTested && res.Trials == 0 {
					t.Skip(res.Reason)
				}
				if res.Verdict != VerdictBroken {
					t.Errorf("%s after %d trials, %d overlapped: %s", res.Verdict, res.Trials, res.Overlapped, res.Reason)
				}
				if len(res.Example) < 2 {
					t.Errorf("no counter-example: %q", res.Example)
				}
			})
		}
	}
}

// And against the primitive itself it must not, but for what this kernel really lacks.
func TestGuarantees(t *testing.T) {
	for _, test := range Tests {
		if test == own {
			continue
		}
		for _, c := range test.Cases {
			name := test.Name + "/" + c.Name
			t.Run(name, func(t *testing.T) {
				o := Options{Trials: 15, Time: time.Second / 2}
				if testing.Short() {
					o = Options{Trials: 4, Time: time.Second / 5}
				}
				res := try(t, name, o)
				if res.Verdict == VerdictBroken {
					t.Errorf("broken: %q", res.Example)
				}
				t.Logf("%s: %d trials, %d overlapped, %d surprises %v %v %s %.2fs", res.Verdict, res.Trials, res.Overlapped, res.Surprises, res.Tally, res.Notes, res.Reason, res.Seconds)
			})
		}
	}
}
