package race

import (
	"fmt"
	"strings"
	"testing"
)

const forked = `
0 1 1 execve /bin/sh = 0
%s
8 9 1 fork = 11
10 11 1 fork = 12
`

// Both saw that there is no such file, and whichever made it first, the other wrote over it.
func TestCreationsThatOverlap(t *testing.T) {
	const script = forked + `
%s
22 23 12 open /n flags=1 = -2
30 35 11 open /n flags=0x41 = 3
31 34 12 open /n flags=0x41 = 3
40 41 11 write fd=3 len=4 = 4
42 43 12 write fd=3 len=4 = 4
`
	if got := rulesOf(streamed(t, fmt.Sprintf(script, "", "20 21 11 open /n flags=1 = -2"))); got != "check-then-create observed, overlapping-write observed" {
		t.Errorf("both looked: %s", got)
	}
	if got := rulesOf(streamed(t, fmt.Sprintf(script, "", ""))); got != "overlapping-write observed, check-then-create possible" && got != "overlapping-write observed" {
		t.Errorf("one looked: %s", got)
	}
}

// Both found the same end and wrote there at the same time.
func TestRecordsThatOverlap(t *testing.T) {
	const script = forked + `
20 21 11 open /n flags=1 = 3
22 23 12 open /n flags=%s = 3
24 25 11 lseek fd=3 off=0 whence=2 = 4
%s
30 35 11 write fd=3 len=8 = 8
31 34 12 write fd=3 len=4 = 4
`
	const made = "2 3 1 open /n flags=0x242 = 3\n4 5 1 write fd=3 len=4 = 4\n6 7 1 close fd=3 = 0"
	if got := rulesOf(streamed(t, fmt.Sprintf(script, made, "1", "26 27 12 lseek fd=3 off=0 whence=2 = 4"))); got != "lost-append observed" {
		t.Errorf("both looked for the end: %s", got)
	}
	if got := rulesOf(streamed(t, fmt.Sprintf(script, made, "0x401", ""))); got != "" && got != "lost-append possible" {
		t.Errorf("one appends: %s", got)
	}
}

// What a read or a look for the end returned tells that a write came later, though that was over first.
func TestWhatWasSeenComesFirst(t *testing.T) {
	const script = forked + `
20 21 11 open /n flags=2 = 3
22 23 11 read fd=3 len=64 = 4
24 25 12 open /n flags=2 = 3
26 40 12 %s
30 33 11 pwrite64 fd=3 len=%d off=0 = %[3]d
50 51 12 pwrite64 fd=3 len=4 off=%d = 4
`
	const made = "2 3 1 open /n flags=0x242 = 3\n4 5 1 write fd=3 len=4 = 4\n6 7 1 close fd=3 = 0"
	for _, c := range []struct {
		look   string
		length int
		off    int
		want   string
	}{
		{"read fd=3 len=64 data=qsph = 4", 4, 0, "lost-update observed"},
		{"read fd=3 len=64 = 4", 8, 0, "lost-update observed"}, // the file was shorter
		{"read fd=3 len=64 = 4", 4, 0, ""},                     // nobody knows
		{"read fd=3 len=64 data=" + moved("prog", 11) + " = 4", 4, 0, ""},
		{"lseek fd=3 off=0 whence=2 = 4", 8, 4, "lost-append observed"},
	} {
		told := streamed(t, fmt.Sprintf(script, made, c.look, c.length, c.off))
		got := ""
		for _, f := range told {
			if f.Rule == "lost-update" || f.Rule == "lost-append" {
				got = f.Rule + " " + string(f.Evidence)
			}
		}
		if got != c.want {
			t.Errorf("%s: %q, want %q of %s", c.look, got, c.want, rulesOf(told))
		}
	}
}

// Two edits that both replace the file: whichever came last undid the other, if both began with the
// same version.
func TestReplacementsThatOverlap(t *testing.T) {
	const script = forked + `
20 21 11 open /n flags=0 = 3
22 23 11 read fd=3 len=64 = 4
24 25 12 open /n flags=0 = 3
26 27 12 read fd=3 len=64 = %d
30 31 11 open /a flags=0xc1 = 4
32 33 11 write fd=4 len=4 = 4
34 35 12 open /b flags=0xc1 = 4
36 37 12 write fd=4 len=4 = 4
40 45 11 rename /a /n = 0
41 44 12 rename /b /n = 0
`
	const made = "2 3 1 open /n flags=0x242 = 3\n4 5 1 write fd=3 len=4 = 4\n6 7 1 close fd=3 = 0"
	told := streamed(t, fmt.Sprintf(script, made, 4))
	if got := rulesOf(told); got != "lost-update observed" {
		t.Errorf("both read: %s", got)
	}
	for _, f := range told {
		if !strings.Contains(f.Why, "overlapped in time: it may have been the other way round, with the same harm") {
			t.Errorf("both read: %s", f.Why)
		}
	}
	if got := rulesOf(streamed(t, fmt.Sprintf(script, made, -9))); got != "" && got != "lost-update possible" {
		t.Errorf("one read: %s", got)
	}
	apart := strings.Replace(fmt.Sprintf(script, made, 4), "41 44 12", "46 47 12", 1)
	for _, f := range streamed(t, apart) {
		if f.Evidence != Observed || strings.Contains(f.Why, "overlapped") {
			t.Errorf("one after the other: %s %s", f.Evidence, f.Why)
		}
	}
}
