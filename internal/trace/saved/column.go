package saved

import (
	"errors"
	"fmt"
	"io"

	"github.com/parquet-go/parquet-go"
)

// column reads one leaf of a segment, page by page, into a lane.
type column struct {
	lane  *lane
	words *words
	pages parquet.Pages // nil: every row has the value that is in the lane already
	page  parquet.Page
	next  int // value of the page that comes next
	left  int // values of the page that are still to come

	// Of the page: numbers of the dictionary, or the values themselves.
	index []int32
	bytes []byte
	ends  []uint32 // of texts
	longs []int64
	ints  []int32

	// Of the chunk's dictionary.
	known bool
	texts []string
	long  []int64
	int   []int32

	last string // the latest text that came without a dictionary

	// Of lists: repetition and definition levels of what is left of the page.
	rep, def []byte
}

// reset begins with another segment. A column of one value, as most are, costs no
// more than a look at the statistics, which the writer keeps of every column.
func (c *column) reset(chunk *parquet.FileColumnChunk) {
	c.close()
	*c = column{lane: c.lane, words: c.words}
	if lo, hi, ok := chunk.Bounds(); ok && chunk.NullCount() == 0 && parquet.Equal(lo, hi) {
		c.fill(lo)
		return
	}
	c.pages = chunk.Pages()
}

// fill sets the whole lane.
func (c *column) fill(v parquet.Value) {
	l := c.lane
	switch {
	case l.text != nil:
		set(l.text, c.words.of(v.ByteArray()))
	case l.int64 != nil:
		set(l.int64, v.Int64())
	case l.uns64 != nil:
		set(l.uns64, v.Uint64())
	case l.int32 != nil:
		set(l.int32, v.Int32())
	case l.uns32 != nil:
		set(l.uns32, v.Uint32())
	default:
		set(l.flag, v.Boolean())
	}
}

// clear is for a segment that has no such column.
func (c *column) clear() {
	c.close()
	*c = column{lane: c.lane, words: c.words}
	set(c.lane.flag, false)
}

func set[T any](lane []*T, v T) {
	for _, p := range lane {
		*p = v
	}
}

// read puts the next n values into the lane.
func (c *column) read(n int) error {
	if c.pages == nil {
		return nil
	}
	for at := 0; at < n; {
		if c.left == 0 {
			if err := c.turn(); err != nil {
				return err
			}
		}
		k := min(n-at, c.left)
		c.take(at, k)
		at += k
	}
	return nil
}

// turn goes to the next page.
func (c *column) turn() error {
	if c.page != nil {
		parquet.Release(c.page)
		c.page = nil
	}
	page, err := c.pages.ReadPage()
	if err == io.EOF {
		return fmt.Errorf("column %s ends early", c.lane.name)
	}
	if err != nil {
		return err
	}
	c.page, c.next = page, 0
	c.rep, c.def = page.RepetitionLevels(), page.DefinitionLevels()
	c.left = int(page.NumValues() - page.NumNulls())
	values := page.Data()
	c.index, c.bytes, c.ends, c.longs, c.ints = nil, nil, nil, nil, nil
	l := c.lane
	switch dict := page.Dictionary(); {
	case dict != nil:
		c.learn(dict)
		c.index = values.Int32()
	case l.text != nil:
		c.bytes, c.ends = values.ByteArray()
	case l.int64 != nil, l.uns64 != nil:
		c.longs = values.Int64()
	case l.flag != nil:
		c.bytes = values.Boolean()
	default:
		c.ints = values.Int32()
	}
	if c.left == 0 && c.rep == nil {
		return errors.New("a page is empty")
	}
	return nil
}

// learn reads the dictionary, once for each segment.
func (c *column) learn(d parquet.Dictionary) {
	if c.known {
		return
	}
	c.known = true
	values := d.Page().Data()
	switch {
	case c.lane.text != nil:
		text, ends := values.ByteArray()
		c.texts = make([]string, d.Len())
		for i := range c.texts {
			c.texts[i] = c.words.of(text[ends[i]:ends[i+1]])
		}
	case c.lane.int64 != nil, c.lane.uns64 != nil:
		c.long = values.Int64()
	default:
		c.int = values.Int32()
	}
}

// take copies n values of the page to the lane from place at on.
func (c *column) take(at, n int) {
	from, to := c.next, c.next+n
	c.next, c.left = to, c.left-n
	l := c.lane
	switch {
	case l.text != nil && c.index != nil:
		look(l.text[at:], c.index[from:to], c.texts)
	case l.text != nil:
		for i, p := range l.text[at : at+n] {
			if b := c.bytes[c.ends[from+i]:c.ends[from+i+1]]; string(b) != c.last {
				c.last = c.words.of(b)
			}
			*p = c.last
		}
	case l.flag != nil:
		for i, p := range l.flag[at : at+n] {
			*p = c.bytes[(from+i)/8]>>((from+i)%8)&1 != 0
		}
	case l.int64 != nil:
		numbers(l.int64[at:at+n], c.index, c.long, c.longs, from)
	case l.uns64 != nil:
		numbers(l.uns64[at:at+n], c.index, c.long, c.longs, from)
	case l.int32 != nil:
		numbers(l.int32[at:at+n], c.index, c.int, c.ints, from)
	default:
		numbers(l.uns32[at:at+n], c.index, c.int, c.ints, from)
	}
}

// look takes values from a dictionary.
func look[T any](lane []*T, index []int32, dict []T) {
	for i, k := range index {
		*lane[i] = dict[k]
	}
}

func numbers[T int64 | uint64 | int32 | uint32, S int64 | int32](lane []*T, index []int32, dict, plain []S, from int) {
	if index != nil {
		for i, k := range index[from : from+len(lane)] {
			*lane[i] = T(dict[k])
		}
		return
	}
	for i, v := range plain[from : from+len(lane)] {
		*lane[i] = T(v)
	}
}

func (c *column) close() {
	if c.page != nil {
		parquet.Release(c.page)
	}
	if c.pages != nil {
		c.pages.Close()
	}
	c.page, c.pages = nil, nil
}
