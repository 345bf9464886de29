package saved

import (
	"bytes"
	"errors"
	"fmt"
	"hash/crc32"
	"os"
	"path/filepath"
	"strings"

	"github.com/parquet-go/parquet-go"

	"filerace/internal/trace"
)

// decoder reads segments. It goes column by column through so few rows at a time
// that they stay in the processor's cache.
type decoder struct {
	dir     string
	name    string // of the segment
	left    int64  // rows that the segment must still give
	words   words
	rows    []row
	columns map[string]*column
	active  []*column // those that have more than one value in the segment
	via     *list[nameRow]
	fds     *list[fdRow]
}

const rowsAtOnce = 64

func newDecoder(dir string) *decoder {
	d := &decoder{dir: dir, rows: make([]row, rowsAtOnce), columns: map[string]*column{}}
	for name, lane := range lanesOf(d.rows) {
		d.columns[name] = &column{lane: lane, words: &d.words}
	}
	d.via, d.fds = newList[nameRow](&d.words, rowsAtOnce), newList[fdRow](&d.words, rowsAtOnce)
	return d
}

// open reads a segment into memory and checks that it is what was written.
func (d *decoder) open(s *segment) (err error) {
	d.name = filepath.Join(d.dir, opsDir, s.name())
	text, err := os.ReadFile(d.name)
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
	if !d.ours(f.Schema().Columns()) {
		return &Error{d.name, ErrForeign, errors.New("its columns are not those of a recording")}
	}
	d.left = f.NumRows()
	if s.listed && d.left != s.rows || d.left < 1 {
		return &Error{d.name, ErrDamaged, fmt.Errorf("it says that it has %d rows", d.left)}
	}
	if groups := f.RowGroups(); len(groups) != 1 {
		return &Error{d.name, ErrDamaged, fmt.Errorf("it has %d row groups", len(groups))}
	}
	for _, name := range later {
		d.columns[name].clear()
	}
	d.active = d.active[:0]
	for i, chunk := range f.RowGroups()[0].ColumnChunks() {
		d.reset(f.Schema().Columns()[i], chunk.(*parquet.FileColumnChunk))
	}
	return nil
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
	for name := range d.via.columns {
		all = append(all, "via.list.element."+name)
	}
	for name := range d.fds.columns {
		all = append(all, "fds.list.element."+name)
	}
	return all
}

// reset begins with the column at a path: its name, or list, "list", "element", name.
func (d *decoder) reset(path []string, chunk *parquet.FileColumnChunk) {
	last := path[len(path)-1]
	switch {
	case len(path) == 1:
		if c := d.columns[last]; c != nil {
			c.reset(chunk)
			if c.pages != nil {
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

// read returns the next rows of the segment; they are valid until it is called again.
func (d *decoder) read() (rows []row, err error) {
	defer d.caught(&err)
	n := int(min(d.left, rowsAtOnce))
	for _, c := range d.active {
		if err := c.read(n); err != nil {
			return nil, &Error{d.name, ErrDamaged, err}
		}
	}
	if err := d.via.read(n); err != nil {
		return nil, &Error{d.name, ErrDamaged, err}
	}
	if err := d.fds.read(n); err != nil {
		return nil, &Error{d.name, ErrDamaged, err}
	}
	for i := range d.rows[:n] {
		d.rows[i].Via, d.rows[i].FDs = d.via.of(i), d.fds.of(i)
	}
	d.left -= int64(n)
	return d.rows[:n], nil
}

// records appends the records of the next rows.
func (d *decoder) records(to []trace.Record) ([]trace.Record, error) {
	rows, err := d.read()
	if err != nil {
		return to, err
	}
	for i := range rows {
		rec, err := rows[i].record()
		if err != nil {
			return to, &Error{d.name, ErrDamaged, err}
		}
		to = append(to, rec)
	}
	return to, nil
}

func (d *decoder) close() {
	for _, c := range d.columns {
		c.close()
	}
	d.via.close()
	d.fds.close()
}
