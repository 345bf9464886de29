package saved

import (
	"encoding/binary"
	"fmt"
)

// runs goes through the pages of a column that counts in a dictionary, in the encoding of the
// file: runs of one value, and groups of eight values in few bits (RLE/bit-packing
// hybrid). parquet-go would make a list of them first, which takes longer than all else.
type runs struct {
	chunk *chunk
	nth   int    // page that comes next
	rest  []byte // of the chunk's text, behind the page at hand, if that is not kept
	own   []byte // where pages lie that are not kept

	page  []byte // plain, and then padding
	width int    // bits of a value
	end   int    // of the page without padding

	// The place in it.
	next   int // byte at which the next run begins
	packed bool
	value  uint32 // of all, if they are not packed
	at     int    // bit of the next value, if they are
	left   int    // values of the run
}

// turn goes to the next page, and returns how many values it has.
func (r *runs) turn() (values int, err error) {
	c := r.chunk
	var p page
	switch at := r.nth - len(c.pages); {
	case at < 0:
		p = c.pages[r.nth]
	case at == 0 && c.loader.roomy():
		if p, c.rest, err = c.next(c.rest, nil); err != nil {
			return 0, err
		}
		c.pages = append(c.pages, p)
		c.loader.keep(len(p.text))
	case at == 0:
		r.rest = c.rest
		fallthrough
	default:
		if p, r.rest, err = c.next(r.rest, r.own); err != nil {
			return 0, err
		}
		r.own = p.text
	}
	r.nth++
	r.page, r.width, r.next, r.end, r.left = p.text, int(p.text[0]), 1, len(p.text)-padding, 0
	return p.values, nil
}

// more goes to the next run. It panics where the page ends, as everything does that
// meets what cannot be; see caught.
func (r *runs) more() {
	for r.left == 0 {
		n, size := uint64(r.page[r.next]), 1
		if n >= 0x80 {
			n, size = binary.Uvarint(r.page[r.next:r.end])
		}
		if size <= 0 || r.next >= r.end || n>>1 > 1<<31 {
			panic(fmt.Sprintf("a page ends early, at %d of %d bytes", r.next, r.end))
		}
		r.next += size
		r.packed, r.left = n&1 != 0, int(n>>1)
		long := (r.width + 7) / 8
		if r.packed {
			long, r.at, r.left = r.left*r.width, r.next*8, r.left*8
		} else {
			r.value = binary.LittleEndian.Uint32(r.page[r.next:]) & uint32(uint64(1)<<r.width-1)
		}
		if r.next += long; r.next > r.end {
			panic("a run ends behind its page")
		}
	}
}

// skip passes over the next n values.
func (r *runs) skip(n int) {
	for n > 0 {
		if r.left == 0 {
			r.more()
		}
		k := min(n, r.left)
		if r.packed {
			r.at += k * r.width
		}
		n, r.left = n-k, r.left-k
	}
}

// follow copies the next n values to slots from a place on.
func (p *places[T]) follow(r *runs, to, n int) {
	at := p.at[to : to+n]
	if r.left >= rowsAtOnce && n == rowsAtOnce && !r.packed {
		if !p.uniform || p.value != r.value {
			p.set(p.dict[r.value])
			p.uniform, p.value = true, r.value
		}
		r.left -= n
		return
	}
	p.uniform = false
	for len(at) > 0 {
		if r.left == 0 {
			r.more()
		}
		switch {
		case !r.packed:
			k := min(len(at), r.left)
			v := p.dict[r.value]
			for _, at := range at[:k] {
				*at = v
			}
			at, r.left = at[k:], r.left-k
		case r.width <= 16 && r.left%8 == 0 && len(at) >= 8:
			k := min(len(at), r.left) &^ 7
			p.unpackGroups(r, at[:k])
			at, r.left = at[k:], r.left-k
		default:
			k := min(len(at), r.left)
			p.unpack(r, at[:k])
			at, r.left = at[k:], r.left-k
		}
	}
}

// unpackGroups is unpack for values of at most sixteen bits: one load has four of them.
func (p *places[T]) unpackGroups(r *runs, all []*T) {
	dict, page, from, width := p.dict, r.page, uint(r.at), uint(r.width)&63
	mask := uint64(1)<<width - 1
	for ; len(all) >= 4; all = all[4:] {
		four := binary.LittleEndian.Uint64(page[from/8:]) >> (from % 8)
		at := (*[4]*T)(all)
		*at[0] = dict[four&mask]
		four >>= width
		*at[1] = dict[four&mask]
		four >>= width
		*at[2] = dict[four&mask]
		four >>= width
		*at[3] = dict[four&mask]
		from += 4 * width
	}
	r.at = int(from)
}

func (p *places[T]) unpack(r *runs, all []*T) {
	dict, page, from, width := p.dict, r.page, uint(r.at), uint(r.width)
	mask := uint64(1)<<width - 1
	for _, at := range all {
		*at = dict[binary.LittleEndian.Uint64(page[from/8:])>>(from%8)&mask]
		from += width
	}
	r.at = int(from)
}

// pick tells the values of some of the next n rows, the first of which is row at, and passes over the others.
func (r *runs) pick(values []uint32, some []pick, at, n int) {
	page, width, end := r.page, r.width, at+n
	mask := uint32(uint64(1)<<width - 1)
	for i := 0; i < len(some); {
		if gap := int(some[i].row) - at; gap >= r.left {
			r.skip(gap)
			if at += gap; r.left == 0 {
				r.more()
			}
		}
		last := at + r.left // of the run
		for ; i < len(some) && int(some[i].row) < last; i++ {
			if values[i] = r.value; r.packed {
				from := uint(r.at + (int(some[i].row)-at)*width)
				values[i] = uint32(binary.LittleEndian.Uint64(page[from/8:])>>(from%8)) & mask
			}
		}
		next := int(some[i-1].row) + 1
		r.at += (next - at) * width
		r.left, at = last-next, next
	}
	r.skip(end - at)
}
