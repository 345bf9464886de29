package schedule

// ddmin returns a small part of items, in their order, for which test holds: the
// delta debugging of Zeller and Hildebrandt (Simplifying and Isolating
// Failure-Inducing Input, TSE 2002). test must hold for items themselves and is
// not asked about them. If it never has to give up, the result is 1-minimal:
// test fails for it without any one of its items. A test that answers false from
// some point on (its budget is spent) ends the search soon with what was reached.
func ddmin[T any](items []T, test func([]T) bool) []T {
	if len(items) == 0 || test(nil) {
		return nil
	}
	for parts := 2; len(items) > 1; {
		parts = min(parts, len(items))
		if part, ok := onePart(items, parts, test); ok {
			items, parts = part, 2
			continue
		}
		if rest, ok := withoutOnePart(items, parts, test); ok {
			items, parts = rest, max(parts-1, 2)
			continue
		}
		if parts == len(items) {
			break
		}
		parts *= 2
	}
	return items
}

// onePart looks for a single part, of so many equal ones, that is enough.
func onePart[T any](items []T, parts int, test func([]T) bool) ([]T, bool) {
	for i := range parts {
		part := items[i*len(items)/parts : (i+1)*len(items)/parts]
		if test(part) {
			return part, true
		}
	}
	return nil, false
}

// withoutOnePart looks for a part that is not needed.
func withoutOnePart[T any](items []T, parts int, test func([]T) bool) ([]T, bool) {
	if parts == 2 {
		return nil, false // the rest is the other part, which onePart tried
	}
	for i := range parts {
		lo, hi := i*len(items)/parts, (i+1)*len(items)/parts
		rest := make([]T, 0, len(items)-(hi-lo))
		rest = append(append(rest, items[:lo]...), items[hi:]...)
		if test(rest) {
			return rest, true
		}
	}
	return nil, false
}
