package saved

import (
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"filerace/internal/op"
	"filerace/internal/trace"
)

// pieces records operations in segments of a few rows each, and closes the recording.
// With merging, the merger is let do its work; else there are only parts.
func pieces(t *testing.T, dir string, ops []*op.Op, each int, merging bool) {
	t.Helper()
	w, err := create(dir, Meta{}, 1<<40)
	if err != nil {
		t.Fatal(err)
	}
	w.segs.merger.off = !merging // nothing has been closed yet
	for part := range slices.Chunk(ops, each) {
		var rows []row
		for _, o := range part {
			rows = append(rows, rowOf(&trace.Record{Op: o}))
		}
		if err := w.segs.put(rows); err != nil {
			t.Fatal(err)
		}
		if err := w.segs.close(); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(nil, nil); err != nil {
		t.Fatal(err)
	}
}

func segmentFiles(t *testing.T, dir string) (names []string) {
	t.Helper()
	entries, err := os.ReadDir(filepath.Join(dir, opsDir))
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

// Segments of a second become few, and what they hold stays as it was.
func TestSmallSegmentsAreMerged(t *testing.T) {
	ops := storm(400)
	parts, whole := filepath.Join(t.TempDir(), "parts.filerace"), filepath.Join(t.TempDir(), "whole.filerace")
	pieces(t, parts, ops, 10, false)
	pieces(t, whole, ops, 10, true)
	if n := len(segmentFiles(t, parts)); n != 40 {
		t.Fatalf("%d parts", n)
	}
	if names := segmentFiles(t, whole); len(names) != 1 || names[0] != "00000001-00000040.parquet" {
		t.Errorf("merged into %v", names)
	}
	a, _ := readAll(t, parts)
	b, _ := readAll(t, whole)
	if len(a) != len(ops) || !reflect.DeepEqual(a, b) {
		t.Errorf("%d operations came back from the parts, %d from what was merged, of %d; or they differ", len(a), len(b), len(ops))
	}
}

// No segment gets more rows than it may have, and big ones are left alone.
func TestFullSegmentsAreNotMerged(t *testing.T) {
	m := &merger{off: true}
	for n := 1; n <= 40; n++ {
		m.all = append(m.all, segment{first: n, last: n, rows: segmentRows})
		m.tidy()
	}
	if len(m.all) != 40 {
		t.Errorf("%d are left of 40", len(m.all))
	}
}

// What a recorder leaves that is killed while it merges. Each has every operation once.
func TestKilledWhileMerging(t *testing.T) {
	ops := storm(200)
	const merged = "00000001-00000016.parquet"
	unmerged, whole := filepath.Join(t.TempDir(), "parts.filerace"), filepath.Join(t.TempDir(), "whole.filerace")
	pieces(t, unmerged, ops, 10, false)
	pieces(t, whole, ops[:160], 10, true)
	listed, err := os.ReadFile(filepath.Join(whole, sumsFile))
	if err != nil || !strings.HasSuffix(string(listed), merged+"\n") {
		t.Fatalf("the list ends %q, %v", listed, err)
	}
	for _, k := range []struct {
		name string
		do   func(parts, whole string) // dir has all of the parts; whole has the merged segment
	}{
		{"before it had a name", func(dir, whole string) {
			os.WriteFile(filepath.Join(dir, opsDir, merged+openSuffix), []byte("PAR1"), 0o666)
		}},
		{"before it was listed", func(dir, whole string) { copyFile(t, whole, dir, filepath.Join(opsDir, merged)) }},
		{"while it was listed", func(dir, whole string) {
			copyFile(t, whole, dir, filepath.Join(opsDir, merged))
			copyFile(t, whole, dir, sumsFile)
			rewrite(t, filepath.Join(dir, sumsFile), func(b []byte) []byte { return b[:strings.Index(string(b), merged)] })
		}},
		{"before the parts went", func(dir, whole string) {
			copyFile(t, whole, dir, filepath.Join(opsDir, merged))
			copyFile(t, whole, dir, sumsFile)
		}},
		{"while the parts went", func(dir, whole string) {
			copyFile(t, whole, dir, filepath.Join(opsDir, merged))
			copyFile(t, whole, dir, sumsFile)
			os.Remove(filepath.Join(dir, opsDir, "00000001.parquet"))
			os.Remove(filepath.Join(dir, opsDir, "00000009.parquet"))
		}},
	} {
		t.Run(k.name, func(t *testing.T) {
			parts := filepath.Join(t.TempDir(), "parts.filerace")
			if err := os.CopyFS(parts, os.DirFS(unmerged)); err != nil {
				t.Fatal(err)
			}
			k.do(parts, whole)
			rewrite(t, filepath.Join(parts, metaFile), replaced(`"closed": true`, `"closed": false`))
			got, _ := readAll(t, parts)
			if len(got) != len(ops) {
				t.Fatalf("%d operations came back of %d", len(got), len(ops))
			}
			for i := range got {
				if got[i].Seq != i+1 {
					t.Fatalf("operation %d has number %d", i+1, got[i].Seq)
				}
			}
		})
	}
}

func copyFile(t *testing.T, from, to, name string) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(from, name))
	if err == nil {
		err = os.WriteFile(filepath.Join(to, name), text, 0o666)
	}
	if err != nil {
		t.Fatal(err)
	}
}
