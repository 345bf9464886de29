package saved

import (
	"bytes"
	"math"
	"math/bits"
	"slices"

	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/encoding"

	"filerace/internal/op"
	"filerace/internal/trace"
)

// field is where a column's values go in one slot: a pointer to the field.
type field struct {
	column string
	at     any
}

// narrow is a field of a column that has 32 bits.
type narrow struct{ *int }

// lane is one field of every slot: a column of a segment is copied into it without
// looking at the other columns. Words are translated once for each dictionary.
type lane interface {
	add(at any)                      // one more slot
	spare()                          // translate only words that are put or picked
	fill(v parquet.Value)            // all slots have that value
	learn(v *encoding.Values, n int) // the n words that indices count in

	// page takes a page without a dictionary. Where that is nil, copy copies its
	// values, else look does.
	page(v *encoding.Values) (index []int32)

	// copy copies n values of the page to the first slots or, if none are held, to
	// slots from a place on. From held on are the values that the slots have already.
	copy(to, from, n, held int)
	look(to int, index, held []int32)
	follow(r *runs, to, n int)

	put(some []pick, values []uint32) // of the dictionary
	pick(some []pick, from int)       // copies values of the page, where that is called; from is row 0
}

// none is a place that is nowhere.
const none = -1

// newLane makes the lane of a column whose field is of that type.
func (v *vocabulary) newLane(at any) lane {
	switch at.(type) {
	case narrow:
		return &numbers[int32, int]{}
	case *int:
		return &numbers[int64, int]{}
	case *int16:
		return &numbers[int32, int16]{}
	case *int64:
		return &numbers[int64, int64]{}
	case *uint64:
		return &numbers[int64, uint64]{}
	case *int32:
		return &numbers[int32, int32]{}
	case *uint16:
		return &numbers[int32, uint16]{}
	case *uint32:
		return &numbers[int32, uint32]{}
	case *bool:
		return &flags{}
	case *string:
		return &texts[string]{of: v.text}
	case *op.Actor:
		return &texts[op.Actor]{of: func(b []byte) op.Actor { return op.Actor(v.text(b)) }}
	case *place:
		return &texts[place]{of: v.place}
	case **callWord:
		return &texts[*callWord]{of: v.call}
	case *trace.What:
		return &texts[trace.What]{of: v.event}
	case *op.Kind:
		return &texts[op.Kind]{of: v.kind}
	case *op.FileType:
		return &texts[op.FileType]{of: v.fileType}
	case *op.LockFamily:
		return &texts[op.LockFamily]{of: v.family}
	case *op.LockMode:
		return &texts[op.LockMode]{of: v.mode}
	}
	panic("a column of a type that no lane has")
}

// places are the fields of a lane, and what a dictionary holds for them.
type places[T any] struct {
	groups
	at   []*T
	dict []T

	uniform bool // all slots have that value of the dictionary
	value   uint32
}

func (p *places[T]) add(at any) { p.at = append(p.at, at.(*T)) }

func (p *places[T]) spare() {}

func (p *places[T]) set(v T) {
	for _, at := range p.at {
		*at = v
	}
	p.uniform = false
}

// look copies values of the dictionary.
func (p *places[T]) look(to int, index, held []int32) {
	dict := p.dict
	if len(held) < rowsAtOnce || len(index) != rowsAtOnce {
		for i, at := range p.at[to : to+len(index)] {
			*at = dict[index[i]]
		}
		return
	}
	all := (*[rowsAtOnce]*T)(p.at)
	for m := p.changes((*[rowsAtOnce]int32)(index), (*[rowsAtOnce]int32)(held)); m != 0; m &= m - 1 {
		from := bits.TrailingZeros8(m) * groupRows
		at, now := (*[groupRows]*T)(all[from:]), (*[groupRows]int32)(index[from:])
		*at[0] = dict[now[0]]
		*at[1] = dict[now[1]]
		*at[2] = dict[now[2]]
		*at[3] = dict[now[3]]
		*at[4] = dict[now[4]]
		*at[5] = dict[now[5]]
		*at[6] = dict[now[6]]
		*at[7] = dict[now[7]]
	}
}

func (p *places[T]) put(some []pick, values []uint32) {
	p.uniform = false
	for i, v := range values {
		*p.at[some[i].slot] = p.dict[v]
	}
}

// Most columns change seldom, and comparing with what the slots have already costs
// less than copying. Where all groups change, it is not tried again for a while.
const (
	groupRows  = rowsAtOnce / 8
	restlessly = 16
)

// groups keeps an eye on how much of a column changes.
type groups struct{ restless int }

func (g *groups) changes(now, held *[rowsAtOnce]int32) (mask uint8) {
	if g.rest() {
		return math.MaxUint8
	}
	if *now == *held {
		return 0
	}
	for i := range 8 {
		if *(*[groupRows]int32)(now[i*groupRows:]) != *(*[groupRows]int32)(held[i*groupRows:]) {
			mask |= 1 << i
		}
	}
	return g.note(mask)
}

func (g *groups) changes64(now, held *[rowsAtOnce]int64) (mask uint8) {
	if g.rest() {
		return math.MaxUint8
	}
	for i := range 8 {
		if *(*[groupRows]int64)(now[i*groupRows:]) != *(*[groupRows]int64)(held[i*groupRows:]) {
			mask |= 1 << i
		}
	}
	return g.note(mask)
}

func (g *groups) rest() bool {
	g.restless--
	return g.restless > 0
}

func (g *groups) note(mask uint8) uint8 {
	if g.restless = 0; mask == math.MaxUint8 {
		g.restless = restlessly
	}
	return mask
}

