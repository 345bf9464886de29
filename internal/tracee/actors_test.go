package tracee

import (
	"math/rand/v2"
	"slices"
	"testing"

	"filerace/internal/op"
)

func TestActorsAreOrderedAsPeopleCount(t *testing.T) {
	want := []op.Actor{"1", "1/2", "1/10", "1.1", "1.1/2", "1.1.1", "1.2", "1.10", "1.10.1"}
	got := slices.Clone(want)
	r := rand.New(rand.NewPCG(1, 2))
	r.Shuffle(len(got), func(i, j int) { got[i], got[j] = got[j], got[i] })
	slices.SortFunc(got, compareActors)
	if !slices.Equal(got, want) {
		t.Errorf("%v", got)
	}
	for i, a := range want {
		for j, b := range want {
			if c := compareActors(a, b); (c < 0) != (i < j) || (c > 0) != (i > j) {
				t.Errorf("%s and %s: %d", a, b, c)
			}
		}
	}
}
