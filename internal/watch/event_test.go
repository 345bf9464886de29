package watch

import (
	"encoding/json"
	"math/rand/v2"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"filerace/internal/op"
	"filerace/internal/screen"
	"filerace/internal/trace"
)

var wall = time.Date(2017, 8, 3, 20, 58, 5, 0, time.UTC)

// opened is an open as a probe tells it.
func opened(pid int, path string, enter, exit int64) *op.Op {
	o := &op.Op{
		PID: pid, TID: pid, Prog: "osx-unlink-viol", Call: op.Named("openat"), Kind: op.Open, Enter: enter, Exit: exit, Ret: 3, Done: true,
		FD: op.AT_FDCWD, FD2: op.None, NewFD: 3, NewFD2: op.None, Off: op.None, Flags: op.O_CREAT | op.O_RDWR | op.O_CLOEXEC, Path: path,
		File: op.File{ID: op.FileID{Dev: 1, Ino: 41}, Type: op.Regular, Path: "/w/" + path, Nlink: 1},
	}
	o.Args[0] = ^uint64(99)
	return o
}

func returned(o *op.Op, uid uint32) *trace.Record {
	return &trace.Record{What: trace.Returned, Op: o, UID: uid}
}

func TestEventLines(t *testing.T) {
	l := newEventLines(wall)
	unlinked := &op.Op{
		PID: 79012, TID: 79012, Prog: "osx\x1b[2J", Call: op.Named("unlink"), Kind: op.Unlink, Enter: 11_000, Exit: 14_500, Ret: -2, Done: true,
		FD: op.None, FD2: op.None, NewFD: op.None, NewFD2: op.None, Path: "a\nb",
		Names: []op.Name{{Path: "/w/a\nb", Base: "a\nb", Dir: op.FileID{Dev: 1, Ino: 2}}},
	}
	made := &op.Op{
		PID: 79012, TID: 79012, Prog: "mkdir", Call: op.Named("mkdir"), Kind: op.Mkdir, Enter: 15_000, Exit: 16_000, Done: true,
		FD: op.None, FD2: op.None, NewFD: op.None, NewFD2: op.None, Path: "d",
		Names: []op.Name{{Path: "/w/d", Base: "d", Dir: op.FileID{Dev: 1, Ino: 2}, After: op.FileID{Ino: 7}, Nlink: 2}}, // nobody told which it was
	}
	locked := &op.Op{
		PID: 79012, TID: 79012, Prog: "flock", Call: op.Named("flock"), Kind: op.LockOp, Enter: op.None, Exit: 1_000_020_000, Done: true,
		FD: 3, FD2: op.None, NewFD: op.None, NewFD2: op.None, Cmd: op.LOCK_EX | op.LOCK_NB, File: op.File{ID: op.FileID{Dev: 1, Ino: 41}, Path: "/w/0.sample"},
	}
	var got strings.Builder
	got.Write(l.header())
	entry := *opened(79011, "0.sample", 4_000, 0)
	got.Write(l.record(&trace.Record{What: trace.Entered, Op: &entry, UID: 501}))
	got.Write(l.record(returned(opened(79011, "0.sample", 4_000, 9_250), 501)))
	got.Write(l.record(returned(unlinked, 0)))
	got.Write(l.record(returned(made, 0)))
	got.Write(l.record(returned(locked, 501)))
	want := `
CALL                TIME_US WALL                  UID     PID RESULT FLAGS                             ERRNO        ENTRY_US   TOOK_US     INODE LINKS PROGRAM         PATH
openat                    4 2017-08-03T20:58:05   501   79011  entry O_RDWR|O_CREAT|O_CLOEXEC          -                   4         -        41     - osx-unlink-viol 0.sample
openat                    9 2017-08-03T20:58:05   501   79011      3 O_RDWR|O_CREAT|O_CLOEXEC          0                   4       5.2        41     1 osx-unlink-viol 0.sample
unlink                   14 2017-08-03T20:58:05     0   79012     -1 -                                 ENOENT             11       3.5         -     - osx\x1b[2J      /w/a\nb
mkdir                    16 2017-08-03T20:58:05     0   79012      0 -                                 0                  15       1.0         -     - mkdir           /w/d
flock               1000020 2017-08-03T20:58:06   501   79012      0 LOCK_EX|LOCK_NB                   0                   -         -        41     0 flock           3 </w/0.sample>
`
	if got.String() != want[1:] {
		t.Errorf("got\n%swant%s", got.String(), want)
	}
}

