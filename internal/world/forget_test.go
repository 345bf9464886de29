package world

import (
	"fmt"
	"testing"

	"filerace/internal/op"
)

// A walk through /proc does not make the world forget which real names were looked for;
// a walk through as many real ones does.
func TestMadeUpNamesGoFirst(t *testing.T) {
	w := New()
	dir := op.FileID{Dev: 1, Ino: 1}
	look := func(n op.Name) {
		w.Apply(&op.Op{Actor: "1", Kind: op.Stat, Ret: -2, Names: []op.Name{n}, FD: op.None, FD2: op.None, Off: op.None})
	}
	look(op.Name{Dir: dir, Base: "pid", Path: "/w/pid"})
	for i := range 4 * sweepLeast {
		path := fmt.Sprintf("/proc/%d", i)
		look(op.Name{Base: path[6:], Path: path, Type: op.Proc})
	}
	if w.Entry(dir, "pid") == nil {
		t.Error("forgotten for names in /proc")
	}
	if n := len(w.entries); n > 2*sweepLeast {
		t.Errorf("%d names are kept", n)
	}
	for i := range 4 * sweepLeast {
		base := fmt.Sprint(i)
		look(op.Name{Dir: dir, Base: base, Path: "/w/" + base})
	}
	if w.Entry(dir, "pid") != nil {
		t.Error("kept for ever")
	}
}
