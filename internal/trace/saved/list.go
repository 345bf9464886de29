package saved

import (
	"fmt"

	"github.com/parquet-go/parquet-go"
)

// list reads the leaves of a column that holds lists, and puts their elements one
// after the other. Levels tell where the list of a row begins (repetition 0) and
// that it is empty (definition 0).
type list[T any] struct {
	elems   []T
	columns map[string]*column
	ends    []int // by row: where its elements end
	empty   bool  // all lists of the segment are
}

func newList[T any](w *words, rows int) *list[T] {
	l := &list[T]{ends: make([]int, rows), columns: map[string]*column{}, elems: make([]T, rows)}
	for name, lane := range lanesOf(l.elems) {
		l.columns[name] = &column{lane: lane, words: w}
	}
	return l
}

// reset begins with another segment; the chunk is that of the leaf of that name.
func (l *list[T]) reset(name string, chunk *parquet.FileColumnChunk) {
	c := l.columns[name]
	if c == nil {
		return
	}
	c.close()
	*c = column{lane: c.lane, words: c.words, pages: chunk.Pages()}
	l.empty = chunk.NullCount() == chunk.NumValues()
}

// read reads the lists of the next n rows.
func (l *list[T]) read(n int) error {
	clear(l.ends[:n])
	if l.empty {
		return nil
	}
	for name, c := range l.columns {
		if c.skipEmpty(n) {
			continue
		}
		total := 0
		for row := range n {
			k, err := c.length()
			if err != nil {
				return err
			}
			if total+k > len(l.elems) {
				l.grow(total + k)
			}
			c.take(total, k)
			total += k
			if was := l.ends[row]; was != 0 && was != total {
				return fmt.Errorf("lists of column %s are of another length", name)
			}
			l.ends[row] = total
		}
	}
	return nil
}

// of returns the list of a row that was read; it is valid until the next read.
func (l *list[T]) of(row int) []T {
	from := 0
	if row > 0 {
		from = l.ends[row-1]
	}
	return l.elems[from:l.ends[row]:l.ends[row]]
}

func (l *list[T]) grow(n int) {
	more := make([]T, 2*n)
	copy(more, l.elems)
	l.elems = more
	for name, lane := range lanesOf(more) {
		l.columns[name].lane = lane
	}
}

func (l *list[T]) close() {
	for _, c := range l.columns {
		c.close()
	}
}

// skipEmpty passes over the next n rows if all of their lists are empty, as most are.
func (c *column) skipEmpty(n int) bool {
	if len(c.def) < n || len(c.rep) < n {
		return false
	}
	for _, d := range c.def[:n] {
		if d != 0 {
			return false
		}
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
		return 0, fmt.Errorf("a list of column %s has no begin", c.lane.name)
	}
	at := 0
	for at == 0 || at < len(c.rep) && c.rep[at] != 0 {
		n += int(c.def[at])
		at++
	}
	c.rep, c.def = c.rep[at:], c.def[at:]
	return n, nil
}
