package world_test

import (
	"testing"

	"filerace/internal/op"
	"filerace/internal/world"
)

// A source that does not know which file a name leads to makes an identity up. What the
// world knows stands; what it took for a guess is known once a source tells it.
func TestIdentitiesThatAreGuessed(t *testing.T) {
	dir, guess := id(1), func(n uint64) op.FileID { return op.FileID{Ino: n} }
	seq := 0
	w := world.New()
	apply := func(kind op.Kind, file op.FileID, names ...op.Name) *world.Effect {
		seq++
		for i := range names {
			names[i].Dir, names[i].Type = dir, op.Regular
		}
		o := &op.Op{Seq: seq, Actor: "1", Kind: kind, FD: op.None, FD2: op.None, NewFD: op.None, NewFD2: op.None, Names: names,
			File: op.File{ID: file, Type: op.Regular, Nlink: 1}, Done: true}
		if kind == op.Open {
			o.Flags, o.Ret = op.O_CREAT, int64(3+seq)
		}
		return w.Apply(o)
	}
	made := apply(op.Open, id(7), op.Name{Base: "a", After: id(7), Nlink: 1}).File
	apply(op.Close, op.FileID{}) // of nothing: the file stays open
	e := apply(op.Rename, op.FileID{}, op.Name{Base: "a", Before: guess(1)}, op.Name{Base: "b", After: guess(1), Nlink: 1})
	if e.Entry2.File != made || e.Entry.File != nil || w.File(guess(1)) != nil {
		t.Fatal("a renaming of a guess moved another file")
	}
	if e = apply(op.Stat, guess(2), op.Name{Base: "b", Before: guess(2), After: guess(2), Nlink: 1}); e.File != made {
		t.Error("a guess is taken for another file")
	}
	made.Nlink = 2
	if e = apply(op.Unlink, guess(2), op.Name{Base: "b", Before: guess(2), Nlink: 0}); made.Nlink != 1 || len(e.Gone) > 0 || len(e.Removed) != 1 {
		t.Errorf("a file with another name has %d links, and %d files are gone", made.Nlink, len(e.Gone))
	}

	first := apply(op.Mknod, guess(3), op.Name{Base: "c", After: guess(3), Nlink: 1}).Entry.File
	if e = apply(op.Stat, id(8), op.Name{Base: "c", Before: id(8), After: id(8), Nlink: 1}); e.File != first || w.File(id(8)) != first || w.File(guess(3)) != nil || first.ID != id(8) {
		t.Error("a file is another one when its identity is known")
	}
	apply(op.Open, id(9), op.Name{Base: "d", After: id(9), Nlink: 1})
	apply(op.Mknod, guess(4), op.Name{Base: "e", After: guess(4), Nlink: 1})
	if e = apply(op.Stat, id(9), op.Name{Base: "e", Before: id(9), After: id(9), Nlink: 1}); e.File != w.File(id(9)) || e.Entry.File != e.File {
		t.Error("two files have one identity")
	}
}
