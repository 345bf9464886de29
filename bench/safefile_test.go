package main

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/gofrs/flock"

	"filerace/safefile"
)

// meet lets goroutines go in and out, and tells whether two met inside.
func meet(t *testing.T, rounds int, lock func() (unlock func() error, err error)) bool {
	var inside atomic.Int32
	var met atomic.Bool
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			for i := 0; i < rounds && !met.Load(); i++ {
				unlock, err := lock()
				if err != nil {
					t.Error(err)
					return
				}
				if inside.Add(1) > 1 {
					met.Store(true)
				}
				runtime.Gosched()
				inside.Add(-1)
				if err := unlock(); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	return met.Load()
}

// What is measured beside each other is not equally safe: who deletes the lock file
// before unlocking has the one exclude and not the other.
func TestLocksBesideRemoval(t *testing.T) {
	name := filepath.Join(t.TempDir(), "lock")
	if meet(t, 500, func() (func() error, error) {
		return safefile.Lock(context.Background(), name, safefile.RemoveAfter())
	}) {
		t.Error("safefile let two in")
	}
	if !meet(t, 50000, func() (func() error, error) {
		l := flock.New(name)
		return func() error { return errors.Join(ignoreAbsence(os.Remove(name)), l.Unlock()) }, l.Lock()
	}) {
		t.Error("gofrs/flock let nobody in beside its holder")
	}
}

func ignoreAbsence(err error) error {
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	return err
}

// All ways of locking and writing must work and be measured.
func TestSafefileSections(t *testing.T) {
	l := &lab{ctx: context.Background(), dir: t.TempDir(), memory: t.TempDir(), rounds: 1, quick: true}
	for _, s := range l.safefileSections() {
		if s.broken != nil || len(s.rows) < 4 || s.rows[0][1] != "1" && s.rows[0][1] != "1 (1–1)" {
			t.Errorf("%v %v", s.rows, s.broken)
		}
	}
}
