package tracee

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"filerace/internal/op"
)

// At most one operation is in flight: what the handler is told, in that order, is
// what the kernel did. Three processes append to one file; every line must lie
// where the order of the returns puts it.
func TestOrderOfReturnsIsTheKernels(t *testing.T) {
	for seed := range uint64(4) {
		for _, noFilter := range []bool{false, true} {
			d := newDirector(t, seed)
			d.hold = seed > 0
			var want strings.Builder
			d.seen = func(o *op.Op) {
				if o.Kind == op.Write && !o.Failed() && strings.HasPrefix(string(o.Data), "w") {
					want.Write(o.Data)
				}
			}
			s := &stage{script: `for i in 1 2 3; do "$EXE" role append f w$i & done; wait`}
			s.cfg.NoFilter = noFilter
			o := s.play(t, d)
			got, err := os.ReadFile(filepath.Join(o.dir, "f"))
			if err != nil {
				t.Fatal(err)
			}
			if string(got) != want.String() || strings.Count(want.String(), "\n") != 90 {
				t.Errorf("seed %d: file and order of returns differ; %d lines", seed, strings.Count(want.String(), "\n"))
			}
		}
	}
}

// The same for names: of several mkdirs of one name, the first that returned won,
// and a listing shows what had been made by then.
func TestNamesAsTheyWere(t *testing.T) {
	for seed := range uint64(4) {
		d := newDirector(t, seed)
		there := map[string]bool{}
		d.seen = func(o *op.Op) {
			if len(o.Names) == 0 || !strings.HasPrefix(o.Path, "x") {
				return
			}
			name, before := o.Path, !o.Names[0].Before.IsZero()
			if before != there[name] {
				t.Errorf("seed %d: %s of %s: was there: %v, seen at its entry: %v", seed, o.Kind, name, there[name], before)
			}
			switch {
			case o.Kind == op.Mkdir && o.Failed() != there[name], o.Kind == op.Rmdir && o.Failed() == there[name]:
				t.Errorf("seed %d: %s of %s, which was there: %v, returned %d", seed, o.Kind, name, there[name], o.Ret)
			case o.Kind == op.Mkdir:
				there[name] = true
			case o.Kind == op.Rmdir:
				there[name] = false
			}
		}
		o := (&stage{script: `for i in 1 2 3; do perl -e 'for (1..15) { mkdir "x$_"; stat "x$_"; rmdir "x" . ($_ - 1); }' & done; wait; echo ok`}).play(t, d)
		o.expect(t, "ok")
		if d.count(op.Mkdir) < 15 {
			t.Errorf("%d directories were made", d.count(op.Mkdir))
		}
	}
}

// The same choices give the same run: every operation, actor by actor.
func TestRunsRepeat(t *testing.T) {
	script := `for i in 1 2 3; do (echo $i >>f; cat f >g$i; rm -f g$i; sleep 1; : >f) & done; wait; cat f | sort`
	record := func() []string {
		d := newDirector(t, 42)
		s := &stage{script: script}
		s.play(t, d)
		var l []string
		for _, o := range d.ops {
			if o.Kind != op.Signal && o.Kind != op.Wait {
				l = append(l, fmt.Sprint(o.Actor, o.Kind, filepath.Base(o.Path), o.Ret < 0))
			}
		}
		return l
	}
	first := record()
	for range 5 {
		again := record()
		for i := range max(len(first), len(again)) {
			if i >= len(first) || i >= len(again) || first[i] != again[i] {
				t.Fatalf("operation %d of %d and %d: %v, again %v", i, len(first), len(again),
					first[min(i, len(first)):min(i+2, len(first))], again[min(i, len(again)):min(i+2, len(again))])
			}
		}
	}
}
