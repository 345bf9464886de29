package race

import (
	"encoding/binary"
	"math"
	"slices"

	"github.com/klauspost/compress/s2"
)

// verdict is what keeping an operation hangs on: its upper two bits say what the others are.
type verdict uint32

const (
	onSubject verdict = iota << 30 // the number of a subject; 0: it is kept
	leftOut                        // nothing: it is not kept
	onSignal                       // the number of an actor, and a signal behind it
	onSeveral                      // a place in Sieve.several

	numbers    verdict = 1<<30 - 1
	signalBits         = 7
)

// row is what is noted of an operation: what keeping it hangs on and who did it.
type row struct {
	verdict verdict
	actor   int32
}

// rows are the operations that were noted, in order, by pages. Their rows are compressed until it is known for good which are
// kept: to next to nothing where few things happen over and over, of which none is kept, and to about a byte where
// many different things happen.
type rows struct {
	most  int            // that there are at most
	room  int            // bytes that there are for them
	keeps func(row) bool // as far as is known by now
	pages []*page
	last  []row // those that do not fill a page yet

	// While a page is made, or read:
	places         [rowPlaces]uint16 // of kinds, plus 1
	numbers        [rowsPage]uint8
	plain, smaller []byte
}

const (
	rowsPage  = 1 << 14
	rowsRoom  = 40 << 20
	kindsMax  = 256 // of rows, in a page where they have numbers
	rowPlaces = 4 * kindsMax
	rowBytes  = 8
	pageBytes = rowsPage / 8 // when it is settled
)

// page is a page of rows: either kinds and their numbers, or verdicts and actors.
type page struct {
	kinds  []row
	packed []byte // numbers, or verdicts and behind them actors; nil if there is one kind, or none seemed to be kept

	kept *[rowsPage / 64]uint64 // by bits, once it is settled; nil: see all and none
	all  bool
	none bool
}

// newRows returns rows that take up to so many bytes.
func newRows(room int, keeps func(row) bool) rows {
	return rows{most: math.MaxInt, room: room, keeps: keeps}
}

// add adds a row. There must not be most.
func (r *rows) add(v verdict, actor int32) {
	if r.last == nil {
		r.last = make([]row, 0, rowsPage)
	}
	if r.last = append(r.last, row{v, actor}); len(r.last) < rowsPage {
		return
	}
	p := r.numbered()
	if p == nil {
		p = r.asTheyAre()
	}
	r.pages, r.last = append(r.pages, p), r.last[:0]
	r.room -= rowBytes*len(p.kinds) + len(p.packed) + pageBytes
	if r.room < 0 {
		r.most = min(r.most, len(r.pages)*rowsPage)
	}
}

// numbered makes a page of the last rows if they are of few kinds, else nil.
func (r *rows) numbered() *page {
	clear(r.places[:])
	var kinds []row
	for i, k := range r.last {
		at := int(uint32(k.verdict)*0x9e3779b1^uint32(k.actor)*0x85ebca6b) >> 16 % rowPlaces
		for ; r.places[at] != 0 && kinds[r.places[at]-1] != k; at = (at + 1) % rowPlaces {
		}
		if r.places[at] == 0 {
			if len(kinds) == kindsMax {
				return nil
			}
			kinds = append(kinds, k)
			r.places[at] = uint16(len(kinds))
		}
		r.numbers[i] = uint8(r.places[at] - 1)
	}
	p := &page{kinds: slices.Clip(kinds)}
	if len(kinds) > 1 && slices.ContainsFunc(kinds, r.keeps) {
		p.packed = r.packed(r.numbers[:])
	}
	return p
}

// asTheyAre makes a page of the last rows.
func (r *rows) asTheyAre() *page {
	r.plain = r.plain[:0]
	for _, k := range r.last {
		r.plain = binary.LittleEndian.AppendUint32(r.plain, uint32(k.verdict))
	}
	for _, k := range r.last {
		r.plain = binary.LittleEndian.AppendUint32(r.plain, uint32(k.actor))
	}
	return &page{packed: r.packed(r.plain)}
}

// packed compresses the bytes of a page.
func (r *rows) packed(plain []byte) []byte {
	r.smaller = s2.Encode(r.smaller[:cap(r.smaller)], plain)
	return slices.Clone(r.smaller)
}

// each shows f the rows of a page whose rows are at hand, by their place.
func (r *rows) each(p *page, f func(int, row)) {
	plain, err := s2.Decode(r.plain[:cap(r.plain)], p.packed)
	if err != nil {
		panic(err) // it was packed here
	}
	if r.plain = plain; p.kinds != nil {
		for i, n := range plain {
			f(i, p.kinds[n])
		}
		return
	}
	for i := range rowsPage {
		f(i, row{verdict(binary.LittleEndian.Uint32(plain[4*i:])), int32(binary.LittleEndian.Uint32(plain[4*(rowsPage+i):]))})
	}
}

// kinds shows f each kind of row that there is, at least once.
func (r *rows) kinds(f func(row)) {
	for _, p := range r.pages {
		if p.kinds == nil {
			r.each(p, func(_ int, k row) { f(k) })
		}
		for _, k := range p.kinds {
			f(k)
		}
	}
	for _, k := range r.last {
		f(k)
	}
}

// settle notes which rows are kept, when that is known for good. No more are added.
func (r *rows) settle() {
	for _, p := range r.pages {
		switch {
		case p.kinds != nil && !slices.ContainsFunc(p.kinds, r.keeps):
			p.none = true
		case len(p.kinds) == 1:
			p.all = true
		case p.packed != nil:
			p.kept = new([rowsPage / 64]uint64)
			r.each(p, p.keepsIf(r.keeps))
		}
		p.kinds, p.packed = nil, nil
	}
	rest := &page{kept: new([rowsPage / 64]uint64)}
	for i, k := range r.last {
		rest.keepsIf(r.keeps)(i, k)
	}
	r.pages, r.last, r.plain, r.smaller = append(r.pages, rest), nil, nil, nil
}

// keepsIf notes that a row is kept, if it is.
func (p *page) keepsIf(keeps func(row) bool) func(int, row) {
	return func(i int, k row) {
		if keeps(k) {
			p.kept[i/64] |= 1 << (i % 64)
		}
	}
}

// known tells by bits which of the n rows from a row on, 64 at most, are kept; false if that is not known.
func (r *rows) known(from, n int) (kept uint64, ok bool) {
	for at := 0; at < n; {
		p, begin := r.pages[(from+at)/rowsPage], (from+at)%rowsPage
		here := min(n-at, 64-begin%64)
		var word uint64
		switch {
		case p.kept != nil:
			word = p.kept[begin/64] >> (begin % 64)
		case p.all:
			word = math.MaxUint64
		case !p.none:
			return 0, false
		}
		kept |= word & (math.MaxUint64 >> (64 - here)) << at
		at += here
	}
	return kept, true
}
