//go:build linux && (amd64 || arm64)

package probe

import (
	"os"
	"testing"
	"time"
)

// Whoever rings the bell wakes the sleeper, also in the moment in which it lies down.
func TestBell(t *testing.T) {
	ring, kernel, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer ring.Close()
	defer kernel.Close()
	b, err := newBell(int(ring.Fd()))
	if err != nil {
		t.Fatal(err)
	}
	defer b.close()
	const long = 24 * time.Hour
	lies := func(and func()) (awake func() bool) {
		return func() bool { and(); return false }
	}
	for range 100 {
		b.sleep(long, lies(func() { go b.strike() }))
		b.sleep(long, lies(b.strike))
	}
	b.sleep(long, func() bool { return true })
	b.sleep(long, lies(func() { kernel.Write([]byte{1}) }))
	b.sleep(time.Millisecond, lies(func() {}))
}
