package saved

import (
	"bytes"
	"path/filepath"
	"slices"
	"testing"

	parquetfile "github.com/parquet-go/parquet-go/format"
)

// readTwice goes through a chunk as often as it is read: what was kept of the first time is at hand at the second. It
// reports whether they differ.
func readTwice(c *chunk) (differ bool, err error) {
	defer c.loader.caught(&err)
	if _, _, err := c.dictionary(); err != nil {
		return false, err
	}
	var times [2][]uint32
	for i := range times {
		for r := (&runs{chunk: c}); r.nth < len(c.pages) || r.nth == len(c.pages) && len(c.rest) > 0 || len(r.rest) > 0; {
			n, err := r.turn()
			if err != nil {
				return false, err
			}
			one := make([]uint32, 1)
			for range min(n, 1000) {
				r.pick(one, []pick{{}}, 0, 1)
				times[i] = append(times[i], one[0])
			}
		}
	}
	return !slices.Equal(times[0], times[1]), nil
}

// FuzzChunk feeds the reader of a column's bytes: what it cannot make out is an error, found in bounded time.
func FuzzChunk(f *testing.F) {
	dir := filepath.Join(f.TempDir(), "r.filerace")
	w, err := Create(dir, Meta{Recorder: "test"})
	if err != nil {
		f.Fatal(err)
	}
	for _, o := range storm(200) {
		if err := w.Op(o); err != nil {
			f.Fatal(err)
		}
	}
	if err := w.Close(nil, nil); err != nil {
		f.Fatal(err)
	}
	r, err := Open(dir)
	if err != nil {
		f.Fatal(err)
	}
	defer r.Close()
	l := &loader{dir: dir}
	if err := l.open(&r.segs[0], nil); err != nil {
		f.Fatal(err)
	}
	seeds := 0
	for i := range l.chunks {
		stored := &l.file.Metadata().RowGroups[0].Columns[i].MetaData
		c := chunkOf(l, i, stored)
		if c == nil {
			continue
		}
		if differ, err := readTwice(c); err != nil || differ {
			f.Fatalf("column %d: differ %v, error %v", i, differ, err)
		}
		f.Add(bytes.Clone(c.text), int(stored.Type), stored.Codec == parquetfile.Zstd, 1<<20)
		seeds++
	}
	if seeds == 0 {
		f.Fatal("a recording has no column that counts in a dictionary")
	}
	f.Fuzz(func(t *testing.T, text []byte, typ int, zstd bool, room int) {
		codec := codecs[parquetfile.Uncompressed]
		if zstd {
			codec = codecs[parquetfile.Zstd]
		}
		c := &chunk{
			loader: &loader{room: &room, dicts: make([][]byte, 1)}, codec: codec, typ: parquetfile.Type(typ), text: text,
		}
		if differ, _ := readTwice(c); differ {
			t.Error("the second reading gives other numbers")
		}
	})
}
