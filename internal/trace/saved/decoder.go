package saved

import (
	"bytes"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"math/bits"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/parquet-go/parquet-go"

	"filerace/internal/op"
)

// decoder reads segments. It goes column by column through so few rows at a time
// that they stay in the processor's cache.
type decoder struct {
	dir        string
	name       string // of the segment
	text       []byte // of its file
	left       int64  // rows that the segment must still give
	vocabulary vocabulary
	slots      []*slot
	columns    map[string]*column
	active     []*column        // those that have more than one value in the segment
	glanced    [needs][]*column // those of them that a glance reads
	glimpsed   [needs]uint64    // rows that the last one read them for
	seen       op.Op            // at a glance
	seenNames  [2]op.Name
	filter     Filter // nil: all rows are kept
	row        int    // of all segments, the next one that the filter is asked for
	skims      bool   // nothing is read but what a glance reads
	via        *list[op.Name]
	fds        *list[op.FDInfo]
}

const rowsAtOnce = 64

func newDecoder(dir string) *decoder {
	d := &decoder{dir: dir, slots: make([]*slot, rowsAtOnce), columns: map[string]*column{}}
	slots := make([]slot, rowsAtOnce)
	for i := range slots {
		d.slots[i] = &slots[i]
	}
	for _, c := range columnsOf(&d.vocabulary, d.slots, (*slot).fields) {
		d.columns[c.name] = c
	}
	d.via, d.fds = newList(&d.vocabulary, rowsAtOnce, nameFields), newList(&d.vocabulary, rowsAtOnce, fdFields)
	return d
}

// open reads a segment into memory and checks that it is what was written.
func (d *decoder) open(s *segment) (err error) {
	d.name = filepath.Join(d.dir, opsDir, s.name())
	text, err := d.load()
	switch {
	case err != nil:
		return &Error{d.name, ErrRead, bare(err)}
	case len(text) == 0:
		return &Error{d.name, ErrDamaged, errors.New("it is empty")}
	case s.listed && int64(len(text)) != s.size:
		return &Error{d.name, ErrDamaged, fmt.Errorf("it has %d bytes of %d", len(text), s.size)}
	case s.listed && crc32.Checksum(text, castagnoli) != s.sum:
		return &Error{d.name, ErrDamaged, errors.New("its bytes have changed")}
	}
	defer d.caught(&err)
	f, err := parquet.OpenFile(bytes.NewReader(text), int64(len(text)), parquet.SkipPageIndex(true), parquet.SkipBloomFilters(true))
	if err != nil {
		return &Error{d.name, ErrDamaged, err}
	}
	columns := f.Schema().Columns()
	if !d.ours(columns) {
		return &Error{d.name, ErrForeign, errors.New("its columns are not those of a recording")}
	}
	d.left = f.NumRows()
	if s.listed && d.left != s.rows || d.left < 1 {
		return &Error{d.name, ErrDamaged, fmt.Errorf("it says that it has %d rows", d.left)}
	}
	if groups := f.RowGroups(); len(groups) != 1 {
		return &Error{d.name, ErrDamaged, fmt.Errorf("it has %d row groups", len(groups))}
	}
	d.begin(text, f, columns)
	return nil
}

// load reads the segment's file, where that of the last one lay.
func (d *decoder) load() ([]byte, error) {
	f, err := os.Open(d.name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	d.text = slices.Grow(d.text[:0], int(info.Size()))[:info.Size()]
	n, err := io.ReadFull(f, d.text)
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		err = nil // it has become shorter
	}
	return d.text[:n], err
}

func (d *decoder) begin(text []byte, f *parquet.File, columns [][]string) {
	d.active, d.vocabulary.strange = d.active[:0], nil
	for i := range d.glanced {
		d.glanced[i] = d.glanced[i][:0]
	}
	d.via.begin()
	d.fds.begin()
	for _, name := range later {
		d.columns[name].clear()
	}
	stored := f.Metadata().RowGroups[0].Columns
	for i, chunk := range f.RowGroups()[0].ColumnChunks() {
		d.reset(columns[i], chunk.(*parquet.FileColumnChunk), runsOf(text, &stored[i].MetaData))
	}
}

