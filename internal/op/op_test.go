package op

import (
	"testing"
	"unsafe"
)

// One is made for every call of a watched system: it shall not slip into the allocator's
// next size class (runtime/sizeclasses.go).
func TestOpStaysSmall(t *testing.T) {
	const class = 576
	if n := unsafe.Sizeof(Op{}); n > class {
		t.Errorf("an Op has %d bytes, and takes the next class above %d", n, class)
	}
}
