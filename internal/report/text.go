package report

import (
	"bytes"
	"fmt"
	"io"
	"path"
	"slices"
	"strconv"
	"strings"

	"filerace/internal/race"
	"filerace/internal/screen"
)

// printer writes one report.
type printer struct {
	bytes.Buffer
	o Options
	names
}

// Text writes the report for people. No line is longer than the width, and
// nothing in it can play tricks on a terminal.
func Text(w io.Writer, r *Report, o Options) error {
	p := &printer{o: o, names: names{o.Dir}}
	shown, hidden := r.Findings, 0
	if !o.All {
		shown, hidden = fewPossible(r.Findings)
	}
	for i := range shown {
		p.finding(&shown[i])
	}
	if hidden > 0 {
		p.paragraph("", fmt.Sprintf("and %s; --all shows them", count(hidden, "more possible race")))
		p.WriteByte('\n')
	}
	p.end(r)
	_, err := w.Write(p.Bytes())
	return err
}

// maxPossible is how many races that did not happen are shown unasked.
const maxPossible = 3

// fewPossible puts what happened first, and keeps few of those that did not.
func fewPossible(all []Found) (shown []Found, hidden int) {
	for _, f := range all {
		if f.Evidence != race.Possible {
			shown = append(shown, f)
		}
	}
	n := 0
	for _, f := range all {
		if f.Evidence == race.Possible {
			if n++; n <= maxPossible {
				shown = append(shown, f)
			}
		}
	}
	return shown, max(0, n-maxPossible)
}

func (p *printer) finding(f *Found) {
	rows := story(f)
	paths := append([]string{f.Path}, f.Paths...)
	p.names = names{placeOf(f, p.o.Dir)}
	say := func(text string) string { return p.in(renumber(text, rows), paths) }
	why, repair := say(f.Why), say(f.Repair) // of all rows: those left out have numbers, too
	p.headline(say(f.Headline), tag(f))
	if len(rows) > 0 {
		if !p.o.All {
			rows = shortened(rows, maxRows)
		}
		p.WriteByte('\n')
		p.timeline(layOut(f, rows, p.names, p.o.width()))
	}
	p.WriteByte('\n')
	if p.dir != p.o.Dir {
		p.paragraph("where", screen.Visible(p.dir))
	}
	p.paragraph("why", why)
	p.paragraph("repair", repair)
	p.again(f)
	p.WriteByte('\n')
}

// placeOf is the directory that paths are shown relative to: where the user stands
// or, if the race is elsewhere, where its object is.
func placeOf(f *Found, dir string) string {
	if f.Path == "" || dir == "" || dir == "/" || f.Path == dir || strings.HasPrefix(f.Path, dir+"/") {
		return dir
	}
	return path.Dir(f.Path)
}

// tag is the rule and the evidence: "lost-update · proven, 3 of 3 replays".
func tag(f *Found) string {
	s := screen.Visible(f.Rule + " · " + string(f.Evidence))
	if f.Replays > 0 {
		s += fmt.Sprintf(", %d of %s", f.Bites, count(f.Replays, "replay"))
	}
	return s
}

// headline has the tag at the right edge, on a line of its own if the last line
// of the text leaves no room.
func (p *printer) headline(text, tag string) {
	width := p.o.width()
	tag = screen.Cut(tag, width)
	lines := screen.Wrap("filerace: "+text, width)
	for i, l := range lines[:len(lines)-1] {
		p.line(bold, l)
		if i == 0 {
			const hang = "          " // below the text after "filerace: "
			rest := strings.Join(lines[1:], " ")
			lines = append(lines[:1], screen.Wrap(rest, width-len(hang))...)
			for j := 1; j < len(lines); j++ {
				lines[j] = hang + lines[j]
			}
		}
	}
	last := lines[len(lines)-1]
	if screen.Width(last)+gapWidth+screen.Width(tag) <= width {
		p.WriteString(p.paint(bold, last) + strings.Repeat(" ", width-screen.Width(last)-screen.Width(tag)))
		p.line(dim, tag)
		return
	}
	p.line(bold, last)
	p.WriteString(strings.Repeat(" ", width-screen.Width(tag)))
	p.line(dim, tag)
}

func (p *printer) timeline(t *table) {
	p.WriteString(strings.Repeat(" ", t.prefix()))
	p.line(bold, t.line(t.heads))
	last := lastMark(t.rows)
	n := 0
	for i, r := range t.rows {
		if r.op == nil {
			p.line(dim, strings.Repeat(" ", t.prefix())+"… "+count(r.left, "more operation"))
			n += r.left
			continue
		}
		n++
		number := fmt.Sprintf("%*d", t.number(), n)
		gap := strings.Repeat(" ", gapWidth)
		if i == last {
			p.line(red, ">"+number+gap+t.line(t.cells[i]))
		} else {
			p.line("", " "+number+gap+t.line(t.cells[i]))
		}
	}
}

