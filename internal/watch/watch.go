// Package watch follows a running system: records of a source go in; races as they
// happen, the calls themselves, or a picture of who contends for which files come
// out. It opens no source and knows no terminal: whoever calls it does.
//
// What it keeps is bounded by what is live in the system watched, and where that
// is without bound, by numbers that are stated (maxPaths, maxFindings).
// What falls to those bounds is counted and told.
package watch

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"time"

	"filerace/internal/trace"
)

// Options say what is shown and how.
type Options struct {
	Show   Show
	JSON   bool // one object a line; not with Picture
	Entry  bool // Calls: a line at entry, too
	All    bool // Races: possible ones, too
	Filter Filter

	// Partial tells that the source leaves out calls that races are judged by: none are
	// looked for.
	Partial bool

	Dir   string            // paths in it are shown relative to it
	Color bool              // colours of the terminal
	Width int               // columns of a finding's text; 0: as in reports
	Size  func() (w, h int) // of the terminal, for Picture
	Proc  string            // where the kernel's table of locks is, for Picture: "/proc"; "": nowhere

	Keep        func(trace.Record) error // takes every operation in order, to record it; may be nil
	KeepFinding func(json.RawMessage)    // takes every race once, as reports have it in JSON; may be nil

	Say func(text string) // takes a line about the watch itself: lost events, what was forgotten

	Every time.Duration    // least time between two lines about one race; 0: AgainEvery
	Grace time.Duration    // for the reader of the output, at the end; 0: a second
	Ticks <-chan time.Time // when to look at the clock; nil: every TickEvery
}

// Show is what a watch shows.
type Show uint8

// What can be shown.
const (
	Races Show = iota
	Calls
	Picture
)

const (
	// AgainEvery is the least time between two lines about one race that is seen again.
	AgainEvery = 10 * time.Second
	// TickEvery is how often the clock is looked at when nothing happens.
	TickEvery = 250 * time.Millisecond

	redrawTicks = 2                             // from one picture to the next: twice a second
	lossEvery   = 10 * time.Second              // least time between two lines about lost events
	lag         = int64(250 * time.Millisecond) // trace.Flow.Lag
	unread      = int64(50 * time.Millisecond)  // what the source may hold that has not been read
	flushAt     = 32 << 10                      // bytes of output
	batchMax    = 256                           // records that are handed on together
	batchesRead = 8                             // batches read ahead
)

// ErrOutput wraps an error of writing the output; io.ErrShortWrite and the like
// inside. A reader who has gone (EPIPE) is no error: the watch ends.
var ErrOutput = errors.New("write the output")

// Run watches until the source ends, the context does, the output's reader goes
// away, or something fails; it closes the source. The error says what failed, and
// wraps ErrOutput, what Keep returned, or the source's error; the summary is right
// in any case.
func Run(ctx context.Context, source trace.Source, o Options, out io.Writer) (Summary, error) {
	w := newWatcher(ctx, source, o, out)
	ticks := o.Ticks
	if ticks == nil {
		ticker := time.NewTicker(TickEvery)
		defer ticker.Stop()
		ticks = ticker.C
	}
	ahead := readAhead(source)
	if o.Show == Calls && !o.JSON {
		w.buf = append(w.buf, w.lines.header()...)
	}
	w.loop(ctx, ahead, ticks)
	return w.finish(ahead)
}

// loop takes records until there are none. After the context's end that is soon:
// the source is closed then, and tells what it still has.
func (w *watcher) loop(ctx context.Context, ahead *ahead, ticks <-chan time.Time) {
	done, broken := ctx.Done(), w.sink.broken
	for {
		select {
		case records, ok := <-ahead.full:
			if !ok {
				return
			}
			for i := range records {
				w.take(records[i])
			}
			ahead.spare.GiveBack(records)
			if len(w.buf) >= flushAt {
				w.flush()
			}
		case at := <-ticks:
			reached := w.reached() // before the look at whether records wait
			w.tick(at, reached, len(ahead.full) == 0)
		case <-done:
			done = nil
			w.leave()
		case <-broken:
			broken = nil
			w.fail(w.sink.err)
		}
		if w.err != nil || w.gone {
			w.leave()
		}
	}
}

// reached is the time, in ns, until which the source has handed out all that returned.
// On a busy machine its reader may not have run for long.
func (w *watcher) reached() int64 {
	if s, ok := w.source.(interface{ Reached() int64 }); ok {
		return s.Reached()
	}
	return maxTime
}

// ahead reads the source in a goroutine of its own. Records are handed on together as far as
// they come together: to wake somebody for each costs more than the record.
type ahead struct {
	full  chan []trace.Record
	spare trace.Spare
	err   error // of the source; valid when full is closed
}

func readAhead(source trace.Source) *ahead {
	a := &ahead{full: make(chan []trace.Record, batchesRead), spare: make(trace.Spare, batchesRead)}
	go func() {
		defer close(a.full)
		for {
			records, err := a.batch(source)
			if len(records) > 0 {
				a.full <- records
			}
			if err != nil {
				if !errors.Is(err, io.EOF) {
					a.err = err
				}
				return
			}
		}
	}()
	return a
}

// batch waits for a record, and returns it with those that are there with it.
func (a *ahead) batch(source trace.Source) (records []trace.Record, err error) {
	records = a.spare.Take(batchMax)
	ready, _ := source.(interface{ Ready() bool })
	for len(records) < batchMax {
		r, err := source.Next()
		if err != nil {
			return records, err
		}
		if records = append(records, r); ready == nil || !ready.Ready() {
			break
		}
	}
	return records, nil
}
