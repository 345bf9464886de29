package saved

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"sync"
	"unsafe"

	"filerace/internal/op"
	"filerace/internal/trace"
)

// vocabulary gives the texts of columns their meaning. Words that this version does
// not know become numbers that mean nothing else: an error only if a row has one.
type vocabulary struct {
	words
	strange []string // of the segment
	scraps  *scraps  // of those who look at paths and keep none; nil: they are words
}

// scraps are texts that are not looked for among earlier ones, which takes longer than to copy
// them. One that is kept keeps others.
type scraps struct{ free []byte }

func (s *scraps) of(b []byte) string {
	if len(b) == 0 {
		return ""
	}
	if len(b) > len(s.free) {
		s.free = make([]byte, max(len(b), 1<<16))
	}
	n := copy(s.free, b)
	text := unsafe.String(&s.free[0], n)
	s.free = s.free[n:]
	return text
}

// place is a path and the entry that it ends in.
type place struct{ path, last string }

// callWord is what the column call may hold.
type callWord struct {
	word string
	by   [][]*op.Call // rows of the table that have this name, by kind
}

const (
	strangeMax = 100              // words told apart
	noMode     = op.LockMode(127) // the column is empty
)

func (v *vocabulary) text(b []byte) string { return v.words.of(b) }

func (v *vocabulary) place(b []byte) place {
	path := ""
	if v.scraps != nil {
		path = v.scraps.of(b)
	} else {
		path = v.words.of(b)
	}
	return place{path, lastOf(path)}
}

func (v *vocabulary) call(b []byte) *callWord {
	if w := callWords()[string(b)]; w != nil {
		return w
	}
	return &callWord{word: string(b)}
}

func (v *vocabulary) event(b []byte) trace.What {
	if i := slices.Index(events[:], string(b)); i >= 0 {
		return trace.What(i)
	}
	return trace.What(v.unknown(b))
}

func (v *vocabulary) fileType(b []byte) op.FileType {
	if i := slices.Index(types[:], string(b)); i >= 0 {
		return op.FileType(i)
	}
	return op.FileType(v.unknown(b))
}

func (v *vocabulary) kind(b []byte) op.Kind {
	if k, ok := kinds[string(b)]; ok {
		return k
	}
	return op.Kind(v.unknown(b))
}

func (v *vocabulary) family(b []byte) op.LockFamily {
	if len(b) == 0 {
		return op.NoLock
	}
	if f, ok := families[string(b)]; ok {
		return f
	}
	return op.LockFamily(v.unknown(b))
}

func (v *vocabulary) mode(b []byte) op.LockMode {
	if m, ok := modes[string(b)]; ok {
		return m
	}
	if len(b) == 0 {
		return noMode
	}
	return op.LockMode(v.unknown(b))
}

// unknown gives a word a number, down from the greatest.
func (v *vocabulary) unknown(b []byte) uint8 {
	if len(v.strange) < strangeMax {
		v.strange = append(v.strange, string(b))
	}
	return math.MaxUint8 - uint8(len(v.strange)-1)
}

// known is nil, or says that a column holds a word that has no meaning here.
func (v *vocabulary) known(column string, number uint8) error {
	if i := math.MaxUint8 - int(number); i < len(v.strange) {
		return unknown(column, v.strange[i])
	}
	return nil
}

func unknown(column, value string) error {
	return fmt.Errorf("column %s holds %q, which this version does not know", column, value)
}

// The words of kinds, lock families and modes, backwards. A number without
// a word is "kind N", and none of ours.
var (
	kinds    = backwards[op.Kind](math.MaxUint8)
	families = backwards[op.LockFamily](int(op.LeaseLock) + 1)
	modes    = backwards[op.LockMode](int(op.Exclusive) + 1)
)

func backwards[T interface {
	~uint8
	fmt.Stringer
}](n int) map[string]T {
	m := make(map[string]T, n)
	for i := range n {
		if word := T(i).String(); !strings.HasPrefix(word, "kind ") {
			m[word] = T(i)
		}
	}
	return m
}

// callWords are the names in the table, and "" for an operation that is no call.
var callWords = sync.OnceValue(func() map[string]*callWord {
	all := map[string]*callWord{"": {}}
	for i := range op.Calls {
		c := &op.Calls[i]
		w := all[c.Name]
		if w == nil {
			w = &callWord{word: c.Name, by: make([][]*op.Call, len(kinds))}
			all[c.Name] = w
		}
		w.by[c.Kind] = append(w.by[c.Kind], c)
	}
	return all
})

// words are the texts of earlier segments: paths, programs and actors come again, and
// whoever keeps one of them shall not keep its whole dictionary. Bounded by two
// generations of wordsMax.
type words struct{ young, old map[string]string }

const wordsMax = 1 << 16

func (w *words) of(b []byte) string {
	if len(b) == 0 {
		return ""
	}
	if s, ok := w.young[string(b)]; ok {
		return s
	}
	s, ok := w.old[string(b)]
	if !ok {
		s = string(b)
	}
	if len(w.young) >= wordsMax || w.young == nil {
		w.old, w.young = w.young, w.old
		if w.young == nil {
			w.young = map[string]string{}
		}
		clear(w.young)
	}
	w.young[s] = s
	return s
}