// lastMark is the row of the operation that makes it go wrong.
func lastMark(rows []row) int {
	for i := len(rows) - 1; i >= 0; i-- {
		if rows[i].mark {
			return i
		}
	}
	return -1
}

// paragraph writes text with a label before it and a hanging indent.
func (p *printer) paragraph(label, text string) {
	if text == "" {
		return
	}
	const indent = 8
	for i, l := range screen.Wrap(text, p.o.width()-indent) {
		if i > 0 {
			label = ""
		}
		p.WriteString(p.paint(bold, screen.Pad(label, indent)))
		p.line("", l)
	}
}

// again tells how to see the race once more, and how it was found.
func (p *printer) again(f *Found) {
	var how []string
	if f.RunsToFind > 0 {
		how = append(how, fmt.Sprintf("found in run %d, %s", f.RunsToFind, seconds(f.SecondsToFind)),
			count(f.Preemptions, "preemption"))
	}
	found := strings.Join(how, "; ")
	if f.Replay == "" {
		p.paragraph("found", strings.TrimPrefix(found, "found "))
		return
	}
	command := "filerace replay " + shellWord(p.full(f.Replay))
	if room := p.o.width() - 8; screen.Width(command)+4+screen.Width(found) > room {
		p.paragraph("again", command)
		p.paragraph("", found)
		return
	}
	p.WriteString(p.paint(bold, screen.Pad("again", 8)) + command)
	if found != "" {
		p.WriteString(screen.Pad("", max(4, 46-8-screen.Width(command))) + found)
	}
	p.WriteByte('\n')
}

// shellWord quotes a word for a shell where it must be.
func shellWord(s string) string {
	plain := func(r rune) bool {
		return r == '/' || r == '.' || r == '-' || r == '_' || r == '+' || r == '=' || r == ':' || r == ',' ||
			r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z'
	}
	if s != "" && strings.TrimFunc(s, plain) == "" {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}

// end says what all runs together came to. That there is no race is only said
// when every order was explored and nothing was missed.
func (p *printer) end(r *Report) {
	runs := fmt.Sprintf("%s, %s, %s", count(r.Runs, "run"), count(r.Explored, "distinct order"), seconds(r.Seconds))
	happened := 0
	for _, f := range r.Findings {
		if f.Evidence != race.Possible {
			happened++
		}
	}
	whole := r.Complete && len(r.Missed) == 0
	switch {
	case happened > 0:
		p.line("", "filerace: "+count(happened, "race")+" found; "+runs)
	case len(r.Findings) > 0:
		p.line("", "filerace: no race happened, "+strconv.Itoa(len(r.Findings))+" possible; "+runs)
	case whole:
		p.line("", "filerace: no race in any order; "+runs)
		p.paragraph("", "Every order of the dependent operations was explored, with these inputs and each system call taken as one step.")
	default:
		p.line("", "filerace: no race found; "+runs)
		p.paragraph("", "Other orders may exist that were not tried: this is what was checked, and no proof that there is no race.")
	}
	p.outcomes(r.Outcomes)
	for _, n := range r.Notes {
		p.paragraph("", screen.Visible(n))
	}
	for i, m := range r.Missed {
		label := "missed"
		if i > 0 {
			label = ""
		}
		p.paragraph(label, screen.Visible(m))
	}
}

// outcomes lists how the runs ended if they did not all end alike.
func (p *printer) outcomes(outcomes map[string]int) {
	if len(outcomes) < 2 {
		return
	}
	var list []string
	for name := range outcomes {
		list = append(list, name)
	}
	slices.SortFunc(list, func(a, b string) int {
		if d := outcomes[b] - outcomes[a]; d != 0 {
			return d
		}
		return strings.Compare(a, b)
	})
	for i, name := range list {
		list[i] = fmt.Sprintf("%s (%s)", screen.Visible(name), count(outcomes[name], "run"))
	}
	p.paragraph("ended", strings.Join(list, ", "))
}

// count puts a number before a noun: "1 run", "2 runs".
func count(n int, noun string) string {
	if n != 1 {
		noun += "s"
	}
	return strconv.Itoa(n) + " " + noun
}

// seconds shows a duration to two digits.
func seconds(s float64) string {
	if s >= 10 {
		return strconv.FormatFloat(s, 'f', 0, 64) + " s"
	}
	if s >= 0.1 || s == 0 {
		return strconv.FormatFloat(s, 'f', 1, 64) + " s"
	}
	return strconv.FormatFloat(s*1000, 'f', 0, 64) + " ms"
}

// The colours: SGR parameters of ECMA-48.
const (
	bold = "1"
	dim  = "2"
	red  = "31;1"
)

func (p *printer) paint(style, s string) string {
	if !p.o.Color || style == "" || s == "" {
		return s
	}
	return "\x1b[" + style + "m" + s + "\x1b[0m"
}

func (p *printer) line(style, s string) { p.WriteString(p.paint(style, s) + "\n") }
