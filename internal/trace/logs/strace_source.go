package logs

import (
	"errors"
	"io"

	"filerace/internal/trace"
)

// straceSource reads the lines of one strace, from the one file that all tasks
// share.
type straceSource struct {
	file   *straceFile
	family *family
	notes  trace.Notes
	over   bool
}

func newStrace(in *lines) *straceSource {
	s := &straceSource{family: newFamily(), notes: trace.Notes{Kind: "strace"}}
	s.file = &straceFile{in: in, family: s.family, notes: &s.notes, start: &clockStart{}, begun: map[int]*begunCall{}, now: -1}
	return s
}

// Next returns the next record.
func (s *straceSource) Next() (trace.Record, error) {
	for {
		if r, ok := s.family.pop(); ok {
			return r, nil
		}
		if s.over {
			return trace.Record{}, io.EOF
		}
		e, err := s.file.next()
		switch {
		case errors.Is(err, io.EOF):
			s.over = true
			s.family.finish(s.file.now)
		case err != nil:
			return trace.Record{}, err
		default:
			s.family.push(e)
		}
	}
}

// Notes tells what is known of the log so far.
func (s *straceSource) Notes() trace.Notes { return s.notes }

// Interrupt ends a read that waits for a writer, from another goroutine.
func (s *straceSource) Interrupt() { s.file.in.interrupt() }

// Close closes the log.
func (s *straceSource) Close() error { return s.file.in.file.Close() }
