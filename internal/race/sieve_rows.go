package race

import (
	"math"
	"slices"
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

// rows are the operations that were noted, in order, by pages. One takes next to nothing where few things happen over and over
// of which none is kept, half a byte where some are, and some five bytes where many different things happen.
type rows struct {
	most  int            // that there are at most
	room  int            // bytes that there are for them
	keeps func(row) bool // as far as is known by now
	pages []*page
	last  []row // those that do not fill a page yet

	// While a page is made:
	places  [rowPlaces]uint16 // of kinds, plus 1
	numbers [rowsPage]uint8
}

const (
	rowsPage  = 1 << 14
	rowsRoom  = 40 << 20
	sceneRows = 64
	kindsMax  = 256 // of rows, in a page where they have numbers
	fewKinds  = 16  // of which two fit into a byte
	rowPlaces = 4 * kindsMax
)

// page is a page of rows: either kinds and numbers, or verdicts and scenes.
type page struct {
	kinds   []row
	numbers []uint8 // of the kinds; with few of them, of two rows each; none if there is one kind, or none seemed to be kept
	kept    []bool  // by kinds, once that is known
	none    bool    // none of them is

	verdicts []verdict
	who      []uint8 // places in the cast of the scene
	scenes   []int32 // where their casts begin
	cast     []int32 // actors
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
		p = inScenes(r.last)
	}
	r.pages, r.last = append(r.pages, p), r.last[:0]
	r.room -= 12*len(p.kinds) + len(p.numbers) + 4*len(p.verdicts) + len(p.who) + 4*len(p.scenes) + 4*cap(p.cast)
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
	switch {
	case len(kinds) == 1, !slices.ContainsFunc(kinds, r.keeps):
	case len(kinds) <= fewKinds:
		p.numbers = make([]uint8, rowsPage/2)
		for i := range p.numbers {
			p.numbers[i] = r.numbers[2*i] | r.numbers[2*i+1]<<4
		}
	default:
		p.numbers = slices.Clone(r.numbers[:])
	}
	return p
}

// inScenes makes a page of rows of which many differ; but few actors take part in a scene.
func inScenes(all []row) *page {
	p := &page{verdicts: make([]verdict, len(all)), who: make([]uint8, len(all))}
	begin, latest, place := 0, int32(-1), uint8(0)
	for i, k := range all {
		if i%sceneRows == 0 {
			begin, latest = len(p.cast), -1
			p.scenes = append(p.scenes, int32(begin))
		}
		if k.actor != latest {
			at := slices.Index(p.cast[begin:], k.actor)
			if at < 0 {
				at = len(p.cast) - begin
				p.cast = append(p.cast, k.actor)
			}
			latest, place = k.actor, uint8(at)
		}
		p.verdicts[i], p.who[i] = k.verdict, place
	}
	return p
}

// kinds shows f each kind of row that there is, at least once.
func (r *rows) kinds(f func(row)) {
	for _, p := range r.pages {
		for _, k := range p.kinds {
			f(k)
		}
		for i := range p.verdicts {
			f(p.inScene(i))
		}
	}
	for _, k := range r.last {
		f(k)
	}
}

func (p *page) inScene(i int) row {
	return row{p.verdicts[i], p.cast[int(p.scenes[i/sceneRows])+int(p.who[i])]}
}

// settle notes of which kinds rows are kept, when that is known for good.
func (r *rows) settle() {
	for _, p := range r.pages {
		p.kept, p.none = make([]bool, len(p.kinds)), p.verdicts == nil
		for i, k := range p.kinds {
			p.kept[i] = r.keeps(k)
			p.none = p.none && !p.kept[i]
		}
	}
}

// known tells by bits which of the n rows from a row on, 64 at most, are kept; false if that is not known.
func (r *rows) known(from, n int) (kept uint64, ok bool) {
	for at := 0; at < n; {
		begin := (from + at) % rowsPage
		end := min(begin+n-at, rowsPage)
		some, ok := r.inPage((from+at)/rowsPage, begin, end)
		if !ok {
			return 0, false
		}
		kept |= some << at
		at += end - begin
	}
	return kept, true
}

// inPage is known for some rows of a page.
func (r *rows) inPage(page, begin, end int) (kept uint64, ok bool) {
	set := func(i int, is bool) {
		if is {
			kept |= 1 << (i - begin)
		}
	}
	if page == len(r.pages) {
		for i := begin; i < end; i++ {
			set(i, r.keeps(r.last[i]))
		}
		return kept, true
	}
	p := r.pages[page]
	switch {
	case p.none:
	case p.verdicts != nil:
		for i := begin; i < end; i++ {
			set(i, r.keeps(p.inScene(i)))
		}
	case len(p.kinds) == 1:
		for i := begin; i < end; i++ {
			set(i, p.kept[0])
		}
	case p.numbers == nil:
		return 0, false
	case len(p.kinds) <= fewKinds:
		for i := begin; i < end; i++ {
			set(i, p.kept[p.numbers[i/2]>>(i%2*4)&15])
		}
	default:
		for i := begin; i < end; i++ {
			set(i, p.kept[p.numbers[i]])
		}
	}
	return kept, true
}
