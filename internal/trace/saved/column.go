package saved

import (
	"errors"
	"fmt"
	"io"
	"math"

	"github.com/parquet-go/parquet-go"
)

// column reads one leaf of a segment, page by page, into a lane.
type column struct {
	name   string
	lane   lane
	pages  parquet.Pages // nil: every row has the value that is in the lane already
	page   parquet.Page
	runs   *runs   // nil: pages are read
	rows   int64   // of the chunk before the page
	index  []int32 // the page's values are numbers of a dictionary
	next   int     // value of the page that comes next
	left   int     // values of the page that are still to come
	spares bool    // values are picked, even if all are wanted
	owed   int     // values that nobody wanted, and that are to be passed over
	back   cursor  // where goBack goes
	known  bool    // the chunk's dictionary is

	held, heldTo int // values of the page that the lane's first slots have

	// Of lists: repetition and definition levels of what is left of the page.
	rep, def []byte
}

// columnsOf makes the columns of the fields that of gives for each of the slots.
func columnsOf[T any](v *vocabulary, slots []*T, of func(*T) []field) []*column {
	var all []*column
	for i, s := range slots {
		for k, f := range of(s) {
			if i == 0 {
				all = append(all, &column{name: f.column, lane: v.newLane(f.at)})
			}
			all[k].lane.add(f.at)
		}
	}
	return all
}

// spare makes the column translate only the words of rows that are kept.
func (c *column) spare() { c.spares = c.lane.spare() }

// begin begins with another segment.
func (c *column) begin(chunk *parquet.FileColumnChunk, r *runs) {
	c.close()
	*c = column{name: c.name, lane: c.lane, pages: chunk.Pages(), runs: r, spares: c.spares}
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

// read puts the next n values into the lane, or at least those of the rows that are kept.
func (c *column) read(n int, kept uint64) error {
	if kept == 0 {
		c.owed += n
		return nil
	}
	if err := c.pay(); err != nil {
		return err
	}
	all := !c.spares && kept == math.MaxUint64>>(rowsAtOnce-n)
	for at := 0; at < n; {
		if c.left == 0 {
			if err := c.turn(); err != nil {
				return err
			}
		}
		k := min(n-at, c.left)
		if all {
			c.take(at, k)
		} else {
			c.pick(at, k, kept>>at&(math.MaxUint64>>(rowsAtOnce-k)))
		}
		at += k
	}
	return nil
}

// cursor is a place in a page.
type cursor struct {
	next, left int
	runs       position
	ok         bool
}

// mark remembers where the next n values begin, and reports whether goBack will lead there: not if they
// lie in two pages.
func (c *column) mark(n int) bool {
	if c.back.ok = c.pay() == nil && c.left >= n; !c.back.ok {
		return false
	}
	c.back.next, c.back.left = c.next, c.left
	if c.runs != nil {
		c.back.runs = c.runs.position
	}
	return true
}

func (c *column) goBack() bool {
	if !c.back.ok {
		return false
	}
	c.next, c.left = c.back.next, c.back.left
	if c.runs != nil {
		c.runs.position = c.back.runs
	}
	return true
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

// pick is take for those of n values whose bits are set.
func (c *column) pick(at, n int, kept uint64) {
	from := c.next
	c.next, c.left, c.held, c.heldTo = from+n, c.left-n, 0, 0
	switch {
	case c.runs != nil:
		c.lane.pickRuns(c.runs, at, n, kept)
	case kept != 0:
		c.lane.pick(at, from, kept, c.index)
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
			c.lane.learn(dict)
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
	pages, ok := c.pages.(*parquet.FilePages)
	if ok && !c.known {
		dict, err := pages.ReadDictionary()
		if err != nil {
			return err
		}
		c.lane.learn(dict)
		c.known = true
	}
	c.left, err = c.runs.turn()
	switch {
	case err == errOther || !ok:
		c.runs, c.known = nil, false
		if c.rows > 0 {
			if err := c.pages.SeekToRow(c.rows); err != nil {
				return err
			}
		}
		return errOther
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
