package world

// Stamp is the place of one operation in the order of the run: a vector clock
// in the form of an epoch and what it has seen (Flanagan and Freund, FastTrack,
// PLDI 2009). A Stamp never changes.
//
// Two orders are kept. The hard one holds whatever the schedule: program order,
// fork, exec, exit to wait, pipe and socket write to read, signal send to
// handler. The full one adds lock release to acquire, and the removal of a name
// to its next exclusive creation, which another schedule could turn round.
type Stamp struct {
	Seq     int    // position in the run; 0: no operation (before the run)
	Thread  int32  // index of the actor in the world
	Process int32  // number of its process in the world; 0: no operation
	tick    uint32 // the operation's number in its line's slot
	line    *line  // nil: no operation
	seen    *view
}

// line is a place in vectors as long as all operations that count there are ordered.
type line struct {
	slot int32
	last uint32 // the slot's later ticks are of strangers: see takeSlot
}

// view is what an operation of one thread has seen of the others, by slot: the
// highest tick. It is shared by all operations between two incoming edges and
// therefore never written to. The thread's own slot is not kept up to date in it.
type view struct{ full, hard []uint32 }

var blind = &view{}

// IsZero reports whether s stands for no operation.
func (s Stamp) IsZero() bool { return s.line == nil }

// Before reports whether s happens before t in the full order.
func (s Stamp) Before(t Stamp) bool {
	return s.line == nil || t.line != nil && before(&s, &t, t.seen.full) == yes
}

// HardBefore reports whether s happens before t in every schedule.
func (s Stamp) HardBefore(t Stamp) bool {
	return s.line == nil || t.line != nil && before(&s, &t, t.seen.hard) == yes
}

// MayHardBefore reports whether s happens before t in every schedule, or that is no
// longer known.
func (s Stamp) MayHardBefore(t Stamp) bool {
	return s.line == nil || t.line != nil && before(&s, &t, t.seen.hard) != no
}

// Unordered reports whether neither happens before the other, in the full order. It is
// false, too, if that is no longer known of an operation whose thread ended long ago.
func Unordered(s, t Stamp) bool {
	return s.line != nil && t.line != nil && before(&s, &t, t.seen.full) == no && before(&t, &s, s.seen.full) == no
}

// HardUnordered is Unordered in the hard order: some schedule has them the other way round.
func HardUnordered(s, t Stamp) bool {
	return s.line != nil && t.line != nil && before(&s, &t, t.seen.hard) == no && before(&t, &s, s.seen.hard) == no
}

// answer is what vectors tell of an order.
type answer uint8

const (
	no answer = iota
	yes
	unknown // a stranger has written over it
)

func before(s, t *Stamp, seen []uint32) answer {
	l := s.line
	if l == t.line {
		return truth(s.tick < t.tick)
	}
	if l.slot == t.line.slot { // one of them has ended, and the other taken its place
		return unknown
	}
	if int(l.slot) >= len(seen) || seen[l.slot] < s.tick {
		return no
	}
	if seen[l.slot] > l.last {
		return unknown
	}
	return yes
}

func truth(b bool) answer {
	if b {
		return yes
	}
	return no
}

// clock gathers the stamps of one side of an edge (the writes to a pipe, the
// releases of a lock) for the other side to learn. Unlike a view it changes.
type clock struct {
	full, hard []uint32
	last       *view // folded in already
}

func (c *clock) add(s Stamp) {
	if c.last != s.seen {
		c.full = fold(c.full, s.seen.full)
		c.hard = fold(c.hard, s.seen.hard)
		c.last = s.seen
	}
	c.full = raise(c.full, s.line.slot, s.tick)
	c.hard = raise(c.hard, s.line.slot, s.tick)
}

func fold(dst, src []uint32) []uint32 {
	dst = grow(dst, len(src))
	for i, v := range src {
		dst[i] = max(dst[i], v)
	}
	return dst
}

func raise(dst []uint32, slot int32, tick uint32) []uint32 {
	dst = grow(dst, int(slot)+1)
	dst[slot] = max(dst[slot], tick)
	return dst
}

func grow(s []uint32, n int) []uint32 {
	for len(s) < n {
		s = append(s, 0)
	}
	return s
}

// merged returns the maximum of dst and src but for the slot self: dst itself
// if src brings nothing new, else a new slice.
func merged(dst, src []uint32, self int32) []uint32 {
	for i, v := range src {
		if int32(i) != self && v != 0 && (i >= len(dst) || v > dst[i]) {
			out := make([]uint32, max(len(dst), len(src)))
			copy(out, dst)
			return fold(out, src)
		}
	}
	return dst
}

// lifted is merged for the one epoch (slot, tick).
func lifted(dst []uint32, slot int32, tick uint32, self int32) []uint32 {
	if slot == self || int(slot) < len(dst) && dst[slot] >= tick {
		return dst
	}
	out := make([]uint32, max(len(dst), int(slot)+1))
	copy(out, dst)
	out[slot] = tick
	return out
}
