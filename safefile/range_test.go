//go:build unix

package safefile

import (
	"context"
	"os"
	"path/filepath"
	"reflect"
	"testing"
)

// rangeRole locks a range: range FILE.
func rangeRole(args []string) {
	unlock, err := LockRange(ctx, args[0], Range{Offset: 10, Length: 10})
	orDie(err)
	say("held")
	untilTold()
	orDie(unlock())
}

// bothWays runs a test with the locks of this system and with those of the process.
func bothWays(t *testing.T, test func(t *testing.T, name string)) {
	for what, holder := range map[string]rangeHolder{"system's": ranges, "process's": newTable()} {
		t.Run(what, func(t *testing.T) {
			defer func(r rangeHolder) { ranges = r }(ranges)
			ranges = holder
			name := filepath.Join(t.TempDir(), "file")
			ok(t, os.WriteFile(name, nil, 0o666))
			before := descriptorCount(t)
			test(t, name)
			if after := descriptorCount(t); after != before {
				t.Errorf("%d descriptors, %d before", after, before)
			}
		})
	}
}

func TestLockRange(t *testing.T) {
	bothWays(t, func(t *testing.T, name string) {
		a := must(LockRange(ctx, name, Range{Offset: 0, Length: 10}))(t)
		b := must(TryLockRange(name, Range{Offset: 10, Length: 10}))(t)
		_, err := TryLockRange(name, Range{Offset: 9, Length: 2})
		want(t, err, ErrLocked)
		_, err = TryLockRange(name, Range{Offset: 9, Length: 1, Shared: true})
		want(t, err, ErrLocked)
		rest := must(TryLockRange(name, Range{Offset: 20}))(t)
		_, err = TryLockRange(name, Range{Offset: 1 << 40, Length: 1})
		want(t, err, ErrLocked)
		ok(t, a())
		want(t, a(), ErrReleased)
		ok(t, must(TryLockRange(name, Range{Offset: 0, Length: 10}))(t)())
		_, err = TryLockRange(name, Range{Offset: 0, Length: 11})
		want(t, err, ErrLocked)
		ok(t, b())
		ok(t, rest())
		_, err = TryLockRange(name, Range{Offset: -1, Length: 11})
		want(t, err, errRange)
	})
}

func TestLockRangeBetweenProcesses(t *testing.T) {
	bothWays(t, func(t *testing.T, name string) {
		holder := startRole(t, "range", name)
		holder.expect("held")
		_, err := TryLockRange(name, Range{Offset: 19, Length: 5, Shared: true})
		want(t, err, ErrLocked)
		cancelled, cancel := context.WithCancel(ctx)
		cancel()
		_, err = LockRange(cancelled, name, Range{Offset: 19, Length: 5})
		want(t, err, context.Canceled)
		outside := must(TryLockRange(name, Range{Offset: 20, Length: 5}))(t)
		holder.kill()
		ok(t, must(LockRange(ctx, name, Range{Offset: 0, Length: 20}))(t)())
		ok(t, outside())
		holder.in.Close()
	})
}

// POSIX's trap: the end of one range must not drop another one of the same process.
func TestUnlockRangeKeepsTheOthers(t *testing.T) {
	bothWays(t, func(t *testing.T, name string) {
		kept := must(LockRange(ctx, name, Range{Offset: 10, Length: 10, Shared: true}))(t)
		ok(t, must(LockRange(ctx, name, Range{Offset: 15, Length: 10, Shared: true}))(t)())
		ok(t, must(LockRange(ctx, name, Range{Offset: 30, Length: 10}))(t)())
		// Another process finds it locked still.
		a := startRole(t, "range", name)
		untilLocked(t, a, name, kept)
	})
}

// untilLocked lets a range go for which another process waits, and sees it get it.
func untilLocked(t *testing.T, a *actor, name string, unlock func() error) {
	t.Helper()
	got := make(chan string, 1)
	go func() { s, _ := a.out.ReadString('\n'); got <- s }()
	for range 100 {
		select {
		case <-got:
			t.Fatal("it got in")
		default:
		}
		ok(t, must(TryLockRange(name, Range{Offset: 10, Length: 1, Shared: true}))(t)())
	}
	ok(t, unlock())
	if s := <-got; s != "held\n" {
		t.Errorf("%q", s)
	}
	ok(t, a.end())
}

func TestUncovered(t *testing.T) {
	for _, c := range []struct {
		r      Range
		others []*Range
		want   []Range
	}{
		{Range{Offset: 0, Length: 10}, nil, []Range{{Offset: 0, Length: 10}}},
		{Range{Offset: 0, Length: 10}, []*Range{{Offset: 3, Length: 2}}, []Range{{Offset: 0, Length: 3}, {Offset: 5, Length: 5}}},
		{Range{Offset: 0, Length: 10}, []*Range{{Offset: 3}}, []Range{{Offset: 0, Length: 3}}},
		{Range{Offset: 5}, []*Range{{Offset: 0, Length: 8}, {Offset: 9, Length: 1}}, []Range{{Offset: 8, Length: 1}, {Offset: 10}}},
		{Range{Offset: 5, Length: 1}, []*Range{{Offset: 0}}, nil},
	} {
		if got := uncovered(c.r, c.others); !reflect.DeepEqual(got, c.want) {
			t.Errorf("%v without %v: %v, want %v", c.r, c.others, got, c.want)
		}
	}
}
