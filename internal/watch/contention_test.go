package watch

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"filerace/internal/op"
	"filerace/internal/trace"
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

func TestLocksHeldAndWaitedFor(t *testing.T) {
	var w *world.World
	worldtest.Run(t, `
		1    fork 1.1
		1    fork 1.2
		1.1  open L rdwr,creat = 3
		1.2  open L rdwr,creat = 3
		1.1  flock 3 EX
	`, func(now *world.World, e *world.Effect) {
		e.Op.Exit = int64(e.At.Seq) * int64(time.Second)
		w = now
	})
	holder, waiter := w.Process("1.1"), w.Process("1.2")
	holder.PID, holder.Prog, waiter.PID, waiter.Prog = 11, "backup", 12, "sync"
	p := newPending()
	ask := &op.Op{PID: 12, TID: 12, Prog: "sync", Call: op.Named("flock"), Kind: op.LockOp, Enter: 6e9, FD: 3, FD2: op.None, NewFD: op.None, NewFD2: op.None,
		Lock: op.Lock{Family: op.FlockLock, Mode: op.Exclusive, Wait: true, End: op.MaxOffset}}
	p.see(&trace.Record{What: trace.Entered, Op: ask})
	got := p.locks(w, 8e9, everything)
	want := []TopLock{
		{Path: "/w/L", Kind: "flock EX", Who: "12 sync", Waits: true, For: 2 * time.Second, On: []string{"11 backup"}},
		{Path: "/w/L", Kind: "flock EX", Who: "11 backup", For: 3 * time.Second},
	}
	if !slices.EqualFunc(got, want, func(a, b TopLock) bool { return fmt.Sprint(a) == fmt.Sprint(b) }) {
		t.Errorf("got %+v\nwant %+v", got, want)
	}
	if now := p.locks(w, 6e9+1, everything); len(now) != 1 {
		t.Errorf("a request of this moment counts as waiting: %+v", now)
	}
	p.see(&trace.Record{What: trace.Returned, Op: ask})
	if after := p.locks(w, 8e9, everything); len(after) != 1 || after[0].Waits {
		t.Errorf("after its return: %+v", after)
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
