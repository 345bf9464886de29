package world

import (
	"iter"
	"maps"
	"math/bits"
	"slices"
)

// FDs are the open descriptors of a table, by number. Numbers are small as a rule: the kernel
// gives the lowest that is free (open(2)).
type FDs struct {
	low  []*Descriptor       // below lowFDs; nil: not open
	used []uint64            // by bits: which of low are open
	high map[int]*Descriptor // the others
	open int                 // all
}

const lowFDs = 1 << 10

// At returns what the descriptor leads to, nil if it is not known to be open.
func (f *FDs) At(fd int) *Descriptor {
	if uint(fd) < uint(len(f.low)) {
		return f.low[fd]
	}
	if f.high == nil {
		return nil
	}
	return f.high[fd]
}

// Len is how many are open.
func (f *FDs) Len() int { return f.open }

// All yields the open descriptors, ascending.
func (f *FDs) All() iter.Seq2[int, *Descriptor] { return f.from(0) }

// from is All from a number on.
func (f *FDs) from(lo int) iter.Seq2[int, *Descriptor] {
	return func(yield func(int, *Descriptor) bool) {
		for i, word := range f.used {
			for ; word != 0; word &= word - 1 {
				if fd := 64*i + bits.TrailingZeros64(word); fd >= lo && f.low[fd] != nil && !yield(fd, f.low[fd]) {
					return
				}
			}
		}
		if len(f.high) == 0 {
			return
		}
		for _, fd := range slices.Sorted(maps.Keys(f.high)) {
			if fd >= lo && !yield(fd, f.high[fd]) {
				return
			}
		}
	}
}

// set lets a number that is not open lead to d.
func (f *FDs) set(fd int, d *Descriptor) {
	if f.At(fd) == nil {
		f.open++
	}
	if fd >= lowFDs || fd < 0 {
		if f.high == nil {
			f.high = map[int]*Descriptor{}
		}
		f.high[fd] = d
		return
	}
	if fd >= len(f.low) {
		f.low = append(f.low, make([]*Descriptor, fd+1-len(f.low))...)
	}
	for fd/64 >= len(f.used) {
		f.used = append(f.used, 0)
	}
	f.low[fd] = d
	f.used[fd/64] |= 1 << (fd % 64)
}

// drop closes a number, if it is open.
func (f *FDs) drop(fd int) {
	switch {
	case f.At(fd) == nil:
		return
	case uint(fd) < uint(len(f.low)):
		f.low[fd] = nil
		f.used[fd/64] &^= 1 << (fd % 64)
	default:
		delete(f.high, fd)
	}
	f.open--
}
