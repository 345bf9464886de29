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
		switch r.IntN(6) {
		case 0:
			fd = lowFDs - 3 + r.IntN(6)
		case 1:
			fd = 62 + r.IntN(4)
		case 2:
			fd = 200 + 50*r.IntN(3)
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
	for lo := range lowFDs + 3 {
		some := maps.Clone(want)
		maps.DeleteFunc(some, func(fd int, _ *Descriptor) bool { return fd < lo })
		if got := maps.Collect(fds.from(lo)); !maps.Equal(got, some) {
			t.Fatalf("%d are yielded of %d from %d on", len(got), len(some), lo)
		}
	}
	for fd := range fds.All() { // as the end of a process does
		fds.drop(fd)
	}
	if fds.Len() != 0 || len(maps.Collect(fds.All())) != 0 {
		t.Errorf("%d are left", fds.Len())
	}
}
