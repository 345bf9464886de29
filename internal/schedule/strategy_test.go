package schedule

import (
	"strings"
	"testing"
)

func TestNewErrors(t *testing.T) {
	for _, tt := range []struct {
		spec Spec
		says string
	}{
		{Spec{Name: "rnadom"}, "fifo, random, pos, pct, pct2, pct3, directed, replay, follow"},
		{Spec{}, `called ""`},
		{Spec{Name: "pct", Depth: -1}, "depth -1"},
		{Spec{Name: "replay"}, "schedule"},
	} {
		if s, err := New(tt.spec); err == nil || !strings.Contains(err.Error(), tt.says) {
			t.Errorf("New(%+v) = %v, %v; want an error that says %q", tt.spec, s, err, tt.says)
		}
	}
}

func TestPCTByName(t *testing.T) {
	for name, bound := range map[string]float64{"pct": 1.0 / 20, "pct2": 1.0 / 20, "pct3": 1.0 / 200} {
		s := mustNew(t, Spec{Name: name, Actors: 2, Steps: 10}).(*PCT)
		if s.Bound() != bound {
			t.Errorf("%s: bound %v with 2 actors and 10 steps, want %v", name, s.Bound(), bound)
		}
	}
}

func TestFIFORunsActorsThrough(t *testing.T) {
	if got := order(run(t, twice, FIFO{})); got != "1122" {
		t.Errorf("order %s, want 1122", got)
	}
	p := program{"1": {"lock a"}, "2": {"lock a"}, "3": {"r x", "r y"}} // 2 waits for ever
	if got := order(run(t, p, FIFO{})); got != "133" {
		t.Errorf("order %s, want 133", got)
	}
}
