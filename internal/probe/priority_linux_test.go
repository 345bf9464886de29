//go:build linux && (amd64 || arm64)

package probe

import (
	"testing"

	"golang.org/x/sys/unix"
)

// The reader is in a hurry as long as it watches.
func TestTheReaderHurries(t *testing.T) {
	nice := func() int {
		n, err := unix.Getpriority(unix.PRIO_PROCESS, 0)
		if err != nil {
			t.Fatal(err)
		}
		return 20 - n
	}
	before := nice()
	if unix.Setpriority(unix.PRIO_PROCESS, 0, min(before, niceness)) != nil {
		t.Skip("needs CAP_SYS_NICE")
	}
	setNice(before)
	end := hurry()
	if got := nice(); got != min(before, niceness) {
		t.Errorf("niceness %d while it watches", got)
	}
	end()
	if got := nice(); got != before {
		t.Errorf("niceness %d afterwards, want %d", got, before)
	}
}
