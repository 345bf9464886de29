package race

import (
	"fmt"
	"testing"

	"filerace/internal/op"
	"filerace/internal/world"
	"filerace/internal/world/worldtest"
)

// What is noted of a name is found as long as it is used, or was among the last span that were
// new; and what was noted is not found at another name that has its number later.
func TestNamesAreForgottenByUse(t *testing.T) {
	w := world.New()
	var notes perName[int]
	dir := op.FileID{Dev: 1, Ino: 2}
	entry := func(n int) *world.Entry {
		return w.Apply(&op.Op{Actor: "1", Kind: op.Stat, FD: op.None, FD2: op.None, File: op.File{ID: op.FileID{Dev: 1, Ino: uint64(n + 3)}}, Done: true,
			Names: []op.Name{{Dir: dir, Base: fmt.Sprint(n), Before: op.FileID{Dev: 1, Ino: uint64(n + 3)}, Type: op.Regular, Nlink: 1}}}).Entry
	}
	first := entry(0)
	var last []*world.Entry
	notes.put(first, -1)
	for n := 1; n < 5*span; n++ {
		en := entry(n)
		if notes.at(en) != nil {
			t.Fatalf("something is noted of name %d, which is new", n)
		}
		notes.put(en, n)
		last = append(last, en)
		if n%1000 == 0 { // so often that neither the world nor the notes forget it
			first = entry(0)
			if notes.get(first) != -1 {
				t.Fatalf("a name in use is forgotten after %d others", n)
			}
		}
		for _, gone := range w.ForgottenNames() {
			notes.ForgetName(gone)
		}
	}
	if notes.n > 2*span+1 {
		t.Errorf("%d names are noted, of which %d may be", notes.n, 2*span+1)
	}
	for _, en := range last[len(last)-sweepSure:] {
		if notes.get(en) == 0 {
			t.Fatal("a name of the last that were noted is forgotten")
		}
	}
}

// sweepSure is how many names the world keeps whatever else is looked up.
const sweepSure = 1 << 11

// A file that takes the number of another one has nothing noted of it.
func TestNumbersAreLentWithoutNotes(t *testing.T) {
	var notes perFile[string]
	seen := map[int32]bool{}
	again := false
	worldtest.Run(t, storm(20), func(w *world.World, e *world.Effect) {
		if f := e.File; f != nil && e.Created {
			if notes.at(f) != nil {
				t.Errorf("%s is noted of a new file", notes.get(f))
			}
			again = again || seen[f.Place.At]
			seen[f.Place.At] = true
			notes.put(f, f.Path)
		}
	})
	if !again {
		t.Error("no number was lent twice")
	}
}
