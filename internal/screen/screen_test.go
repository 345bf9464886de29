package screen

import (
	"slices"
	"testing"
)

func TestVisible(t *testing.T) {
	for in, want := range map[string]string{
		"plain → 名前":      "plain → 名前",
		"a\nb\x1b[31m":    `a\nb\x1b[31m`,
		"\xffx":           `\xffx`,
		"evil\u202Egpj":   `evil\u202egpj`,
		"zero\u200Bwidth": `zero\u200bwidth`,
	} {
		got := Visible(in)
		if got != want {
			t.Errorf("Visible(%q) = %q, want %q", in, got, want)
		}
		if Visible(got) != got {
			t.Errorf("visible is not the same twice for %q", in)
		}
	}
}

func TestCut(t *testing.T) {
	for _, c := range []struct {
		in          string
		n           int
		right, left string
	}{
		{"abcdef", 6, "abcdef", "abcdef"},
		{"abcdef", 4, "abc…", "…def"},
		{"ab cdef", 4, "ab…", "…def"},
		{"名前です", 5, "名前…", "…です"},
		{"名前です", 4, "名…", "…す"},
	} {
		if got := Cut(c.in, c.n); got != c.right {
			t.Errorf("Cut(%q, %d) = %q, want %q", c.in, c.n, got, c.right)
		}
		if got := CutLeft(c.in, c.n); got != c.left {
			t.Errorf("CutLeft(%q, %d) = %q, want %q", c.in, c.n, got, c.left)
		}
	}
}

func TestWrap(t *testing.T) {
	got := Wrap("one two  three abcdefghijkl end", 7)
	if want := []string{"one two", "three", "abcdefg", "hijkl", "end"}; !slices.Equal(got, want) {
		t.Errorf("wrap gives %q, want %q", got, want)
	}
}
