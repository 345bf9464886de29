package main

import (
	"os"
	"runtime"
	"runtime/debug"
)

// collecting says when garbage is collected: when there is so much of it as part of what is
// live, in percent, and a fixed amount besides. Nearly all that is made of operations is gone
// soon. A percentage alone, as GOGC is, would make the most memory that is used several
// times what is live.
type collecting struct {
	percent int
	spare   int  // bytes
	huge    bool // what is live is spread widely, and shall lie in huge pages
}

var (
	collectingTraces = collecting{percent: 50, spare: 96 << 20, huge: true}
	collectingLive   = collecting{percent: 100, spare: 64 << 20}
)

// stepAside is for commands that look on while others work: they take half the processors at most,
// and no more than they can use, so that these are not disturbed more than need be. An
// environment that sets GOMAXPROCS has its way.
func stepAside() (end func()) {
	collect := collectingLive.begin()
	if os.Getenv("GOMAXPROCS") != "" {
		return collect
	}
	const useful = 4 // emptying the ring, decoding, judging, collecting
	before := runtime.GOMAXPROCS(min(max(runtime.GOMAXPROCS(0)/2, 1), useful))
	return func() {
		runtime.GOMAXPROCS(before)
		collect()
	}
}

// begin lets garbage grow, until the returned function is called. The collector is shown a block of
// memory that is never touched, and therefore none. An environment that sets GOGC has its way.
func (c collecting) begin() (end func()) {
	if os.Getenv("GOGC") != "" {
		return func() {}
	}
	// A block of this size sets off a collection. That allocates, too, and if what it gets lies behind the block, and
	// came first, the runtime takes the block for memory that was used, and clears it all (allocNeedsZero, runtime/mheap.go).
	before := debug.SetGCPercent(-1)
	untouched := make([]byte, c.spare*100/c.percent)
	if c.huge {
		lieTogether()
	}
	debug.SetGCPercent(c.percent)
	return func() {
		debug.SetGCPercent(before)
		runtime.KeepAlive(untouched)
	}
}

// closely lets much less garbage grow, until the returned function is called: as is right for what makes little
// of it, but goes on for long.
func (c collecting) closely() (end func()) {
	if os.Getenv("GOGC") != "" {
		return func() {}
	}
	debug.SetGCPercent(4)
	return func() { debug.SetGCPercent(c.percent) }
}

// hugeHeap is how much of the heap may lie in huge pages, in bytes.
const hugeHeap = 256 << 20

// lieTogether lets the heap grow where it lies in huge pages: what is live of a long trace
// is spread over more small pages than the processor has addresses at hand for. The block
// is never touched, and free again at once.
func lieTogether() {
	inHugePages(make([]byte, hugeHeap))
	runtime.GC()
}
