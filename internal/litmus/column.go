package litmus

import (
	"context"
	"fmt"
	"path/filepath"
	"time"
)

// column is the work on one Column.
type column struct {
	*Column
	cases   []chosen
	o       Options
	scratch string
	remove  func() // of scratch
	asides  []*aside
}

// openColumn makes the directory for the work in one place.
func openColumn(place Place, cases []chosen, o Options) (*column, error) {
	dir, err := filepath.Abs(place.Dir)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrPlace, err)
	}
	scratch, remove, err := makeScratch(dir)
	if err != nil {
		return nil, err
	}
	fs := fileSystem(dir)
	c := &column{
		Column: &Column{Label: place.Label, Dir: place.Dir, Made: place.Made, FS: fs},
		cases:  cases, o: o, scratch: scratch, remove: remove,
	}
	if c.Label == "" {
		c.Label = fs.Type
	}
	return c, nil
}

// try runs the cases. Those that are tried beside the others begin before them, and
// their results are still missing afterwards.
func (c *column) try(ctx context.Context) error {
	end := time.Now().Add(c.o.Time)
	last := end.Add(c.o.Time * spare / 100) // no further trial begins then, whatever verdicts need
	var rest []chosen
	for _, k := range c.cases {
		if k.c.Beside > 0 {
			c.asides = append(c.asides, startAside(ctx, k, c.scratch, time.Until(last), c.o))
		} else {
			rest = append(rest, k)
		}
	}
	for _, k := range c.cases {
		if err := ctx.Err(); err != nil {
			return err
		}
		c.Results = append(c.Results, Result{Test: k.test.Name, Case: k.c.Name, Verdict: VerdictNotTested})
		if k.c.Beside > 0 {
			continue
		}
		share := time.Until(end) * k.weight() / weight(rest)
		most := time.Until(last) * atOnce * k.weight() / weight(rest)
		rest = rest[1:]
		c.Results[len(c.Results)-1] = runCase(ctx, k, allowance{c.scratch, max(share, 0), max(most, 0)}, c.progress(), c.o)
	}
	return ctx.Err()
}

// progress is what there is to tell of the case that came last.
func (c *column) progress() Progress {
	last := c.Results[len(c.Results)-1]
	return Progress{Label: c.Label, Test: last.Test, Case: last.Case, Done: len(c.Results) - 1, All: len(c.cases)}
}

// collect waits for the cases that are tried beside the others.
func (c *column) collect() {
	for len(c.asides) > 0 {
		a := c.asides[0]
		r := a.wait(c.progress(), c.o.Progress)
		if at := c.result(r.Test, r.Case); at != nil {
			*at = r
		}
		c.asides = c.asides[1:]
	}
}

// end leaves nothing behind. What is still tried must have been told to stop.
func (c *column) end() {
	for _, a := range c.asides {
		<-a.done
	}
	c.remove()
}

// weight is how many shares of the time cases get.
func weight(cases []chosen) (sum time.Duration) {
	for _, c := range cases {
		sum += c.weight()
	}
	return sum
}

func (c chosen) weight() time.Duration { return time.Duration(max(c.c.Shares, 1)) }

// spare is what a run may take beyond its time, in hundredths of it, because cases are
// tried as often as their verdicts need although the machine is busy.
const spare = 42

// atOnce is how many times its share of what is left a case may take.
const atOnce = 8

// fill puts the defaults where nothing is said.
func (o *Options) fill() {
	o.asked = o.Trials > 0
	switch {
	case o.Time > 0:
	case o.asked:
		o.Time = endless
	default:
		o.Time = DefaultTime
	}
	if !o.asked {
		o.Trials = DefaultTrials
	}
}

// endless is the time of a run that ends by its trials alone: no more than can be multiplied.
const endless = 1000 * time.Hour
