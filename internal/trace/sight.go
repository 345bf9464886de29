package trace

import (
	"bytes"

	"filerace/internal/op"
)

// sight is what goes on with the contents of the file that a name was opened by: those
// that look at them and those that change them, on the way, as they came.
type sight struct{ looks, writes []*item }

// sightMax bounds how many of those on the way one write is held against.
const sightMax = 64

// look puts an operation among those that tell, or may change, what the file holds.
func (n *node) look(it *item) {
	o := it.op
	switch {
	case o.Failed():
	case o.Kind == op.Read && (len(o.Data) > 0 || o.Ret < o.Len), o.Kind == op.Seek && o.Whence == op.SEEK_END:
		n.sight.looks, it.data = append(n.sight.looks, it), n
	case (o.Kind == op.Write || o.Kind == op.Copy) && o.Ret > 0:
		n.sight.writes, it.data = append(n.sight.writes, it), n
	}
}

// settle forgets those that have gone on.
func (s *sight) settle() {
	s.looks, s.writes = rest(s.looks), rest(s.writes)
}

func rest(list []*item) []*item {
	n := 0
	for n < len(list) && list[n].done {
		n++
	}
	if n == len(list) {
		clear(list)
		return list[:0]
	}
	return list[n:]
}

// seeFirst lets those go on before a write that saw the file as it was before it, and
// overlapped it: reads that got other bytes, or met the end before the last byte written.
func (f *Flow) seeFirst(w *item) {
	n := w.data
	if n == nil || w.op.Kind != op.Write || f.world == nil {
		return
	}
	for _, r := range n.sight.looks[:min(len(n.sight.looks), sightMax)] {
		if r.done || r.proc == w.proc || r.begins() > w.point || r.prev != nil && !r.prev.done || n.sight.other(r, w) || !f.sawOld(r.op, w.op) {
			continue
		}
		f.queue.leave(r)
		f.out(r)
	}
}

// other reports whether another write may have come between the two.
func (s *sight) other(r, w *item) bool {
	if len(s.writes) > sightMax {
		return true
	}
	for _, o := range s.writes {
		if o != w && !o.done && o.begins() <= r.returns() {
			return true
		}
	}
	return false
}

// sawOld reports whether what an operation returned tells that the write came later.
func (f *Flow) sawOld(o, w *op.Op) bool {
	lo := f.offset(w)
	if lo == op.None {
		return false
	}
	hi := lo + w.Ret
	if o.Kind == op.Seek {
		return o.Ret-o.Off < hi
	}
	at := f.offset(o)
	if at == op.None {
		return false
	}
	if o.Ret < o.Len && at+o.Ret < hi {
		return true
	}
	from, to := max(lo, at), min(lo+int64(len(w.Data)), at+int64(len(o.Data)))
	return from < to && !bytes.Equal(w.Data[from-lo:to-lo], o.Data[from-at:to-at])
}

// offset is where an operation by descriptor begins, in bytes; op.None: not known.
func (f *Flow) offset(o *op.Op) int64 {
	if o.Off != op.None {
		return o.Off
	}
	d := f.world.OFD(o.Actor, o.FD)
	switch {
	case d == nil || d.File == nil:
		return op.None
	case o.Kind == op.Write && d.Flags&op.O_APPEND != 0:
		if d.File.Size >= unknownSize {
			return op.None
		}
		return d.File.Size
	}
	return d.Offset
}
