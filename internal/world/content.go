package world

import (
	"bytes"
	"slices"
	"sort"

	"filerace/internal/op"
)

// maxSegs bounds File.Segs. Beyond it the bytes written longest ago count as
// from before the run.
const maxSegs = 4096

// read moves the offset and tells which bytes were seen.
func (w *World) read(o *op.Op, e *Effect) {
	f := e.File
	if f == nil || f.isStream() || o.Kind == op.Recv {
		e.EOF = o.Ret == 0
		return
	}
	if o.Off < 0 {
		return
	}
	e.Lo, e.Hi = o.Off, o.Off+o.Ret
	if e.OFD != nil && own(o, e.OFD) {
		e.OFD.Offset = e.Hi
	}
	if f.Type != op.Regular && f.Type != op.UnknownType {
		e.EOF = o.Ret == 0
		return
	}
	if o.Ret > 0 && e.Hi > f.Size || o.Ret == 0 && o.Len > 0 && o.Off < f.Size {
		f.resized(e.Hi) // changed by something that is not modelled
	}
	e.EOF = o.Ret == 0 || o.Ret < o.Len && e.Hi >= f.Size
}

// write puts bytes at the offset that Enter found.
func (w *World) write(o *op.Op, e *Effect) {
	w.departWrite(o, e)
	f := e.File
	if f == nil || f.isStream() || o.Kind == op.Send {
		return
	}
	if e.OFD != nil {
		e.OFD.Wrote = true
		if o.Off >= 0 && own(o, e.OFD) {
			e.OFD.Offset = o.Off + o.Ret
		}
	}
	if !f.seekable() {
		return
	}
	if o.Off < 0 {
		f.Version++ // somewhere
		return
	}
	f.put(o.Off, o.Off+o.Ret, o, e)
}

// copy plays copy_file_range, sendfile and splice: bytes that nobody saw.
func (w *World) copy(t *thread, o *op.Op, e *Effect) {
	w.departWrite(o, e)
	if src := w.descriptor(t.table, o.FD2); src != nil && o.Off2 >= 0 && copyOwn(o, op.ArgOffPtr2, o.Off2, src.OFD) {
		src.Offset = o.Off2 + o.Ret
	}
	if e.OFD == nil || e.File.isStream() {
		return
	}
	e.OFD.Wrote = true
	if !e.File.seekable() {
		return
	}
	if o.Off < 0 {
		e.File.Version++
		return
	}
	if copyOwn(o, op.ArgOffPtr, o.Off, e.OFD) {
		e.OFD.Offset = o.Off + o.Ret
	}
	e.File.put(o.Off, o.Off+o.Ret, o, e)
}

func (w *World) seek(o *op.Op, e *Effect) {
	if e.OFD == nil {
		return
	}
	e.OFD.Offset = o.Ret
	if o.Whence == op.SEEK_END && o.Off != op.None && e.File.Type == op.Regular {
		e.File.resized(o.Ret - o.Off)
	}
}

// put lets o's bytes stand in [lo, hi).
func (f *File) put(lo, hi int64, o *op.Op, e *Effect) {
	if lo >= hi {
		return
	}
	e.Lo, e.Hi = lo, hi
	fresh := Seg{Lo: lo, Hi: hi, By: o, At: e.At, base: lo}
	if n := len(f.Segs); n == 0 || f.Segs[n-1].Hi <= lo {
		f.Segs = append(f.Segs, fresh)
		f.Version++
	} else if f.replace(fresh, e) {
		f.Version++
	}
	f.Size = max(f.Size, hi)
	if len(f.Segs) > maxSegs {
		f.thin()
	}
}

// replace makes room for a segment, notes in e.Over what it changes and in
// e.Again what it does not, and reports whether it changes anything: bytes that are not known to be the same.
func (f *File) replace(s Seg, e *Effect) bool {
	i := sort.Search(len(f.Segs), func(i int) bool { return f.Segs[i].Hi > s.Lo })
	j := i
	same, run := int64(0), [2]int64{}
	for ; j < len(f.Segs) && f.Segs[j].Lo < s.Hi; j++ {
		old := f.Segs[j]
		old.Lo, old.Hi = max(old.Lo, s.Lo), min(old.Hi, s.Hi)
		if !again(&old, &s) {
			e.Over = append(e.Over, old)
			run = [2]int64{}
			continue
		}
		same += old.Hi - old.Lo
		e.Again = append(e.Again, old)
		if run[1] == 0 {
			run[0] = old.Lo
		}
		run[1] = old.Hi
		if now := &s.By.Same; run[1]-run[0] > int64(now[1]-now[0]) && run[1]-s.base <= op.DataMax {
			*now = [2]uint16{uint16(run[0] - s.base), uint16(run[1] - s.base)}
		}
	}
	parts, n := [3]Seg{}, 0
	if i < j && f.Segs[i].Lo < s.Lo {
		parts[n] = f.Segs[i]
		parts[n].Hi = s.Lo
		n++
	}
	parts[n] = s
	n++
	if i < j && f.Segs[j-1].Hi > s.Hi {
		parts[n] = f.Segs[j-1]
		parts[n].Lo = s.Hi
		n++
	}
	f.Segs = slices.Replace(f.Segs, i, j, parts[:n]...)
	return same < s.Hi-s.Lo
}

