package watch

import (
	"context"
	"errors"
	"fmt"
	"io"
)

// errStuck says that the reader of the output did not take the end of it.
var errStuck = errors.New("the reader of the output does not read")

// sink writes in a goroutine of its own, so that a reader who has stopped cannot
// keep the watch from ending. Beyond its short queue it holds up the caller, who
// then takes no more records: they are lost in the kernel's buffer, where they are
// counted.
type sink struct {
	queue  chan []byte
	broken chan struct{} // closed after err is set
	done   chan struct{}
	err    error
}

// sinkQueue is how many pieces may wait to be written.
const sinkQueue = 8

func newSink(w io.Writer) *sink {
	s := &sink{queue: make(chan []byte, sinkQueue), broken: make(chan struct{}), done: make(chan struct{})}
	go s.run(w)
	return s
}

func (s *sink) run(w io.Writer) {
	defer close(s.done)
	for b := range s.queue {
		if s.err != nil {
			continue
		}
		if _, err := w.Write(b); err != nil {
			s.err = fmt.Errorf("%w: %w", ErrOutput, err)
			close(s.broken)
		}
	}
}

// put hands over a piece, which belongs to the sink from then on. It returns the
// error of an earlier write, or of the context if that ends first.
func (s *sink) put(ctx context.Context, b []byte) error {
	select {
	case <-s.broken:
		return s.err
	default:
	}
	select {
	case s.queue <- b:
		return nil
	case <-s.broken:
		return s.err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// close waits until everything is written; errStuck if the context ends first. The
// goroutine then stays behind in its write.
func (s *sink) close(ctx context.Context) error {
	close(s.queue)
	select {
	case <-s.done:
		return s.err
	case <-ctx.Done():
		return errStuck
	}
}