// Whatever the values: a line is one line, nothing in it moves the cursor, and the
// last column begins where it began before, or further right for good.
func TestEventLinesStayAligned(t *testing.T) {
	g := rand.New(rand.NewPCG(1, 2))
	l := newEventLines(wall)
	at := 0
	for range 2000 {
		o := opened(g.IntN(1<<22), "P", g.Int64N(1e16), g.Int64N(1e16))
		o.Ret, o.Flags, o.File.ID.Ino, o.File.Nlink = g.Int64()>>g.IntN(60), g.Uint64()>>g.IntN(60), g.Uint64()>>g.IntN(60), g.Uint32()
		o.Prog = strings.Repeat([]string{"a", "\x1b[2J", "名", "\xfe"}[g.IntN(4)], g.IntN(7))
		line := string(l.record(returned(o, g.Uint32())))
		body := strings.TrimSuffix(line, "\n")
		if len(body) != len(line)-1 || strings.ContainsFunc(body, unicode.IsControl) || !utf8.ValidString(body) {
			t.Fatalf("not one clean line: %q", line)
		}
		start := screen.Width(strings.TrimSuffix(body, "P"))
		if !strings.HasSuffix(body, " P") || start < at {
			t.Fatalf("the path begins at %d, after %d: %q", start, at, line)
		}
		at = start
	}
}

func TestFlagWords(t *testing.T) {
	for _, c := range []struct {
		call string
		o    op.Op
		want string
	}{
		{"creat", op.Op{Kind: op.Open, Flags: op.O_CREAT | op.O_WRONLY | op.O_TRUNC}, "O_WRONLY|O_CREAT|O_TRUNC"},
		{"renameat2", op.Op{Kind: op.Rename, Flags: op.RENAME_NOREPLACE}, "RENAME_NOREPLACE"},
		{"close", op.Op{Kind: op.Close, FD: 3}, "-"},
		{"flock", op.Op{Kind: op.LockOp, Cmd: op.LOCK_UN}, "LOCK_UN"},
		{"lseek", op.Op{Kind: op.Seek, Whence: op.SEEK_END}, "SEEK_END"},
	} {
		c.o.Call = op.Named(c.call)
		if got := flagWords(&c.o); got != c.want {
			t.Errorf("%s: %q, want %q", c.call, got, c.want)
		}
	}
}

func TestEventJSON(t *testing.T) {
	o := opened(79011, "0.sample", 4_000, 9_250)
	o.Actor = "79011"
	line, err := eventJSON(returned(o, 501), wall)
	if err != nil || strings.Count(string(line), "\n") != 1 {
		t.Fatalf("%q, %v", line, err)
	}
	var got map[string]any
	if err := json.Unmarshal(line, &got); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]any{
		"type": "call", "actor": "79011", "pid": 79011., "uid": 501., "op": "openat", "flags": "O_RDWR|O_CREAT|O_CLOEXEC", "result": 3.,
		"errno": "", "enter_ns": 4000., "exit_ns": 9250., "duration_ns": 5250., "path": "0.sample", "ino": 41., "nlink": 1.,
		"program": "osx-unlink-viol", "wall": "2017-08-03T20:58:05.00000925Z",
	} {
		if got[name] != want {
			t.Errorf("%s is %v, want %v", name, got[name], want)
		}
	}
	entry, err := eventJSON(&trace.Record{What: trace.Entered, Op: o}, wall)
	if err != nil || !strings.Contains(string(entry), `"type":"entry"`) || !strings.Contains(string(entry), `"result":null`) {
		t.Errorf("at entry %s, %v", entry, err)
	}
	o.Enter, o.Ret = op.None, -2
	if line, _ = eventJSON(returned(o, 501), wall); !strings.Contains(string(line), `"enter_ns":null`) || !strings.Contains(string(line), `"errno":"ENOENT"`) {
		t.Errorf("without entry time %s", line)
	}
}
