package litmus

import (
	"bytes"
	"strings"
	"testing"
)

// sample is a matrix of two places with every verdict.
func sample() *Matrix {
	ext4 := &Column{Label: "ext4", Dir: "a", FS: FileSystem{Type: "ext4"}, Made: "mkfs.ext4 1.47", Results: []Result{
		{Test: "create", Case: "mkdir", Verdict: VerdictKept, Trials: 100, Overlapped: 90},
		{Test: "append", Case: "lseek, then write", Verdict: VerdictAllowed, Trials: 10, Overlapped: 8, Surprises: 7, Allowed: "It is.", Tally: map[string]int{"few": 2, "many": 5}},
		{Test: "overlap", Case: "read, write 4 KiB", Verdict: VerdictAllowed, Trials: 10, Overlapped: 8, Surprises: 7, Notes: []string{"unit: 32"}},
	}}
	xfs := &Column{Label: "XFS", Dir: "b", FS: FileSystem{Type: "xfs"}, Results: []Result{
		{Test: "create", Case: "mkdir", Verdict: VerdictBroken, Trials: 3, Example: []string{"trial 3: two made it", "first: no error"}},
		{Test: "append", Case: "lseek, then write", Verdict: VerdictNotTested, Reason: "the windows never met in 5 trials"},
		{Test: "overlap", Case: "read, write 4 KiB", Verdict: VerdictKept, Trials: 10, Overlapped: 8},
	}}
	return &Matrix{System: "Linux 6", Columns: []*Column{ext4, xfs}}
}

func TestTextOfSeveral(t *testing.T) {
	var b bytes.Buffer
	if err := sample().Text(&b); err != nil {
		t.Fatal(err)
	}
	text := b.String()
	for _, want := range []string{
		"ext4: a, made by mkfs.ext4 1.47\nXFS: xfs, b\n",
		"\n                     ext4        XFS\n  mkdir              kept        broken\n",
		"    XFS: trial 3: two made it\n    XFS: first: no error\n",
		"    ext4: many 5, few 2\n",
		"    XFS: the windows never met in 5 trials\n",
		"    ext4: unit: 32\n",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
	checkLines(t, text)
}

func TestTextOfOne(t *testing.T) {
	m := sample()
	m.Columns = m.Columns[:1]
	var b bytes.Buffer
	if err := m.Text(&b); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"  mkdir              kept        100 trials, 90 overlapped\n",
		"  lseek, then write  allowed     seen 7 times in 10 trials, 8 overlapped\n    many 5, few 2\n",
	} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("no %q in\n%s", want, b.String())
		}
	}
	checkLines(t, b.String())
}

func checkLines(t *testing.T, text string) {
	t.Helper()
	for line := range strings.Lines(text) {
		line = strings.TrimSuffix(line, "\n")
		if len([]rune(line)) > 100 || strings.TrimRight(line, " ") != line {
			t.Errorf("too wide, or blanks at the end: %q", line)
		}
	}
}

// What is broken is explained at once, where that is known.
func TestTextOfBroken(t *testing.T) {
	m := &Matrix{Columns: []*Column{{Label: "fuse", Dir: "c", FS: FileSystem{Type: "fuse"}, Results: []Result{
		{Test: "replace", Case: "rename", Verdict: VerdictBroken, Trials: 6, Example: []string{"trial 6: no file"}},
	}}}}
	var b bytes.Buffer
	if err := m.Text(&b); err != nil {
		t.Fatal(err)
	}
	if text := strings.Join(strings.Fields(b.String()), " "); !strings.Contains(text, "in trial 6 trial 6: no file "+whyNodesLosePaths["fuse"]) {
		t.Errorf("no reason in\n%s", b.String())
	}
	checkLines(t, b.String())
}

func TestMarkdown(t *testing.T) {
	var b bytes.Buffer
	if err := sample().Markdown(&b); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"# What Linux 6 guarantees\n",
		"| ext4 | ext4 |  | mkfs.ext4 1.47 |\n",
		"\n| case | ext4 | XFS |\n| --- | --- | --- |\n| mkdir | kept, 90 of 100 | **broken** |\n",
		"| lseek, then write | allowed, 7 of 10 | not tested |\n",
		"- `lseek, then write`: **ext4** many 5, few 2; **XFS** the windows never met in 5 trials\n",
		"- Allowed in `lseek, then write`: It is.\n",
		"- `mkdir`: **XFS** trial 3: two made it; first: no error\n",
		"- Why ext4 differs in `read, write 4 KiB`: " + whyReadsMix["ext4"] + "\n- Why xfs differs in ",
	} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("no %q in\n%s", want, b.String())
		}
	}
}

// Only what differs is explained.
func TestNoWhyWithoutDifference(t *testing.T) {
	m := sample()
	m.Columns[1].Results[2].Verdict = VerdictAllowed
	var b bytes.Buffer
	if err := m.Markdown(&b); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(b.String(), "Why ") {
		t.Errorf("explains what is alike:\n%s", b.String())
	}
}

func TestRuns(t *testing.T) {
	b := append(append(bytes.Repeat([]byte("a"), 192), 'b', 'b'), bytes.Repeat([]byte("a"), 62)...)
	all := runs(b)
	if len(all) != 3 || all[1] != (run{192, 2, 'b'}) || all[2] != (run{194, 62, 'a'}) {
		t.Errorf("%v", all)
	}
	if g := grain(all); g != 2 {
		t.Errorf("grain %d, want 2", g)
	}
	if g := grain(runs(b[:193])); g != 64 {
		t.Errorf("grain %d, want 64", g)
	}
	if !only(all, "ab") || only(all, "a") {
		t.Error("only is wrong")
	}
	if got := picture(all); got != "192 × 'a', 2 × 'b', 62 × 'a'" {
		t.Error(got)
	}
	if got := picture(nil); got != "nothing" {
		t.Error(got)
	}
}
