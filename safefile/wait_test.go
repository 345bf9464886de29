//go:build unix

package safefile

import (
	"testing"
	"time"
)

// untilTrue waits for a condition.
func untilTrue(t *testing.T, f func() bool) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); !f(); time.Sleep(100 * time.Microsecond) {
		if time.Now().After(end) {
			t.Fatal("the condition did not come true")
		}
	}
}
