package logs

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"testing"

	"filerace/internal/trace"
)

// fuzz reads rubbish. Whatever it is, every line is either read or counted, records
// are whole, and those of a thread do not go back in time.
func fuzz(f *testing.F, pattern string, open func(*lines) trace.Source) {
	names, err := filepath.Glob("testdata/" + pattern)
	if err != nil || len(names) == 0 {
		f.Fatal("no seeds", err)
	}
	for _, name := range names {
		text, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text[:min(len(text), 4<<10)])
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		kindOf(text)
		looksLike(text)
		src := open(newLines(io.NopCloser(bytes.NewReader(text)), maxLine))
		for _, r := range records(t, src) {
			if r.Op == nil {
				t.Fatalf("a record without operation: %+v", r)
			}
			_ = r.Op.String()
			if r.What == trace.Returned && !r.Op.Done || r.Op.TID == 0 && r.Op.PID != 0 {
				t.Fatalf("an operation that is not whole: %+v", r.Op)
			}
			if r.Op.Enter > r.Op.Exit {
				t.Fatalf("entered at %d, returned at %d: %s", r.Op.Enter, r.Op.Exit, r.Op)
			}
		}
		n := src.Notes()
		if lines := bytes.Count(text, []byte("\n")) + 1; n.Broken > lines || (n.Broken > 0) != (n.FirstBad != "") || len(n.FirstBad) > 200 {
			t.Fatalf("%d lines, %+v", lines, n)
		}
		if err := src.Close(); err != nil {
			t.Fatal(err)
		}
	})
}

func FuzzStrace(f *testing.F) {
	fuzz(f, "*.strace", func(l *lines) trace.Source { return newStrace(l) })
}

func FuzzPerf(f *testing.F) {
	fuzz(f, "*.perf", func(l *lines) trace.Source { return newPerf(l) })
}

func FuzzSnoop(f *testing.F) {
	fuzz(f, "*.openclosesnoop", func(l *lines) trace.Source { return newSnoop(l) })
}
