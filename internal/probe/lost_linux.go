//go:build linux && (amd64 || arm64)

package probe

import "filerace/internal/trace"

// extent is what of the ring has been looked at: what lies beyond was not there when
// the counters of lost events were last read.
type extent struct {
	pos, until uint64 // bytes of the ring
	hole       bool   // events were lost among what lies before until
}

func (x *extent) done() bool { return x.pos >= x.until }

// ringSpace is what an event of that length takes up: a header, and the padding
// (kernel/bpf/ringbuf.c).
func ringSpace(n int) uint64 { return uint64(n+8+7) &^ 7 }

// look reads the counters of lost events before what is in the ring is read. An event
// tells only what its own processor lost, and others that came in between know nothing
// of it: what the ring held when a loss is found may have come before it or after.
//
// Events are lost when the ring is full. No more than half of it is read between two
// looks, so at least a quarter is there if it was full since the last one.
func (p *Probe) look() {
	if p.extent.hole {
		p.extent.hole = false
		p.queue = append(p.queue, trace.Record{What: trace.Gap})
	}
	n, size := p.available()
	if n >= size/4 {
		p.holed()
	}
	if !p.extent.hole {
		p.extent.until = p.extent.pos + min(n, size/2)
	}
}

// holed tells of what was lost, if anything was, before what the ring holds now.
func (p *Probe) holed() {
	lost := p.countLost()
	if lost == 0 {
		return
	}
	p.lost.Add(lost)
	p.queue = append(p.queue, trace.Record{What: trace.Gap, Lost: lost})
	n, _ := p.available() // counted first: of what is lost from now on the next look tells
	p.extent.hole, p.extent.until = true, p.extent.pos+n
}

// available is how many bytes the ring holds, and its size.
func (p *Probe) available() (n, size uint64) {
	p.ring.Lock()
	defer p.ring.Unlock()
	if p.closed {
		return 0, 1
	}
	return uint64(p.reader.AvailableBytes()), uint64(p.reader.BufferSize())
}

// countLost reads the kernel's counters, and returns what they have grown by.
func (p *Probe) countLost() (lost uint64) {
	p.ring.Lock()
	defer p.ring.Unlock()
	counts := make([]uint64, len(p.seen))
	if p.closed || p.coll.Maps[objectMapLost].Lookup(uint32(0), &counts) != nil {
		return 0
	}
	for cpu, n := range counts {
		if n > p.seen[cpu] {
			lost += n - p.seen[cpu]
			p.seen[cpu] = n
		}
	}
	return lost
}

// Reached is the time, in ns since the start, until which all that returned has been
// handed out by Next. It may be asked for at any time.
func (p *Probe) Reached() int64 { return p.reached.Load() }
