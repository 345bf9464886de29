package trace

import (
	"slices"
	"strconv"
	"strings"
	"testing"

	"filerace/internal/op"
	"filerace/internal/world"
)

// through puts records through a flow and returns what came out.
func through(records ...Record) []*op.Op {
	w := world.New()
	var out []*op.Op
	f := NewFlow(w, func(e Event) {
		if e.Op != nil {
			w.Enter(e.Op)
			w.Apply(e.Op)
			out = append(out, e.Op)
		}
	})
	for _, r := range records {
		f.Put(r)
	}
	f.Close()
	return out
}

func returned(pid int, call, path string, at, ret int64) Record {
	o := blank(pid-100, call)
	o.Path, o.Enter, o.Exit = path, at, at+1
	op.Finish(o, ret, nil)
	return Record{Op: o}
}

func ended(pid int, at int64) Record {
	o := blank(pid-100, "exit_group")
	o.Enter, o.Exit = at, at
	return Record{What: Ended, Op: o}
}

func actors(ops []*op.Op) string {
	var out []string
	for _, o := range ops {
		out = append(out, string(o.Actor))
	}
	return strings.Join(out, " ")
}

// A child may act before the fork returns in its parent; a process id comes back.
func TestActors(t *testing.T) {
	ops := through(
		returned(100, "execve", "/bin/sh", 1, 0),
		returned(101, "stat", "/a", 12, 0),
		returned(100, "fork", "", 10, 101),
		ended(101, 20),
		returned(100, "fork", "", 30, 101),
		returned(101, "stat", "/a", 35, 0),
		returned(777, "stat", "/a", 40, 0),
	)
	if got := actors(ops); got != "1 1 1.1 1.1 1 1.2 777" {
		t.Errorf("actors %s", got)
	}
}

// A child begins in its parent's working directory, and may leave it.
func TestWorkingDirectories(t *testing.T) {
	ops := through(
		returned(100, "execve", "/bin/sh", 1, 0),
		returned(100, "stat", "x", 2, 0),
		returned(100, "chdir", "/srv", 3, 0),
		returned(100, "fork", "", 10, 101),
		returned(101, "stat", "x", 12, 0),
		returned(101, "chdir", "../opt/./y", 14, 0),
		returned(101, "stat", "x", 16, 0),
		returned(100, "stat", "x", 18, 0),
	)
	var paths []string
	for _, o := range ops {
		if o.Kind == op.Stat {
			paths = append(paths, o.Names[0].Path)
		}
	}
	want := []string{nowhere + "/(working directory)/x", "/srv/x", "/opt/y/x", "/srv/x"}
	if !slices.Equal(paths, want) {
		t.Errorf("paths %q, want %q", paths, want)
	}
}

// What is renamed stays the same file, what is made anew is another one.
func TestIdentitiesAreDerived(t *testing.T) {
	renamed := returned(100, "rename", "/d/a", 20, 0)
	renamed.Op.Path2 = "/d/b"
	made := returned(100, "open", "/d/a", 30, 4)
	made.Op.Flags = op.O_CREAT
	ops := through(
		returned(100, "open", "/d/a", 10, 3),
		renamed,
		made,
		returned(100, "open", "/d/b", 40, 5),
		returned(100, "unlink", "/d/b", 50, 0),
		returned(100, "stat", "/d/b", 60, -enoent),
	)
	first, second, third := ops[0].File.ID, ops[2].File.ID, ops[3].File.ID
	if first.IsZero() || first != third || first == second {
		t.Errorf("files %v, %v and %v", first, second, third)
	}
	if n := ops[2].Names[0]; !n.Before.IsZero() || n.After != second {
		t.Errorf("a new file: %+v", n)
	}
	if n := ops[4].Names[0]; n.Before != first || !n.After.IsZero() || n.Nlink != 0 {
		t.Errorf("its removal: %+v", n)
	}
}

// That a name leads to no directory says that it leads somewhere: mv(1) asks so before it replaces a file. Other
// calls fail so where the way to the name leads through a file.
func TestNoDirectory(t *testing.T) {
	dir := func(call, path string, at int64) Record {
		r := returned(100, call, path, at, -enotdir)
		if call == "open" {
			r.Op.Flags = op.O_PATH | op.O_DIRECTORY
		}
		return r
	}
	ops := through(
		returned(100, "open", "/d/a", 10, 3),
		dir("open", "/d/a", 20),
		dir("rmdir", "/d/a", 30),
		dir("stat", "/d/a/", 40),
		returned(100, "stat", "/d/a", 50, 0),
		dir("stat", "/d/a", 60),
	)
	opened := ops[0].File.ID
	for i, o := range ops[1:5] {
		if n := o.Names[0]; n.Before != opened || n.After != opened {
			t.Errorf("look %d: %+v, want %v", i, n, opened)
		}
	}
	if n := ops[5].Names[0]; !n.Before.IsZero() {
		t.Errorf("behind a file: %+v", n)
	}
}

