package watch

import (
	"filerace/internal/screen"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Top is what `filerace watch --top` shows at one moment.
type Top struct {
	Elapsed   time.Duration
	Events    uint64
	PerSecond float64 // events since the last drawing
	Lost      uint64
	Races     int // findings that happened
	Possible  int
	Newest    string // headline of the last finding
	Forgot    string // what had to be forgotten, "" if nothing
	Files     []TopFile
	Locks     []TopLock
	Deleted   []TopDeleted
}

// section is one of the tables: a title, the heads of its columns, rows of cells.
// The last column takes what room is left.
type section struct {
	title string
	heads []string
	rows  [][]string
	right []bool // numbers
}

const (
	bold = "1"
	dim  = "2"
	red  = "31;1"
)

// Draw lays the state out for a terminal of that size: at most height lines of at
// most width columns, without line ends. With color, heads and races stand out.
func Draw(t *Top, width, height int, color bool) []string {
	width, height = max(width, 20), max(height, 1)
	paint := func(style, s string) string {
		if !color || s == "" {
			return s
		}
		return "\x1b[" + style + "m" + s + "\x1b[0m"
	}
	lines := []string{paint(bold, screen.Cut(t.headline(), width))}
	newest := ""
	if t.Newest != "" {
		newest = "last race: " + screen.Visible(t.Newest)
	}
	lines = append(lines, paint(red, screen.Cut(newest, width)))
	sections := []section{filesSection(t.Files, t.Forgot), locksSection(t.Locks), deletedSection(t.Deleted)}
	room := share(sections, height-len(lines))
	for i := range sections {
		for j, l := range sections[i].lines(width, room[i]) {
			if j < 2 {
				l = paint([]string{bold, dim}[j], l)
			}
			lines = append(lines, l)
		}
		if room[i] > 0 && i+1 < len(sections) {
			lines = append(lines, "")
		}
	}
	return lines[:min(len(lines), height)]
}

func (t *Top) headline() string {
	s := fmt.Sprintf("filerace  %s  %s events, %.0f/s, %d lost  %s", clock(t.Elapsed), grouped(t.Events), t.PerSecond, t.Lost, counted(t.Races, "race"))
	if t.Possible > 0 {
		s += fmt.Sprintf(", %d possible", t.Possible)
	}
	return s + "  q quits"
}

// share divides the lines among the sections: each gets a title, a head and a line
// at least, if there is room, and what one does not need goes to the others.
func share(sections []section, height int) []int {
	height -= len(sections) - 1 // empty lines between
	room := make([]int, len(sections))
	for left := height; left > 0; {
		given := 0
		for i := range sections {
			if room[i] < sections[i].height() && given < left {
				room[i]++
				given++
			}
		}
		if given == 0 {
			break
		}
		left -= given
	}
	return room
}

func (s *section) height() int { return 2 + max(1, len(s.rows)) }

// lines writes the section into so many lines of so many columns.
func (s *section) lines(width, height int) []string {
	rows, more := s.rows, 0
	if fit := max(0, height-2); len(rows) > fit {
		if fit > 1 { // one line tells more of a row than of how many there are
			fit--
			more = len(rows) - fit
		}
		rows = rows[:fit]
	}
	widths := make([]int, len(s.heads))
	for i, h := range s.heads {
		widths[i] = screen.Width(h)
		for _, r := range rows {
			widths[i] = max(widths[i], screen.Width(r[i]))
		}
	}
	fitColumns(widths, width)
	out := []string{screen.Cut(s.title, width), s.line(s.heads, widths)}
	for _, r := range rows {
		out = append(out, s.line(r, widths))
	}
	switch {
	case more > 0:
		out = append(out, screen.Cut(fmt.Sprintf("… and %d more", more), width))
	case len(rows) == 0:
		out = append(out, "none")
	}
	return out[:min(len(out), height)]
}

const gap = 2

// fitColumns takes from the widest column until all fit.
func fitColumns(widths []int, width int) {
	total := gap * (len(widths) - 1)
	for _, w := range widths {
		total += w
	}
	for ; total > width; total-- {
		widest := 0
		for i, w := range widths {
			if w >= widths[widest] {
				widest = i
			}
		}
		if widths[widest] <= 1 {
			return
		}
		widths[widest]--
	}
}

func (s *section) line(values []string, widths []int) string {
	var b strings.Builder
	for i, v := range values {
		if i > 0 {
			b.WriteString(strings.Repeat(" ", gap))
		}
		switch {
		case s.right[i]:
			b.WriteString(screen.Right(screen.Cut(v, widths[i]), widths[i]))
		case i == len(values)-1:
			b.WriteString(screen.CutLeft(v, widths[i]))
		default:
			b.WriteString(screen.Pad(screen.Cut(v, widths[i]), widths[i]))
		}
	}
	return strings.TrimRight(b.String(), " ")
}

func filesSection(files []TopFile, forgot string) section {
	s := section{
		title: "FILES BY CONFLICTING ACCESSES  " + counted(len(files), "path"),
		heads: []string{"CONFLICTS", "NEW", "PROCESSES", "PATH"}, right: []bool{true, true, false, false},
	}
	if forgot != "" {
		s.title += "; " + forgot
	}
	for _, f := range files {
		s.rows = append(s.rows, []string{grouped(f.Conflicts), grouped(f.Since), strings.Join(f.Who, ", "), screen.Visible(f.Path)})
	}
	return s
}

func locksSection(locks []TopLock) section {
	s := section{heads: []string{"FOR", "STATE", "LOCK", "PROCESS", "WAITS FOR", "PATH"}, right: []bool{true, false, false, false, false, false}}
	waits := 0
	for _, l := range locks {
		state, on := "holds", ""
		if l.Waits {
			waits++
			state, on = "waits", l.On
		}
		age := span(l.For)
		if l.Least {
			age = ">" + age
		}
		s.rows = append(s.rows, []string{age, state, l.Kind, l.Who, on, screen.Visible(l.Path)})
	}
	s.title = fmt.Sprintf("LOCKS  %d held, %d waited for", len(locks)-waits, waits)
	return s
}

func deletedSection(files []TopDeleted) section {
	s := section{heads: []string{"SIZE", "OPEN IN", "PATH IT HAD"}, right: []bool{true, false, false}}
	var total int64
	for _, f := range files {
		total += f.Size
		s.rows = append(s.rows, []string{bytesOf(f.Size), strings.Join(f.Who, ", "), screen.Visible(f.Path)})
	}
	s.title = fmt.Sprintf("DELETED BUT OPEN  %s, %s", counted(len(files), "file"), bytesOf(total))
	return s
}

// counted puts a number before a noun: "1 race", "2 races".
func counted(n int, noun string) string {
	if n != 1 {
		noun += "s"
	}
	return strconv.Itoa(n) + " " + noun
}

// grouped writes a number with its thousands apart.
func grouped(n uint64) string {
	s := strconv.FormatUint(n, 10)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + " " + s[i:]
	}
	return s
}

// clock writes hours, minutes and seconds, and days before them.
func clock(d time.Duration) string {
	s := int64(d / time.Second)
	text := fmt.Sprintf("%02d:%02d:%02d", s/3600%24, s/60%60, s%60)
	if days := s / 86400; days > 0 {
		return fmt.Sprintf("%dd %s", days, text)
	}
	return text
}

// span writes how long something has gone on, to three digits or so.
func span(d time.Duration) string {
	switch {
	case d >= time.Minute:
		return clock(d)
	case d >= time.Second:
		return fmt.Sprintf("%.1f s", d.Seconds())
	}
	return fmt.Sprintf("%d ms", d.Milliseconds())
}

// bytesOf writes a size in the unit that leaves fewest digits.
func bytesOf(n int64) string {
	const units = "KMGTPE"
	if n < 1024 {
		return strconv.FormatInt(n, 10) + " B"
	}
	f, i := float64(n)/1024, 0
	for f >= 1024 && i < len(units)-1 {
		f, i = f/1024, i+1
	}
	return fmt.Sprintf("%.1f %ciB", f, units[i])
}
