package watch

import (
	"slices"

	"filerace/internal/op"
	"filerace/internal/race"
	"filerace/internal/trace"
	"filerace/internal/world"
)

// judge applies operations to a world and, if races are looked for, has the rules
// see them.
type judge struct {
	plain  *world.World // without rules
	stream *race.Stream // with them
}

func newJudge(rules bool, found func(race.Told)) *judge {
	if !rules {
		return &judge{plain: world.New()}
	}
	return &judge{stream: race.NewStream(found)}
}

func (j *judge) world() *world.World {
	if j.stream != nil {
		return j.stream.World()
	}
	return j.plain
}

func (j *judge) take(e trace.Event) {
	switch {
	case j.stream != nil:
		j.stream.Take(e)
	case e.Op != nil:
		j.plain.Enter(e.Op)
		j.plain.Apply(e.Op)
	}
}

// untold is how often a race happened that was neither told nor kept.
func (j *judge) untold() int {
	if j.stream == nil {
		return 0
	}
	return j.stream.Untold()
}

// end tells what the rules conclude from the end. Where a process goes on after the
// watch, it may yet do what would have made things right: that is not observed.
func (j *judge) end(all bool, found func(race.Told)) {
	if j.stream == nil {
		return
	}
	for _, t := range j.stream.End(race.End{All: all}) {
		if t.Evidence != race.Possible && slices.ContainsFunc(t.Actors, j.mayGoOn) {
			t.Evidence = race.Possible
			t.Why += " The watch ended before the processes did."
		}
		found(t)
	}
}

// mayGoOn reports whether the actor's process has not been seen to end.
func (j *judge) mayGoOn(a op.Actor) bool {
	p := j.stream.World().Process(a)
	return p != nil && !p.Exited || p == nil && j.stream.Gaps() > 0
}
