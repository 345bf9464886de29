package watch

import (
	"strconv"
	"strings"
	"unicode/utf8"
)

// appendVisible appends s with whatever would move the cursor, hide text or turn
// its direction written as an escape: file and program names may hold any byte but
// NUL, and a name must not be able to forge a line.
func appendVisible(b []byte, s string) []byte {
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

func visible(s string) string { return string(appendVisible(nil, s)) }

// wide holds what terminals show two columns wide: East Asian Wide and Fullwidth of
// Unicode's annex 11, in coarse blocks, and the pictographs.
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

// cells is how many columns of a terminal visible text takes.
func cells(s string) int {
	n := 0
	for _, r := range s {
		n += runeWidth(r)
	}
	return n
}

// cut shortens visible text to n columns, n at least 1, and ends it with "…" then.
func cut(s string, n int) string {
	if len(s) <= n || cells(s) <= n {
		return s
	}
	used := 0
	for i, r := range s {
		if used += runeWidth(r); used > n-1 {
			return s[:i] + "…"
		}
	}
	return s
}

// cutLeft keeps the end, which is what tells long paths apart.
func cutLeft(s string, n int) string {
	if len(s) <= n || cells(s) <= n {
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

// pad fills s with spaces to n columns.
func pad(s string, n int) string { return s + strings.Repeat(" ", max(0, n-cells(s))) }

// right puts s at the right edge of n columns.
func right(s string, n int) string { return strings.Repeat(" ", max(0, n-cells(s))) + s }
