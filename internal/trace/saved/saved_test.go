package saved

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"filerace/internal/op"
	"filerace/internal/trace"
)

// kept is what a recording keeps of an operation.
func kept(o *op.Op) *op.Op {
	c := *o
	c.Data, c.Args = nil, plainArgs(o)
	c.SetVia(slices.Clone(o.Via()))
	for i := range c.Via() {
		c.Via()[i].Seen = false // nobody asks for it there
	}
	return &c
}

// arbitrary fills every field of v with something of its type; zero now and then.
func arbitrary(r *rand.Rand, v reflect.Value) {
	if r.IntN(5) == 0 {
		return
	}
	switch v.Kind() {
	case reflect.String:
		v.SetString([]string{"a", "/tmp/x", "/tmp/x/.", "/", "\xff\x00é", "", "-", "1.2/3"}[r.IntN(8)])
	case reflect.Bool:
		v.SetBool(r.IntN(2) == 0)
	case reflect.Int, reflect.Int32: // descriptors and process ids are C ints
		v.SetInt(int64(int32(r.Uint32())))
	case reflect.Int64:
		v.SetInt(int64(r.Uint64()))
	case reflect.Uint16:
		v.SetUint(uint64(uint16(r.Uint32())))
	case reflect.Uint32:
		v.SetUint(uint64(r.Uint32()))
	case reflect.Uint64:
		v.SetUint(r.Uint64())
	case reflect.Array:
		for i := range v.Len() {
			arbitrary(r, v.Index(i))
		}
	case reflect.Slice:
		if n := r.IntN(4); n > 0 && v.Type().Elem().Kind() == reflect.Struct {
			v.Set(reflect.MakeSlice(v.Type(), n, n))
			for i := range n {
				arbitrary(r, v.Index(i))
			}
		}
	case reflect.Struct:
		for i := range v.NumField() {
			arbitrary(r, v.Field(i))
		}
	case reflect.Pointer:
		if v.Type().Elem() == reflect.TypeFor[op.Rare]() {
			v.Set(reflect.New(v.Type().Elem()))
			arbitrary(r, v.Elem())
		}
	case reflect.Uint8:
		v.SetUint(uint64(r.IntN(3))) // each of these enumerations has as many
	}
}

func arbitraryOp(r *rand.Rand) *op.Op {
	o := &op.Op{}
	arbitrary(r, reflect.ValueOf(o).Elem())
	o.SetVia(o.Via()) // in the form that these have
	o.Call, o.Kind = nil, []op.Kind{op.Inherit, op.Signal}[r.IntN(2)]
	if r.IntN(8) > 0 {
		o.Call = &op.Calls[r.IntN(len(op.Calls))]
		o.Kind = o.Call.Kind
		satisfy(o)
	}
	if o.Lock.Family == op.NoLock {
		o.Lock = op.Lock{}
	}
	return o
}

// satisfy makes the arguments such that the decoder would have chosen this row.
func satisfy(o *op.Op) {
	for _, t := range o.Call.When {
		switch {
		case t.Not:
			o.Args[t.Arg] = t.Values[0] + 1
		case len(t.Values) > 0:
			o.Args[t.Arg] = t.Values[0]
		}
	}
	for i := range op.Calls { // a row further up that matches as well is the one that counts
		c := &op.Calls[i]
		if c.Name == o.Call.Name && c.Kind == o.Call.Kind && c.Matches(&o.Args) {
			o.Call = c
			return
		}
	}
}

