package watch

import (
	"fmt"
	"testing"

	"filerace/internal/op"
	"filerace/internal/world"
	"filerace/internal/world/worldtest"
)

func everything(string) bool { return true }

func TestContentionCountsConflicts(t *testing.T) {
	c := newContention()
	worldtest.Run(t, `
		1    fork 1.1
		1    fork 1.2
		1.1  open quiet rdwr,creat = 3
		1.1  write 3 "a"
		1.1  write 3 "b"
		1.1  close 3
		1.1  open f rdwr,creat = 3
		1.2  open f rdwr,creat = 3
		1.1  write 3 "aaaa"
		1.2  pwrite 3 8 "bbbb"
		1.2  pwrite 3 2 "bb"
		1.1  unlink f
	`, func(_ *world.World, e *world.Effect) {
		c.see(e.Op)
	})
	top := c.top(everything)
	if len(top) != 1 || top[0].Path != "/w/f" {
		t.Fatalf("contended %+v", top)
	}
	// The open of a file just created, the write over common bytes, the removal; a write
	// beyond the end changes the size that the other had read or written.
	if n := top[0].Conflicts; n < 3 || n > 4 {
		t.Errorf("%d conflicts", n)
	}
	if again := c.top(everything); again[0].Since != 0 || again[0].Conflicts != top[0].Conflicts {
		t.Errorf("drawn again: %+v", again[0])
	}
	if none := c.top(func(string) bool { return false }); len(none) != 0 {
		t.Errorf("kept %+v", none)
	}
}

func TestContentionForgetsTheQuietFirst(t *testing.T) {
	c := newContention()
	c.most = 8
	write := func(pid int, path string) {
		id := op.FileID{Dev: 1, Ino: uint64(len(path)) + uint64(path[len(path)-1])}
		c.see(&op.Op{Actor: op.Actor(fmt.Sprint(pid)), PID: pid, Kind: op.Write, Call: op.Named("write"), FD: 3, FD2: op.None, NewFD: op.None, NewFD2: op.None,
			Done: true, Ret: 1, Len: 1, File: op.File{ID: id, Type: op.Regular, Path: path}})
	}
	write(1, "/fought")
	write(2, "/fought")
	for i := range 100 {
		write(1, fmt.Sprintf("/quiet%02d", i))
	}
	if len(c.paths) > 8 || c.forgot < 90 {
		t.Errorf("%d paths kept, %d forgotten", len(c.paths), c.forgot)
	}
	if top := c.top(everything); len(top) != 1 || top[0].Path != "/fought" || top[0].Conflicts != 1 {
		t.Errorf("top %+v", top)
	}
}

func TestDeletedButOpen(t *testing.T) {
	var w *world.World
	worldtest.Run(t, `
		1    fork 1.1
		1.1  open small rdwr,creat = 3
		1.1  write 3 "four"
		1.1  unlink small
		1    open big rdwr,creat = 4
		1    write 4 "something longer"
		1.1  open big rdonly = 5
		1    unlink big
		1    open kept rdwr,creat = 6
		1    open closed rdwr,creat = 7
		1    unlink closed
		1    close 7
	`, func(now *world.World, _ *world.Effect) { w = now })
	w.Process("1").PID, w.Process("1.1").PID = 10, 11
	got := deleted(w, everything)
	if len(got) != 2 || got[0].Path != "/w/big" || got[0].Size != 16 || len(got[0].Who) != 2 || got[1].Path != "/w/small" || got[1].Size != 4 {
		t.Errorf("deleted but open: %+v", got)
	}
}