// again reports whether the new segment is known to have the bytes of old, which
// lies within it.
func again(old, fresh *Seg) bool {
	a, b := old.By, fresh.By
	if a.Kind != op.Write || b.Kind != op.Write {
		return false
	}
	if a.Sum != 0 && a.Sum == b.Sum && a.Ret == b.Ret && old.base == fresh.base {
		return true
	}
	x, ok := cut(a.Data, old.Lo-old.base, old.Hi-old.base)
	y, ok2 := cut(b.Data, old.Lo-fresh.base, old.Hi-fresh.base)
	if !ok || !ok2 { // of a recording: when it was made, they were there
		return fresh.base+int64(b.Same[0]) <= old.Lo && old.Hi <= fresh.base+int64(b.Same[1])
	}
	return bytes.Equal(x, y)
}

func cut(b []byte, lo, hi int64) ([]byte, bool) {
	if lo < 0 || hi > int64(len(b)) {
		return nil, false
	}
	return b[lo:hi], true
}

// thin forgets who wrote the older half of the segments.
func (f *File) thin() {
	seqs := make([]int, len(f.Segs))
	for i := range f.Segs {
		seqs[i] = f.Segs[i].At.Seq
	}
	slices.Sort(seqs)
	middle := seqs[len(seqs)/2]
	f.Segs = slices.DeleteFunc(f.Segs, func(s Seg) bool { return s.At.Seq < middle })
	if len(f.Segs) > maxSegs { // pieces of one write
		f.Segs = slices.Clone(f.Segs[len(f.Segs)-maxSegs/2:])
	}
}

// resized adopts a size that came about outside the operations seen.
func (f *File) resized(n int64) {
	if f.Type != op.Regular && f.Type != op.UnknownType || n < 0 || n == f.Size {
		return
	}
	if n < f.Size {
		f.cutOff(n)
	}
	f.Size = n
}

// beyond appends to dropped the segments beyond n, as far as they lie there.
func (f *File) beyond(n int64, dropped []Seg) []Seg {
	i := sort.Search(len(f.Segs), func(i int) bool { return f.Segs[i].Hi > n })
	for _, s := range f.Segs[i:] {
		s.Lo = max(s.Lo, n)
		dropped = append(dropped, s)
	}
	return dropped
}

// cutOff removes the segments beyond n.
func (f *File) cutOff(n int64) {
	i := sort.Search(len(f.Segs), func(i int) bool { return f.Segs[i].Hi > n })
	if i < len(f.Segs) && f.Segs[i].Lo < n {
		f.Segs[i].Hi = n
		i++
	}
	clear(f.Segs[i:])
	f.Segs = f.Segs[:i]
}

// truncate sets the length of the file reached.
func (w *World) truncate(e *Effect, n int64) {
	f := e.File
	if f == nil || f.Type != op.Regular && f.Type != op.UnknownType {
		return
	}
	if e.OFD != nil {
		e.OFD.Wrote = true
	}
	if n == f.Size {
		return
	}
	f.Version++
	if n < f.Size {
		e.Shrunk = f.Size - n
		e.Dropped = f.beyond(n, e.Dropped)
		f.cutOff(n)
	}
	f.Size = n
}

// allocate plays fallocate(2).
func (w *World) allocate(o *op.Op, e *Effect) {
	f := e.File
	if f == nil || o.Off < 0 || o.Len <= 0 {
		return
	}
	lo, hi := o.Off, o.Off+o.Len
	switch {
	case o.Flags&op.FALLOC_FL_COLLAPSE_RANGE != 0:
		f.collapse(lo, hi, e)
	case o.Flags&op.FALLOC_FL_INSERT_RANGE != 0:
		f.split(lo)
		f.shift(lo, hi-lo)
		f.Size += hi - lo
		f.Version++
	case o.Flags&(op.FALLOC_FL_PUNCH_HOLE|op.FALLOC_FL_ZERO_RANGE) != 0:
		if o.Flags&op.FALLOC_FL_KEEP_SIZE != 0 {
			hi = min(hi, f.Size)
		}
		f.put(lo, hi, o, e)
	case o.Flags&op.FALLOC_FL_KEEP_SIZE == 0 && hi > f.Size:
		f.Size = hi
		f.Version++
	}
}

// collapse takes [lo, hi) out of the file.
func (f *File) collapse(lo, hi int64, e *Effect) {
	f.split(lo)
	f.split(hi)
	f.Segs = slices.DeleteFunc(f.Segs, func(s Seg) bool {
		if s.Lo < lo || s.Lo >= hi {
			return false
		}
		e.Dropped = append(e.Dropped, s)
		return true
	})
	f.shift(hi, lo-hi)
	f.Size -= hi - lo
	e.Shrunk = hi - lo
	f.Version++
}

// split makes at a border of segments.
func (f *File) split(at int64) {
	for i := range f.Segs {
		if s := f.Segs[i]; s.Lo < at && at < s.Hi {
			f.Segs[i].Hi = at
			s.Lo = at
			f.Segs = slices.Insert(f.Segs, i+1, s)
			return
		}
	}
}

// shift moves the segments from lo on by n bytes.
func (f *File) shift(lo, n int64) {
	for i := range f.Segs {
		if s := &f.Segs[i]; s.Lo >= lo {
			s.Lo, s.Hi, s.base = s.Lo+n, s.Hi+n, s.base+n
		}
	}
}
