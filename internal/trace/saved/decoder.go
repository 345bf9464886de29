package saved

import (
	"slices"

	"github.com/parquet-go/parquet-go"

	"filerace/internal/op"
)

// decoder reads segments. It goes column by column through so few rows at a time
// that they stay in the processor's cache.
type decoder struct {
	*loader
	left       int // rows that the segment must still give
	vocabulary vocabulary
	slots      []*slot
	columns    map[string]*column
	paths      []string // of all columns
	via        *list[op.Name]
	fds        *list[op.FDInfo]
	forStream  bool // see Reader.ForStream
	filtered        // nothing but row is used where there is no filter

	picks  []pick // of the next span rows, those that are read
	span   int
	scopes [scopes][]*column
	some   []pick // those of the picks that are in a scope
}

const rowsAtOnce = 64

func newDecoder(filter Filter, forStream bool) *decoder {
	d := &decoder{slots: slotsOf[slot](), columns: map[string]*column{}, forStream: forStream}
	d.filter = filter
	for _, c := range columnsOf(&d.vocabulary, d.slots, (*slot).fields) {
		if filter != nil {
			c.lane.spare()
		}
		d.columns[c.name] = c
		d.paths = append(d.paths, c.name)
	}
	d.via, d.fds = newList(&d.vocabulary, rowsAtOnce, nameFields), newList(&d.vocabulary, rowsAtOnce, fdFields)
	for _, c := range d.via.columns {
		d.paths = append(d.paths, "via.list.element."+c.name)
	}
	for _, c := range d.fds.columns {
		d.paths = append(d.paths, "fds.list.element."+c.name)
	}
	return d
}

// slotsOf makes as many as are filled at a time, side by side.
func slotsOf[T any]() []*T {
	all, slots := make([]T, rowsAtOnce), make([]*T, rowsAtOnce)
	for i := range all {
		slots[i] = &all[i]
	}
	return slots
}

// open begins with a segment; row is the number of its first row in the recording, from 0.
func (d *decoder) open(l *loader, s *segment, row int) (err error) {
	if err := l.open(s, d.paths); err != nil {
		return err
	}
	d.loader = l
	defer d.caught(&err)
	d.left, d.vocabulary.strange = int(d.file.NumRows()), nil
	for in := range d.scopes {
		d.scopes[in] = d.scopes[in][:0]
	}
	d.via.begin()
	d.fds.begin()
	for _, name := range later {
		d.columns[name].clear()
	}
	d.begin(d.reset)
	d.restart(row)
	return nil
}

// reset begins with a column.
func (d *decoder) reset(path []string, chunk *parquet.FileColumnChunk, r func() *runs) {
	last := path[len(path)-1]
	switch {
	case len(path) == 1:
		c, in := d.columns[last], scopeOf[last]
		switch {
		case c == nil || in == inNone && d.forStream:
			return
		case in >= inCopied && !d.forStream:
			in = inAll
		}
		if !c.fixed(chunk) {
			c.begin(chunk, r())
			d.scopes[in] = append(d.scopes[in], c)
		}
	case path[0] == "via":
		d.via.reset(last, chunk)
	case path[0] == "fds":
		d.fds.reset(last, chunk)
	}
}

// read fills slots with the next rows of the segment, and returns how many.
func (d *decoder) read() (n int, err error) {
	defer d.caught(&err)
	if d.filter != nil {
		if err := d.choose(); err != nil {
			return 0, err
		}
	} else {
		d.span = min(d.left, rowsAtOnce)
		d.picks = each[:d.span]
	}
	if err := d.readScopes(); err != nil {
		return 0, err
	}
	if err := d.readLists(d.picks, d.span); err != nil {
		return 0, err
	}
	d.left -= d.span
	d.row += d.span
	return len(d.picks), nil
}

// readLists reads the lists of some of the next n rows.
func (d *decoder) readLists(picks []pick, n int) error {
	via, fds := picks, picks
	if d.forStream && !d.via.empty {
		via = d.those(inLong, picks)
	}
	if err := d.via.pick(via, n); err != nil {
		return d.damaged(err)
	}
	if d.forStream && !d.fds.empty {
		fds = d.those(inBegun, picks)
	}
	if err := d.fds.pick(fds, n); err != nil {
		return d.damaged(err)
	}
	return nil
}

// records appends the records of the next rows to a batch.
func (d *decoder) records(b *batch) error {
	n, err := d.read()
	if err != nil {
		return err
	}
	var via []*op.Name
	var fds []*op.FDInfo
	was := len(b.records)
	b.records = slices.Grow(b.records, n)[:was+n]
	clear(b.records[was:])
	lists := !d.via.empty || !d.fds.empty
	for i, s := range d.slots[:n] {
		if lists {
			via, fds = d.via.of(i), d.fds.of(i)
		}
		if len(d.vocabulary.strange) > 0 {
			if err := s.check(&d.vocabulary, via, fds); err != nil {
				b.records = b.records[:was+i]
				return d.damaged(err)
			}
		}
		if err := s.record(&b.records[was+i], via, fds); err != nil {
			b.records = b.records[:was+i]
			return d.damaged(err)
		}
		if o := b.records[was+i].Op; o != nil {
			if d.forStream {
				s.strip(o)
			}
			if !d.forStream || s.within(inCopied) {
				o.SetFile2(s.file2)
			}
		}
	}
	if d.filter != nil {
		b.count(d.picks, d.span)
	}
	return nil
}

func (d *decoder) close() {
	for _, c := range d.columns {
		c.close()
	}
	d.via.close()
	d.fds.close()
	d.closeGlance()
}
