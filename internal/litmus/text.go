package litmus

import (
	"bytes"
	"cmp"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
)

// Text writes the matrix for people: with one place, each case with its
// counts; with several, a column each. Lines have at most 100 columns.
func (m *Matrix) Text(w io.Writer) error {
	var b bytes.Buffer
	fmt.Fprintf(&b, "%s\n", m.System)
	for _, c := range m.Columns {
		fmt.Fprintf(&b, "%s\n", c.head())
	}
	width := 0
	for _, r := range m.rows() {
		width = max(width, len(r.c.Name))
	}
	if len(m.Columns) > 1 {
		width = min(width, longestName)
	}
	var last *Test
	for _, r := range m.rows() {
		if r.test != last {
			last = r.test
			b.WriteByte('\n')
			wrap(&b, "", r.test.Name+": "+r.test.Guarantee)
			m.columnHeads(&b, width)
		}
		fmt.Fprintf(&b, "  %-*s", width, r.c.Name)
		if len(r.c.Name) > width {
			fmt.Fprintf(&b, "\n  %*s", width, "")
		}
		for i, res := range r.results {
			switch {
			case len(m.Columns) == 1:
				b.WriteString("  " + line(res))
			case res == nil:
				b.WriteString("  " + strings.Repeat(" ", m.columnWidth(i)))
			default:
				fmt.Fprintf(&b, "  %-*s", m.columnWidth(i), res.Verdict)
			}
		}
		trimSpace(&b)
		b.WriteByte('\n')
		m.details(&b, r)
	}
	_, err := w.Write(b.Bytes())
	return err
}

// longestName is how many bytes of a line the name of a case gets beside several columns.
const longestName = 36

// head tells what a column stands for.
func (c *Column) head() string {
	text := c.Label + ": "
	if c.Label != c.FS.Type {
		text += c.FS.Type + ", "
	}
	text += c.Dir
	if c.FS.Source != "" {
		text += " on " + c.FS.Source
	}
	if c.Made != "" {
		text += ", made by " + c.Made
	}
	if c.FS.Options != "" {
		text += " (" + c.FS.Options + ")"
	}
	return text
}

func (m *Matrix) columnWidth(i int) int { return max(len(m.Columns[i].Label), len(VerdictNotTested)) }

func (m *Matrix) columnHeads(b *bytes.Buffer, width int) {
	if len(m.Columns) == 1 {
		return
	}
	fmt.Fprintf(b, "  %-*s", width, "")
	for i, c := range m.Columns {
		fmt.Fprintf(b, "  %-*s", m.columnWidth(i), c.Label)
	}
	trimSpace(b)
	b.WriteByte('\n')
}

func trimSpace(b *bytes.Buffer) { b.Truncate(len(bytes.TrimRight(b.Bytes(), " "))) }

// line is a result in a table of one column.
func line(r *Result) string {
	if r == nil {
		return ""
	}
	return fmt.Sprintf("%-10s  %s", r.Verdict, r.Count())
}

// Count tells in a few words what a verdict rests on.
func (r *Result) Count() string {
	overlapped := fmt.Sprintf(", %d overlapped", r.Overlapped)
	if r.InTurn {
		overlapped = ", in turn"
	}
	switch r.Verdict {
	case VerdictKept:
		return fmt.Sprintf("%d trials%s", r.Trials, overlapped)
	case VerdictAllowed:
		return fmt.Sprintf("seen %d times in %d trials%s", r.Surprises, r.Trials, overlapped)
	case VerdictBroken:
		return fmt.Sprintf("in trial %d", r.Trials)
	}
	return ""
}

// Counted lists what trials showed, the most frequent first: "empty 180, in part 3".
func (r *Result) Counted() string {
	var all []string
	keys := slices.SortedFunc(maps.Keys(r.Tally), func(a, b string) int {
		return cmp.Or(cmp.Compare(r.Tally[b], r.Tally[a]), strings.Compare(a, b))
	})
	for _, k := range keys {
		all = append(all, fmt.Sprintf("%s %d", k, r.Tally[k]))
	}
	return strings.Join(all, ", ")
}

// details are the lines below a row: counter-examples, reasons, measurements.
func (m *Matrix) details(b *bytes.Buffer, r row) {
	for i, res := range r.results {
		if res == nil {
			continue
		}
		who := ""
		if len(m.Columns) > 1 {
			who = m.Columns[i].Label + ": "
		}
		if res.Reason != "" {
			wrap(b, "    ", who+res.Reason)
		}
		for _, text := range append([]string{res.Counted()}, res.Notes...) {
			if text != "" {
				wrap(b, "    ", who+text)
			}
		}
		if res.Verdict != VerdictBroken {
			continue
		}
		for _, text := range append(slices.Clip(res.Example), r.c.Why[m.Columns[i].FS.Type]) {
			if text != "" {
				wrap(b, "    ", who+text)
			}
		}
	}
}

// row is a case in all places; a result is nil where it was not run.
type row struct {
	chosen
	results []*Result
}

// rows turns the columns into rows, in the order of Tests.
func (m *Matrix) rows() []row {
	var all []row
	for _, t := range Tests {
		for _, c := range t.Cases {
			r, seen := row{chosen: chosen{t, c}}, false
			for _, col := range m.Columns {
				res := col.result(t.Name, c.Name)
				r.results = append(r.results, res)
				seen = seen || res != nil
			}
			if seen {
				all = append(all, r)
			}
		}
	}
	return all
}

func (c *Column) result(test, name string) *Result {
	for i := range c.Results {
		if r := &c.Results[i]; r.Test == test && r.Case == name {
			return r
		}
	}
	return nil
}

// wrap writes a text in lines of at most 100 columns, all with this indent.
func wrap(b *bytes.Buffer, indent, text string) {
	column := 0
	for word := range strings.FieldsSeq(text) {
		n := len([]rune(word))
		switch {
		case column == 0:
			b.WriteString(indent)
			column = len(indent)
		case column+1+n > 100:
			b.WriteString("\n" + indent + "  ")
			column = len(indent) + 2
		default:
			b.WriteByte(' ')
			column++
		}
		b.WriteString(word)
		column += n
	}
	b.WriteByte('\n')
}
