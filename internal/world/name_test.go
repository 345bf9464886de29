package world_test

import (
	"testing"

	"filerace/internal/op"
	"filerace/internal/world"
)

// dirOf is the directory /w of a scene whose first operation with a name looks up a name in it.
func (s *scene) entry(base string) *world.Entry {
	s.t.Helper()
	for _, o := range s.ops {
		if len(o.Names) > 0 {
			return s.Entry(o.Names[0].Dir, base)
		}
	}
	s.t.Fatal("no operation has a name")
	return nil
}

func TestCreationAndRemoval(t *testing.T) {
	s := play(t, `
		1   stat L = -ENOENT
		1   open L rdwr,creat,excl = 3
		1   open L rdwr,creat = 4
		1   fork 1.1
		1.1 open L rdwr,creat,excl = -EEXIST
		1.1 unlink L
		1.1 open L rdwr,creat = 5
		1   close 3
		1   close 4
		1   link L M
		1   unlink L
		1   unlink M
	`)
	if e := s.at(1); e.Entry == nil || e.Entry.Path != "/w/L" || e.Before != nil || e.At.IsZero() {
		t.Errorf("a failed lookup: %+v", e)
	}
	first := s.at(2)
	if !first.Created || first.Existed || first.File.Created != first.At || first.OFD.Entry != s.entry("L") {
		t.Errorf("creation: %+v", first)
	}
	if e := s.at(3); e.Created || !e.Existed || e.File != first.File {
		t.Error("the second open met the file")
	}
	if e := s.at(5); e.Created || e.Existed || e.Before != first.File || e.OFD != nil {
		t.Errorf("the exclusive open failed: %+v", e)
	}
	rm := s.at(6)
	if len(rm.removed) != 1 || len(rm.gone) != 1 || rm.gone[0] != first.File || len(rm.forgotten) != 0 {
		t.Errorf("unlink: removed %d, gone %d, forgotten %d", len(rm.removed), len(rm.gone), len(rm.forgotten))
	}
	if e := s.at(7); !e.Created || e.File == first.File || e.OFD.Entry != first.OFD.Entry {
		t.Error("the name is given to a new file; the name itself stays the same")
	}
	if e := s.at(10); !e.Created || e.File != s.at(7).File || e.Entry2.Path != "/w/M" {
		t.Errorf("link: %+v", e)
	}
	if e := s.at(11); len(e.removed) != 1 || len(e.gone) != 0 {
		t.Error("one of two names was removed")
	}
	if e := s.at(12); len(e.gone) != 1 || s.entry("M").File != nil || s.entry("M").By != e.Op || s.entry("M").Changed != e.At {
		t.Error("the last name was removed")
	}
}

func TestForgottenWhenTheLastDescriptorGoes(t *testing.T) {
	s := play(t, `
		1 open L rdwr,creat = 3
		1 dup 3 = 4
		1 unlink L
		1 close 3
		1 close 4
		1 write M "x"
		1 unlink M
	`)
	f := s.at(1).File
	for i := range s.effects {
		want := i+1 == 5 || i+1 == len(s.effects)
		if got := len(s.effects[i].forgotten) == 1; got != want {
			t.Errorf("op %d forgets %d files", i+1, len(s.effects[i].forgotten))
		}
	}
	if s.at(5).forgotten[0] != f || s.World.File(f.ID) != nil {
		t.Error("the file is kept")
	}
	for f := range s.Files() {
		t.Errorf("%s is kept", f.Path)
	}
}

func TestRename(t *testing.T) {
	s := play(t, `
		have a "A"
		have b "B"
		1 open b rdonly = 3
		1 rename a b
		1 link b c
		1 rename b c
		1 rename c d noreplace
	`)
	over := s.at(2)
	if len(over.removed) != 1 || len(over.gone) != 1 || over.gone[0] != s.at(1).File || over.Created {
		t.Errorf("rename over: %+v", over)
	}
	if over.Entry.File != nil || over.Before != over.File || over.Before2 != s.at(1).File {
		t.Errorf("from %v, to %v", over.Before, over.Before2)
	}
	if s.OFD("1", 3).File != s.at(1).File {
		t.Error("the descriptor keeps its file")
	}
	if e := s.at(4); len(e.removed) != 0 || s.entry("b").File != over.File {
		t.Error("rename between two names of one file does nothing")
	}
	if e := s.at(5); s.entry("d").File != over.File || s.entry("c").File != nil || s.entry("d").By != e.Op {
		t.Error("rename to a free name")
	}
	if n := len(over.File.Names); n != 2 {
		t.Errorf("%d names, want b and d", n)
	}
}

func id(n uint64) op.FileID { return op.FileID{Dev: 1, Ino: n, Birth: int64(n)} }

func name(base string, before, after uint64) op.Name {
	n := op.Name{Dir: id(1), Base: base, Path: "/w/" + base, Type: op.Regular, Nlink: 1}
	if before != 0 {
		n.Before = id(before)
	}
	if after != 0 {
		n.After = id(after)
	}
	return n
}

