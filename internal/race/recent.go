package race

import "filerace/internal/world"

// recent is a map that forgets what was not used for long, so that names that
// come and go (or never exist: include paths, PATH) cost a bounded amount of
// memory. It holds the last span keys at least and twice as many at most, in two
// generations.
type recent[K comparable, V any] struct{ young, old map[K]V }

const span = 1 << 14

func (r *recent[K, V]) get(k K) V {
	if v, ok := r.young[k]; ok {
		return v
	}
	v, ok := r.old[k]
	if ok {
		r.put(k, v)
	}
	return v
}

func (r *recent[K, V]) put(k K, v V) {
	if r.young == nil || len(r.young) >= span {
		r.young, r.old = r.old, r.young
		if r.young == nil {
			r.young = map[K]V{}
		}
		clear(r.young) // and not a new one, which would have to grow
	}
	r.young[k] = v
}

func (r *recent[K, V]) drop(k K) {
	delete(r.young, k)
	delete(r.old, k)
}

// perName is a recent map that knows no more of names that the world has forgotten, as nobody
// can ask for them.
type perName[V any] struct{ recent[*world.Entry, V] }

// ForgetName drops a name.
func (p *perName[V]) ForgetName(n *world.Entry) { p.drop(n) }

// perFile is a map that lives as long as the files that are its keys.
type perFile[V any] map[*world.File]V

// Forget drops a file that is gone for good.
func (p perFile[V]) Forget(f *world.File) { delete(p, f) }
