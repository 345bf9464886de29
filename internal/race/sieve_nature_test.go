package race

import (
	"testing"

	"filerace/internal/op"
)

// What may change what others find.
func TestSieveChanges(t *testing.T) {
	for want, ops := range map[bool][]op.Op{
		true: {
			{Kind: op.Mmap, Cmd: op.PROT_WRITE}, {Kind: op.Chmod}, {Kind: op.Write, Ret: 3}, {Kind: op.Open, Flags: op.O_TRUNC},
			{Kind: op.Open, Flags: op.O_CREAT, Names: []op.Name{{After: op.FileID{Ino: 1}}}}, {Kind: op.Unlink}, {Kind: op.Link},
		},
		false: {
			{Kind: op.Mmap}, {Kind: op.Read, Ret: 3}, {Kind: op.Write, Ret: -5}, {Kind: op.Open, Flags: op.O_TRUNC, Ret: -2}, {Kind: op.Truncate, Waits: true},
			{Kind: op.Open, Names: []op.Name{{After: op.FileID{Ino: 1}}}},                           // left over from another row
			{Kind: op.Open, Flags: op.O_TRUNC, File: op.File{ID: op.FileID{Ino: 1}, Type: op.Proc}}, // as sh does with /dev/null
		},
	} {
		for i := range ops {
			if got := changes(&ops[i]); got != want {
				t.Errorf("%v: %v", &ops[i], got)
			}
		}
	}
}

// What came to nothing orders nobody; what failed on a name is kept where the name is raced for.
func TestSieveAndFailures(t *testing.T) {
	name := []op.Name{{Dir: op.FileID{Ino: 1}, Base: "f", Path: "/f"}}
	made := []op.Name{{Dir: op.FileID{Ino: 1}, Base: "f", Path: "/f", After: op.FileID{Ino: 2}}}
	for what, c := range map[string]struct {
		o    op.Op
		want bool
	}{
		"no child is there":     {op.Op{Kind: op.Wait, Ret: -10}, false},
		"no child has ended":    {op.Op{Kind: op.Wait}, false},
		"one has":               {op.Op{Kind: op.Wait, Child: "1.1", Ret: 7}, true},
		"a wait that goes on":   {op.Op{Kind: op.Wait, Waits: true}, true},
		"no socket":             {op.Op{Kind: op.SocketOp, Ret: -97, FD: -1}, false},
		"a socket":              {op.Op{Kind: op.SocketOp, Ret: 3, File: op.File{Type: op.Socket}}, true},
		"nothing to be closed":  {op.Op{Kind: op.Close, FD: 9, Ret: -9}, false},
		"an end of a pipe is":   {op.Op{Kind: op.Close, FD: 9, File: op.File{ID: op.FileID{Ino: 3}, Type: op.Pipe}}, true},
		"what a pipe is":        {op.Op{Kind: op.Stat, FD: 9, File: op.File{ID: op.FileID{Ino: 3}, Type: op.Pipe}}, false},
		"a counter of events":   {op.Op{Kind: op.Write, FD: 9, Ret: 8, File: op.File{ID: op.FileID{Ino: 4}, Type: op.Anon}}, false},
		"a program":             {op.Op{Kind: op.Exec, Names: []op.Name{{Dir: op.FileID{Ino: 1}, Base: "g", Path: "/g"}}}, true},
		"no program":            {op.Op{Kind: op.Exec, Ret: -2, Names: []op.Name{{Dir: op.FileID{Ino: 1}, Base: "g", Path: "/g"}}}, false},
		"none, of a raced name": {op.Op{Kind: op.Exec, Ret: -2, Names: name}, true},
	} {
		s := NewSieve()
		c.o.Actor = "1"
		other := op.Op{Kind: op.Open, Actor: "2", Flags: op.O_CREAT, Names: made, File: op.File{ID: made[0].After, Type: op.Regular}}
		for s.More() {
			s.Note(&other)
			s.Note(&c.o)
		}
		if got := s.Keeps(&c.o); got != c.want {
			t.Errorf("%s: kept %v, want %v", what, got, c.want)
		}
	}
}
