package saved

import (
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
	add(at any)                 // one more slot
	fill(v parquet.Value)       // all slots have that value
	learn(d parquet.Dictionary) // that index counts in
	page(v *encoding.Values)    // of a column without a dictionary
	copy(to, from, n, held int) // n values of the page; held: those that the slots have already, or none
	look(to int, index, held []int32)
}

const none = -1

// newLane makes the lane of a column whose field is of that type.
func (v *vocabulary) newLane(at any) lane {
	switch at.(type) {
	case narrow:
		return &numbers[int32, int]{}
	case *int:
		return &numbers[int64, int]{}
	case *int64:
		return &numbers[int64, int64]{}
	case *uint64:
		return &numbers[int64, uint64]{}
	case *int32:
		return &numbers[int32, int32]{}
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
	at   []*T
	dict []T
}

func (p *places[T]) add(at any) { p.at = append(p.at, at.(*T)) }

func (p *places[T]) set(v T) {
	for _, at := range p.at {
		*at = v
	}
}

// atOnce values are compared with those that the slots have already: most columns
// change seldom, and comparing costs less than copying.
const atOnce = 8

func (p *places[T]) look(to int, index, held []int32) {
	at, dict := p.at[to:to+len(index)], p.dict
	for len(index) >= atOnce && len(at) >= atOnce {
		now := (*[atOnce]int32)(index)
		if len(held) < atOnce || *(*[atOnce]int32)(held) != *now {
			for i, p := range (*[atOnce]*T)(at) {
				*p = dict[now[i]]
			}
		}
		at, index = at[atOnce:], index[atOnce:]
		held = held[min(atOnce, len(held)):]
	}
	for i, k := range index {
		*at[i] = dict[k]
	}
}

// numbers are stored as S.
type numbers[S int32 | int64, T int | int32 | int64 | uint32 | uint64] struct {
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

func (l *numbers[S, T]) page(v *encoding.Values) { l.values = numbersOf[S](v) }

func (l *numbers[S, T]) learn(d parquet.Dictionary) {
	v := d.Page().Data()
	l.dict = l.dict[:0]
	for _, n := range numbersOf[S](&v) {
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
	at, values := l.at[to:to+n], l.values[from:from+n]
	var had []S
	if held != none {
		had = l.values[held : held+n]
	}
	for len(values) >= atOnce && len(at) >= atOnce {
		now := (*[atOnce]S)(values)
		if len(had) < atOnce || *(*[atOnce]S)(had) != *now {
			for i, p := range (*[atOnce]*T)(at) {
				*p = T(now[i])
			}
		}
		at, values = at[atOnce:], values[atOnce:]
		had = had[min(atOnce, len(had)):]
	}
	for i, v := range values {
		*at[i] = T(v)
	}
}

// texts are paths, names and words.
type texts[T any] struct {
	places[T]
	of    func([]byte) T
	bytes []byte
	ends  []uint32
	last  string // the latest text that came without a dictionary
	means T
}

func (l *texts[T]) fill(v parquet.Value) { l.set(l.of(v.ByteArray())) }

func (l *texts[T]) learn(d parquet.Dictionary) {
	v := d.Page().Data()
	text, ends := v.ByteArray()
	l.dict = l.dict[:0]
	for i := range d.Len() {
		l.dict = append(l.dict, l.of(text[ends[i]:ends[i+1]]))
	}
}

func (l *texts[T]) page(v *encoding.Values) {
	l.bytes, l.ends = v.ByteArray()
	l.last, l.means = "", l.of(nil)
}

func (l *texts[T]) copy(to, from, n, _ int) {
	begin := l.ends[from]
	for i, end := range l.ends[from+1 : from+1+n] {
		if b := l.bytes[begin:end]; string(b) != l.last {
			l.last, l.means = string(b), l.of(b)
		}
		*l.at[to+i], begin = l.means, end
	}
}

// flags are bits.
type flags struct {
	places[bool]
	bits []byte
}

func (l *flags) fill(v parquet.Value) { l.set(v.Boolean()) }

func (l *flags) learn(parquet.Dictionary) { panic("a dictionary of yes and no") }

func (l *flags) page(v *encoding.Values) { l.bits = v.Boolean() }

func (l *flags) copy(to, from, n, _ int) {
	for i, at := range l.at[to : to+n] {
		*at = l.bits[(from+i)/8]>>((from+i)%8)&1 != 0
	}
}
