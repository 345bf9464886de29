package saved

import (
	"math/bits"

	"filerace/internal/op"
)

// Filter tells which operations Reader.Next gives back. It is asked by other goroutines, several at a time.
type Filter interface {
	// Known tells by bits which of the n rows, 64 at most, from a place on (from 0) are given back, if it knows that
	// without a look at them.
	Known(from, n int) (kept uint64, ok bool)
	// Keeps tells it of an operation as Reader.Glances yields it.
	Keeps(*op.Op) bool
}

// filtered is what a decoder needs that reads only some of the rows.
type filtered struct {
	filter Filter   // nil: all rows are kept
	first  int      // number of the segment's first row in the recording
	row    int      // next row of the segment
	asked  int      // rows of the segment that the filter was asked for
	kept   uint64   // by bits, those of the last rows that it was asked for that are yet to be picked
	from   int      // where these rows begin
	glance *skimmer // nil: the filter always knew
}

// restart begins with another segment.
func (f *filtered) restart(first int) {
	f.first, f.row, f.asked, f.kept = first, 0, 0, 0
	if f.glance != nil {
		f.glance.loader = nil
	}
}

// skips reports whether the filter knows that none of the n rows of a segment is kept, and goes behind them. What the
// segment holds has been looked at, if that is known.
func (f *filtered) skips(first, n int) bool {
	if f.filter == nil {
		return false
	}
	for at := 0; at < n; at += rowsAtOnce {
		if kept, ok := f.filter.Known(first+at, min(rowsAtOnce, n-at)); !ok || kept != 0 {
			return false
		}
	}
	f.restart(first)
	f.row = n
	return true
}

// choose finds the next rows that are kept, and passes over others, up to the segment's end if there are few.
func (d *decoder) choose() (err error) {
	d.picks, d.span = d.picks[:0], d.left
	for rows := d.row + d.left; len(d.picks) < rowsAtOnce; {
		if d.kept == 0 {
			if d.asked == rows {
				return nil
			}
			d.from = d.asked
			d.asked = min(d.asked+rowsAtOnce, rows)
			if d.kept, err = d.ask(d.from, d.asked-d.from); err != nil {
				return err
			}
			continue
		}
		row := d.from + bits.TrailingZeros64(d.kept) - d.row
		d.kept &= d.kept - 1
		d.picks = append(d.picks, pick{int32(row), int32(len(d.picks))})
		d.span = row + 1
	}
	return nil
}

// ask asks the filter for n rows from a row of the segment on.
func (d *decoder) ask(from, n int) (kept uint64, err error) {
	if kept, ok := d.filter.Known(d.first+from, n); ok {
		return kept, nil
	}
	if d.glance == nil {
		d.glance = newSkimmer()
	}
	if d.glance.loader == nil {
		d.glance.begin(d.loader)
	}
	return d.glance.ask(d.filter, from, n)
}

func (f *filtered) closeGlance() {
	if f.glance != nil {
		f.glance.close()
	}
}
