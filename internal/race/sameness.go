package race

import (
	"bytes"

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

// same reports whether two contents of the given sizes are known to be equal:
// by their bytes, or, where they are too long to be kept, by the sums of equal
// writes.
func same(a []world.Seg, sizeA int64, b []world.Seg, sizeB int64) bool {
	if sizeA != sizeB {
		return false
	}
	x, okX := image(a, 0, sizeA)
	y, okY := image(b, 0, sizeB)
	if okX && okY {
		return bytes.Equal(x, y)
	}
	if len(a) != len(b) || !whole(a, sizeA) || !whole(b, sizeB) {
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

// whole reports whether segs cover [0, size).
func whole(segs []world.Seg, size int64) bool {
	at := int64(0)
	for _, s := range segs {
		if s.Lo > at {
			return false
		}
		at = s.Hi
	}
	return at == size
}

// brings reports whether the write by to [lo, hi) put other bytes there than
// the lost ones; bytes that the lost contents did not have count as other ones.
func brings(by *op.Op, lo, hi int64, lost []world.Seg) bool {
	was, ok := image(lost, lo, hi)
	is, known := written(by, lo, hi)
	if ok && known {
		return !bytes.Equal(was, is)
	}
	for _, s := range lost {
		if s.Lo == lo && s.Hi == hi && sameWrite(s.By, by) {
			return false
		}
	}
	return true
}
