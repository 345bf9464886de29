package race

import (
	"bytes"
	"slices"

	"filerace/internal/op"
	"filerace/internal/world"
)

// written returns the bytes [lo, hi) of a file as the write by left them, if
// they are known.
func written(by *op.Op, lo, hi int64) ([]byte, bool) {
	if by == nil || by.Off == op.None || lo < by.Off || hi > by.Off+int64(len(by.Data)) {
		return nil, false
	}
	return by.Data[lo-by.Off : hi-by.Off], true
}

// image returns the bytes [lo, hi) that segs hold; false if some of them are
// unknown or from before the run.
func image(segs []world.Seg, lo, hi int64) ([]byte, bool) {
	var out []byte
	at := lo
	for _, s := range segs {
		if s.Hi <= at || s.Lo >= hi {
			continue
		}
		if s.Lo > at {
			return nil, false
		}
		b, ok := written(s.By, at, min(s.Hi, hi))
		if !ok {
			return nil, false
		}
		out = append(out, b...)
		at = min(s.Hi, hi)
	}
	return out, at == hi
}

// imprint is what sums tell of contents.
type imprint struct {
	sum  uint32    // 0: nothing is known
	next [2]uint32 // as Op.Next
}

// imprintOf returns that of the bytes [lo, hi); nothing, if they are not those of whole
// writes.
func imprintOf(segs []world.Seg, lo, hi int64) (all imprint) {
	at := lo
	for _, s := range segs {
		if s.Hi <= at || s.Lo >= hi {
			continue
		}
		by := s.By
		n := s.Hi - s.Lo
		if s.Lo != at || s.Hi > hi || by == nil || by.Kind != op.Write || by.Sum == 0 || by.Off != s.Lo || by.Ret != n {
			return imprint{}
		}
		all = all.then(imprint{by.Sum, by.Next}, n)
		at = s.Hi
	}
	if at != hi {
		return imprint{}
	}
	return all
}

// then returns the imprint of contents and n bytes behind them. If there is one number in them, it is one that was
// written in one piece.
func (a imprint) then(b imprint, n int64) imprint {
	if a == (imprint{}) {
		return b
	}
	both := imprint{sum: op.JoinSums(a.sum, b.sum, n)}
	for i := range both.next {
		switch {
		case a.next != [2]uint32{} && b.next != [2]uint32{}:
		case a.next[i] != 0:
			both.next[i] = op.JoinSums(a.next[i], b.sum, n)
		case b.next[i] != 0:
			both.next[i] = op.JoinSums(a.sum, b.next[i], n)
		}
	}
	return both
}

// counted reports whether contents were one number and became the next higher or
// lower one. Two processes that both counted from 5 to 6 have lost a count. Other equal changes lose nothing as a
// rule: a setting that both brought up to date, a file that both computed, the time of day.
func counted(was, is imprint) bool {
	for i := range was.next {
		if was.next[i] != 0 && is.next[i] != 0 && (was.next[i] == is.sum || is.next[i] == was.sum) {
			return true
		}
	}
	return false
}

// same reports whether two contents of the given sizes are known to be equal:
// by their bytes, or, where they are too long to be kept, by the sums of writes.
func same(a []world.Seg, sizeA int64, b []world.Seg, sizeB int64) bool {
	if sizeA != sizeB {
		return false
	}
	x, okX := image(a, 0, sizeA)
	y, okY := image(b, 0, sizeB)
	if okX && okY {
		return bytes.Equal(x, y)
	}
	if p := imprintOf(a, 0, sizeA); p.sum != 0 && p.sum == imprintOf(b, 0, sizeB).sum {
		return true
	}
	if len(a) != len(b) || !covers(a, 0, sizeA) || !covers(b, 0, sizeB) {
		return false
	}
	for i := range a {
		if a[i].Lo != b[i].Lo || a[i].Hi != b[i].Hi || !sameWrite(a[i].By, b[i].By) {
			return false
		}
	}
	return true
}

func sameWrite(a, b *op.Op) bool {
	return a != nil && b != nil && a.Sum != 0 && a.Sum == b.Sum && a.Ret == b.Ret && a.Off == b.Off
}

// covers reports whether segs cover [lo, hi).
func covers(segs []world.Seg, lo, hi int64) bool {
	for _, s := range segs {
		if s.Lo > lo {
			break
		}
		lo = max(lo, s.Hi)
	}
	return lo >= hi
}

// severed is contents that a truncation cut off, while what takes their place is still being
// written.
type severed struct {
	segs    []world.Seg
	size    int64 // of the file before
	perhaps deed  // the first write that may have brought other bytes, or have been a piece of the same
}

// severedBy returns what the operation cut off.
func severedBy(e *world.Effect) severed {
	return severed{segs: slices.Clone(e.Dropped), size: e.Shrunk + e.File.Size}
}

// wrote takes note of a write of the new contents, and reports whether it is known to bring other bytes than the
// old ones. Bytes that the old contents did not have count as other ones.
func (c *severed) wrote(e *world.Effect) bool {
	if e.Op.Sum == 0 || !covers(c.segs, e.Lo, e.Hi) {
		return true
	}
	switch was := imprintOf(c.segs, e.Lo, e.Hi); {
	case was.sum == e.Op.Sum:
		return false
	case was.sum != 0:
		return true
	}
	if c.perhaps.none() { // they came in other pieces
		c.perhaps = deedOf(e)
	}
	return false
}

// gone reports whether the complete new contents lack some of the old bytes, and the write that then brought
// others; none if it is not known which, or they are too short.
func (c *severed) gone(f *world.File) (by deed, is bool) {
	if !c.perhaps.none() && !same(c.segs, c.size, f.Segs, f.Size) {
		return c.perhaps, true
	}
	return deed{}, f.Size < c.size
}