// later are the columns that came after the first recordings of this version.
var later = []string{"inside", "seen"}

// ours reports whether all columns are there. Columns that are not known are those of
// a later program, and say nothing to this one.
func (d *decoder) ours(columns [][]string) bool {
	there := map[string]bool{}
	for _, path := range columns {
		there[strings.Join(path, ".")] = true
	}
	for _, name := range later {
		there[name] = true
	}
	for _, name := range d.names() {
		if !there[name] {
			return false
		}
	}
	return true
}

// names are the paths of all leaves.
func (d *decoder) names() (all []string) {
	for name := range d.columns {
		all = append(all, name)
	}
	for _, c := range d.via.columns {
		all = append(all, "via.list.element."+c.name)
	}
	for _, c := range d.fds.columns {
		all = append(all, "fds.list.element."+c.name)
	}
	return all
}

// reset begins with the column at a path: its name, or list, "list", "element", name.
func (d *decoder) reset(path []string, chunk *parquet.FileColumnChunk, r *runs) {
	last := path[len(path)-1]
	of, glanced := glances[last]
	glanced = glanced && len(path) == 1 && (d.filter != nil || d.skims)
	switch {
	case d.skims && !glanced:
	case len(path) == 1:
		if c := d.columns[last]; c != nil && !c.fixed(chunk) {
			c.begin(chunk, r)
			if glanced {
				d.glanced[of] = append(d.glanced[of], c)
			} else {
				d.active = append(d.active, c)
			}
		}
	case path[0] == "via":
		d.via.reset(last, chunk)
	case path[0] == "fds":
		d.fds.reset(last, chunk)
	}
}

// caught makes an error of a panic: parquet-go checks much, not everything, and panics
// on some of what a stranger may put into a file.
func (d *decoder) caught(err *error) {
	if p := recover(); p != nil {
		*err = &Error{d.name, ErrDamaged, fmt.Errorf("%v", p)}
	}
}

// read fills slots with the next rows of the segment, and returns how many, and which of them are
// to be kept, by bits. The others are not filled.
func (d *decoder) read() (n int, kept uint64, err error) {
	defer d.caught(&err)
	n, kept, err = d.sift()
	if err != nil {
		return 0, 0, err
	}
	for _, c := range d.active {
		if err := c.read(n, kept); err != nil {
			return 0, 0, &Error{d.name, ErrDamaged, err}
		}
	}
	if err := d.via.read(n); err != nil {
		return 0, 0, &Error{d.name, ErrDamaged, err}
	}
	if err := d.fds.read(n); err != nil {
		return 0, 0, &Error{d.name, ErrDamaged, err}
	}
	d.left -= int64(n)
	return n, kept, nil
}

// records appends the records of the next rows to a batch.
func (d *decoder) records(b *batch) error {
	n, kept, err := d.read()
	if err != nil {
		return err
	}
	var via []*op.Name
	var fds []*op.FDInfo
	was := len(b.records)
	b.records = slices.Grow(b.records, n)[:was+bits.OnesCount64(kept)]
	clear(b.records[was:])
	lists := !d.via.empty || !d.fds.empty
	next := was
	for left := kept; left != 0; left &= left - 1 {
		i := bits.TrailingZeros64(left)
		s := d.slots[i]
		if lists {
			via, fds = d.via.of(i), d.fds.of(i)
		}
		if len(d.vocabulary.strange) > 0 {
			if err := s.check(&d.vocabulary, via, fds); err != nil {
				b.records = b.records[:next]
				return &Error{d.name, ErrDamaged, err}
			}
		}
		if err := s.record(&b.records[next], via, fds); err != nil {
			b.records = b.records[:next]
			return &Error{d.name, ErrDamaged, err}
		}
		next++
	}
	if d.filter != nil {
		b.count(kept, n)
	}
	return nil
}

func (d *decoder) close() {
	for _, c := range d.columns {
		c.close()
	}
	d.via.close()
	d.fds.close()
}
