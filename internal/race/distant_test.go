package race

import (
	"fmt"
	"strings"
	"testing"
)

// many are operations by a third process, as many as a stream keeps and more.
func many(at int) (script string, next int) {
	var b strings.Builder
	for range ringLen + 10 {
		fmt.Fprintf(&b, "%d %d 13 open /other flags=0 = 3\n%d %d 13 close fd=3 = 0\n", at, at+1, at+2, at+3)
		at += 4
	}
	return b.String(), at
}

// Steps that lie far apart did not overlap, and the finding keeps them.
func TestDistantSteps(t *testing.T) {
	between, next := many(100)
	script := fmt.Sprintf(lost, "28 29 1 fork = 13\n", next+1, next+2)
	first, last, _ := strings.Cut(script, fmt.Sprintf("%d %d 12 open", next+1, next+2))
	last = strings.NewReplacer("50 51", fmt.Sprint(next+3, " ", next+4), "52 53", fmt.Sprint(next+5, " ", next+6)).Replace(last)
	told := streamed(t, first+between+fmt.Sprintf("%d %d 12 open", next+1, next+2)+last)
	if got := rulesOf(told); got != "lost-update observed" {
		t.Fatalf("%s: %v", got, told)
	}
	f := told[0]
	if f.Older != 0 {
		t.Errorf("%d steps are not kept", f.Older)
	}
	marked := 0
	for i, o := range f.Ops {
		if i > 0 && f.Ops[i-1].Seq >= o.Seq {
			t.Fatalf("step %d comes after step %d", o.Seq, f.Ops[i-1].Seq)
		}
		for _, m := range f.Marks {
			if m == o.Seq {
				marked++
			}
		}
	}
	if marked != len(f.Marks) {
		t.Errorf("%d of %d steps told", marked, len(f.Marks))
	}
}

// The open that cuts the file off began before all that is no longer kept, and so may
// have come before the other's write.
func TestDistantStepsThatOverlap(t *testing.T) {
	between, next := many(100)
	script := fmt.Sprintf(lost, "28 29 1 fork = 13\n", 29, next+2)
	first, last, _ := strings.Cut(script, fmt.Sprintf("29 %d 12 open", next+2))
	last = strings.NewReplacer("50 51", fmt.Sprint(next+3, " ", next+4), "52 53", fmt.Sprint(next+5, " ", next+6)).Replace(last)
	told := streamed(t, first+between+fmt.Sprintf("29 %d 12 open", next+2)+last)
	if got := rulesOf(told); got != "lost-update possible" {
		t.Errorf("%s", got)
	}
}
