package watch

import (
	"fmt"
	"strings"
	"time"

	"filerace/internal/trace"
)

func (w *watcher) printCall(r *trace.Record) {
	if w.o.JSON {
		w.print(eventJSON(r, w.start))
	} else {
		w.print(w.lines.record(r), nil)
	}
}

func (w *watcher) printEarly(upTo int64) {
	w.early.upTo(upTo, func(r *trace.Record) {
		if w.o.Filter.call(r) {
			w.printCall(r)
		}
	})
}

type jsonGap struct {
	Type string `json:"type"` // "gap"
	Lost uint64 `json:"lost"` // 0: not known how many
}

// printGap marks the place where events are missing.
func (w *watcher) printGap(lost uint64) {
	if w.o.JSON {
		w.print(oneLine(jsonGap{"gap", lost}))
		return
	}
	how := "events"
	if lost > 0 {
		how = counted(int(lost), "event")
	}
	w.print(fmt.Appendf(nil, "-- %s lost here --\n", how), nil)
}

// losses tells of lost events, not too often.
type losses struct {
	total, told uint64
	unknown     bool
	at          int64
	ever        bool
}

func (l *losses) add(total uint64) {
	l.unknown = l.unknown || total == l.total
	l.total = total
}

func (l *losses) tell(now int64, say func(string)) {
	if l.total == l.told && !l.unknown || l.ever && now-l.at < int64(lossEvery) {
		return
	}
	how := "events were lost"
	if n := l.total - l.told; n > 0 {
		how = counted(int(n), "event") + " lost"
	}
	say(how + ": they came faster than they could be read; nothing is concluded across the gap")
	l.told, l.unknown, l.at, l.ever = l.total, false, now, true
}

// picture is what goes from one drawing to the next.
type picture struct {
	newest string
	ticks  int
	events uint64
	at     int64
}

// redraw draws the terminal anew at every second tick, unless it has not taken the
// last picture yet.
func (w *watcher) redraw() {
	p := &w.picture
	p.ticks++
	if p.ticks%redrawTicks != 0 || len(w.sink.queue) > 0 {
		return
	}
	keep := func(path string) bool { return w.o.Filter.Path == nil || w.o.Filter.Path.Match(path) }
	world := w.judge.world()
	t := Top{
		Elapsed: time.Duration(w.now), Events: w.sum.Events, Lost: w.sum.Lost, Races: w.sum.Observed, Possible: w.sum.Possible,
		Newest: p.newest, Forgot: strings.Join(w.forgot(), "; "), Files: w.contention.top(keep),
		Locks: w.locks.look(world, w.now, keep), Deleted: deleted(world, keep),
	}
	if since := w.now - p.at; since > 0 {
		t.PerSecond = float64(w.sum.Events-p.events) / time.Duration(since).Seconds()
	}
	p.events, p.at = w.sum.Events, w.now
	width, height := w.o.Size()
	w.buf = append(w.buf, "\x1b[H"...) // home; below: clear to the end of the line, and of the screen
	for i, l := range Draw(&t, width, height, w.o.Color) {
		if i > 0 {
			w.buf = append(w.buf, "\r\n"...)
		}
		w.buf = append(append(w.buf, l...), "\x1b[K"...)
	}
	w.buf = append(w.buf, "\x1b[J"...)
}

// Summary is what a watch has seen.
type Summary struct {
	Elapsed  time.Duration
	Events   uint64 // calls
	Lost     uint64 // events that the source lost
	Observed int    // races that happened, each counted once
	Possible int    // others that were told
	Unread   bool   // the reader did not take the end of the output
	Forgot   []string
}

// String sums up in one line, without its end.
func (s *Summary) String() string {
	rate := float64(s.Events) / max(s.Elapsed.Seconds(), 1e-3)
	text := fmt.Sprintf("%.1f s, %s events (%.0f/s), %s lost, %s", s.Elapsed.Seconds(), grouped(s.Events), rate, grouped(s.Lost), counted(s.Observed, "race"))
	if s.Possible > 0 {
		text += fmt.Sprintf(" and %d possible", s.Possible)
	}
	return text
}
