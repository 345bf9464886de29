package saved

import (
	"math/bits"
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
)

// ahead decodes segments in a goroutine of its own while others judge what came out.
type ahead struct {
	full  chan batch
	spare trace.Spare
	quit  chan struct{}
	done  sync.WaitGroup
}

func decodeAhead(dir string, segs []segment, filter Filter) *ahead {
	a := &ahead{full: make(chan batch, batchesAhead), spare: make(trace.Spare, batchesAhead), quit: make(chan struct{})}
	a.done.Go(func() {
		defer close(a.full)
		d := newDecoder(dir)
		if filter != nil {
			d.use(filter)
		}
		defer d.close()
		for i := range segs {
			if !a.segment(d, &segs[i]) {
				return
			}
		}
	})
	return a
}

// segment decodes one; false: no more.
func (a *ahead) segment(d *decoder, s *segment) bool {
	if err := d.open(s); err != nil {
		a.send(batch{err: err})
		return false
	}
	for d.left > 0 {
		b := batch{records: a.spare.Take(batchRecords)}
		for d.left > 0 && len(b.records) < batchRecords && b.err == nil {
			b.err = d.records(&b)
		}
		if !a.send(b) || b.err != nil {
			return false
		}
	}
	return true
}

func (a *ahead) send(b batch) bool {
	select {
	case a.full <- b:
		return true
	case <-a.quit:
		return false
	}
}

// stop ends the goroutine.
func (a *ahead) stop() {
	close(a.quit)
	a.done.Wait()
}
