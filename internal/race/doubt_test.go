package race

import (
	"fmt"
	"strings"
	"testing"

	"filerace/internal/op"
	"filerace/internal/trace"
	"filerace/internal/world"
)

// met is two increments in place; the second read overlaps the first write. The bytes
// that a process writes are "prog", each moved up by its process id.
const met = begun + `20 21 11 open /n flags=2 = 3
22 23 11 read fd=3 len=64 = 4
24 25 12 open /n flags=2 = 3
26 %d 12 read fd=3 len=64 %s = 4
30 33 11 pwrite64 fd=3 len=4 off=0 = 4
%s
50 51 12 pwrite64 fd=3 len=4 off=0 = 4
`

func TestWhatWasReadTellsTheOrder(t *testing.T) {
	for _, c := range []struct {
		name  string
		exit  int
		data  string
		other string
		want  string
	}{
		{"one after the other", 27, "", "", "lost-update observed"},
		{"nobody knows what was read", 31, "", "", "lost-update possible"},
		{"the old bytes", 31, "data=qsph", "", "lost-update observed"},
		{"some of the old bytes", 31, "data=q", "", "lost-update observed"},
		{"the new bytes", 31, "data=" + moved("prog", 11), "", "lost-update possible"},
		{"the old bytes, maybe put back", 32, "data=qsph", "30 34 1 pwrite64 fd=3 len=4 off=0 = 4", "lost-update possible"},
	} {
		script := fmt.Sprintf(met, c.exit, c.data, c.other)
		if c.other != "" {
			script = strings.Replace(script, "6 7 1 close fd=3 = 0\n", "", 1)
		}
		got := ""
		for _, f := range streamed(t, script) {
			if f.Rule == "lost-update" {
				got = f.Rule + " " + string(f.Evidence)
			}
		}
		if got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}

func moved(s string, by byte) string {
	b := []byte(s)
	for i := range b {
		b[i] += by
	}
	return string(b)
}

// Where in a stretch something was lost nobody knows; behind it all begins anew.
func TestStretchOfLossesIsDoubt(t *testing.T) {
	story := fmt.Sprintf(lost, "", 40, 41)
	for _, c := range [][2]string{
		{story, "lost-update observed"},
		{"gap 5\n" + story, "lost-update possible"},
		{"gap 5\ngap\n" + story, "lost-update observed"},
		{story + "gap 5\n", "lost-update possible"}, // what was lost may have begun before
		{fmt.Sprintf(lost, "gap 5\ngap", 40, 41), ""},
	} {
		if got := rulesOf(streamed(t, c[0])); got != c[1] {
			t.Errorf("%s: got %q, want %q", c[0], got, c[1])
		}
	}
}

// What came when its place in the order had passed stands behind calls that began
// after it had returned: the story is told the wrong way round.
func TestWhatCameTooLateIsDoubt(t *testing.T) {
	s := NewStream(nil)
	event := func(a op.Actor, from, to int64) *world.Event {
		n := op.Name{Dir: op.FileID{Dev: 1, Ino: 2}, Base: "f", Path: "/f", Before: op.FileID{Dev: 1, Ino: 3}}
		return &world.Event{From: from, Op: &op.Op{Actor: a, Kind: op.Unlink, Path: "/f", Names: []op.Name{n}, Enter: from, Exit: to, Done: true}}
	}
	first, second := event("1.1", 10, 20), event("1.2", 30, 40)
	if s.blurred(first, second) {
		t.Error("in the order of their times: doubt")
	}
	if !s.blurred(second, first) {
		t.Error("against the order of their times: no doubt")
	}
}

// A file is replaced while it is being opened: the reader has the old version, whole.
func TestReplacedWithinTheOpen(t *testing.T) {
	const script = begun + `20 25 11 open /n flags=%d = 3
26 27 12 open /n flags=0 = 3
30 31 11 %s fd=3 len=4 = 4
32 33 11 exited 0
`
	for _, c := range [][3]string{{"0", "read", ""}, {"1", "write", "open-unlinked"}} {
		s := NewStream(nil)
		f := trace.NewFlow(s.World(), s.Take)
		flags := map[string]int{"0": 0, "1": 1}[c[0]]
		for _, r := range recorded(t, fmt.Sprintf(script, flags, c[1])) {
			if o := r.Op; o != nil && o.Kind == op.Open && o.PID > 1 {
				o.File = op.File{ID: op.FileID{Dev: 9, Ino: uint64(o.PID)}, Type: op.Regular, Nlink: uint32(o.PID - 11)}
				o.Names = []op.Name{{Path: "/n", Dir: op.FileID{Dev: 9, Ino: 2}, Base: "n", Before: o.File.ID, After: o.File.ID, Type: op.Regular}}
			}
			f.Put(r)
		}
		f.Close()
		got := ""
		for _, told := range s.End(End{}) {
			got += told.Rule
		}
		if got != c[2] {
			t.Errorf("%s: got %q, want %q", c[1], got, c[2])
		}
	}
}
