package saved

import (
	"errors"
	"fmt"
	"io"
	"sort"

	"github.com/parquet-go/parquet-go"
)

// column reads one leaf of a segment, page by page, into a lane.
type column struct {
	name  string
	lane  lane
	from  *parquet.FileColumnChunk
	pages parquet.Pages // nil: not begun, as long as there are runs
	page  parquet.Page
	runs  *runs   // nil: pages are read
	rows  int64   // of the chunk before the page
	index []int32 // the page's values are numbers of a dictionary
	next  int     // value of the page that comes next
	left  int     // values of the page that are still to come
	owed  int     // values before the next row, that are to be passed over
	known bool    // the chunk's dictionary is

	held, heldTo int // values of the page that the lane's first slots have

	scratch *[rowsAtOnce]uint32 // of all columns

	// Of lists: repetition and definition levels of what is left of the page.
	rep, def []byte
}

// columnsOf makes the columns of the fields that of gives for each of the slots.
func columnsOf[T any](v *vocabulary, slots []*T, of func(*T) []field) []*column {
	var all []*column
	scratch := new([rowsAtOnce]uint32)
	for i, s := range slots {
		for k, f := range of(s) {
			if i == 0 {
				all = append(all, &column{name: f.column, lane: v.newLane(f.at), scratch: scratch})
			}
			all[k].lane.add(f.at)
		}
	}
	return all
}

// begin begins with another segment.
func (c *column) begin(from *parquet.FileColumnChunk, r *runs) {
	c.close()
	if r != nil && c.runs != nil {
		r.own = c.runs.own
	}
	*c = column{name: c.name, lane: c.lane, from: from, runs: r, scratch: c.scratch}
}

// fixed is begin for a column that may have one value, as most have: it costs no more
// than a look at the statistics, which the writer keeps of every column.
func (c *column) fixed(chunk *parquet.FileColumnChunk) bool {
	lo, hi, ok := chunk.Bounds()
	if !ok || chunk.NullCount() != 0 || !parquet.Equal(lo, hi) {
		return false
	}
	c.close()
	c.lane.fill(lo)
	return true
}

// clear is for a segment that has no such column.
func (c *column) clear() {
	c.close()
	c.lane.fill(parquet.BooleanValue(false))
}

// read puts the values of the next n rows into the lane.
func (c *column) read(n int) error {
	if c.owed > 0 {
		if err := c.pay(); err != nil {
			return err
		}
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

// pay passes over what is owed.
func (c *column) pay() error {
	for c.owed > 0 {
		if c.left == 0 {
			if err := c.turn(); err != nil {
				return err
			}
		}
		k := min(c.owed, c.left)
		if c.runs != nil {
			c.runs.skip(k)
		}
		c.next, c.left, c.owed = c.next+k, c.left-k, c.owed-k
	}
	return nil
}

// pick is a row whose values go to a slot.
type pick struct{ row, slot int32 } // counted from the next row on

// pick puts values of some of the next n rows into the lane. They are in order, rowsAtOnce at most.
func (c *column) pick(some []pick, n int) error {
	at := -c.owed // the row of the page's next value
	for len(some) > 0 {
		if c.left == 0 {
			if err := c.turn(); err != nil {
				return err
			}
		}
		here := some
		k := min(int(some[len(some)-1].row)+1-at, c.left)
		if int(some[len(some)-1].row) >= at+k {
			here = some[:sort.Search(len(some), func(i int) bool { return int(some[i].row) >= at+k })]
		}
		c.fetch(here, at, k)
		some, at = some[len(here):], at+k
	}
	c.owed = n - at
	return nil
}

// fetch is pick within a page, whose next value is that of row at.
func (c *column) fetch(some []pick, at, n int) {
	from := c.next - at
	c.next, c.left, c.held, c.heldTo = c.next+n, c.left-n, 0, 0
	values := c.scratch[:len(some)]
	switch {
	case c.runs != nil:
		c.runs.pick(values, some, at, n)
		c.lane.put(some, values)
	case c.index != nil:
		for i, p := range some {
			values[i] = uint32(c.index[from+int(p.row)])
		}
		c.lane.put(some, values)
	default:
		c.lane.pick(some, from)
	}
}

// turn goes to the next page.
func (c *column) turn() error {
	if c.runs != nil {
		if err := c.turnRuns(); err != errOther {
			return err
		}
	}
	if c.page != nil {
		parquet.Release(c.page)
		c.page = nil
	}
	if c.pages == nil {
		if c.pages = c.from.Pages(); c.rows > 0 { // these were runs
			if err := c.pages.SeekToRow(c.rows); err != nil {
				return err
			}
		}
	}
	page, err := c.pages.ReadPage()
	if err == io.EOF {
		return fmt.Errorf("column %s ends early", c.name)
	}
	if err != nil {
		return err
	}
	c.page, c.next, c.index = page, 0, nil
	c.held, c.heldTo = 0, 0
	c.rep, c.def = page.RepetitionLevels(), page.DefinitionLevels()
	c.left = int(page.NumValues() - page.NumNulls())
	values := page.Data()
	if dict := page.Dictionary(); dict != nil {
		if !c.known {
			words := dict.Page().Data()
			c.lane.learn(&words, dict.Len())
			c.known = true
		}
		c.index = values.Int32()
	} else {
		c.index = c.lane.page(&values)
	}
	if c.left == 0 && c.rep == nil {
		return errors.New("a page is empty")
	}
	return nil
}

// turnRuns goes to the next page of runs. After errOther the column is one of pages.
func (c *column) turnRuns() (err error) {
	if !c.known {
		dict, words, err := c.runs.chunk.dictionary()
		if err == nil {
			c.lane.learn(&dict, words)
			c.known = true
		} else if err != errOther {
			return err
		}
	}
	if c.left, err = 0, errOther; c.known {
		c.left, err = c.runs.turn()
	}
	switch {
	case err == errOther:
		c.runs, c.known = nil, false
	case err == nil && c.left == 0:
		return errors.New("a page is empty")
	}
	c.rows += int64(c.left)
	return err
}

// take copies n values of the page to the lane from place at on.
func (c *column) take(at, n int) {
	if n == 0 {
		return
	}
	from, held := c.next, none
	c.next, c.left = from+n, c.left-n
	if c.runs != nil {
		c.lane.follow(c.runs, at, n)
		return
	}
	if at == 0 {
		if c.held+n <= c.heldTo {
			held = c.held
		}
		c.held, c.heldTo = from, from+n
	}
	switch {
	case c.index == nil:
		c.lane.copy(at, from, n, held)
	case held == none:
		c.lane.look(at, c.index[from:from+n], nil)
	default:
		c.lane.look(at, c.index[from:from+n], c.index[held:held+n])
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
