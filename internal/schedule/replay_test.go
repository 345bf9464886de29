package schedule

import (
	"errors"
	"slices"
	"strings"
	"testing"
)

func TestReplayRepeatsEverySchedule(t *testing.T) {
	r := NewRandom(11)
	for range 50 {
		want := run(t, crowd, r)
		p := &Replay{Schedule: want, Runs: 3}
		for range 3 {
			if got := run(t, crowd, p); !slices.Equal(got, want) || p.Err() != nil {
				t.Fatalf("%v; got\n%swant\n%s", p.Err(), got, want)
			}
		}
		if p.Begin() {
			t.Fatal("Begin allows a fourth run")
		}
	}
}

func TestReplayDiverges(t *testing.T) {
	p := program{"1": {"fork 1.1", "lock l", "w x", "unlock l"}, "1.1": {"lock l", "unlock l"}}
	begin := Schedule{{"1", "fork 1.1"}, {"1", "lock l"}}
	all := append(slices.Clip(begin), Step{"1", "w x"}, Step{"1", "unlock l"}, Step{"1.1", "lock l"}, Step{"1.1", "unlock l"})
	for _, tt := range []struct {
		name     string
		schedule Schedule
		at       int
		says     []string
	}{
		{"another operation", append(slices.Clip(begin), Step{"1", "r y"}), 2, []string{"step 3", `"r y"`, `"w x"`}},
		{"blocked", append(slices.Clip(begin), Step{"1.1", "lock l"}), 2, []string{`"lock l" of actor 1.1`, "not ready", `"w x" of 1`}},
		{"no such actor", append(slices.Clip(begin), Step{"7", "w x"}), 2, []string{"actor 7"}},
		{"schedule too short", all[:5], 5, []string{"schedule has ended", `"unlock l" of 1.1`}},
		{"run too short", append(slices.Clip(all), Step{"1", "w z"}), 6, []string{`"w z"`, "run has ended"}},
	} {
		r := &Replay{Schedule: tt.schedule, Runs: 2}
		done := run(t, p, r)
		var d *Divergence
		if !errors.As(r.Err(), &d) || d.At != tt.at || len(done) != tt.at {
			t.Errorf("%s: %v after %d steps, want a divergence at %d", tt.name, r.Err(), len(done), tt.at)
			continue
		}
		for _, says := range tt.says {
			if !strings.Contains(d.Error(), says) {
				t.Errorf("%s: %q does not say %q", tt.name, d, says)
			}
		}
		if r.Begin() {
			t.Errorf("%s: Begin allows a run after the divergence", tt.name)
		}
	}
}

func TestReplaySameAndOpen(t *testing.T) {
	r := &Replay{
		Schedule: Schedule{{"2", "w tmp.AAAA"}},
		Same:     func(want, got string) bool { return want[:5] == got[:5] },
		Open:     true,
	}
	done := run(t, program{"1": {"r x"}, "2": {"w tmp.BBBB", "r y"}}, r)
	if got := order(done); got != "221" || r.Err() != nil {
		t.Errorf("order %s, %v; want 221 and no error", got, r.Err())
	}
}

func TestFollow(t *testing.T) {
	p := program{"1": {"lock l", "r x", "unlock l"}, "2": {"lock l", "unlock l"}, "3": {"r x"}}
	for _, tt := range []struct {
		name   string
		blocks []Block
		want   string
	}{
		{"no wishes", nil, "111223"},
		{"all possible", []Block{{"3", 1}, {"1", 2}, {"1", 1}, {"2", 2}}, "311122"},
		{"blocked, then on without preemption", []Block{{"1", 1}, {"2", 2}, {"3", 1}}, "131122"},
		{"more steps than there are", []Block{{"3", 9}, {"2", 1}, {"1", 1}}, "322111"},
		{"unknown actor", []Block{{"8", 1}, {"2", 1}}, "221113"},
	} {
		if got := order(run(t, p, NewFollow(tt.blocks))); got != tt.want {
			t.Errorf("%s: order %s, want %s", tt.name, got, tt.want)
		}
	}
}

func TestFollowRepeatsEverySchedule(t *testing.T) {
	r := NewRandom(12)
	for range 50 {
		want := run(t, crowd, r)
		if got := run(t, crowd, NewFollow(Blocks(want))); !slices.Equal(got, want) {
			t.Fatalf("got\n%swant\n%s", got, want)
		}
	}
}
