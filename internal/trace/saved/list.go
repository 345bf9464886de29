package saved

import (
	"bytes"
	"fmt"

	"github.com/parquet-go/parquet-go"
)

// list reads the leaves of a column that holds lists, and puts their elements one
// after the other. Levels tell where the list of a row begins (repetition 0) and
// that it is empty (definition 0).
type list[T any] struct {
	elems   []*T
	fields  func(*T) []field
	columns []*column
	ends    []int // by row: where its elements end
	empty   bool  // all lists of the segment are

	// Levels that the columns of the rows at hand have: they should be the same.
	rep, def []byte
	parts    []part // of the values of the rows at hand, what is taken
}

// part is values that are passed over, and behind them those that are taken.
type part struct{ over, taken int }

func newList[T any](v *vocabulary, rows int, fields func(*T) []field) *list[T] {
	l := &list[T]{ends: make([]int, rows), fields: fields, elems: []*T{new(T)}}
	l.columns = columnsOf(v, l.elems, fields)
	return l
}

// begin begins with another segment.
func (l *list[T]) begin() {
	clear(l.ends)
	l.empty = true
}

// reset begins with the leaf of that name.
func (l *list[T]) reset(name string, chunk *parquet.FileColumnChunk) {
	for _, c := range l.columns {
		if c.name == name {
			c.begin(chunk, nil)
			l.empty = l.empty && chunk.NullCount() == chunk.NumValues()
		}
	}
}

// read reads the lists of the next n rows.
func (l *list[T]) read(n int) error {
	if l.empty {
		return nil
	}
	clear(l.ends[:n])
	l.rep, l.def = nil, nil
	for i, c := range l.columns {
		if l.ends[n-1] == 0 && c.skipEmpty(n) {
			continue
		}
		if c.skipAlike(l.rep, l.def) {
			l.grow(l.ends[n-1])
			c.take(0, l.ends[n-1])
			continue
		}
		if err := l.readSlowly(c, n, i == 0); err != nil {
			return err
		}
	}
	return nil
}

// readSlowly reads a column whose pages end elsewhere than those of the others, or
// the first.
func (l *list[T]) readSlowly(c *column, n int, first bool) error {
	total, page, rep, def := 0, c.page, c.rep, c.def
	for row := range n {
		k, err := c.length()
		if err != nil {
			return err
		}
		if total, err = l.takeRow(c, row, total, k, first); err != nil {
			return err
		}
	}
	l.learn(c, page, rep, def)
	return nil
}

// takeRow takes the k elements of a row behind those of the rows before it.
func (l *list[T]) takeRow(c *column, row, total, k int, first bool) (int, error) {
	l.grow(total + k)
	c.take(total, k)
	total += k
	if !first && l.ends[row] != total {
		return 0, fmt.Errorf("lists of column %s are of another length", c.name)
	}
	l.ends[row] = total
	return total, nil
}

// learn keeps the levels of the rows at hand, if they lay in one page.
func (l *list[T]) learn(c *column, page parquet.Page, rep, def []byte) {
	if c.page == page {
		taken := len(rep) - len(c.rep)
		l.rep, l.def = rep[:taken], def[:taken]
	}
}

// pick reads the lists of some of the next n rows.
func (l *list[T]) pick(some []pick, n int) error {
	if l.empty {
		return nil
	}
	l.rep, l.def = nil, nil
	for i, c := range l.columns {
		if c.skipAlike(l.rep, l.def) {
			total := 0
			for _, p := range l.parts {
				c.pass(p.over)
				c.take(total, p.taken)
				total += p.taken
			}
			continue
		}
		if err := l.pickSlowly(c, some, n, i == 0); err != nil {
			return err
		}
	}
	return nil
}

func (l *list[T]) pickSlowly(c *column, some []pick, n int, first bool) error {
	total, row, page, rep, def := 0, 0, c.page, c.rep, c.def
	l.parts = l.parts[:0]
	for i, p := range some {
		over, err := c.passRows(int(p.row) - row)
		if err != nil {
			return err
		}
		k, err := c.length()
		if err != nil {
			return err
		}
		if total, err = l.takeRow(c, i, total, k, first); err != nil {
			return err
		}
		l.parts = append(l.parts, part{over, k})
		row = int(p.row) + 1
	}
	over, err := c.passRows(n - row)
	if err != nil {
		return err
	}
	l.parts = append(l.parts, part{over, 0})
	l.learn(c, page, rep, def)
	return nil
}

// passRows passes over rows, and returns how many values they had.
func (c *column) passRows(n int) (values int, err error) {
	for n > 0 {
		empty := bytes.IndexByte(c.def[:min(n, len(c.def))], 1)
		if empty < 0 {
			empty = min(n, len(c.def))
		}
		c.rep, c.def = c.rep[empty:], c.def[empty:]
		if n -= empty; n == 0 {
			break
		}
		k, err := c.length()
		if err != nil {
			return 0, err
		}
		c.pass(k)
		values, n = values+k, n-1
	}
	return values, nil
}

// pass passes over values of the page.
func (c *column) pass(n int) { c.next, c.left = c.next+n, c.left-n }

// of returns the list of a row that was read; it is valid until the next read.
func (l *list[T]) of(row int) []*T {
	from := 0
	if row > 0 {
		from = l.ends[row-1]
	}
	return l.elems[from:l.ends[row]]
}

// grow makes room for n elements.
func (l *list[T]) grow(n int) {
	for len(l.elems) < n {
		e := new(T)
		l.elems = append(l.elems, e)
		for i, f := range l.fields(e) {
			l.columns[i].lane.add(f.at)
		}
	}
}

func (l *list[T]) close() {
	for _, c := range l.columns {
		c.close()
	}
}

var noLevels [rowsAtOnce]byte

// skipEmpty passes over the next n rows if all of their lists are empty, as most are.
func (c *column) skipEmpty(n int) bool {
	if len(c.def) < n || len(c.rep) < n || !bytes.HasPrefix(noLevels[:], c.def[:n]) {
		return false
	}
	c.rep, c.def = c.rep[n:], c.def[n:]
	return true
}

// skipAlike passes over levels if they are these.
func (c *column) skipAlike(rep, def []byte) bool {
	n := len(rep)
	if n == 0 || !bytes.HasPrefix(c.rep, rep) || !bytes.HasPrefix(c.def, def) || len(c.rep) > n && c.rep[n] != 0 {
		return false
	}
	c.rep, c.def = c.rep[n:], c.def[n:]
	return true
}

// length takes the levels of one row, and returns how many values it has.
func (c *column) length() (n int, err error) {
	for len(c.rep) == 0 {
		if err := c.turn(); err != nil {
			return 0, err
		}
	}
	if c.rep[0] != 0 {
		return 0, fmt.Errorf("a list of column %s has no begin", c.name)
	}
	at := 0
	for at == 0 || at < len(c.rep) && c.rep[at] != 0 {
		n += int(c.def[at])
		at++
	}
	c.rep, c.def = c.rep[at:], c.def[at:]
	return n, nil
}
