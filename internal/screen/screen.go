// Package screen lays text out for a terminal: what may be shown, and how many
// Width it takes.
package screen

import (
	"strconv"
	"strings"
	"unicode/utf8"
)

// Visible replaces what would move the cursor, hide text or turn its direction
// by escapes: file and program names may hold any byte but NUL, and a name must not be
// able to forge a line. To apply it twice changes nothing more.
func Visible(s string) string { return string(AppendVisible(nil, s)) }

// AppendVisible appends Visible(s) to b.
func AppendVisible(b []byte, s string) []byte {
	for i := 0; i < len(s); {
		if c := s[i]; c >= ' ' && c < 0x7f {
			b = append(b, c)
			i++
			continue
		}
		r, n := utf8.DecodeRuneInString(s[i:])
		switch {
		case r == utf8.RuneError && n == 1:
			b = append(b, '\\', 'x')
			b = append(b, strconv.FormatUint(uint64(s[i])|0x100, 16)[1:]...)
		case strconv.IsPrint(r):
			b = append(b, s[i:i+n]...)
		default:
			q := strconv.QuoteRune(r)
			b = append(b, q[1:len(q)-1]...)
		}
		i += n
	}
	return b
}

// wide holds the ranges that terminals show two columns wide: East Asian Wide
// and Fullwidth of Unicode's annex 11, in coarse blocks, and the pictographs.
var wide = [][2]rune{
	{0x1100, 0x115F}, {0x2E80, 0xA4CF}, {0xA960, 0xA97C}, {0xAC00, 0xD7A3}, {0xF900, 0xFAFF},
	{0xFE10, 0xFE6F}, {0xFF00, 0xFF60}, {0xFFE0, 0xFFE6}, {0x1F300, 0x1FAFF}, {0x20000, 0x3FFFD},
}

func runeWidth(r rune) int {
	for _, w := range wide {
		if r >= w[0] && r <= w[1] {
			return 2
		}
	}
	return 1
}

// Width is how many columns s takes at most.
func Width(s string) int {
	n := 0
	for _, r := range s {
		n += runeWidth(r)
	}
	return n
}

// Cut shortens s to at most n columns, n at least 1, and ends it with "…" then.
func Cut(s string, n int) string {
	if Width(s) <= n {
		return s
	}
	used := 0
	for i, r := range s {
		if used += runeWidth(r); used > n-1 {
			return strings.TrimRight(s[:i], " ") + "…"
		}
	}
	return s
}

// CutLeft keeps the end: what tells long paths apart.
func CutLeft(s string, n int) string {
	if Width(s) <= n {
		return s
	}
	rest := n - 1
	for i := len(s); ; {
		r, size := utf8.DecodeLastRuneInString(s[:i])
		if rest -= runeWidth(r); rest < 0 || size == 0 {
			return "…" + s[i:]
		}
		i -= size
	}
}

// Pad fills s with spaces to n columns.
func Pad(s string, n int) string { return s + strings.Repeat(" ", max(0, n-Width(s))) }

// Wrap breaks text into lines of at most n columns at its spaces. A word that
// is longer than a line is broken inside.
func Wrap(text string, n int) []string {
	var lines []string
	line := ""
	for _, word := range strings.Fields(text) {
		if line != "" && Width(line)+1+Width(word) > n {
			lines, line = append(lines, line), ""
		}
		if line != "" {
			line += " "
		}
		line += word
		for Width(line) > n {
			at := fits(line, n)
			lines, line = append(lines, line[:at]), line[at:]
		}
	}
	return append(lines, line)
}

// fits is how many bytes of s make at most n columns, one rune at least.
func fits(s string, n int) int {
	used := 0
	for i, r := range s {
		if used += runeWidth(r); used > n && i > 0 {
			return i
		}
	}
	return len(s)
}

// Right puts s at the right edge of n columns.
func Right(s string, n int) string { return strings.Repeat(" ", max(0, n-Width(s))) + s }
