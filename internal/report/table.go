package report

import (
	"slices"
	"strconv"
	"strings"

	"filerace/internal/op"
	"filerace/internal/screen"
)

// column is one actor's, or that of several actors who share what is left.
type column struct {
	actors []op.Actor
	head   string
	lead   op.Actor
	prog   string
	shared bool // each text begins with its actor's name
}

// maxColumns bounds the actors' columns; with more actors the ones with the
// fewest marks share the last.
const maxColumns = 4

// columnsOf gives the actors of a story their columns: those of the finding in
// their order, then whoever else has an operation in it. A process that works for
// another one in the story, one after the other (the flock and the rm of a shell
// script), stands in its column.
func columnsOf(f *Found, rows []row) []column {
	marks, progs := map[op.Actor]int{}, map[op.Actor]string{}
	var actors []op.Actor
	lead := leaders(rows)
	for _, r := range rows {
		if r.op == nil {
			continue
		}
		a := lead[r.op.Actor]
		if !slices.Contains(actors, a) {
			actors = append(actors, a)
		}
		if progs[a] == "" && r.op.Actor == a {
			progs[a] = r.op.Prog
		}
		if r.mark {
			marks[a]++
		}
	}
	slices.SortStableFunc(actors, func(a, b op.Actor) int { return place(f.Actors, a) - place(f.Actors, b) })
	own := actors
	if len(actors) > maxColumns {
		own = slices.Clone(actors)
		slices.SortStableFunc(own, func(a, b op.Actor) int { return marks[b] - marks[a] })
		own = own[:maxColumns-1]
	}
	var cols []column
	rest := column{head: "others", shared: true}
	for _, a := range actors {
		c := &rest
		if slices.Contains(own, a) {
			cols = append(cols, column{head: strings.TrimSpace(string(a) + " " + screen.Visible(progs[a])), prog: progs[a], lead: a})
			c = &cols[len(cols)-1]
		}
		for b, l := range lead {
			if l == a {
				c.actors = append(c.actors, b)
			}
		}
	}
	if len(rest.actors) > 0 {
		cols = append(cols, rest)
	}
	return cols
}

// span is the rows from an actor's first to its last.
type span struct{ first, last int }

// leaders finds for each actor of the story the one in whose column it stands: its
// furthest ancestor in the story whose children there do not run side by side.
func leaders(rows []row) map[op.Actor]op.Actor {
	spans := map[op.Actor]*span{}
	for i, r := range rows {
		if r.op == nil {
			continue
		}
		if s := spans[r.op.Actor]; s != nil {
			s.last = i
		} else {
			spans[r.op.Actor] = &span{i, i}
		}
	}
	lead := map[op.Actor]op.Actor{}
	for a := range spans {
		lead[a] = a
		for b := range spans {
			if b != a && a.Within(b) && len(b) < len(lead[a]) && !sideBySide(b, spans) {
				lead[a] = b
			}
		}
	}
	return lead
}

// sideBySide reports whether descendants of a by different children overlap.
func sideBySide(a op.Actor, spans map[op.Actor]*span) bool {
	child := func(b op.Actor) string { // the child of a that b is or descends from
		c, _, _ := strings.Cut(string(b[len(a):])[1:], ".")
		return c
	}
	for b, s := range spans {
		for c, t := range spans {
			if b != a && c != a && b.Within(a) && c.Within(a) && child(b) != child(c) && s.first <= t.last && t.first <= s.last {
				return true
			}
		}
	}
	return false
}

// place is where a stands in order, behind all if it does not.
func place(order []op.Actor, a op.Actor) int {
	for i, b := range order {
		if a == b || a.Process() == b {
			return i
		}
	}
	return len(order)
}

// table is a timeline laid out: texts by row and column, the file's column last.
type table struct {
	heads []string
	cells [][]string
	rows  []row
	width []int
}

const (
	gapWidth = 2
	minWidth = 8 // of a column, in columns of the terminal
)

// layOut makes the table of a finding fit into so many columns.
func layOut(f *Found, rows []row, n names, width int) *table {
	cols := columnsOf(f, rows)
	t := &table{rows: rows}
	for _, c := range cols {
		t.heads = append(t.heads, c.head)
	}
	t.heads = append(t.heads, n.short(f.Path))
	p := phrase(f.Rule, rows, n)
	for _, r := range rows {
		t.cells = append(t.cells, cellsOf(cols, r, n, p))
	}
	room := width - t.prefix() - gapWidth*(len(t.heads)-1)
	t.measure()
	for t.total() > room && p.terse < maxTerse {
		p.terse++
		for i, r := range rows {
			t.cells[i] = cellsOf(cols, r, n, p)
		}
		t.measure()
	}
	t.shrink(room)
	return t
}

func cellsOf(cols []column, r row, n names, p phrasing) []string {
	cells := make([]string, len(cols)+1)
	if r.op == nil {
		return cells
	}
	text := screen.Visible(op.Short(r.op, n.short))
	if other := n.short(r.other); other != "" && !strings.Contains(text, other) {
		text += " · " + other
	}
	for i, c := range cols {
		switch {
		case !slices.Contains(c.actors, r.op.Actor):
		case c.shared:
			cells[i] = string(r.op.Actor) + " " + text
		case r.op.Actor != c.lead && r.op.Prog != c.prog && !strings.HasPrefix(text, r.op.Prog):
			cells[i] = screen.Visible(r.op.Prog) + ": " + text
		default:
			cells[i] = text
		}
	}
	cells[len(cols)] = p.words(r.file)
	return cells
}

func (t *table) measure() {
	t.width = make([]int, len(t.heads))
	for i, h := range t.heads {
		t.width[i] = screen.Width(h)
		for _, c := range t.cells {
			t.width[i] = max(t.width[i], screen.Width(c[i]))
		}
	}
}

func (t *table) total() (n int) {
	for _, w := range t.width {
		n += w
	}
	return n
}

// shrink takes from the widest column first, so that short texts stay whole. The
// file's column counts as two thirds of its width: it says most.
func (t *table) shrink(room int) {
	last := len(t.width) - 1
	for t.total() > room {
		widest, most := -1, 0
		for i, w := range t.width {
			weight := 3 * w
			if i == last {
				weight = 2 * w
			}
			if w > minWidth && weight > most {
				widest, most = i, weight
			}
		}
		if widest < 0 {
			return
		}
		t.width[widest]--
	}
}

// number is the width of the row numbers.
func (t *table) number() int { return max(2, len(strconv.Itoa(len(t.rows)))) }

// prefix is what stands before the first column: mark, number, gap.
func (t *table) prefix() int { return 1 + t.number() + gapWidth }

// line puts cells side by side, without spaces at the end.
func (t *table) line(cells []string) string {
	var b strings.Builder
	for i, c := range cells {
		if i > 0 {
			b.WriteString(strings.Repeat(" ", gapWidth))
		}
		b.WriteString(screen.Pad(screen.Cut(c, t.width[i]), t.width[i]))
	}
	return strings.TrimRight(b.String(), " ")
}
