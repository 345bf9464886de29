package op

import (
	"hash/crc32"
	"math"
	"sync"
)

// sumMax bounds what Decode reads to sum, in bytes. Beyond it Sum is 0.
const sumMax = 1 << 20

// chunks are the buffers through which data passes on its way to the sum.
var chunks = sync.Pool{New: func() any { return new([64 << 10]byte) }}

// iovecs adds up the lengths of cnt vectors; the vectors are kept for sumData.
func (d *decoder) iovecs(cnt uint64) {
	if cnt == 0 || cnt > iovMax {
		return
	}
	d.vecs = readWords(d.mem, d.iov, int(2*cnt))
	for i := 1; i < len(d.vecs); i += 2 {
		n := d.vecs[i]
		if n > math.MaxInt64 || int64(n) > math.MaxInt64-d.Len {
			d.Len, d.vecs = 0, nil // EINVAL
			return
		}
		d.Len += int64(n)
	}
}

// sumData sets Sum and Data from what is about to be written.
func (d *decoder) sumData() {
	vecs := d.vecs
	if d.buf != 0 {
		vecs = []uint64{d.buf, uint64(d.Len)}
	}
	if d.Len <= 0 {
		return
	}
	all := d.Len <= sumMax
	left := int64(DataMax)
	if all {
		left = d.Len
	}
	chunk := chunks.Get().(*[64 << 10]byte)
	defer chunks.Put(chunk)
	sum := uint32(0)
	for i := 0; i+1 < len(vecs) && left > 0; i += 2 {
		addr, n := vecs[i], min(vecs[i+1], uint64(left))
		for left -= int64(n); n > 0; {
			part := chunk[:min(n, uint64(len(chunk)))]
			if !readFull(d.mem, addr, part) {
				return // Data holds what could be read, Sum stays unknown
			}
			if d.Data == nil { // what is watched by the kernel may tell less than this
				d.Data = make([]byte, 0, min(d.Len, DataMax))
			}
			sum = crc32.Update(sum, castagnoli, part)
			d.Data = append(d.Data, part[:min(len(part), DataMax-len(d.Data))]...)
			addr += uint64(len(part))
			n -= uint64(len(part))
		}
	}
	switch {
	case d.Len <= NumberMax:
		d.SetSums(d.Data)
	case all:
		d.Sum = sum
	}
}

// keepWritten cuts Data and sums down to the n bytes that were in fact written.
func (o *Op) keepWritten(n int64) {
	if n == o.Len {
		return
	}
	n = max(n, 0)
	complete := o.Sum != 0 && o.Len <= int64(len(o.Data))
	o.Data = o.Data[:min(n, int64(len(o.Data)))]
	o.Sum, o.Next = 0, [2]uint32{}
	if complete {
		o.SetSums(o.Data)
	}
}