// A call that sleeps for long holds nobody up.
func TestSleeperHoldsNobodyUp(t *testing.T) {
	w := world.New()
	out := 0
	f := NewFlow(w, func(e Event) { w.Apply(e.Op); out++ })
	for i := range 1000 {
		f.Put(returned(100, "stat", "/a", int64(i)*DefaultLag/100, 0))
	}
	f.Advance(10 * DefaultLag)
	if out < 800 {
		t.Errorf("%d of 1000 operations went on", out)
	}
	sleeper := returned(100, "flock", "", 5, 0)
	sleeper.Op.PID, sleeper.Op.TID, sleeper.Op.Exit = 200, 200, 10*DefaultLag
	f.Put(sleeper)
	f.Close()
	if d := f.Derived(); out != 1001 || d.Late != 0 {
		t.Errorf("%d came out, %d of them late", out, d.Late)
	}
}

// A directory whose making told no identity is the one that a later call tells of, and what
// was made in it meanwhile is still there.
func TestIdentityThatIsToldLater(t *testing.T) {
	dir, file := op.FileID{Dev: 7, Ino: 20, Birth: 1}, op.FileID{Dev: 7, Ino: 21, Birth: 1}
	inside := returned(101, "openat", "/d/f", 30, 3)
	inside.Op.FD, inside.Op.Flags = op.AT_FDCWD, op.O_CREAT|op.O_EXCL|op.O_WRONLY
	inside.Op.File = op.File{ID: file, Type: op.Regular, Nlink: 1}
	look := returned(101, "stat", "/d", 40, 0)
	look.Op.File = op.File{ID: dir, Type: op.Directory, Nlink: 2}
	ops := through(returned(101, "mkdir", "/d", 20, 0), inside, look, returned(101, "unlink", "/d/f", 50, 0))
	last := ops[len(ops)-1]
	if got := last.Names[0]; got.Before != file || got.Dir != dir {
		t.Errorf("unlink met %+v in %+v", got.Before, got.Dir)
	}
}

// A name that was not used for long is forgotten, but not by the world: what is renamed to it
// replaces the file that it led to, which would stay for ever else.
func TestReplacedFileOfAForgottenName(t *testing.T) {
	old, fresh := op.FileID{Dev: 7, Ino: 21, Birth: 1}, op.FileID{Dev: 7, Ino: 22, Birth: 1}
	create := func(path string, id op.FileID, at int64) []Record {
		r := returned(101, "openat", path, at, 3)
		r.Op.FD, r.Op.Flags = op.AT_FDCWD, op.O_CREAT|op.O_EXCL|op.O_WRONLY
		r.Op.File = op.File{ID: id, Type: op.Regular, Nlink: 1}
		end := returned(101, "close", "", at+2, 0)
		end.Op.FD = 3
		return []Record{r, end}
	}
	records := create("/d/index", old, 10)
	at := int64(20)
	for i := range 3 * sweepLeast {
		records = append(records, returned(101, "stat", "/d/"+strconv.Itoa(i), at, -2))
		at += 2
	}
	records = append(records, create("/d/new", fresh, at)...)
	over := returned(101, "rename", "/d/new", at+10, 0)
	over.Op.Path2 = "/d/index"
	w := world.New()
	var gone []*world.File
	var last *op.Op
	f := NewFlow(w, func(e Event) {
		w.Enter(e.Op)
		gone = append(gone, w.Apply(e.Op).Gone...)
		last = e.Op
	})
	for _, r := range append(records, over) {
		f.Put(r)
	}
	f.Close()
	if to := last.Names[1]; last.Kind != op.Rename || to.Before != old || to.After != fresh || to.Nlink != 0 {
		t.Errorf("%v replaced %+v", last.Kind, to)
	}
	if len(gone) != 1 || gone[0].ID != old || w.File(old) != nil {
		t.Errorf("gone are %v", gone)
	}
}
