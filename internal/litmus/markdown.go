package litmus

import (
	"bytes"
	"fmt"
	"io"
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
	var said []string
	say := func(format string, args ...any) {
		if text := fmt.Sprintf(format, args...); !slices.Contains(said, text) {
			said = append(said, text)
		}
	}
	for _, r := range rows {
		m.remarks(r, say)
	}
	if len(said) > 0 {
		b.WriteString("\n- " + strings.Join(said, "\n- ") + "\n")
	}
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
func (m *Matrix) remarks(r row, say func(string, ...any)) {
	for i, res := range r.results {
		if res == nil {
			continue
		}
		name := fmt.Sprintf("%s, %s", r.c.Name, m.Columns[i].Label)
		if res.Allowed != "" {
			say("Allowed: %s", res.Allowed)
		}
		switch {
		case res.Reason != "" && sameReason(r.results):
			say("%s: %s", r.c.Name, res.Reason)
		case res.Reason != "":
			say("%s: %s", name, res.Reason)
		}
		if text := res.Counted(); text != "" {
			say("%s: %s", name, text)
		}
		for _, text := range res.Notes {
			say("%s: %s", name, text)
		}
		if res.Verdict == VerdictBroken {
			say("%s: %s", name, strings.Join(res.Example, "; "))
		}
	}
	if differ(r.results) {
		for _, c := range m.Columns {
			if why := r.c.Why[c.FS.Type]; why != "" {
				say("Why %s differs: %s", c.FS.Type, why)
			}
		}
	}
}

// sameReason tells whether no place was tested, and all for one reason.
func sameReason(results []*Result) bool {
	for _, r := range results {
		if r == nil || r.Reason != results[0].Reason {
			return false
		}
	}
	return true
}

// differ tells whether two places gave different verdicts.
func differ(results []*Result) bool {
	var first Verdict
	for _, r := range results {
		if r == nil || r.Verdict == VerdictNotTested {
			continue
		}
		if first != "" && r.Verdict != first {
			return true
		}
		first = r.Verdict
	}
	return false
}

// cell keeps a text from ending a table's cell.
func cell(s string) string { return strings.ReplaceAll(s, "|", `\|`) }
