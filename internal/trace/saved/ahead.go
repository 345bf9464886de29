package saved

import (
	"math/bits"
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

// count notes which of the next n rows were left out; bits of kept tell the others.
func (b *batch) count(kept uint64, n int) {
	last := -1
	for ; kept != 0; kept &= kept - 1 {
		i := bits.TrailingZeros64(kept)
		b.passed = append(b.passed, b.rest+int32(i-last-1))
		b.rest, last = 0, i
	}
	b.rest += int32(n - last - 1)
}

const (
	batchRecords = 4 * rowsAtOnce
	batchesAhead = 8
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

func decodeAhead(dir string, segs []segment, filter Filter) *ahead {
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
			d := newDecoder(dir)
			if filter != nil {
				d.use(filter)
			}
			defer d.close()
			for i := first; i < len(segs); i += decoders {
				if decoders > 1 {
					d.row = from[i]
				}
				more := a.segment(d, &segs[i], a.parts[i])
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

// segment decodes one; false: no more.
func (a *ahead) segment(d *decoder, s *segment, to chan<- batch) bool {
	if err := d.open(s); err != nil {
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
