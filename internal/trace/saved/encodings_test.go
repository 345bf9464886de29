package saved

import (
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/parquet-go/parquet-go"

	"filerace/internal/op"
	"filerace/internal/trace"
)

// storage is how a segment holds its rows.
type storage struct {
	tags *strings.Replacer // nil: as they are
	how  []parquet.WriterOption
}

var storages = map[string]storage{
	"as it is":        {},
	"no dictionary":   {tags: strings.NewReplacer(",dict", "")},
	"not compressed":  {tags: strings.NewReplacer(",zstd", "")},
	"pages of old":    {how: []parquet.WriterOption{parquet.DataPageVersion(1)}},
	"small pages":     {how: []parquet.WriterOption{parquet.PageBufferSize(500)}},
	"end of the dict": {how: []parquet.WriterOption{parquet.PageBufferSize(1000), parquet.DictionaryMaxBytes(2000)}},
}

// record makes a recording of one segment, which no list tells of.
func (e storage) record(t *testing.T, ops []*op.Op) (dir string) {
	t.Helper()
	dir = filepath.Join(t.TempDir(), "r.filerace")
	record(t, dir, ops[:1])
	unlisted(func(*testing.T, string) {})(t, dir)
	writeRows(t, filepath.Join(dir, firstSegment), ops, e)
	return dir
}

// A recording may hold its rows in other encodings: earlier versions used fewer
// dictionaries, and other programs write other pages.
func TestOtherEncodings(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	ops := storm(400)
	for range 400 {
		ops = append(ops, arbitraryOp(r))
	}
	for name, e := range storages {
		t.Run(name, func(t *testing.T) {
			dir := e.record(t, ops)
			got, _ := readAll(t, dir)
			if len(got) != len(ops) {
				t.Fatalf("%d operations came back of %d", len(got), len(ops))
			}
			for i := range ops {
				if want := kept(ops[i]); !reflect.DeepEqual(got[i], want) {
					t.Fatalf("operation %d:\n got %+v\nwant %+v", i, got[i], want)
				}
			}
		})
	}
}

// A recording that something else has compressed is refused: not every decoder withstands damage.
func TestOtherCodec(t *testing.T) {
	dir := storage{tags: strings.NewReplacer(",zstd", ",snappy")}.record(t, plainOps(2))
	if _, err := readErr(dir); !errors.Is(err, ErrForeign) || !strings.Contains(err.Error(), "compressed by SNAPPY") {
		t.Errorf("error %v", err)
	}
}

// writeRows writes a segment.
func writeRows(t *testing.T, name string, ops []*op.Op, e storage) {
	t.Helper()
	var fields []reflect.StructField
	for i := range reflect.TypeFor[row]().NumField() {
		f := reflect.TypeFor[row]().Field(i)
		if e.tags != nil {
			f.Tag = reflect.StructTag(e.tags.Replace(string(f.Tag)))
		}
		fields = append(fields, f)
	}
	like := reflect.StructOf(fields)
	f, err := os.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	w := parquet.NewWriter(f, append(e.how, parquet.SchemaOf(reflect.New(like).Interface()))...)
	for _, o := range ops {
		r := rowOf(&trace.Record{What: trace.Returned, Op: o})
		if err := w.Write(reflect.ValueOf(r).Convert(like).Interface()); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
}
