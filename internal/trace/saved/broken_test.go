package saved

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/parquet-go/parquet-go"

	"filerace/internal/op"
	"filerace/internal/trace"
)

// readErr reads a recording to its end or its first error; and before that at a glance, and for a Stream, with gaps, either of
// which may end earlier or later, and must end.
func readErr(dir string) (int, error) {
	r, err := Open(dir)
	if err != nil {
		return 0, err
	}
	defer r.Close()
	for range r.Glances(0, nil) {
	}
	sifted, err := Open(dir)
	if err != nil {
		return 0, err
	}
	defer sifted.Close()
	sifted.Only(everyThird{})
	sifted.ForStream()
	for err == nil {
		_, err = sifted.Next()
	}
	for n := 0; ; n++ {
		if _, err := r.NextOp(); err == io.EOF {
			return n, nil
		} else if err != nil {
			return n, err
		}
	}
}

// everyThird is a filter that has nothing to go by.
type everyThird struct{}

func (everyThird) Keeps(o *op.Op) bool { return o.Kind%3 == 0 }

func (everyThird) Known(from, n int) (uint64, bool) {
	return 0x9249249249249249 & (1<<n - 1), from%2 == 0
}

// rewrite changes a file by f.
func rewrite(t *testing.T, name string, f func([]byte) []byte) {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, f(bytes.Clone(text)), 0o666); err != nil {
		t.Fatal(err)
	}
}

func empty([]byte) []byte { return nil }

func half(b []byte) []byte { return b[:len(b)/2] }

func replaced(old, new string) func([]byte) []byte {
	return func(b []byte) []byte { return bytes.Replace(b, []byte(old), []byte(new), 1) }
}

const firstSegment = "ops/00000001.parquet"

// stranger is a Parquet file with other columns.
func stranger([]byte) []byte {
	var b bytes.Buffer
	w := parquet.NewGenericWriter[struct{ A, B int }](&b)
	w.Write([]struct{ A, B int }{{1, 2}})
	w.Close()
	return b.Bytes()
}

// Each of these gets one error of its kind that names the file and says what to do.
var broken = []struct {
	name string
	do   func(t *testing.T, dir string)
	want error
	says string // part of the error
}{
	{"nothing there", func(t *testing.T, dir string) { os.RemoveAll(dir) }, ErrRead, "r.filerace cannot be read: no such file"},
	{"a file", func(t *testing.T, dir string) { os.RemoveAll(dir); os.WriteFile(dir, []byte("x"), 0o666) }, ErrForeign, "r.filerace is not a recording: it is a file"},
	{"no meta.json", func(t *testing.T, dir string) { os.Remove(filepath.Join(dir, metaFile)) }, ErrForeign, "it has no meta.json"},
	{"empty meta.json", change(metaFile, empty), ErrDamaged, "meta.json is damaged: it is empty"},
	{"half meta.json", change(metaFile, half), ErrDamaged, "meta.json is damaged"},
	{"other JSON", change(metaFile, func([]byte) []byte { return []byte(`{"format": "geojson"}`) }), ErrForeign, `its format is "geojson"`},
	{"no JSON", change(metaFile, func([]byte) []byte { return []byte("hello") }), ErrForeign, "meta.json is not a recording"},
	{"newer", change(metaFile, replaced(`"version": 1`, `"version": 2`)), ErrNewer, "version 2"},
	{"no version", change(metaFile, replaced(`"version": 1`, `"version": 0`)), ErrDamaged, "version 0"},
	{"no sums", func(t *testing.T, dir string) { os.Remove(filepath.Join(dir, sumsFile)) }, ErrMissing, "sums lacks a part"},
	{"empty sums", change(sumsFile, empty), ErrDamaged, "sums is damaged: it lists 0 segments of 1"},
	{"bad sums", change(sumsFile, replaced("0000", "x")), ErrDamaged, "sums is damaged: line 1"},
	{"no segment", func(t *testing.T, dir string) { os.Remove(filepath.Join(dir, firstSegment)) }, ErrMissing, "no " + firstSegment},
	{"no ops", func(t *testing.T, dir string) { os.RemoveAll(filepath.Join(dir, opsDir)) }, ErrMissing, "no " + firstSegment},
	{"an alien segment", func(t *testing.T, dir string) {
		os.WriteFile(filepath.Join(dir, opsDir, "00000007.parquet"), stranger(nil), 0o666)
	}, ErrForeign, "00000007.parquet"},
	{"empty segment", change(firstSegment, empty), ErrDamaged, firstSegment + " is damaged: it is empty"},
	{"half segment", change(firstSegment, half), ErrDamaged, firstSegment},
	{"other bytes", change(firstSegment, func(b []byte) []byte { b[len(b)/3] ^= 1; return b }), ErrDamaged, "its bytes have changed"},
	{"other columns", unlisted(change(firstSegment, stranger)), ErrForeign, "its columns are not those"},
	{"no parquet", unlisted(change(firstSegment, func([]byte) []byte { return bytes.Repeat([]byte("text "), 100) })), ErrDamaged, firstSegment},
}

