package race

import (
	"fmt"
	"slices"
	"testing"

	"filerace/internal/op"
	"filerace/internal/trace"
)

// lives writes the records of eight processes that lock, read, append and replace files
// in turn, their calls overlapping: the shape of a busy system.
func lives(n int) []trace.Record {
	const processes = 8
	var out []trace.Record
	for p := range processes {
		out = append(out, trace.Record{What: trace.Born, Parent: 1, Op: blankOp(p, "fork", 0)})
	}
	script := []struct {
		call, path string
		flags      uint64
		fd         int
		ret        int64
	}{
		{"openat", "app.lock", op.O_RDWR | op.O_CREAT, -100, 9}, {"flock", "", 0, 9, 0}, {"newfstatat", "app.lock", 0, -100, 0},
		{"openat", "log", op.O_WRONLY | op.O_APPEND, -100, 4}, {"write", "", 0, 4, 7}, {"close", "", 0, 4, 0},
		{"openat", "conf", 0, -100, 4}, {"read", "", 0, 4, 7}, {"read", "", 0, 4, 0}, {"close", "", 0, 4, 0},
		{"openat", "tmp", op.O_WRONLY | op.O_CREAT | op.O_EXCL, -100, 3}, {"write", "", 0, 3, 7}, {"close", "", 0, 3, 0},
		{"rename", "tmp", 0, -1, 0}, {"close", "", 0, 9, 0},
	}
	for at := int64(1000); len(out) < n; {
		for p := range processes {
			for _, s := range script {
				at += 100
				o := blankOp(p, s.call, at)
				o.FD, o.Flags = s.fd, s.flags
				if s.path != "" {
					o.Path = fmt.Sprintf("/srv/app/%s", s.path)
				}
				switch s.call {
				case "flock":
					o.Lock = op.Lock{Family: op.FlockLock, Mode: op.Exclusive, End: op.MaxOffset}
				case "rename":
					o.Path2 = "/srv/app/conf"
				case "write", "read":
					o.Len, o.Sum = 4096, uint32(p+1)
				}
				o.Exit = at + 90
				op.Finish(o, s.ret, nil)
				o.Len = 7
				out = append(out, trace.Record{Op: o})
			}
		}
	}
	return out
}

func blankOp(p int, call string, at int64) *op.Op {
	c := op.Named(call)
	return &op.Op{PID: 100 + p, TID: 100 + p, Prog: "app", Call: c, Kind: c.Kind, Enter: at, Exit: at,
		FD: op.None, FD2: op.None, NewFD: op.None, NewFD2: op.None, Off: op.None, Off2: op.None, OldSize: op.None}
}

// BenchmarkExplain is the analysis of records: actors, order, names, world and rules. The
// goal is 2 M operations per second and core.
func BenchmarkExplain(b *testing.B) {
	records := lives(200_000)
	ops := make([]op.Op, len(records))
	for i := range records {
		ops[i] = *records[i].Op
	}
	b.ReportAllocs()
	b.ResetTimer()
	n := 0
	for b.Loop() {
		b.StopTimer()
		again := slices.Clone(ops)
		s := NewStream(nil)
		f := trace.NewFlow(s.World(), s.Take)
		b.StartTimer()
		for i := range records {
			r := records[i]
			r.Op = &again[i]
			f.Put(r)
		}
		f.Close()
		s.End(End{})
		n += s.Len()
	}
	b.ReportMetric(float64(n)/b.Elapsed().Seconds()/1e6, "Mops/s")
}
