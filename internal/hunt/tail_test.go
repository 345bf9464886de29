package hunt

import (
	"strings"
	"testing"
)

func TestTailKeepsTheEndOfAnyOutput(t *testing.T) {
	for _, test := range []struct {
		name, out string
		whole     bool
	}{
		{"nothing", "", true},
		{"a line", "a line\n", true},
		{"just as much as fits", strings.Repeat("x", tailSize), true},
		{"a byte more", "y" + strings.Repeat("x", tailSize), false},
		{"far more than a pipe holds", strings.Repeat("0123456789", 1<<20) + "the end", false},
	} {
		tail, err := newTail()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := tail.in.WriteString(test.out); err != nil {
			t.Fatal(err)
		}
		want := test.out
		if !test.whole {
			want = "…" + test.out[len(test.out)-tailSize:]
		}
		if got := tail.close(); got != want {
			t.Errorf("%s: kept %d bytes, want %d", test.name, len(got), len(want))
		}
	}
}
