package watch

import (
	"slices"
	"strings"
	"testing"

	"filerace/internal/op"
	"filerace/internal/race"
	"filerace/internal/screen"
)

func TestActorsAreNamedFromTheirCommonAncestor(t *testing.T) {
	deep := func(a op.Actor) op.Actor {
		if a == "" {
			return ""
		}
		return "7.1.20" + a[1:]
	}
	f, ops := found(t)
	for i := range f.Actors {
		f.Actors[i] = deep(f.Actors[i])
	}
	f.Why = "7.1.20.2 met 7.1.20.3, not 17.1.20.3 or 7.1.200"
	for _, o := range ops {
		o.Actor, o.Child = deep(o.Actor), deep(o.Child)
	}
	root := ops[0].PID
	g, renamed := rerooted(f, ops)
	if want := pidName(root) + ".2 met " + pidName(root) + ".3, not 17.1.20.3 or 7.1.200"; g.Why != want {
		t.Errorf("why %q, want %q", g.Why, want)
	}
	for _, a := range g.Actors {
		if !strings.HasPrefix(string(a), pidName(root)+".") {
			t.Errorf("actor %s, root %d", a, root)
		}
	}
	for i, o := range renamed {
		if o.Seq != ops[i].Seq || !o.Actor.Within(op.Actor(pidName(root))) || ops[i].Actor[0] != '7' {
			t.Errorf("step %d is of %s, was of %s", o.Seq, o.Actor, ops[i].Actor)
		}
	}
	who := whoIsWho(&g, renamed, 60)
	if strings.Count(who, " is process ") != len(g.Actors) || !strings.HasPrefix(who, "who     ") {
		t.Errorf("who is who: %s", who)
	}
	for line := range strings.Lines(who) {
		if screen.Width(strings.TrimSuffix(line, "\n")) > 60 {
			t.Errorf("too long: %q", line)
		}
	}
}

func pidName(pid int) string { return string(op.Actor("").Child(pid))[1:] }

func TestActorsWithoutCommonAncestorKeepTheirNames(t *testing.T) {
	f := race.Finding{Actors: []op.Actor{"12.1", "40"}, Why: "12.1 and 40"}
	if g, _ := rerooted(f, nil); !slices.Equal(g.Actors, f.Actors) || g.Why != f.Why {
		t.Errorf("renamed to %+v", g)
	}
	for _, c := range []struct {
		actors []op.Actor
		want   op.Actor
	}{
		{[]op.Actor{"1.2.3", "1.2.4"}, "1.2"}, {[]op.Actor{"1.2", "1.2.4"}, "1.2"}, {[]op.Actor{"1.2", "1.22"}, "1"}, {nil, ""}, {[]op.Actor{"5.1/2"}, "5.1"},
	} {
		if got := ancestor(c.actors); got != c.want {
			t.Errorf("ancestor of %v is %q, want %q", c.actors, got, c.want)
		}
	}
}
