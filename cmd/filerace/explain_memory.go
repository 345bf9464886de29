package main

import (
	"os"
	"runtime"
	"runtime/debug"
)

// spareGarbage is how much garbage may lie about while little is live, in bytes.
const spareGarbage = 96 << 20

// hugeHeap is how much of the heap may lie in huge pages, in bytes.
const hugeHeap = 256 << 20

// lieTogether lets the heap grow where it lies in huge pages: what is live of a long trace
// is spread over more small pages than the processor has addresses at hand for. The block
// is never touched, and free again at once.
func lieTogether() {
	inHugePages(make([]byte, hugeHeap))
	runtime.GC()
}

// collectLess lets garbage grow to spareGarbage and half of what is live before it is
// collected: nearly all that a pass makes is gone soon. A percentage alone, as GOGC
// is, would make the most memory that is used several times what is live; so the
// collector is shown a block of memory that is never touched, and therefore none. The
// returned function ends that. An environment that sets GOGC has its way.
func collectLess() (end func()) {
	if os.Getenv("GOGC") != "" {
		return func() {}
	}
	const percent = 50
	untouched := make([]byte, spareGarbage*100/percent)
	lieTogether()
	before := debug.SetGCPercent(percent)
	return func() {
		debug.SetGCPercent(before)
		runtime.KeepAlive(untouched)
	}
}
