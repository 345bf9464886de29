package race

import (
	"iter"

	"filerace/internal/world"
)

// noted keeps what a rule notes of files, names or descriptions, in a list by their places:
// several rules look at every operation, and a list is found without a search. What is kept of
// one that the world has forgotten is not found any more.
type noted[V any] struct {
	cells []cell[V]
	n     int // that hold something
}

type cell[V any] struct {
	of  world.Place
	now bool // noted or asked for since the last sweep
	v   V
}

// at returns what is noted, nil if nothing is. It is valid until the next put.
func (n *noted[V]) at(p world.Place) *V {
	if uint(p.At) < uint(len(n.cells)) {
		if c := &n.cells[p.At]; c.of == p && p.At > 0 {
			c.now = true
			return &c.v
		}
	}
	return nil
}

// put notes v, and reports whether nothing was noted before.
func (n *noted[V]) put(p world.Place, v V) (fresh bool) {
	if int(p.At) >= len(n.cells) {
		n.cells = append(n.cells, make([]cell[V], int(p.At)+1-len(n.cells))...)
	}
	c := &n.cells[p.At]
	if fresh = c.of != p; c.of.At == 0 {
		n.n++
	}
	*c = cell[V]{p, true, v}
	return fresh
}

// all yields what is noted, in no particular order.
func (n *noted[V]) all() iter.Seq[*V] {
	return func(yield func(*V) bool) {
		for i := range n.cells {
			if n.cells[i].of.At > 0 && !yield(&n.cells[i].v) {
				return
			}
		}
	}
}

func (n *noted[V]) drop(p world.Place) {
	if n.at(p) != nil {
		n.cells[p.At] = cell[V]{}
		n.n--
	}
}

// perFile is what is noted of files, as long as they live.
type perFile[V any] struct{ noted[V] }

func (p *perFile[V]) at(f *world.File) *V {
	if f == nil {
		return nil
	}
	return p.noted.at(f.Place)
}

func (p *perFile[V]) get(f *world.File) (v V) {
	if at := p.at(f); at != nil {
		v = *at
	}
	return v
}

func (p *perFile[V]) put(f *world.File, v V) { p.noted.put(f.Place, v) }

func (p *perFile[V]) drop(f *world.File) { p.noted.drop(f.Place) }

// Forget drops a file that is gone for good.
func (p *perFile[V]) Forget(f *world.File) { p.drop(f) }

// perOFD is what is noted of open file descriptions, until they are closed.
type perOFD[V any] struct{ noted[V] }

func (p *perOFD[V]) at(d *world.OFD) *V {
	if d == nil || p.n == 0 {
		return nil
	}
	return p.noted.at(d.Place)
}

func (p *perOFD[V]) get(d *world.OFD) (v V) {
	if at := p.at(d); at != nil {
		v = *at
	}
	return v
}

func (p *perOFD[V]) put(d *world.OFD, v V) { p.noted.put(d.Place, v) }

func (p *perOFD[V]) drop(d *world.OFD) {
	if p.n > 0 {
		p.noted.drop(d.Place)
	}
}

// perName is what is noted of names. It forgets what was not used for long, so that names that
// come and go (or never exist: include paths, PATH) cost a bounded amount of memory: it
// holds the last span at least, and those of as many others as were new since.
type perName[V any] struct {
	noted[V]
	fresh int // since the last sweep
}

func (p *perName[V]) at(n *world.Entry) *V {
	if n == nil {
		return nil
	}
	return p.noted.at(n.Place)
}

func (p *perName[V]) get(n *world.Entry) (v V) {
	if at := p.at(n); at != nil {
		v = *at
	}
	return v
}

func (p *perName[V]) put(n *world.Entry, v V) {
	if !p.noted.put(n.Place, v) {
		return
	}
	if p.fresh++; p.fresh < span {
		return
	}
	p.fresh = 0
	for i := range p.cells {
		switch c := &p.cells[i]; {
		case c.now:
			c.now = false
		case c.of.At > 0:
			*c = cell[V]{}
			p.n--
		}
	}
}

// ForgetName drops a name that the world has forgotten: nobody can ask for it.
func (p *perName[V]) ForgetName(n *world.Entry) { p.drop(n.Place) }
