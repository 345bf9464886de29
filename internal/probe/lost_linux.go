//go:build linux && (amd64 || arm64)

package probe

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
func (m *pump) look() bool {
	if m.extent.hole {
		m.extent.hole = false
		if !m.gap(0) {
			return false
		}
	}
	n, size := m.p.available()
	if n >= size/4 && !m.holed() {
		return false
	}
	if !m.extent.hole {
		m.extent.until = m.extent.pos + min(n, size/2)
	}
	return true
}

// holed tells of what was lost, if anything was, before what the ring holds now.
func (m *pump) holed() bool {
	lost := m.countLost()
	if lost == 0 {
		return true
	}
	m.p.lost.Add(lost)
	n, _ := m.p.available() // counted first: of what is lost from now on the next look tells
	m.extent.hole, m.extent.until = true, m.extent.pos+n
	return m.gap(lost)
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
func (m *pump) countLost() (lost uint64) {
	m.p.ring.Lock()
	defer m.p.ring.Unlock()
	counts := make([]uint64, len(m.seen))
	if m.p.closed || m.p.coll.Maps[objectMapLost].Lookup(uint32(0), &counts) != nil {
		return 0
	}
	for cpu, n := range counts {
		if n > m.seen[cpu] {
			lost += n - m.seen[cpu]
			m.seen[cpu] = n
		}
	}
	return lost
}

// Reached is the time, in ns since the start, until which all that returned has been
// handed out by Next. It may be asked for at any time.
func (p *Probe) Reached() int64 { return p.backlog.reached.Load() }
