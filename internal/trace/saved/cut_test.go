package saved

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"testing"
)

// Of a recording that is damaged in the middle, what lies before the damage comes back,
// and then the error.
func TestWhatLiesBeforeTheDamageIsRead(t *testing.T) {
	const each = 10
	third := filepath.Join(opsDir, "00000003.parquet")
	lines := func(n int) func([]byte) []byte {
		return func(b []byte) []byte { return bytes.Join(bytes.SplitAfter(b, []byte("\n"))[:n], nil) }
	}
	for name, c := range map[string]struct {
		do   func(*testing.T, string)
		want error
		left int // operations
	}{
		"cut segment":     {change(third, half), ErrDamaged, 2 * each},
		"empty segment":   {change(third, empty), ErrDamaged, 2 * each},
		"changed segment": {change(third, func(b []byte) []byte { b[len(b)/2] ^= 1; return b }), ErrDamaged, 2 * each},
		"no segment":      {func(t *testing.T, dir string) { os.Remove(filepath.Join(dir, third)) }, ErrMissing, 2 * each},
		"cut list":        {change(sumsFile, lines(4)), ErrDamaged, 4 * each},
		"half a line":     {change(sumsFile, func(b []byte) []byte { b = lines(4)(b); return b[:len(b)-5] }), ErrDamaged, 3 * each},
		"bad line":        {change(sumsFile, replaced("00000005", "0000000x")), ErrDamaged, 4 * each},
		"bad line, and no segment before it": {func(t *testing.T, dir string) {
			rewrite(t, filepath.Join(dir, sumsFile), replaced("00000005", "0000000x"))
			os.Remove(filepath.Join(dir, third))
		}, ErrDamaged, 2 * each},
	} {
		dir := filepath.Join(t.TempDir(), "r.filerace")
		pieces(t, dir, plainOps(6*each), each, false)
		c.do(t, dir)
		n, err := readErr(dir)
		var e *Error
		if n != c.left || !errors.Is(err, c.want) || !errors.As(err, &e) {
			t.Errorf("%s: %d operations and %v; want %d and %v", name, n, err, c.left, c.want)
		}
	}
}
