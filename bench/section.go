package main

import (
	"fmt"
	"io"
	"strings"
	"unicode/utf8"
)

// columns is how wide the text may be.
const columns = 100

// section is one part of what is printed: a table, and how it was measured.
type section struct {
	title  string
	head   []string
	rows   [][]string
	notes  []string // a paragraph each
	broken error    // it could not be measured
}

func (s *section) row(cells ...string) { s.rows = append(s.rows, cells) }

func (s *section) note(format string, args ...any) {
	s.notes = append(s.notes, fmt.Sprintf(format, args...))
}

func (s *section) print(w io.Writer) {
	fmt.Fprintln(w, s.title)
	if len(s.rows) > 0 {
		all := append([][]string{s.head}, s.rows...)
		widths := widths(all)
		for _, row := range all {
			fmt.Fprintln(w, line(row, widths))
		}
	}
	for _, n := range s.notes {
		paragraph(w, n)
	}
	if s.broken != nil {
		paragraph(w, "not measured: "+s.broken.Error())
	}
	fmt.Fprintln(w)
}

func widths(rows [][]string) []int {
	var w []int
	for _, row := range rows {
		for i, cell := range row {
			if i == len(w) {
				w = append(w, 0)
			}
			w[i] = max(w[i], utf8.RuneCountInString(cell))
		}
	}
	return w
}

// line sets the cells in columns with two spaces between them, or one if they
// would not fit otherwise.
func line(row []string, widths []int) string {
	gap, total := "  ", 2
	for _, w := range widths {
		total += w + len(gap)
	}
	if total-len(gap) > columns {
		gap = " "
	}
	var b strings.Builder
	b.WriteString("  ")
	for i, cell := range row {
		if i > 0 {
			b.WriteString(gap)
		}
		b.WriteString(cell)
		b.WriteString(strings.Repeat(" ", widths[i]-utf8.RuneCountInString(cell)))
	}
	return cut(strings.TrimRight(b.String(), " "))
}

func cut(s string) string {
	if r := []rune(s); len(r) > columns {
		return string(r[:columns-1]) + "…"
	}
	return s
}

// paragraph prints text in lines that are indented by two.
func paragraph(w io.Writer, text string) {
	at := 0
	for word := range strings.FieldsSeq(text) {
		n := utf8.RuneCountInString(word)
		switch {
		case at > 0 && at+1+n <= columns:
			fmt.Fprint(w, " ", word)
			at += 1 + n
			continue
		case at > 0:
			fmt.Fprintln(w)
		}
		fmt.Fprint(w, "  ", word)
		at = 2 + n
	}
	fmt.Fprintln(w)
}
