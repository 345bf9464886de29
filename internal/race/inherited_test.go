package race

import (
	"fmt"
	"strings"
	"testing"

	"filerace/internal/op"
	"filerace/internal/trace"
	"filerace/internal/world"
)

// A lock that a process brought with it is a doubt only where somebody asks for one.
func TestADescriptorFromBeforeTheTrace(t *testing.T) {
	script := strings.Replace(fmt.Sprintf(lost, "%s", 40, 41), "0 1 1 execve /bin/sh = 0\n", "", 1)
	for lock, want := range map[string]string{
		"":                                "lost-update observed",
		"28 29 12 flock fd=9 lock=EX = 0": "lost-update possible", // on the file that the descriptor leads to
	} {
		s := NewStream(nil)
		f := trace.NewFlow(s.World(), s.Take)
		f.Command(1)
		o := &op.Op{Kind: op.Inherit, PID: 1, TID: 1, Done: true, Path: "/", FD: op.None, FD2: op.None, NewFD: op.None, NewFD2: op.None,
			Off: op.None, Off2: op.None, OldSize: op.None}
		o.SetFDs([]op.FDInfo{{FD: 9, File: op.File{ID: op.FileID{Dev: 1, Ino: 7}, Type: op.Regular, Path: "/log"}, Shared: 1}})
		f.Put(trace.Record{What: trace.There, Op: o})
		for _, r := range recorded(t, fmt.Sprintf(script, lock)) {
			f.Put(r)
		}
		f.Close()
		if got := rulesOf(s.End(End{})); got != want {
			t.Errorf("with %q: %s, want %s", lock, got, want)
		}
	}
}

func TestFilesAskedForAreBounded(t *testing.T) {
	var a asked
	o := &op.Op{Kind: op.LockOp}
	for i := range 3 * askedMax {
		e := new(world.Effect)
		e.Op, e.File = o, &world.File{ID: op.FileID{Dev: 1, Ino: uint64(i + 1)}}
		if a.note(e); !a.locked(e.File) {
			t.Fatalf("file %d is not known to be locked", i)
		}
	}
	if len(a.files) > askedMax {
		t.Errorf("%d files are remembered", len(a.files))
	}
}
