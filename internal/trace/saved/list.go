package saved

import (
	"bytes"
	"encoding/binary"
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
	ends    []int  // by pick: where its elements end
	spans   []span // by slot
	empty   bool   // all lists of the segment are
	owed    int    // rows before the next one, that are to be passed over
	later   []pick // counted from the first row that is owed

	// Levels that the columns of the rows at hand have: they should be the same.
	rep, def []byte
	parts    []part // of the values of the rows at hand, what is taken
}

// span is where the elements of a list are.
type span struct{ from, to int }

// part is values that are passed over, and behind them those that are taken.
type part struct{ over, taken int }

func newList[T any](v *vocabulary, rows int, fields func(*T) []field) *list[T] {
	l := &list[T]{ends: make([]int, rows), spans: make([]span, rows), fields: fields, elems: []*T{new(T)}}
	l.columns = columnsOf(v, l.elems, fields)
	return l
}

// begin begins with another segment.
func (l *list[T]) begin() {
	clear(l.spans)
	l.empty, l.owed = true, 0
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

// each are all rows of those that are read at a time.
var each = func() (all [rowsAtOnce]pick) {
	for i := range all {
		all[i] = pick{int32(i), int32(i)}
	}
	return all
}()

// pick reads the lists of some of the next n rows. Those of other slots are empty.
func (l *list[T]) pick(some []pick, n int) error {
	if l.empty {
		return nil
	}
	clear(l.spans)
	if len(some) == 0 {
		l.owed += n
		return nil
	}
	if l.owed > 0 {
		l.later = l.later[:0]
		for _, p := range some {
			l.later = append(l.later, pick{p.row + int32(l.owed), p.slot})
		}
		some, n, l.owed = l.later, n+l.owed, 0
	}
	if err := l.pickAll(some, n); err != nil {
		return err
	}
	from := 0
	for i, p := range some {
		l.spans[p.slot] = span{from, l.ends[i]}
		from = l.ends[i]
	}
	return nil
}

// pickAll is pick where no rows are owed.
func (l *list[T]) pickAll(some []pick, n int) error {
	clear(l.ends[:len(some)])
	l.rep, l.def, l.parts = nil, nil, l.parts[:0]
	for i, c := range l.columns {
		if len(l.parts) == 0 && c.skipEmpty(n) {
			continue
		}
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

// pickSlowly reads a column whose pages end elsewhere than those of the others, or
// the first.
func (l *list[T]) pickSlowly(c *column, some []pick, n int, first bool) error {
	total, row, page, rep, def := 0, 0, c.page, c.rep, c.def
	l.parts = l.parts[:0]
	empty := c.emptyLists(n) // from row on
	for i, p := range some {
		if int(p.row) >= row+empty {
			over, err := c.passRows(int(p.row) - row)
			if err != nil {
				return err
			}
			k, err := c.length()
			if err != nil {
				return err
			}
			l.grow(total + k)
			c.take(total, k)
			l.note(over, k)
			total, row = total+k, int(p.row)+1
			empty = c.emptyLists(n - row)
		}
		if !first && l.ends[i] != total {
			return fmt.Errorf("lists of column %s are of another length", c.name)
		}
		l.ends[i] = total
	}
	over, err := c.passRows(n - row)
	if err != nil {
		return err
	}
	l.note(over, 0)
	if c.page == page {
		taken := len(rep) - len(c.rep)
		l.rep, l.def = rep[:taken], def[:taken]
	}
	return nil
}

// note adds values to the parts.
func (l *list[T]) note(over, taken int) {
	if n := len(l.parts); n > 0 && over == 0 {
		l.parts[n-1].taken += taken
	} else {
		l.parts = append(l.parts, part{over, taken})
	}
}

// passRows passes over rows, and returns how many values they had.
func (c *column) passRows(n int) (values int, err error) {
	for n > 0 {
		empty := c.emptyLists(n)
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

// of returns the list of a slot; it is valid until the next read.
func (l *list[T]) of(slot int) []*T { return l.elems[l.spans[slot].from:l.spans[slot].to] }

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

// skipEmpty passes over the next n rows if all of their lists are empty, as most are.
func (c *column) skipEmpty(n int) bool {
	if len(c.def) < n || len(c.rep) < n || c.emptyLists(n) < n {
		return false
	}
	c.rep, c.def = c.rep[n:], c.def[n:]
	return true
}

// emptyLists is how many of the next n rows come before the first whose list is not empty, as far as the page tells.
func (c *column) emptyLists(n int) int {
	def := c.def[:min(n, len(c.def))]
	at := 0
	for at+8 <= len(def) && binary.NativeEndian.Uint64(def[at:]) == 0 {
		at += 8
	}
	for at < len(def) && def[at] == 0 {
		at++
	}
	return at
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
