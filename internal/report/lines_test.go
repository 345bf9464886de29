package report

import (
	"fmt"
	"math/rand/v2"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"filerace/internal/op"
	"filerace/internal/race"
	"filerace/internal/screen"
)

func TestRenumber(t *testing.T) {
	rows := []row{{op: &op.Op{Seq: 12}}, {op: &op.Op{Seq: 40}}, {op: &op.Op{Seq: 41}}}
	for in, want := range map[string]string{
		"In step 40 it went.":           "In step 2 it went.",
		"Steps 12, 40 and 41 are.":      "Steps 1, 2 and 3 are.",
		"It read 12 bytes at step 41.":  "It read 12 bytes at step 3.",
		"In step 41, 1.2 did it.":       "In step 3, 1.2 did it.",
		"In steps 12 and 41, 1 did it.": "In steps 1 and 3, 1 did it.",
		"Step 13 is not here.":          "Another step is not here.",
		"Footsteps 12 and steps apart.": "Footsteps 12 and steps apart.",
	} {
		if got := renumber(in, rows); got != want {
			t.Errorf("renumber(%q) = %q, want %q", in, got, want)
		}
	}
}

var sgr = regexp.MustCompile("\x1b\\[[0-9;]*m")

// Whatever the names and however many actors: no line is longer than the width,
// none holds a control character but the colours, and no text is empty.
func TestNoLineIsTooLong(t *testing.T) {
	for seed := range uint64(300) {
		g := generator{rand.New(rand.NewPCG(seed, 1))}
		o := Options{Color: g.IntN(2) == 0, All: g.IntN(2) == 0, Dir: g.path(), Width: []int{0, 60, 100, 140}[g.IntN(4)]}
		r := hunted(g.found(), g.found())
		r.Notes, r.Missed = []string{g.name(200)}, []string{g.name(30)}
		r.Outcomes[g.name(80)] = 3
		out := string(text(t, r, o))
		for line := range strings.Lines(out) {
			line = strings.TrimSuffix(sgr.ReplaceAllString(line, ""), "\n")
			if n := screen.Width(line); n > o.width() {
				t.Fatalf("seed %d: %d columns of %d: %q", seed, n, o.width(), line)
			}
			if strings.ContainsFunc(line, unicode.IsControl) || !utf8.ValidString(line) {
				t.Fatalf("seed %d: a line is not fit for a terminal: %q", seed, line)
			}
		}
	}
}

// generator makes findings without sense.
type generator struct{ *rand.Rand }

func (g generator) name(longest int) string {
	alphabet := []string{"a", "b", "lock", ".", " ", "\n", "\x1b[2J", "\xfe", "é", "名", "\u202e", "-", "step 3", "\t", "…"}
	s := "x"
	for range g.IntN(longest) {
		s += alphabet[g.IntN(len(alphabet))]
	}
	return s
}

func (g generator) path() string {
	s := ""
	for range 1 + g.IntN(6) {
		s += "/" + g.name(30)
	}
	return s
}

func (g generator) found() Found {
	path, other := g.path(), g.path()
	f := Found{
		Finding: race.Finding{
			Rule: []string{"lost-update", "unlinked-lock", g.name(60)}[g.IntN(3)], Evidence: race.Proven, Path: path, Paths: []string{other},
			Headline: "something was done to " + path + g.name(40), Why: g.name(300), Repair: "not " + other + g.name(100),
		},
		Replay: g.path(), Replays: 3, Bites: 3, RunsToFind: g.IntN(1e6), SecondsToFind: g.Float64() * 1e4, Preemptions: g.IntN(100),
	}
	dir := op.FileID{Dev: 1, Ino: 2}
	ids := []op.FileID{{}, {Dev: 1, Ino: g.Uint64()}, {Dev: 1, Ino: g.Uint64()}}
	kinds := []op.Kind{op.Open, op.Open, op.LockOp, op.Write, op.Unlink, op.Rename, op.Close, op.Stat, op.Read}
	for i := range 4 + g.IntN(60) {
		o := &op.Op{
			Seq: i + 1, Actor: op.Actor(fmt.Sprintf("1.%d", 1+g.IntN(9))), Prog: g.name(10), PID: 100, Done: true,
			Kind: kinds[g.IntN(len(kinds))], FD: g.IntN(4), FD2: op.None, NewFD: op.None, NewFD2: op.None, Off: op.None, Len: g.Int64N(1e12),
		}
		if o.Kind == op.Open {
			o.NewFD = g.IntN(4)
			o.Ret = int64(o.NewFD)
		}
		if o.Kind == op.LockOp {
			o.Lock = op.Lock{Family: op.LockFamily(1 + g.IntN(4)), Mode: op.LockMode(g.IntN(3)), End: op.MaxOffset}
		}
		if o.Kind == op.Open || o.Kind == op.Unlink || o.Kind == op.Rename || o.Kind == op.Stat {
			o.FD = op.None
			before, after := ids[g.IntN(3)], ids[g.IntN(3)]
			o.Path, o.Path2 = path, other
			o.Names = []op.Name{{Dir: dir, Base: "p", Path: path, Before: before, After: after, Type: op.Regular, Nlink: 1}}
			if o.Kind == op.Rename {
				o.Names = append(o.Names, op.Name{Dir: dir, Base: "q", Path: other, Before: after, After: before, Type: op.Regular, Nlink: 1})
			}
			o.File = op.File{ID: after, Type: op.Regular, Path: path, Nlink: 1}
		}
		f.Ops = append(f.Ops, o)
		if g.IntN(5) == 0 || i == 0 {
			f.Marks = append(f.Marks, o.Seq)
		}
		if !slices.Contains(f.Actors, o.Actor) {
			f.Actors = append(f.Actors, o.Actor)
		}
	}
	return f
}
