package race

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
