package saved

import (
	"runtime"
	"slices"
	"sync"

	"filerace/internal/trace"
)

// batch is a handful of records on the way from the decoder to whoever reads them.
type batch struct {
	records []trace.Record
	passed  []int32 // operations left out before each of them; nil: none before any
	rest    int32   // and behind the last
	err     error   // after the records
}

// count notes which of the next n rows were left out: those that were not picked.
func (b *batch) count(picks []pick, n int) {
	next := int32(0)
	for _, p := range picks {
		b.passed = append(b.passed, b.rest+p.row-next)
		b.rest, next = 0, p.row+1
	}
	b.rest += int32(n) - next
}

// Few records are under way at a time: they are judged while they are in the processor's cache.
const (
	batchRecords = rowsAtOnce
	batchesAhead = 4
	decodersMax  = 4
)

// ahead decodes segments in goroutines of its own while others judge what came out. Of rows that are left out nothing
// is to be judged, so then several segments are decoded at a time.
type ahead struct {
	parts []chan batch // of the segments
	next  int          // of parts
	spare trace.Spare
	quit  chan struct{}
	done  sync.WaitGroup
}

// decodeAhead begins to decode segments. Some may have been loaded.
func decodeAhead(dir string, segs []segment, loaded []*loader, filter Filter, forStream bool) *ahead {
	decoders := 1
	if filter != nil && !slices.ContainsFunc(segs, func(s segment) bool { return !s.listed }) { // where rows begin is known
		decoders = min(runtime.GOMAXPROCS(0), decodersMax)
	}
	a := &ahead{parts: make([]chan batch, len(segs)), spare: make(trace.Spare, decoders*batchesAhead), quit: make(chan struct{})}
	from := make([]int, len(segs)+1) // rows before each segment
	for i := range segs {
		a.parts[i] = make(chan batch, batchesAhead)
		from[i+1] = from[i] + int(segs[i].rows)
	}
	for first := range min(decoders, len(segs)) {
		a.done.Go(func() {
			d, own := newDecoder(filter, forStream), &loader{dir: dir}
			defer d.close()
			for i := first; i < len(segs); i += decoders {
				row := d.first + d.row // where the last one ended
				if decoders > 1 {
					row = from[i]
				}
				l := own
				if i < len(loaded) && loaded[i] != nil {
					l, loaded[i] = loaded[i], nil
				}
				more := a.segment(d, l, &segs[i], row, a.parts[i])
				close(a.parts[i])
				if !more {
					return
				}
			}
		})
	}
	return a
}

// take returns the next batch, false if there is none.
func (a *ahead) take() (b batch, ok bool) {
	for ; a.next < len(a.parts); a.next++ {
		if b, ok = <-a.parts[a.next]; ok {
			return b, true
		}
	}
	return batch{}, false
}

// segment decodes one, which begins with that row; false: no more.
func (a *ahead) segment(d *decoder, l *loader, s *segment, row int, to chan<- batch) bool {
	if s.listed && d.skips(row, int(s.rows)) {
		return a.send(to, batch{rest: int32(s.rows)})
	}
	if err := d.open(l, s, row); err != nil {
		a.send(to, batch{err: err})
		return false
	}
	for d.left > 0 {
		b := batch{records: a.spare.Take(batchRecords)}
		for d.left > 0 && len(b.records) < batchRecords && b.err == nil {
			b.err = d.records(&b)
		}
		if !a.send(to, b) || b.err != nil {
			return false
		}
	}
	return true
}

func (a *ahead) send(to chan<- batch, b batch) bool {
	select {
	case to <- b:
		return true
	case <-a.quit:
		return false
	}
}

// stop ends the goroutines.
func (a *ahead) stop() {
	close(a.quit)
	a.done.Wait()
}
