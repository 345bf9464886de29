//go:build !linux || !(amd64 || arm64)

package probe

import (
	"io"

	"filerace/internal/trace"
)

// Probe watches; not on this system.
type Probe struct{}

// Open answers that watching needs Linux.
func Open(opt Options) (*Probe, error) {
	if err := opt.check(); err != nil {
		return nil, err
	}
	return nil, &Unavailable{Feature: "this is not Linux on amd64 or arm64", Least: leastKernel, Hint: "watch on a Linux machine; traces of other systems can be read by `filerace explain`"}
}

// Next implements trace.Source.
func (p *Probe) Next() (trace.Record, error) { return trace.Record{}, io.EOF }

// Notes implements trace.Source.
func (p *Probe) Notes() trace.Notes { return trace.Notes{Kind: "eBPF"} }

// Hooks is nil.
func (p *Probe) Hooks() error { return nil }

// Stop ends the watching.
func (p *Probe) Stop() {}

// Close ends the watching.
func (p *Probe) Close() error { return nil }