func change(name string, f func([]byte) []byte) func(*testing.T, string) {
	return func(t *testing.T, dir string) { rewrite(t, filepath.Join(dir, name), f) }
}

// unlisted makes the recording one whose recorder was killed before it listed its
// segments: nothing but the segment itself tells what is wrong.
func unlisted(f func(*testing.T, string)) func(*testing.T, string) {
	return func(t *testing.T, dir string) {
		f(t, dir)
		rewrite(t, filepath.Join(dir, metaFile), replaced(`"closed": true`, `"closed": false`))
		os.Remove(filepath.Join(dir, sumsFile))
	}
}

func TestBrokenRecordings(t *testing.T) {
	for _, b := range broken {
		t.Run(b.name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "r.filerace")
			record(t, dir, plainOps(300))
			b.do(t, dir)
			_, err := readErr(dir)
			var e *Error
			if !errors.Is(err, b.want) || !errors.As(err, &e) || !strings.Contains(err.Error(), b.says) {
				t.Fatalf("error %v; want %v that says %q", err, b.want, b.says)
			}
			if strings.Contains(err.Error(), "\n") || e.Do() == "" || !strings.HasPrefix(e.File, dir) {
				t.Errorf("the error is %q about %s, to do: %q", err, e.File, e.Do())
			}
		})
	}
}

// Without a line in sums, what a flipped bit does to a segment is an error or goes
// unnoticed; it is never a panic.
func TestFlippedBits(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "r.filerace")
	record(t, dir, plainOps(50))
	unlisted(func(*testing.T, string) {})(t, dir)
	name := filepath.Join(dir, firstSegment)
	whole, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	step, failed := 97, 0
	if testing.Short() {
		step = 997
	}
	for i := 0; i < len(whole); i += step {
		text := bytes.Clone(whole)
		text[i] ^= 1 << (i % 8)
		if err := os.WriteFile(name, text, 0o666); err != nil {
			t.Fatal(err)
		}
		var e *Error
		if _, err := readErr(dir); err != nil {
			failed++
			if !errors.As(err, &e) {
				t.Fatalf("byte %d: %v is no *Error", i, err)
			}
		}
	}
	if failed == 0 {
		t.Error("no flipped bit was noticed: the test shows nothing")
	}
}

// record decodes a row that is in no file. Names in its list are empty.
func (d *decoder) record(r *row) (rec trace.Record, err error) {
	d.vocabulary.strange = nil
	v := reflect.ValueOf(r).Elem()
	for i := range v.NumField() {
		name, _, _ := strings.Cut(v.Type().Field(i).Tag.Get("parquet"), ",")
		if c := d.columns[name]; c != nil {
			c.lane.fill(parquet.ValueOf(v.Field(i).Interface()))
		}
	}
	via := make([]*op.Name, len(r.Via))
	for i := range via {
		via[i] = &op.Name{}
	}
	if err := d.slots[0].check(&d.vocabulary, via, nil); err != nil {
		return rec, err
	}
	err = d.slots[0].record(&rec, via, nil)
	return rec, err
}

// FuzzRow feeds the decoder of rows: what it takes, it gives back as it was.
func FuzzRow(f *testing.F) {
	for _, o := range plainOps(2) {
		r := rowOf(&trace.Record{Op: o})
		f.Add(r.Event, r.Kind, r.Call, r.Path, r.Base, r.ArgPath, r.FilePath, r.FileType, r.LockFamily, r.LockMode, r.Names, r.ArgsKept, r.Result, r.Size, r.Grown, 1)
	}
	f.Add("gap", "", "", "", "", "", "", "", "", "", int32(0), int32(0), int64(0), int64(0), int64(0), 0)
	d := newDecoder(nil, false)
	f.Fuzz(func(t *testing.T, event, kind, call, path, base, arg, file, typ, family, mode string, names, args int32, result, size, grown int64, via int) {
		in := row{
			Event: event, Kind: kind, Call: call, Path: path, Base: base, ArgPath: arg, FilePath: file, FileType: typ, LockFamily: family,
			LockMode: mode, Names: names, ArgsKept: args, Arg0: result, Arg3: size, Result: result, Size: size, Grown: grown, Via: make([]nameRow, via&7),
		}
		rec, err := d.record(&in)
		if err != nil || rec.Op == nil {
			return
		}
		rec.Op = kept(rec.Op) // registers that mean nothing may hold anything
		out := rowOf(&rec)
		back, err := d.record(&out)
		if err != nil || !reflect.DeepEqual(back, rec) {
			t.Errorf("%+v\ncame back as %+v, %v", rec.Op, back.Op, err)
		}
	})
}