// numbers are stored as S.
type numbers[S int32 | int64, T int | int16 | int32 | int64 | uint16 | uint32 | uint64] struct {
	places[T]
	values []S
}

func (l *numbers[S, T]) add(at any) {
	if n, ok := at.(narrow); ok {
		at = n.int
	}
	l.places.add(at)
}

func (l *numbers[S, T]) fill(v parquet.Value) {
	if _, small := any(S(0)).(int32); small {
		l.set(T(v.Int32()))
	} else {
		l.set(T(v.Int64()))
	}
}

func (l *numbers[S, T]) page(v *encoding.Values) []int32 {
	l.values = numbersOf[S](v)
	return nil
}

func (l *numbers[S, T]) learn(v *encoding.Values, n int) {
	l.dict = slices.Grow(l.dict[:0], n)
	for _, n := range numbersOf[S](v) {
		l.dict = append(l.dict, T(n))
	}
}

func numbersOf[S int32 | int64](v *encoding.Values) (out []S) {
	switch out := any(&out).(type) {
	case *[]int32:
		*out = v.Int32()
	case *[]int64:
		*out = v.Int64()
	}
	return out
}

func (l *numbers[S, T]) copy(to, from, n, held int) {
	values := l.values[from : from+n]
	if held == none || n != rowsAtOnce {
		for i, at := range l.at[to : to+n] {
			*at = T(values[i])
		}
		return
	}
	var mask uint8
	switch now := any(values).(type) {
	case []int32:
		mask = l.changes((*[rowsAtOnce]int32)(now), (*[rowsAtOnce]int32)(any(l.values[held:]).([]int32)))
	case []int64:
		mask = l.changes64((*[rowsAtOnce]int64)(now), (*[rowsAtOnce]int64)(any(l.values[held:]).([]int64)))
	}
	for ; mask != 0; mask &= mask - 1 {
		from := bits.TrailingZeros8(mask) * groupRows
		now := (*[groupRows]S)(values[from:])
		for i, at := range (*[groupRows]*T)(l.at[from:]) {
			*at = T(now[i])
		}
	}
}

func (l *numbers[S, T]) pick(some []pick, from int) {
	for _, p := range some {
		*l.at[p.slot] = T(l.values[from+int(p.row)])
	}
}

// texts are paths, names and words.
type texts[T any] struct {
	places[T]
	of    func([]byte) T
	index []int32 // of a page without a dictionary

	spares bool // what is put or picked is translated then, and nothing may be copied
	made   []bool
	text   []byte
	ends   []uint32
}

func (l *texts[T]) spare() { l.spares = true }

func (l *texts[T]) put(some []pick, values []uint32) {
	for _, n := range values {
		if l.made != nil && !l.made[n] {
			l.dict[n], l.made[n] = l.of(l.text[l.ends[n]:l.ends[n+1]]), true
		}
	}
	l.places.put(some, values)
}

func (l *texts[T]) fill(v parquet.Value) { l.set(l.of(v.ByteArray())) }

func (l *texts[T]) learn(v *encoding.Values, n int) {
	text, ends := v.ByteArray()
	l.dict, l.made = l.dict[:0], nil
	if l.spares {
		l.text, l.ends, l.made = text, ends, make([]bool, n)
		l.dict = slices.Grow(l.dict, n)[:n]
		return
	}
	for i := range n {
		l.dict = append(l.dict, l.of(text[ends[i]:ends[i+1]]))
	}
}

// page makes a dictionary, of a kind: what is empty or like the one before is not
// translated again.
func (l *texts[T]) page(v *encoding.Values) []int32 {
	text, ends := v.ByteArray()
	n := max(len(ends)-1, 0)
	l.made = nil
	if l.spares {
		l.text, l.ends = text, ends
		return nil
	}
	l.dict, l.index = append(l.dict[:0], l.of(nil)), slices.Grow(l.index[:0], n)[:n]
	clear(l.index)
	var last []byte
	at, from := int32(0), uint32(0) // texts begin where the one before ends
	for i := range l.index {
		to := ends[i+1]
		if from == to {
			continue
		}
		if b := text[from:to]; !bytes.Equal(b, last) {
			at, last = int32(len(l.dict)), b
			l.dict = append(l.dict, l.of(b))
		}
		l.index[i], from = at, to
	}
	return l.index
}

func (l *texts[T]) copy(_, _, _, _ int) { panic("texts have an index") }

func (l *texts[T]) pick(some []pick, from int) {
	for _, p := range some {
		at := from + int(p.row)
		*l.at[p.slot] = l.of(l.text[l.ends[at]:l.ends[at+1]])
	}
}

// flags are bits.
type flags struct {
	places[bool]
	bits []byte
}

func (l *flags) fill(v parquet.Value) { l.set(v.Boolean()) }

func (l *flags) learn(*encoding.Values, int) { panic("a dictionary of yes and no") }

func (l *flags) page(v *encoding.Values) []int32 {
	l.bits = v.Boolean()
	return nil
}

func (l *flags) copy(to, from, n, held int) {
	if held != none && from%8 == 0 && held%8 == 0 && n%8 == 0 && bytes.Equal(l.bits[from/8:(from+n)/8], l.bits[held/8:(held+n)/8]) {
		return
	}
	for i, at := range l.at[to : to+n] {
		*at = l.bits[(from+i)/8]>>((from+i)%8)&1 != 0
	}
}

func (l *flags) pick(some []pick, from int) {
	for _, p := range some {
		at := from + int(p.row)
		*l.at[p.slot] = l.bits[at/8]>>(at%8)&1 != 0
	}
}
