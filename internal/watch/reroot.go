package watch

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"filerace/internal/op"
	"filerace/internal/race"
	"filerace/internal/screen"
)

// rerooted names the actors of a finding for people who look at a live system. An
// actor's name tells its ancestry from the first process that the watch knows, which
// may be ten generations; here it begins with the process id of the nearest ancestor
// that all of them have in common.
func rerooted(f race.Finding, ops []*op.Op) (race.Finding, []*op.Op) {
	root := ancestor(f.Actors)
	pid := pidOf(root, ops)
	if pid == 0 || !strings.Contains(string(root), ".") {
		return f, ops
	}
	r := renaming{from: root, to: op.Actor(strconv.Itoa(pid)), text: regexp.MustCompile(`\b` + regexp.QuoteMeta(string(root)) + `\b`)}
	f.Actors = slices.Clone(f.Actors)
	for i := range f.Actors {
		f.Actors[i] = r.actor(f.Actors[i])
	}
	f.Headline, f.Why, f.Repair = r.sentence(f.Headline), r.sentence(f.Why), r.sentence(f.Repair)
	renamed := make([]*op.Op, len(ops))
	for i, o := range ops {
		renamed[i] = o
		if o.Actor.Within(root) || o.Child != "" && o.Child.Within(root) {
			c := *o
			c.Actor, c.Child = r.actor(o.Actor), r.actor(o.Child)
			renamed[i] = &c
		}
	}
	return f, renamed
}

type renaming struct {
	from, to op.Actor
	text     *regexp.Regexp
}

func (r renaming) actor(a op.Actor) op.Actor {
	if a == "" || !a.Within(r.from) {
		return a
	}
	return r.to + a[len(r.from):]
}

func (r renaming) sentence(s string) string { return r.text.ReplaceAllLiteralString(s, string(r.to)) }

// ancestor is the nearest process that all actors are or descend from, "" if there is none.
func ancestor(actors []op.Actor) op.Actor {
	if len(actors) == 0 {
		return ""
	}
	root := actors[0].Process()
	for root != "" && slices.ContainsFunc(actors, func(a op.Actor) bool { return !a.Within(root) }) {
		root = root.Parent()
	}
	return root
}

// pidOf is the process id of an actor, as operations tell it; 0 if none does.
func pidOf(a op.Actor, ops []*op.Op) int {
	for _, o := range slices.Backward(ops) {
		switch {
		case o.Actor.Process() == a:
			return o.PID
		case o.Kind == op.Fork && o.Child == a && o.Ret > 0:
			return int(o.Ret)
		}
	}
	return 0
}

// whoIsWho tells which processes the actors of a finding are, in lines of that width.
func whoIsWho(f *race.Finding, ops []*op.Op, width int) string {
	const label, indent = "who     ", "        "
	var b strings.Builder
	line := ""
	for _, a := range f.Actors {
		i := len(ops) - 1 // its last operation: by then it has become what it is
		for i >= 0 && ops[i].Actor.Process() != a.Process() {
			i--
		}
		if i < 0 {
			continue
		}
		who := fmt.Sprintf("%s is process %d, %s", a, ops[i].PID, screen.Visible(ops[i].Prog))
		switch {
		case line == "":
			line = label + who
		case screen.Width(line)+2+screen.Width(who) < width:
			line += "; " + who
		default:
			b.WriteString(line + ";\n")
			line = indent + who
		}
	}
	b.WriteString(line)
	return b.String()
}
