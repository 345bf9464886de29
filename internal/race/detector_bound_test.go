package race

import (
	"fmt"
	"testing"
)

// Possible races, however many, leave room for those that happened; what is left out
// is counted.
func TestFindingsAreBounded(t *testing.T) {
	told := 0
	d := New()
	d.heard = func(*Finding, bool) { told++ }
	for n := range findingsMax + 100 {
		d.report(Finding{Rule: "check-then-use", Evidence: Possible, Path: fmt.Sprint("/p/", n)})
	}
	for n := range findingsMax + 10 {
		d.report(Finding{Rule: "lost-update", Evidence: Observed, Path: fmt.Sprint("/o/", n)})
	}
	d.report(Finding{Rule: "lost-update", Evidence: Observed, Path: "/o/0"}) // known: nothing new, nothing left out
	if got := d.untold; got != 110 {
		t.Errorf("%d are said to be left out; want 110", got)
	}
	if len(d.all) != 2*findingsMax || len(d.found) != 2*findingsMax || told != 2*findingsMax {
		t.Errorf("%d are kept, %d known, %d told", len(d.all), len(d.found), told)
	}
}