func record(t testing.TB, dir string, ops []*op.Op) {
	t.Helper()
	w, err := Create(dir, Meta{Command: []string{"true"}, Recorder: "test", Start: time.Unix(1, 2).UTC()})
	if err != nil {
		t.Fatal(err)
	}
	for _, o := range ops {
		if err := w.Op(o); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close([]byte("{}\n"), nil); err != nil {
		t.Fatal(err)
	}
}

func readAll(t testing.TB, dir string) ([]*op.Op, *Reader) {
	t.Helper()
	r, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	var ops []*op.Op
	for {
		o, err := r.NextOp()
		if err == io.EOF {
			return ops, r
		}
		if err != nil {
			t.Fatal(err)
		}
		ops = append(ops, o)
	}
}

func TestOpsComeBackAsTheyWere(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	var ops []*op.Op
	for range 5000 {
		ops = append(ops, arbitraryOp(r))
	}
	dir := filepath.Join(t.TempDir(), Name("all"))
	record(t, dir, ops)
	got, rd := readAll(t, dir)
	if len(got) != len(ops) {
		t.Fatalf("%d operations came back of %d", len(got), len(ops))
	}
	for i := range ops {
		if want := kept(ops[i]); !reflect.DeepEqual(got[i], want) {
			t.Fatalf("operation %d:\n got %+v\nwant %+v", i, got[i], want)
		}
	}
	if m := rd.Meta(); !m.Closed || m.Ops != int64(len(ops)) || m.Host.Kernel == "" || rd.Unfinished() != "" {
		t.Errorf("meta: %+v", m)
	}
	if n := rd.Notes(); n.Kind != "recorded run" || !n.Start.Equal(time.Unix(1, 2)) || len(n.Command) != 1 {
		t.Errorf("notes: %+v", n)
	}
	if f, err := rd.Findings(); err != nil || string(f) != "{}\n" {
		t.Errorf("findings: %q, %v", f, err)
	}
	if s, err := rd.Schedule(); err != nil || s != nil {
		t.Errorf("a schedule that nobody saved: %q, %v", s, err)
	}
}

// Of every call: what the table says of its arguments decides how they come back.
func TestEveryCallComesBack(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	var ops []*op.Op
	filled := map[string]bool{}
	for i := range op.Calls {
		for range 20 {
			o := arbitraryOp(r)
			o.Call, o.Kind = &op.Calls[i], op.Calls[i].Kind
			satisfy(o)
			ops = append(ops, o)
			for f, v := range reflect.ValueOf(o).Elem().Fields() {
				if !v.IsZero() {
					filled[f.Name] = true
				}
			}
			filled["Via"] = filled["Via"] || len(o.Via()) > 0
			filled["FDs"] = filled["FDs"] || len(o.FDs()) > 0
			filled["File2"] = filled["File2"] || o.File2() != op.File{}
		}
	}
	if n := reflect.TypeFor[op.Op]().NumField() - 1 + 3; len(filled) != n { // Data is a []byte, which is left out
		t.Errorf("%d fields of %d were tried", len(filled), n)
	}
	dir := filepath.Join(t.TempDir(), "r.filerace")
	record(t, dir, ops)
	got, _ := readAll(t, dir)
	for i := range ops {
		if want := kept(ops[i]); i >= len(got) || !reflect.DeepEqual(got[i], want) {
			t.Fatalf("%s, operation %d of %d that came back:\n got %+v\nwant %+v", want.Call.Name, i, len(got), got[min(i, len(got)-1)], want)
		}
	}
}

func TestRecordsComeBack(t *testing.T) {
	want := []trace.Record{
		{What: trace.There, Op: &op.Op{PID: 7, TID: 7, Prog: "sh", FD: op.None}, UID: 1000, Cgroup: 1 << 40, Parent: 1},
		{What: trace.Returned, Op: &op.Op{PID: 7, TID: 8, Seq: 1, Call: op.Named("close"), Kind: op.Close, Done: true}},
		{What: trace.Gap, Lost: 1 << 50},
		{What: trace.Ended, Op: &op.Op{PID: 7, TID: 7, Status: 3}},
	}
	dir := filepath.Join(t.TempDir(), "r.filerace")
	w, err := Create(dir, Meta{})
	if err != nil {
		t.Fatal(err)
	}
	for _, rec := range want {
		if err := w.Record(rec); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(nil, nil); err != nil {
		t.Fatal(err)
	}
	r, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	var src trace.Source = r
	for i := range want {
		got, err := src.Next()
		if err != nil || !reflect.DeepEqual(got, want[i]) {
			t.Fatalf("record %d: %+v (%+v), %v; want %+v", i, got, got.Op, err, want[i])
		}
	}
	if _, err := src.Next(); err != io.EOF {
		t.Errorf("at the end: %v", err)
	}
	if m := r.Meta(); m.Ops != 1 || m.Rows != 4 || m.Notes.Lost != 1<<50 {
		t.Errorf("counted %d operations in %d rows, %d events lost", m.Ops, m.Rows, m.Notes.Lost)
	}
}

// No byte of what was written to a file may be in a recording.
func TestContentsStayOut(t *testing.T) {
	secret := []byte("a password in the clear")
	dir := filepath.Join(t.TempDir(), "c.filerace")
	record(t, dir, []*op.Op{{
		Call: op.Named("write"), Kind: op.Write, Seq: 1, FD: 3, Len: int64(len(secret)), Ret: int64(len(secret)), Data: secret, Sum: 7, Done: true,
	}})
	got, _ := readAll(t, dir)
	if len(got) != 1 || got[0].Data != nil || got[0].Sum != 7 {
		t.Errorf("came back: %+v", got)
	}
	err := filepath.WalkDir(dir, func(name string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := os.ReadFile(name)
		if bytes.Contains(text, secret) {
			t.Errorf("%s holds what was written", name)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestNothingIsOverwritten(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "mine.filerace")
	if err := os.WriteFile(dir, []byte("precious"), 0o666); err != nil {
		t.Fatal(err)
	}
	if _, err := Create(dir, Meta{}); !errors.Is(err, ErrExists) {
		t.Errorf("over a file: %v", err)
	}
	if got, _ := os.ReadFile(dir); string(got) != "precious" {
		t.Errorf("the file holds %q", got)
	}
	other := filepath.Join(t.TempDir(), "r.filerace")
	record(t, other, nil)
	if _, err := Create(other, Meta{}); !errors.Is(err, ErrExists) {
		t.Errorf("over a recording: %v", err)
	}
	if ops, _ := readAll(t, other); len(ops) != 0 {
		t.Errorf("%d operations", len(ops))
	}
	if _, err := Create(filepath.Join(other, "no", "such"), Meta{}); !errors.Is(err, os.ErrNotExist) || !errors.Is(err, ErrWrite) {
		t.Errorf("without a parent: %v", err)
	}
}

func TestNameGetsItsSuffix(t *testing.T) {
	for in, want := range map[string]string{"a": "a.filerace", "a.filerace": "a.filerace", "d/a.filerace/": "d/a.filerace", "d/b/": "d/b.filerace"} {
		if got := Name(in); got != want {
			t.Errorf("Name(%q) = %q", in, got)
		}
	}
}

// plainOps are operations as a program makes them: n of them on a few files.
func plainOps(n int) []*op.Op {
	ops := make([]*op.Op, n)
	for i := range ops {
		ops[i] = &op.Op{
			Seq: i + 1, Actor: "1.2", Prog: "sh", PID: 100, TID: 100, Call: op.Named("unlink"), Kind: op.Unlink, Enter: int64(i) * 1000, Exit: int64(i)*1000 + 700,
			FD: op.None, FD2: op.None, NewFD: op.None, NewFD2: op.None, Off: op.None, Off2: op.None, OldSize: op.None,
			Path: fmt.Sprint("f", i%10), Names: []op.Name{{Base: fmt.Sprint("f", i%10), Path: fmt.Sprint("/d/f", i%10)}}, Done: true,
		}
	}
	return ops
}

// rows counts the rows that the recording lists.
func rows(r *Reader) (n int64) {
	for _, s := range r.segs {
		n += s.rows
	}
	return n
}

// A recording from before a column came is read without it; one that lacks another is foreign.
func TestColumnsThatCameLater(t *testing.T) {
	d := newDecoder(nil, false)
	without := func(name string) (paths [][]string) {
		for _, n := range d.paths {
			if n != name {
				paths = append(paths, strings.Split(n, "."))
			}
		}
		return paths
	}
	for _, name := range []string{"inside", "seen"} {
		if !has(without(name), d.paths) {
			t.Errorf("a recording without the column %s is refused", name)
		}
	}
	if has(without("path"), d.paths) {
		t.Error("a recording without paths is taken")
	}
}
