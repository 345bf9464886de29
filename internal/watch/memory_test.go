package watch

import (
	"fmt"
	"io"
	"runtime"
	"testing"
	"time"

	"filerace/internal/op"
	"filerace/internal/trace"
)

// city is a source without end: processes come, work on files of which some are
// shared, and go. At any time a hundred of them live.
type city struct {
	pids    [100]int
	turn    int
	nextPID int
	inode   uint64
	now     int64
	queue   []trace.Record
	calls   map[string]*op.Call
}

func newCity() *city {
	c := &city{nextPID: 1000, inode: 1000, calls: map[string]*op.Call{}}
	for _, name := range []string{"openat", "flock", "pwrite64", "close", "unlink", "stat", "wait4"} {
		c.calls[name] = op.Named(name)
	}
	c.add(trace.Record{What: trace.There, Op: c.op(1, "", op.Inherit)})
	return c
}

func (c *city) next() trace.Record {
	for len(c.queue) == 0 {
		c.advance()
	}
	r := c.queue[0]
	c.queue = c.queue[1:]
	return r
}

// advance lets a process that has lived longest end, and another one live.
func (c *city) advance() {
	pid := c.nextPID
	c.nextPID++
	at := &c.pids[c.turn%len(c.pids)]
	c.turn++
	if *at != 0 {
		c.add(trace.Record{What: trace.Ended, Op: c.op(*at, "", op.Exit)})
		wait := c.op(1, "wait4", op.Wait)
		wait.Ret, wait.Reaped = int64(*at), int32(*at)
		c.add(trace.Record{Op: wait})
	}
	*at = pid
	c.add(trace.Record{What: trace.Born, Op: c.op(pid, "", op.Fork), Parent: 1})
	for range 20 {
		c.work(pid)
	}
}

// work is a file of its own, a place in a file that is shared, and a look for what
// is not there.
func (c *city) work(pid int) {
	c.inode++
	own := op.File{ID: op.FileID{Dev: 1, Ino: c.inode, Birth: c.now}, Type: op.Regular, Nlink: 1}
	path := fmt.Sprintf("/tmp/own%d", c.inode)
	shared := op.File{ID: op.FileID{Dev: 1, Ino: uint64(500 + pid%7)}, Type: op.Regular, Nlink: 1, Size: 400}
	c.open(pid, path, own, op.O_CREAT|op.O_EXCL|op.O_RDWR)
	c.write(pid, own, 0)
	c.close(pid, own)
	c.open(pid, fmt.Sprintf("/srv/table%d", pid%7), shared, op.O_RDWR)
	lock := c.op(pid, "flock", op.LockOp)
	lock.FD, lock.File, lock.Lock = 3, shared, op.Lock{Family: op.FlockLock, Mode: op.Exclusive, End: op.MaxOffset, Wait: true}
	c.add(trace.Record{Op: lock})
	c.write(pid, shared, int64(pid%100*4))
	c.close(pid, shared)
	miss := c.op(pid, "stat", op.Stat)
	miss.Path, miss.Ret = fmt.Sprintf("/usr/lib/missing%d", c.inode), -2
	c.add(trace.Record{Op: miss})
	gone := c.op(pid, "unlink", op.Unlink)
	gone.Path = path
	c.add(trace.Record{Op: gone})
}

func (c *city) add(r trace.Record) { c.queue = append(c.queue, r) }

func (c *city) op(pid int, call string, k op.Kind) *op.Op {
	c.now += 10_000
	return &op.Op{PID: pid, TID: pid, Prog: "city", Kind: k, Call: c.calls[call], Enter: c.now, Exit: c.now + 4_000, Done: true,
		FD: op.None, FD2: op.None, NewFD: op.None, NewFD2: op.None, Off: op.None, Off2: op.None, OldSize: op.None}
}

func (c *city) open(pid int, path string, f op.File, flags uint64) {
	o := c.op(pid, "openat", op.Open)
	o.FD, o.Path, o.NewFD, o.Ret, o.File, o.Flags = op.AT_FDCWD, path, 3, 3, f, flags
	c.add(trace.Record{Op: o})
}

func (c *city) write(pid int, f op.File, off int64) {
	o := c.op(pid, "pwrite64", op.Write)
	o.FD, o.File, o.Len, o.Ret, o.Off, o.Sum, o.Data = 3, f, 4, 4, off, uint32(pid), []byte("line")
	o.Args[3] = uint64(off)
	c.add(trace.Record{Op: o})
}

func (c *city) close(pid int, f op.File) {
	o := c.op(pid, "close", op.Close)
	o.FD, o.File = 3, f
	c.add(trace.Record{Op: o})
}

// heap is what is live, in bytes.
func heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// A watch may run for weeks: after two million records it holds no more than after
// the first tenth, give or take a garbage collection.
func TestMemoryIsBoundedByWhatLives(t *testing.T) {
	const warm = 200_000 // by then what is kept to a stated number is kept to it
	for name, o := range map[string]Options{
		"races": {}, "picture": {Show: Picture, Size: func() (int, int) { return 80, 24 }}, "calls": {Show: Calls, Entry: true, Partial: true},
	} {
		t.Run(name, func(t *testing.T) {
			records := 2 * warm
			if name == "races" && !testing.Short() {
				records = 2_000_000
			}
			c, s := newCity(), newScripted()
			s.notes.Start = wall
			var first, last uint64
			n := 0
			s.next = func() (trace.Record, bool) {
				switch n++; n {
				case warm:
					first = heap()
				case records:
					last = heap()
					return trace.Record{}, false
				}
				return c.next(), true
			}
			s.err = io.EOF
			begun := time.Now()
			sum, err := Run(t.Context(), s, o, io.Discard)
			if err != nil || sum.Events < uint64(records)/2 {
				t.Fatalf("%+v, %v", sum, err)
			}
			t.Logf("%.1f MiB after %d records, %.1f MiB at the end; %.0f records/s; %+v", mib(first), warm, mib(last), float64(records)/time.Since(begun).Seconds(), sum)
			if grown := int64(last) - int64(first); grown > 24<<20 {
				t.Errorf("it grew by %.1f MiB", mib(uint64(grown)))
			}
		})
	}
}

func mib(n uint64) float64 { return float64(n) / (1 << 20) }
