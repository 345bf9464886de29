package race

import (
	"math/rand/v2"
	"testing"

	"filerace/internal/op"
)

// Which rows are kept comes back, whatever the pages are made of, but for pages of few kinds of which none seemed to be.
func TestRows(t *testing.T) {
	r := rand.New(rand.NewPCG(21, 22))
	var all []row
	for _, kinds := range []int{1, 2, 16, 17, kindsMax, kindsMax + 1, 5000} {
		for range rowsPage {
			n := r.IntN(kinds)
			all = append(all, row{verdict(n) | onSubject, int32(n % 7)})
		}
	}
	for range rowsPage / 3 {
		all = append(all, row{leftOut, int32(r.IntN(3))})
	}
	late := false
	keeps := func(k row) bool { return k.verdict%5 == 0 || late && k.actor == 3 }
	for _, hidden := range []bool{false, true} {
		late = false
		rows := newRows(rowsRoom, func(k row) bool { return !hidden && keeps(k) })
		for _, k := range all {
			rows.add(k.verdict, k.actor)
		}
		rows.keeps, late = keeps, true
		seen := map[row]bool{}
		rows.kinds(func(k row) { seen[k] = true })
		rows.settle()
		unknown := 0
		for from := 0; from < len(all); {
			n := min(1+r.IntN(64), len(all)-from)
			kept, ok := rows.known(from, n)
			if !ok {
				unknown++
			}
			for i := range n {
				k := all[from+i]
				if got := kept>>i&1 != 0; ok && got != keeps(k) {
					t.Fatalf("row %d of %d is kept: %v", from+i, len(all), got)
				}
				if !seen[k] {
					t.Fatalf("the kind of row %d was not shown", from+i)
				}
			}
			if n < 64 && kept>>n != 0 {
				t.Fatalf("rows behind %d are kept", from+n)
			}
			from += n
		}
		if (unknown > 0) != hidden {
			t.Errorf("%d times it is not known what is kept", unknown)
		}
	}
}

// Where no kind of row is kept, that is known, though nobody knows which row is of which.
func TestRowsOfWhichNoneIsKept(t *testing.T) {
	rows := newRows(rowsRoom, func(row) bool { return false })
	for n := range rowsPage {
		rows.add(verdict(n%3), int32(n%5))
	}
	rows.settle()
	if kept, ok := rows.known(60, 64); kept != 0 || !ok {
		t.Errorf("kept %b, known %v", kept, ok)
	}
}

// What there is room for is bounded, and what is at hand are whole pages.
func TestRowsAreBounded(t *testing.T) {
	r := rand.New(rand.NewPCG(23, 24))
	for name, c := range map[string]struct {
		next         func(n int) verdict
		fewest, most int // bytes of a page
	}{
		"all different": {func(int) verdict { return verdict(r.Uint32()) }, 4 * rowsPage, 6 * rowsPage},
		"one":           {func(int) verdict { return onSubject | 7 }, pageBytes, pageBytes + 100},
		"few in turn":   {func(n int) verdict { return verdict(n % 4) }, pageBytes, pageBytes + 2000},
		"many in turn":  {func(n int) verdict { return verdict(n % 1000) }, pageBytes + 2000, rowsPage * 2},
	} {
		const room = 100 * rowsPage
		rows, added := newRows(room, func(row) bool { return true }), 0
		for ; added < rows.most; added++ {
			rows.add(c.next(added), 2)
		}
		if each := room / (added / rowsPage); added%rowsPage != 0 || each < c.fewest || each > c.most {
			t.Errorf("%s: %d rows, %d bytes a page", name, added, each)
		}
	}
}

// A file is known by its number as long as it is not gone for good.
func TestFilesOfOneNumber(t *testing.T) {
	s := NewSieve()
	id := func(ino, birth int) op.FileID { return op.FileID{Dev: 1, Ino: uint64(ino), Birth: int64(birth)} }
	first := s.fileOf(id(1, 10), 0, true)
	if s.fileOf(id(1, 10), 0, true) != first || s.fileOf(id(2, 10), 0, true) == first {
		t.Fatal("files are taken for one another, or one for two")
	}
	next := s.fileOf(id(1, 20), 0, true)
	if next == first {
		t.Error("the number has been used again, and the file is the same")
	}
	s.files.recent = [recentFiles]recentFile{}
	if s.fileOf(id(1, 10), 0, true) != first || s.fileOf(id(1, 20), 0, true) != next || s.fileOf(id(1, 0), 0, true) != next {
		t.Error("the last but one is forgotten, or a file whose birth is not known is not taken for the present one")
	}
	last := s.fileOf(id(1, 15), 0, true)
	s.files.recent = [recentFiles]recentFile{}
	if n := s.fileOf(id(1, 10), 0, false); n != 0 || last == first || last == next {
		t.Errorf("the first of three is known as %d, the last is %d", n, last)
	}
	if s.fileOf(id(1, 20), 0, false) != next || s.fileOf(id(3, 1), 0, false) != 0 {
		t.Error("what is known is not found, or what is not known is")
	}
	for n := range 10000 {
		s.fileOf(id(n+5, n), 0, true)
	}
	for n := range 10000 {
		if s.fileOf(id(n+5, n), 0, false) != s.find(int32(n+5)) {
			t.Fatalf("file %d is lost", n)
		}
	}
	s.files.count = filesMax
	if s.fileOf(id(1<<20, 1), 0, true) != 0 {
		t.Error("there is no end of files")
	}
}
