package world

import (
	"maps"
	"math/rand/v2"
	"testing"
)

// A table is what a map of the same numbers is, small or large.
func TestFDsAreAMap(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	var fds FDs
	want := map[int]*Descriptor{}
	for range 20000 {
		fd := r.IntN(20)
		if r.IntN(4) == 0 {
			fd = lowFDs - 3 + r.IntN(6)
		}
		if r.IntN(2) == 0 {
			d := &Descriptor{}
			fds.set(fd, d)
			want[fd] = d
		} else {
			fds.drop(fd)
			delete(want, fd)
		}
		if fds.Len() != len(want) || fds.At(fd) != want[fd] || fds.At(-1) != nil || fds.At(1<<30) != nil {
			t.Fatalf("%d are open of %d", fds.Len(), len(want))
		}
	}
	last := -1
	for fd := range fds.All() {
		if fd <= last {
			t.Fatalf("%d comes behind %d", fd, last)
		}
		last = fd
	}
	if got := maps.Collect(fds.All()); !maps.Equal(got, want) {
		t.Errorf("%d are yielded of %d", len(got), len(want))
	}
}
