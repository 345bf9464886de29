package saved

import (
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"filerace/internal/op"
)

// storm is what eight processes do that open, lock, write, remove and close a file
// each, over and over: every file is a new inode, every time a little random.
func storm(n int) []*op.Op {
	r := rand.New(rand.NewPCG(1, 1))
	calls := []string{"openat", "flock", "write", "unlink", "close"}
	dir := op.FileID{Dev: 64768, Ino: 1 << 20, Birth: 1.79e18}
	var ops []*op.Op
	now := int64(0)
	for len(ops) < n {
		p := r.IntN(8)
		path := fmt.Sprintf("/srv/spool/queue/%d.lock", p)
		id := op.FileID{Dev: 64768, Ino: 1<<20 + uint64(r.IntN(64)), Birth: 1.79e18 + now}
		for _, name := range calls {
			now += 500 + r.Int64N(4000)
			c := op.Named(name)
			o := &op.Op{
				Seq: len(ops) + 1, Actor: op.Actor(fmt.Sprint("1.", p)), Prog: "worker", PID: 4000 + p, TID: 4000 + p, Call: c, Kind: c.Kind,
				Enter: now, Exit: now + 900 + r.Int64N(3000), FD: 3, FD2: op.None, NewFD: op.None, NewFD2: op.None, Off: op.None, Off2: op.None, OldSize: op.None,
				File: op.File{ID: id, Type: op.Regular, Path: path, Nlink: 1, Size: 12}, OFD: len(ops)/5 + 4, Done: true, NoLocks: true,
			}
			o.Args = [6]uint64{uint64(o.FD), 1, 1}
			if name == "openat" || name == "unlink" {
				o.FD, o.Path, o.Names = op.AT_FDCWD, path, []op.Name{{Dir: dir, Base: filepath.Base(path), Path: path, After: id, Type: op.Regular}}
			}
			if name == "write" {
				o.Ret, o.Len, o.Off, o.Sum = 12, 12, 0, uint32(now)
			}
			ops = append(ops, o)
		}
	}
	return ops[:n]
}

// BenchmarkWriter tells what an operation costs the run that is recorded (ns/op,
// encoding included, as there is no other processor to be counted on) and the disk.
func BenchmarkWriter(b *testing.B) {
	ops := storm(segmentRows)
	dir := filepath.Join(b.TempDir(), "b.filerace")
	w, err := Create(dir, Meta{})
	if err != nil {
		b.Fatal(err)
	}
	i := 0
	for b.Loop() {
		if err := w.Op(ops[i%len(ops)]); err != nil {
			b.Fatal(err)
		}
		i++
	}
	if err := w.Close(nil, nil); err != nil {
		b.Fatal(err)
	}
	size := int64(0)
	files, _ := filepath.Glob(filepath.Join(dir, opsDir, "*"))
	for _, f := range files {
		info, err := os.Stat(f)
		if err != nil {
			b.Fatal(err)
		}
		size += info.Size()
	}
	b.ReportMetric(float64(size)/float64(i), "disk-B/op")
}

// BenchmarkReader tells what it costs to get an operation back.
func BenchmarkReader(b *testing.B) {
	dir := filepath.Join(b.TempDir(), "b.filerace")
	record(b, dir, storm(segmentRows/4))
	r, err := Open(dir)
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		_, err := r.NextOp()
		if err == io.EOF {
			r.Close()
			if r, err = Open(dir); err == nil {
				_, err = r.NextOp()
			}
		}
		if err != nil {
			b.Fatal(err)
		}
	}
}
