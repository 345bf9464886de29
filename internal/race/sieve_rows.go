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
	most   int // that are kept
	pages  []*page
	scenes []int32 // where the casts of the scenes begin
	cast   []int32 // actors, of all scenes
	latest int32   // the actor added last, and its place in the scene
	place  uint8
}

type page struct {
	verdicts [rowsPage]verdict
	who      [rowsPage]uint8 // places in the cast of the scene
}

const (
	rowsMax   = 1 << 23
	rowsPage  = 1 << 14
	sceneRows = 64
)

// add adds row n, from 0.
func (r *rows) add(n int, v verdict, actor int32) {
	if n%sceneRows == 0 {
		if n%rowsPage == 0 {
			r.pages = append(r.pages, new(page))
		}
		r.scenes = append(r.scenes, int32(len(r.cast)))
		r.latest = -1
	}
	if actor != r.latest {
		begin := int(r.scenes[len(r.scenes)-1])
		at := slices.Index(r.cast[begin:], actor)
		if at < 0 {
			at = len(r.cast) - begin
			r.cast = append(r.cast, actor)
		}
		r.latest, r.place = actor, uint8(at)
	}
	p := r.pages[len(r.pages)-1]
	p.verdicts[n%rowsPage], p.who[n%rowsPage] = v, r.place
}

// verdicts returns those of rows from n on, as many as lie together.
func (r *rows) verdicts(n int) []verdict { return r.pages[n/rowsPage].verdicts[n%rowsPage:] }

// actor returns who did row n.
func (r *rows) actor(n int) int32 {
	return r.cast[int(r.scenes[n/sceneRows])+int(r.pages[n/rowsPage].who[n%rowsPage])]
}
