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
}

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
		l.grow(total + k)
		c.take(total, k)
		total += k
		if !first && l.ends[row] != total {
			return fmt.Errorf("lists of column %s are of another length", c.name)
		}
		l.ends[row] = total
	}
	if c.page == page {
		taken := len(rep) - len(c.rep)
		l.rep, l.def = rep[:taken], def[:taken]
	}
	return nil
}

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
