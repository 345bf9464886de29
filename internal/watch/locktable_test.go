package watch

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"filerace/internal/op"
	"filerace/internal/world"
	"filerace/internal/world/worldtest"
)

// fakeProc makes a /proc with this table of locks, and a process 11 that has the file
// open as descriptor 3.
func fakeProc(t *testing.T, file, table string) string {
	t.Helper()
	proc := t.TempDir()
	fds := filepath.Join(proc, "11", "fd")
	if err := os.MkdirAll(fds, 0o777); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{"locks": table, "11/comm": "backup\n"} {
		if err := os.WriteFile(filepath.Join(proc, name), []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink(file, filepath.Join(fds, "3")); err != nil {
		t.Fatal(err)
	}
	return proc
}

// lockedFile makes a file, and tells its inode.
func lockedFile(t *testing.T) (path string, ino uint64) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "L")
	if err := os.WriteFile(path, nil, 0o666); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	return path, inode(info)
}

func TestLockTable(t *testing.T) {
	file, ino := lockedFile(t)
	held := fmt.Sprintf("1: FLOCK  ADVISORY  WRITE 11 00:2f:%d 0 EOF\n", ino)
	waits := fmt.Sprintf("1: -> FLOCK  ADVISORY  WRITE 12 00:2f:%d 0 EOF\n", ino)
	other := "2: POSIX  ADVISORY  READ 13 08:01:77 100 199\nnonsense\n3: OFDLCK ADVISORY  WRITE -1 08:01:78 0 EOF\n"
	proc := fakeProc(t, file, held+other)
	table, w := newLockTable(proc), world.New()
	table.look(w, int64(time.Second), everything)
	if err := os.WriteFile(filepath.Join(proc, "locks"), []byte(held+waits+other), 0o666); err != nil {
		t.Fatal(err)
	}
	table.look(w, 2*int64(time.Second), everything)
	var got strings.Builder
	for _, l := range table.look(w, 5*int64(time.Second), everything) {
		fmt.Fprintf(&got, "%v %v waits=%v %q %s by %s for %q\n", l.For, l.Least, l.Waits, filepath.Base(l.Path), l.Kind, l.Who, l.On)
	}
	want := `3s false waits=true "inode ` + fmt.Sprint(ino) + ` of device 0:47" flock EX by 12 for "11 backup"
4s true waits=false "L" flock EX by 11 backup for ""
4s true waits=false "inode 77 of device 8:1" fcntl SH [100, 200) by 13 for ""
4s true waits=false "inode 78 of device 8:1" ofd EX by any that has it open for ""
`
	if got.String() != want {
		t.Errorf("got\n%swant\n%s", got.String(), want)
	}
	if rows := table.look(w, 6*int64(time.Second), func(path string) bool { return path == file }); len(rows) != 1 {
		t.Errorf("kept %+v", rows)
	}
	if err := os.WriteFile(filepath.Join(proc, "locks"), nil, 0o666); err != nil {
		t.Fatal(err)
	}
	if rows := table.look(w, 7*int64(time.Second), everything); len(rows) != 0 || len(table.known) != 0 {
		t.Errorf("of an empty table: %+v, %d remembered", rows, len(table.known))
	}
}

// A lock that was taken before the watch, by a process that has ended since, is its heirs'.
func TestLockHandedOnBeforeTheWatch(t *testing.T) {
	path, ino := lockedFile(t)
	line := fmt.Sprintf("1: FLOCK  ADVISORY  WRITE 20 00:2f:%d 0 EOF\n", ino)
	proc := fakeProc(t, path, line)
	for pid, text := range map[string]string{"11": "pos:\t0\nlock:\t" + line, "12": "pos:\t0\n"} {
		dir := filepath.Join(proc, pid, "fdinfo")
		if err := os.MkdirAll(dir, 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, "3"), []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	w := world.New()
	for pid := 11; pid <= 12; pid++ { // 12 has opened the file for itself
		file := op.File{ID: op.FileID{Dev: 47, Ino: ino}, Type: op.Regular, Path: path, Nlink: 1}
		o := &op.Op{Seq: pid, Kind: op.Inherit, Actor: op.Actor(fmt.Sprint(pid)), PID: pid, TID: pid, Prog: "sh", Done: true, Path: "/w",
			FD: op.None, FD2: op.None, NewFD: op.None, NewFD2: op.None}
		o.SetFDs([]op.FDInfo{{FD: 3, File: file, Shared: pid}})
		w.Apply(o)
	}
	rows := newLockTable(proc).look(w, int64(time.Second), everything)
	if len(rows) != 1 || rows[0].Who != "11 sh" || rows[0].Path != path || !rows[0].Least {
		t.Errorf("got %+v", rows)
	}
}

func FuzzParseLock(f *testing.F) {
	f.Add("1: FLOCK  ADVISORY  WRITE 4711 00:2f:12345 0 EOF")
	f.Add("12: -> -> POSIX  ADVISORY  READ  1 08:01:2 3 4")
	f.Add("1:")
	f.Fuzz(func(t *testing.T, line string) {
		if l, ok := parseLock(line); ok && (l.waits != (l.depth > 0) || l.words() == "") {
			t.Errorf("%q is %+v, %q", line, l, l.words())
		}
	})
}

// A lock that flock(1) took for a shell is the shell's: flock(1) has ended.
func TestLockOfTakerThatHasEnded(t *testing.T) {
	var w *world.World
	var took *op.Op
	worldtest.Run(t, `
		1    open L rdwr,creat = 9
		1    fork 1.1
		1.1  flock 9 EX
		1.1  exit 0
		1    wait 1.1
	`, func(now *world.World, e *world.Effect) {
		if w = now; e.Op.Kind == op.LockOp {
			took = e.Op
		}
	})
	line := fmt.Sprintf("1: FLOCK  ADVISORY  WRITE %d 00:2f:%d 0 EOF\n", took.PID, took.File.ID.Ino)
	table := newLockTable(fakeProc(t, "/w/L", line))
	rows := table.look(w, took.Exit+int64(time.Second), everything)
	shell := process{w.Process("1").PID, w.Process("1").Prog}
	if len(rows) != 1 || rows[0].Path != "/w/L" || rows[0].Who != shell.String() || rows[0].Least || rows[0].For != time.Second {
		t.Errorf("%+v", rows)
	}
}
