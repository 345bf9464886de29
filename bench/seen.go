package main

import (
	"errors"
	"io"

	"filerace/internal/probe"
	"filerace/internal/trace"
)

// sighted counts what a probe tells.
type sighted struct {
	seen int    // calls
	lost uint64 // events
}

// read counts to the end of the watching.
func (t *sighted) read(p *probe.Probe) error {
	for {
		r, err := p.Next()
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		case r.What == trace.Gap:
			t.lost += r.Lost
		case r.What == trace.Returned:
			t.seen++
		}
	}
}
