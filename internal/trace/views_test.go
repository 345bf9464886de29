package trace

import (
	"slices"
	"testing"

	"filerace/internal/op"
)

// seenBy gives a record the view of its process, and the directory of its name, if that is told.
func seenBy(view View, dir op.FileID, r Record) Record {
	r.View = view
	if !dir.IsZero() {
		r.Op.Names = []op.Name{{Dir: dir, Base: r.Op.Path[len("/d/"):]}}
	}
	return r
}

var (
	home          = View{}
	otherRoot     = View{Root: 7}
	otherMounts   = View{Mounts: 7}
	furtherMounts = View{Mounts: 8}
)

// What two roots show under one path is not one file; what a mount namespace shows is, unless its directory
// is told to be another one.
func TestViews(t *testing.T) {
	shared, private := op.FileID{Dev: 1, Ino: 50}, op.FileID{Dev: 2, Ino: 1}
	none := op.FileID{}
	for _, c := range []struct {
		name         string
		view         View
		first, other op.FileID // what is told of /d, for us and for the other view
		same         bool
	}{
		{"another root", otherRoot, none, none, false},
		{"another root with a directory of ours", otherRoot, shared, shared, true},
		{"other mounts", otherMounts, none, none, true},
		{"other mounts, the directory told", otherMounts, shared, shared, true},
		{"a directory mounted elsewhere", otherMounts, shared, private, false},
		{"the same view", home, none, none, true},
	} {
		ops := through(
			returned(100, "execve", "/bin/sh", 1, 0),
			returned(100, "fork", "", 2, 101),
			seenBy(home, c.first, returned(100, "stat", "/d/f", 10, 0)),
			seenBy(c.view, c.other, returned(101, "stat", "/d/f", 20, 0)),
			// Of these nothing is told.
			returned(100, "stat", "/d/g", 30, 0),
			seenBy(c.view, none, returned(101, "stat", "/d/g", 40, 0)),
		)
		var dirs []op.FileID
		for _, o := range ops {
			if o.Kind == op.Stat {
				dirs = append(dirs, o.Names[0].Dir)
			}
		}
		if len(dirs) != 4 || (dirs[0] == dirs[1]) != c.same || (dirs[2] == dirs[3]) != c.same || dirs[0] != dirs[2] || dirs[1] != dirs[3] {
			t.Errorf("%s: directories %v, the same: want %v", c.name, dirs, c.same)
		}
	}
}

// A call is about what its process saw then, whatever root it has by the time that counts: here it is the first
// to tell that another directory has that path.
func TestRootChangedBehindTheCall(t *testing.T) {
	before, after, theirs := op.FileID{Dev: 1, Ino: 50}, op.FileID{Dev: 1, Ino: 51}, op.FileID{Dev: 2, Ino: 1}
	ops := through(
		returned(100, "execve", "/bin/sh", 1, 0),
		returned(100, "fork", "", 2, 101),
		seenBy(home, before, returned(100, "stat", "/d/f", 10, 0)),
		seenBy(home, after, returned(101, "stat", "/d/f", 20, 0)),
		seenBy(otherRoot, theirs, returned(101, "stat", "/d/f", 22, 0)),
		seenBy(home, op.FileID{}, returned(100, "stat", "/d/f", 30, 0)),
	)
	var dirs []op.FileID
	for _, o := range ops {
		if o.Kind == op.Stat {
			dirs = append(dirs, o.Names[0].Dir)
		}
	}
	want := []op.FileID{before, after, theirs, after}
	if !slices.Equal(dirs, want) {
		t.Errorf("directories %v, want %v", dirs, want)
	}
}

// Whichever view tells its directory first, what the other one has told before stands.
func TestDirectoryOfOneView(t *testing.T) {
	ours, theirs := op.FileID{Dev: 1, Ino: 50}, op.FileID{Dev: 2, Ino: 1}
	none := op.FileID{}
	ops := through(
		returned(100, "execve", "/bin/sh", 1, 0),
		returned(100, "fork", "", 2, 101),
		returned(100, "fork", "", 4, 102),
		seenBy(otherMounts, theirs, returned(101, "stat", "/d/f", 10, 0)),
		seenBy(home, ours, returned(100, "stat", "/d/f", 20, 0)),
		seenBy(otherMounts, none, returned(101, "unlink", "/d/f", 30, 0)),
		seenBy(furtherMounts, none, returned(102, "stat", "/d/f", 40, 0)),
		seenBy(home, none, returned(100, "stat", "/d/f", 50, 0)),
	)
	var dirs []op.FileID
	for _, o := range ops {
		if len(o.Names) > 0 && o.Kind != op.Exec {
			dirs = append(dirs, o.Names[0].Dir)
		}
	}
	want := []op.FileID{theirs, ours, theirs, ours, ours}
	if !slices.Equal(dirs, want) {
		t.Errorf("directories %v, want %v", dirs, want)
	}
}

// What one view changes in a directory that another one has, too, is known there.
func TestDirectoryOfTwoRoots(t *testing.T) {
	shared := op.FileID{Dev: 1, Ino: 50}
	rename := func(pid int, from string, at int64) Record {
		r := returned(pid, "rename", from, at, 0)
		r.Op.Path2 = "/d/f"
		return r
	}
	ops := through(
		returned(100, "execve", "/bin/sh", 1, 0),
		returned(100, "fork", "", 2, 101),
		seenBy(home, shared, returned(100, "stat", "/d/f", 10, 0)),
		seenBy(otherRoot, shared, returned(101, "stat", "/d/f", 20, 0)),
		rename(100, "/d/g", 30),
		seenBy(otherRoot, op.FileID{}, rename(101, "/d/h", 40)),
		returned(100, "unlink", "/d/f", 50, 0),
		seenBy(otherRoot, op.FileID{}, returned(101, "open", "/d/f", 60, 5)),
	)
	var to []op.Name
	for _, o := range ops {
		switch o.Kind {
		case op.Rename:
			to = append(to, o.Names[1])
		case op.Unlink, op.Open:
			to = append(to, o.Names[0])
		}
	}
	if len(to) != 4 || to[1].Before != to[0].After || to[2].Before != to[1].After || to[3].After == to[1].After {
		t.Errorf("names %+v", to)
	}
}

// A process keeps its working directory in a new mount namespace, and loses it with its root.
func TestWorkingDirectoryInAnotherView(t *testing.T) {
	for view, want := range map[View]string{otherMounts: "/srv/x", otherRoot: "/x", home: "/srv/x"} {
		ops := through(
			returned(100, "execve", "/bin/sh", 1, 0),
			returned(100, "chdir", "/srv", 2, 0),
			seenBy(view, op.FileID{}, returned(100, "stat", "x", 3, 0)),
		)
		if got := ops[len(ops)-1].Names[0].Path; got != want {
			t.Errorf("view %v: %s, want %s", view, got, want)
		}
	}
}

// Views that come and go leave nothing behind.
func TestViewsAreForgotten(t *testing.T) {
	m := newModel()
	for root := range uint32(4 * sweepLeast) {
		tree := m.tree(View{Root: root + 1})
		m.find(tree, nil, "/n", false)
		m.tidy()
	}
	if len(m.trees) > 2*sweepLeast || m.nodes > 3*sweepLeast {
		t.Errorf("%d views with %d names are kept", len(m.trees), m.nodes)
	}
}
