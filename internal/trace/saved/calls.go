package saved

import "filerace/internal/op"

// calls are the rows of the table that have a name and a kind.
type calls struct {
	name, word string // as they stand in the columns call and kind
	kind       op.Kind
	known      bool // the kind is
	rows       []*op.Call
}

const wordSlots = 512

// byWords holds calls by a cheap hash of their words: each row of a recording asks.
var byWords = func() (table [wordSlots][]calls) {
	put := func(name, word string) *calls {
		at := &table[hashWords(name, word)]
		for i := range *at {
			if c := &(*at)[i]; c.name == name && c.word == word {
				return c
			}
		}
		*at = append(*at, calls{name: name, word: word, kind: kinds[word], known: true})
		return &(*at)[len(*at)-1]
	}
	for word := range kinds {
		put("", word)
	}
	for i := range op.Calls {
		c := put(op.Calls[i].Name, op.Calls[i].Kind.String())
		c.rows = append(c.rows, &op.Calls[i])
	}
	return table
}()

// hashWords is below wordSlots.
func hashWords(name, word string) uint {
	h := uint(len(name))*17 + uint(len(word))
	if n := len(name); n > 2 {
		h += uint(name[0])*5 + uint(name[n/2])*31 + uint(name[n-1])*3
	}
	if n := len(word); n > 2 {
		h += uint(word[0])*7 + uint(word[n-1])*13
	}
	return h % wordSlots
}

// callsOf finds them. A name that the table does not have with that kind has no rows.
func callsOf(name, word string) *calls {
	list := byWords[hashWords(name, word)]
	for i := range list {
		if c := &list[i]; c.name == name && c.word == word {
			return c
		}
	}
	kind, known := kinds[word]
	return &calls{name: name, word: word, kind: kind, known: known}
}
