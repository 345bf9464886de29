package race

import (
	"fmt"
	"runtime"
	"testing"

	"filerace/internal/op"
	"filerace/internal/trace"
	"filerace/internal/world"
)

// churn puts the life of short processes: each is born, makes a file of a name of its
// own, writes, reads another name, removes the file and ends, waited for or not.
func churn(f *trace.Flow, from, n int, waits bool) {
	at := int64(from) * 1000
	put := func(what trace.What, pid int, call, path string, flags uint64, fd int, ret int64) {
		at += 100
		o := blankOp(pid-100, call, at)
		o.Path, o.Flags, o.FD = path, flags, fd
		o.Reaped = 0
		if what == trace.Returned {
			op.Finish(o, ret, nil)
		}
		if call == "wait4" {
			o.Reaped, o.Status = int32(ret), 0
		}
		f.Put(trace.Record{What: what, Op: o, Parent: 100})
	}
	if from == 0 {
		put(trace.Returned, 100, "execve", "/bin/sh", 0, op.None, 0)
	}
	for i := range n {
		pid := 1000 + (from+i)%30000
		name := fmt.Sprintf("/var/spool/f%d", from+i)
		put(trace.Born, pid, "fork", "", 0, op.None, 0)
		put(trace.Returned, pid, "open", name, op.O_CREAT|op.O_EXCL|op.O_RDWR, op.None, 3)
		put(trace.Returned, pid, "write", "", 0, 3, 5)
		put(trace.Returned, pid, "open", fmt.Sprintf("/usr/lib/none%d", from+i), 0, op.None, -2)
		put(trace.Returned, pid, "close", "", 0, 3, 0)
		put(trace.Returned, pid, "unlink", name, 0, op.None, 0)
		put(trace.Ended, pid, "exit_group", "", 0, op.None, 0)
		if waits {
			put(trace.Returned, 100, "wait4", "", 0, op.None, int64(pid))
		}
	}
}

func heap() uint64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// Memory follows what is live, not how long the trace is.
func TestMemoryIsBounded(t *testing.T) {
	if testing.Short() {
		t.Skip("needs a long trace")
	}
	const n = 24000
	s := NewStream(nil)
	f := trace.NewFlow(s.World(), s.Take)
	churn(f, 0, n, false) // fills caches and rings
	before := heap()
	churn(f, n, n, false)
	grown := int64(heap()) - int64(before)
	t.Logf("%d KB before, %+d KB after as many again", before>>10, grown>>10)
	if grown > int64(before)/8 {
		t.Errorf("heap grew by %d KB from %d KB", grown>>10, before>>10)
	}
	runtime.KeepAlive(f)
	runtime.KeepAlive(s)
}

// Names that come and go are known to the rules as long as the world knows them.
func TestRulesForgetNames(t *testing.T) {
	const names = 40000 // more than the world keeps
	w, d := world.New(), New()
	dir := op.FileID{Dev: 1, Ino: 2}
	for n := range names {
		o := &op.Op{Seq: n + 1, Actor: "1", Kind: op.Stat, FD: op.None, FD2: op.None, Ret: -enoent, Done: true,
			Names: []op.Name{{Dir: dir, Base: fmt.Sprint(n), Path: fmt.Sprint("/d/", n)}}}
		w.Enter(o)
		d.Step(w, w.Apply(o))
	}
	if first := w.Entry(dir, "0"); first != nil {
		t.Fatal("the world still knows the first name")
	}
	if kept := d.kept.looks.names.n; kept > names/2 {
		t.Errorf("looks at %d names are kept of %d", kept, names)
	}
}
