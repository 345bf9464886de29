package schedule

// ddmin returns a small part of items, in their order, for which a test holds: the
// delta debugging of Zeller and Hildebrandt (Simplifying and Isolating
// Failure-Inducing Input, TSE 2002). first returns the first of n candidates for
// which the test holds, -1 if there is none. The test must hold for items themselves
// and is not asked about them. If it never has to give up, the result is 1-minimal:
// the test fails for it without any one of its items. A test that fails from some
// point on (its budget is spent) ends the search soon with what was reached.
func ddmin[T any](items []T, first func(n int, candidate func(int) []T) int) []T {
	if len(items) == 0 || first(1, func(int) []T { return nil }) == 0 {
		return nil
	}
	for parts := 2; len(items) > 1; {
		parts = min(parts, len(items))
		border := func(i int) int { return i * len(items) / parts }
		part := func(i int) []T { return items[border(i):border(i+1)] }
		rest := func(i int) []T {
			return append(append(make([]T, 0, len(items)), items[:border(i)]...), items[border(i+1):]...)
		}
		if i := first(parts, part); i >= 0 { // one part is enough
			items, parts = part(i), 2
			continue
		}
		if parts > 2 { // of two, the rest is the other part
			if i := first(parts, rest); i >= 0 { // one part is not needed
				items, parts = rest(i), max(parts-1, 2)
				continue
			}
		}
		if parts == len(items) {
			break
		}
		parts *= 2
	}
	return items
}