func TestExchange(t *testing.T) {
	s := play(t, "")
	e := s.Apply(&op.Op{Actor: "1", Kind: op.Rename, FD: op.None, FD2: op.None, Flags: op.RENAME_EXCHANGE,
		Names: []op.Name{name("a", 10, 11), name("b", 11, 10)}})
	if len(e.Removed) != 0 || e.Entry.File != s.World.File(id(11)) || e.Entry2.File != s.World.File(id(10)) {
		t.Errorf("exchange: %+v", e)
	}
	if e.Entry.By != e.Op || e.Entry2.By != e.Op {
		t.Error("both names changed")
	}
}

func TestDirectoriesMove(t *testing.T) {
	s := play(t, `
		1 mkdir d
		1 mkdir d/sub
		1 open d/sub/f rdwr,creat = 3
		1 rename d e
		1 stat e/sub/f
		1 unlink e/sub/f
		1 rmdir e/sub
	`)
	f := s.at(3).OFD.Entry
	if f.Path != "/w/e/sub/f" || s.at(5).Entry != f || s.at(5).File != s.at(3).File {
		t.Errorf("the entry of the file has the path %s", f.Path)
	}
	if e := s.at(7); len(e.gone) != 1 || len(e.forgotten) != 1 {
		t.Error("a removed directory is gone")
	}
}

// What others do to names outside the run shows at the next lookup.
func TestOutsideChangesAreAdopted(t *testing.T) {
	s := play(t, "")
	look := func(n op.Name, ret int64) *world.Effect {
		return s.Apply(&op.Op{Actor: "1", Kind: op.Stat, FD: op.None, Ret: ret, Names: []op.Name{n}})
	}
	look(name("a", 10, 10), 0)
	if e := look(name("a", 0, 0), -2); e.Entry.File != nil || e.Before != nil {
		t.Error("the name is gone")
	}
	if e := look(name("a", 12, 12), 0); e.Entry.File == nil || e.Entry.File.ID != id(12) || e.Entry.By != nil {
		t.Error("the name is back")
	}
	// An inode number comes back: no birth time tells the files apart, but that one was gone does.
	n := op.Name{Dir: id(1), Base: "b", Path: "/w/b", After: op.FileID{Dev: 1, Ino: 50}, Type: op.Regular, Nlink: 1}
	make := func() *world.File {
		return s.Apply(&op.Op{Actor: "1", Kind: op.Mknod, FD: op.None, Names: []op.Name{n}}).File
	}
	first := make()
	s.Apply(&op.Op{Actor: "1", Kind: op.Unlink, FD: op.None, Names: []op.Name{
		{Dir: id(1), Base: "b", Path: "/w/b", Before: n.After, Type: op.Regular}}})
	if second := make(); second == first || len(s.Entry(id(1), "b").File.Names) != 1 {
		t.Error("a reused inode number is a new file")
	}
}

// Two creating opens overlap, and neither saw the name before: the one that
// returns first has made it.
func TestOverlappingCreation(t *testing.T) {
	s := play(t, "")
	open := func(a op.Actor) kept {
		return s.apply(&op.Op{Actor: a, Kind: op.Open, Flags: op.O_CREAT | op.O_RDWR, FD: op.None, Ret: 3,
			File: op.File{ID: id(20), Type: op.Regular, Nlink: 1}, Names: []op.Name{name("a", 0, 20)}})
	}
	if one, two := open("1"), open("2"); !one.Created || two.Created || !two.Existed || one.File != two.File {
		t.Errorf("created %v and %v", one.Created, two.Created)
	}
}

func TestMemoryFollowsWhatIsLive(t *testing.T) {
	s := play(t, "")
	lock := s.Apply(&op.Op{Actor: "1", Kind: op.Open, Flags: op.O_CREAT, FD: op.None, Ret: 3, Names: []op.Name{name("lock", 0, 5)}}).Entry
	entries := func() (n int) {
		for i := range 40000 {
			if s.Entry(id(1), temp(i)) != nil {
				n++
			}
		}
		return n
	}
	for i := range 40000 {
		made := name(temp(i), 0, uint64(100+i))
		s.Apply(&op.Op{Actor: "1", Kind: op.Mknod, FD: op.None, Names: []op.Name{made}})
		gone := name(temp(i), uint64(100+i), 0)
		gone.Nlink = 0
		s.Apply(&op.Op{Actor: "1", Kind: op.Unlink, FD: op.None, Names: []op.Name{gone}})
		s.Apply(&op.Op{Actor: "1", Kind: op.Stat, FD: op.None, Ret: 0, Names: []op.Name{name("seen", 7, 7)}})
	}
	if n := entries(); n == 0 || n > 20000 {
		t.Errorf("%d absent names are kept", n)
	}
	files := 0
	for range s.Files() {
		files++
	}
	if files != 2 || s.Entry(id(1), "lock") != lock {
		t.Errorf("%d files; the name of an open file must stay", files)
	}
}

func temp(i int) string {
	b := []byte("t00000")
	for p := len(b) - 1; i > 0; p, i = p-1, i/10 {
		b[p] = byte('0' + i%10)
	}
	return string(b)
}
