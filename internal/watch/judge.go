package watch

import (
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

// end tells what the rules conclude from the end.
func (j *judge) end(all bool, found func(race.Told)) {
	if j.stream == nil {
		return
	}
	j.stream.Cut("The watch ended before the processes did.")
	for _, t := range j.stream.End(race.End{All: all}) {
		found(t)
	}
}
