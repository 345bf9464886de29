package race

import "slices"

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

// rows are the operations that were noted, in order: what keeping them hangs on and who did them. One takes some
// five bytes, as few actors take part in a scene.
type rows struct {
	verdicts [][]verdict // by pages
	who      [][]uint8   // likewise: places in the cast of the scene
	casts    []int32     // where the casts of the scenes begin
	cast     []int32     // actors, of all scenes
}

const (
	rowsMax   = 1 << 23
	rowsPage  = 1 << 16
	sceneRows = 64
)

// add adds row n, from 0.
func (r *rows) add(n int, v verdict, actor int32) {
	if n%rowsPage == 0 {
		r.verdicts = append(r.verdicts, make([]verdict, 0, rowsPage))
		r.who = append(r.who, make([]uint8, 0, rowsPage))
	}
	if n%sceneRows == 0 {
		r.casts = append(r.casts, int32(len(r.cast)))
	}
	scene := r.cast[r.casts[n/sceneRows]:]
	at := slices.Index(scene, actor)
	if at < 0 {
		at = len(scene)
		r.cast = append(r.cast, actor)
	}
	page := n / rowsPage
	r.verdicts[page] = append(r.verdicts[page], v)
	r.who[page] = append(r.who[page], uint8(at))
}

// at returns row n.
func (r *rows) at(n int) (v verdict, actor int32) {
	page, at := n/rowsPage, n%rowsPage
	return r.verdicts[page][at], r.cast[int(r.casts[n/sceneRows])+int(r.who[page][at])]
}
