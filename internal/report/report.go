// Package report tells people and programs what was found: findings and
// operations go in, text or JSON comes out.
package report

import (
	"filerace/internal/op"
	"filerace/internal/race"
)

// Report is what one use of filerace found out.
type Report struct {
	Command  []string       // the program under test
	Runs     int            // made
	Seconds  float64        // that they took
	Explored int            // distinct orders of dependent operations seen
	Complete bool           // these are all orders that there are
	Outcomes map[string]int // how the runs ended, and how many ended so
	Findings []Found
	Notes    []string // how far it got: the estimated share of orders, the bound of PCT; one sentence each
	Missed   []string // what was not seen or not modelled: lost events, mappings; one sentence each
}

// Found is a finding with the run that shows it.
type Found struct {
	race.Finding
	Ops           []*op.Op // all operations of that run, in order
	Replay        string   // file of the saved schedule; "" if none was saved
	Replays       int      // how often it was replayed to make sure
	Bites         int      // how many of these showed the harm
	RunsToFind    int      // number of the run, from 1
	SecondsToFind float64  // since the hunt began
	Output        string   // the end of what the program printed in that run
	Preemptions   int      // switches away from an actor that could have gone on
}

// Options say how text is written.
type Options struct {
	Color bool
	Width int    // columns; 0: 100
	Dir   string // paths in it are shown relative to it
	All   bool   // leave nothing out: all possible races, all rows
}

// DefaultWidth is the width of a report in columns.
const DefaultWidth = 100

func (o Options) width() int {
	if o.Width <= 0 {
		return DefaultWidth
	}
	return max(o.Width, 40)
}
