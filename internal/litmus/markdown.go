package litmus

import (
	"bytes"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
)

// Markdown writes the matrix as a page of documentation.
func (m *Matrix) Markdown(w io.Writer) error {
	var b bytes.Buffer
	fmt.Fprintf(&b, "# What %s guarantees\n\n", m.System)
	b.WriteString("Measured by `filerace litmus --markdown`, which wrote this page. Real processes race in each file system; " +
		"a trial counts as overlapped if the windows of two of them did overlap, by the clock.\n\n" +
		"- **kept**: the guarantee held in every trial: overlapped of all trials\n" +
		"- **allowed**: a surprise that the standard permits was seen: how often, of all trials\n" +
		"- **broken**: the guarantee did not hold\n" +
		"- **not tested**: why is told below the table\n\n")
	b.WriteString("| column | file system | mounted with | made by |\n| --- | --- | --- | --- |\n")
	for _, c := range m.Columns {
		fmt.Fprintf(&b, "| %s | %s | %s | %s |\n", cell(c.Label), cell(c.FS.Type), cell(general(c.FS.Options)), cell(c.Made))
	}
	rows := m.rows()
	for len(rows) > 0 {
		n := slices.IndexFunc(rows, func(r row) bool { return r.test != rows[0].test })
		if n < 0 {
			n = len(rows)
		}
		m.section(&b, rows[:n])
		rows = rows[n:]
	}
	_, err := w.Write(b.Bytes())
	return err
}

// general leaves mount options out that name places of one machine.
func general(options string) string {
	all := strings.Split(options, ",")
	return strings.Join(slices.DeleteFunc(all, func(o string) bool { return strings.Contains(o, "/") }), ",")
}

// section is one test: its table, and what there is to say about it.
func (m *Matrix) section(b *bytes.Buffer, rows []row) {
	t := rows[0].test
	fmt.Fprintf(b, "\n## %s\n\n%s\n\nSource: %s.\n\n", t.Name, t.Guarantee, strings.TrimSuffix(t.Source, "."))
	b.WriteString("| case |")
	for _, c := range m.Columns {
		fmt.Fprintf(b, " %s |", cell(c.Label))
	}
	b.WriteString("\n| --- |" + strings.Repeat(" --- |", len(m.Columns)) + "\n")
	for _, r := range rows {
		fmt.Fprintf(b, "| %s |", cell(r.c.Name))
		for _, res := range r.results {
			b.WriteString(" " + summary(res) + " |")
		}
		b.WriteByte('\n')
	}
	var all sayings
	for _, r := range rows {
		m.remarks(r, &all)
	}
	if len(all) > 0 {
		b.WriteByte('\n')
	}
	// What was seen, what is allowed, and why places differ: "" comes before "Allowed", "Why" last.
	slices.SortStableFunc(all, func(a, b *saying) int {
		return strings.Compare(firstWord(a.head), firstWord(b.head))
	})
	for _, s := range all {
		fmt.Fprintf(b, "- %s`%s`: %s\n", s.head, strings.Join(s.cases, "`, `"), s.text)
	}
}

func firstWord(s string) string {
	word, _, _ := strings.Cut(s, " ")
	return word
}

// saying is what there is to say of some cases.
type saying struct {
	head  string // before the names of the cases
	cases []string
	text  string
}

type sayings []*saying

// add says something of a case; what was said of another one alike is not said again.
func (all *sayings) add(head, name, text string) {
	for _, s := range *all {
		if head != "" && s.head == head && s.text == text {
			s.cases = append(s.cases, name)
			return
		}
	}
	*all = append(*all, &saying{head, []string{name}, text})
}

func summary(r *Result) string {
	switch {
	case r == nil:
		return ""
	case r.Verdict == VerdictKept && r.InTurn:
		return fmt.Sprintf("kept, %d in turn", r.Trials)
	case r.Verdict == VerdictKept:
		return fmt.Sprintf("kept, %d of %d", r.Overlapped, r.Trials)
	case r.Verdict == VerdictAllowed:
		return fmt.Sprintf("allowed, %d of %d", r.Surprises, r.Trials)
	case r.Verdict == VerdictBroken:
		return "**broken**"
	}
	return string(r.Verdict)
}

// remarks says what the cells of a row have no room for.
func (m *Matrix) remarks(r row, all *sayings) {
	if text := m.seen(r.results); text != "" {
		all.add("", r.c.Name, text)
	}
	if i := slices.IndexFunc(r.results, func(res *Result) bool { return res != nil && res.Allowed != "" }); i >= 0 {
		all.add("Allowed in ", r.c.Name, r.results[i].Allowed)
	}
	if !differ(r.results) {
		return
	}
	for _, c := range m.Columns {
		if why := r.c.Why[c.FS.Type]; why != "" {
			all.add("Why "+c.FS.Type+" differs in ", r.c.Name, why)
		}
	}
}

// seen tells what was seen of a case in each place, and once if it was the same in all.
func (m *Matrix) seen(results []*Result) string {
	var labels, texts []string
	for i, res := range results {
		text := ""
		if res != nil {
			text = res.inWords()
		}
		if j := slices.Index(texts, text); j >= 0 {
			labels[j] += ", " + m.Columns[i].Label
			continue
		}
		labels, texts = append(labels, m.Columns[i].Label), append(texts, text)
	}
	if len(texts) == 1 {
		return texts[0]
	}
	var parts []string
	for i, text := range texts {
		if text != "" {
			parts = append(parts, "**"+labels[i]+"** "+text)
		}
	}
	return strings.Join(parts, "; ")
}

// inWords is what was seen beside the verdict; "": nothing.
func (r *Result) inWords() string {
	var parts []string
	for _, text := range append([]string{r.Reason, r.Counted()}, r.Notes...) {
		if text != "" {
			parts = append(parts, text)
		}
	}
	if r.Verdict == VerdictBroken {
		parts = append(parts, r.Example...)
	}
	return strings.Join(parts, "; ")
}

// differ tells whether two places gave different verdicts, or showed different things.
func differ(results []*Result) bool {
	var first *Result
	for _, r := range results {
		switch {
		case r == nil || r.Verdict == VerdictNotTested:
		case first == nil:
			first = r
		case r.Verdict != first.Verdict || !slices.Equal(slices.Sorted(maps.Keys(r.Tally)), slices.Sorted(maps.Keys(first.Tally))):
			return true
		}
	}
	return false
}

// cell keeps a text from ending a table's cell.
func cell(s string) string { return strings.ReplaceAll(s, "|", `\|`) }
