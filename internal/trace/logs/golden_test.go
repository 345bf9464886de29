package logs

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write what the logs are read as to testdata/*.golden")

// The logs are those of strace 6.1 and perf 6.1 over small programs, named after the
// options; old.strace has the forms of older versions, after
// public samples; the two of openclosesnoop
// are as published.
func TestLogsAreReadAs(t *testing.T) {
	all, err := filepath.Glob("testdata/*")
	if err != nil {
		t.Fatal(err)
	}
	names := []string{"testdata/ff"}
	for _, name := range all {
		if ext := filepath.Ext(name); ext == ".strace" || ext == ".perf" || ext == ".openclosesnoop" {
			names = append(names, name)
		}
	}
	if len(names) < 10 {
		t.Fatalf("only %d logs", len(names))
	}
	for _, name := range names {
		t.Run(filepath.Base(name), func(t *testing.T) {
			src, err := Open(name)
			if err != nil {
				t.Fatal(err)
			}
			compare(t, name+".golden", dump(t, src))
		})
	}
}

func compare(t *testing.T, golden, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if got == string(want) {
		return
	}
	a, b := strings.Split(got, "\n"), strings.Split(string(want), "\n")
	for i := range min(len(a), len(b)) {
		if a[i] != b[i] {
			t.Fatalf("line %d:\ngot  %s\nwant %s", i+1, a[i], b[i])
		}
	}
	t.Fatalf("%d lines, want %d", len(a), len(b))
}

// One program, recorded with one set of options after another, must read as the same
// calls of each process, whatever columns stand before them.
func TestColumnsDoNotChangeCalls(t *testing.T) {
	calls := func(name string) map[string]int {
		src, err := Open("testdata/" + name + ".strace")
		if err != nil {
			t.Fatal(err)
		}
		seen := map[string]int{}
		for line := range strings.SplitSeq(dump(t, src), "\n") {
			if i := strings.Index(line, "openat("); i > 0 && !strings.Contains(line, "/lib/") {
				line, _, _ = strings.Cut(line[i:], " file ")
				line, _, _ = strings.Cut(line, " name ")
				seen[line]++
			}
		}
		return seen
	}
	want := calls("plain")
	if want[`openat(AT_FDCWD, "counter", O_WRONLY|O_CREAT|O_TRUNC, 0666) = 3`] != 1 {
		t.Fatalf("plain.strace does not open the counter: %v", want)
	}
	for _, name := range []string{"t", "r", "tt-T-y", "ttt-r-T-yy-Y", "ttt-T-n-i-xx", "stderr"} {
		for line, n := range want {
			if got := calls(name)[line]; got != n {
				t.Errorf("%s: %d times %s, want %d", name, got, line, n)
			}
		}
	}
}
