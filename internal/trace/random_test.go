package trace

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"filerace/internal/op"
	"filerace/internal/world"
)

// execution is a random run of a few processes over a few names and locks: each call
// takes effect at a moment within its time, one after the other.
type execution struct {
	rand  *rand.Rand
	ids   bool // the source tells identities
	queue bool // calls wait for each other, and return soon after they took effect
	files map[string]uint64
	locks map[uint64]int // by file: process
	open  map[int]opened
	made  uint64
	ops   []*made
}

type opened struct {
	path string
	file uint64
}

type made struct {
	op    *op.Op
	point int64
}

const processes = 4

func (x *execution) run(n int) {
	for i, name := range []string{"/d/0", "/d/1"} { // nothing is there at first, and seen not to be
		o := blank(0, "stat")
		o.Path, o.Enter, o.Exit = name, int64(i*10), int64(i*10+5)
		op.Finish(o, -enoent, nil)
		x.ops = append(x.ops, &made{o, o.Exit})
	}
	point := int64(1000)
	free := [processes]int64{}
	for range n {
		pid := x.rand.IntN(processes)
		point += 1 + x.rand.Int64N(20)
		point = max(point, free[pid]+1)
		o := x.call(pid)
		o.Enter = max(free[pid], point-x.rand.Int64N(60))
		o.Exit = point + x.rand.Int64N(60)
		if x.queue {
			o.Enter, o.Exit = free[pid]+1, point+x.rand.Int64N(6)
		}
		free[pid] = o.Exit
		x.ops = append(x.ops, &made{o, point})
	}
}

func blank(pid int, call string) *op.Op {
	c := op.Named(call)
	return &op.Op{PID: pid + 100, TID: pid + 100, Prog: "p", Call: c, Kind: c.Kind, FD: op.None, FD2: op.None, NewFD: op.None, NewFD2: op.None,
		Off: op.None, Off2: op.None, OldSize: op.None}
}

// call lets a random call of a process take effect.
func (x *execution) call(pid int) *op.Op {
	name := fmt.Sprint("/d/", x.rand.IntN(2))
	if f := x.open[pid].file; f != 0 && x.locks[f] == pid+1 && x.rand.IntN(3) > 0 {
		return x.lock(pid) // gives it back before it opens another one
	}
	switch x.rand.IntN(11) {
	case 0, 1, 2, 3:
		if f := x.open[pid].file; f != 0 && x.locks[f] == pid+1 {
			return x.lock(pid)
		}
		return x.create(pid, name, []uint64{op.O_CREAT | op.O_EXCL, op.O_CREAT, 0}[x.rand.IntN(3)])
	case 4, 5:
		o := blank(pid, "unlink")
		o.Path = name
		ret := int64(0)
		if x.files[name] == 0 {
			ret = -enoent
		}
		x.see(o, ret, name)
		delete(x.files, name)
		op.Finish(o, ret, nil)
		return o
	case 6:
		return x.rename(pid, name, fmt.Sprint("/d/", x.rand.IntN(2)), 0)
	case 8:
		return x.rename(pid, "/d/0", "/d/1", op.RENAME_EXCHANGE)
	case 9:
		if !x.ids {
			break // whether two names are of one file only identities can tell
		}
		return x.link(pid, name, fmt.Sprint("/d/", x.rand.IntN(2)))
	case 7:
		return x.lock(pid)
	}
	o := blank(pid, "stat")
	o.Path = name
	ret := int64(0)
	if x.files[name] == 0 {
		ret = -enoent
	}
	op.Finish(o, ret, nil)
	return o
}

func (x *execution) create(pid int, name string, flags uint64) *op.Op {
	o := blank(pid, "open")
	o.Path, o.Flags = name, flags
	switch {
	case x.files[name] == 0 && flags&op.O_CREAT == 0:
		op.Finish(o, -enoent, nil)
		return o
	case x.files[name] != 0 && flags&op.O_EXCL != 0:
		op.Finish(o, -eexist, nil)
		return o
	}
	created := x.files[name] == 0
	if created {
		x.made++
		x.files[name] = x.made
	}
	op.Finish(o, int64(pid+3), nil)
	if x.ids {
		o.File = op.File{ID: op.FileID{Dev: 1, Ino: x.files[name]}, Type: op.Regular, Nlink: 1}
		n := op.Name{Base: o.Path, After: o.File.ID, Seen: true}
		if !created {
			n.Before = n.After
		}
		o.Names = []op.Name{n}
	}
	x.open[pid] = opened{name, x.files[name]}
	return o
}

// see has the source see which files the names of a call that succeeds lead to.
func (x *execution) see(o *op.Op, ret int64, names ...string) {
	for _, name := range names {
		if x.ids && ret == 0 {
			n := op.Name{Base: name[len("/d/"):], Seen: true}
			if file := x.files[name]; file != 0 {
				n.Before = op.FileID{Dev: 1, Ino: file}
			}
			o.Names = append(o.Names, n)
		}
	}
}

func (x *execution) rename(pid int, from, to string, flags uint64) *op.Op {
	o := blank(pid, "renameat2")
	o.Path, o.Path2, o.Flags = from, to, flags
	if x.files[from] == 0 || flags == op.RENAME_EXCHANGE && x.files[to] == 0 {
		op.Finish(o, -enoent, nil)
		return o
	}
	x.see(o, 0, from, to)
	op.Finish(o, 0, nil)
	switch {
	case flags == op.RENAME_EXCHANGE:
		x.files[from], x.files[to] = x.files[to], x.files[from]
	case x.files[from] != x.files[to]: // otherwise they are two names of one file, and stay
		x.files[to] = x.files[from]
		delete(x.files, from)
	}
	return o
}

func (x *execution) link(pid int, from, to string) *op.Op {
	o := blank(pid, "link")
	o.Path, o.Path2 = from, to
	ret := int64(0)
	switch {
	case x.files[from] == 0:
		ret = -enoent
	case x.files[to] != 0:
		ret = -eexist
	default:
		x.see(o, 0, from, to)
		x.files[to] = x.files[from]
	}
	op.Finish(o, ret, nil)
	return o
}

// lock takes the lock on what the process has open, or gives it back.
func (x *execution) lock(pid int) *op.Op {
	o := blank(pid, "flock")
	o.FD = pid + 3
	o.Lock = op.Lock{Family: op.FlockLock, Mode: op.Exclusive, End: op.MaxOffset}
	file := x.open[pid].file
	switch holder := x.locks[file]; {
	case file == 0:
		op.Finish(o, -9, nil)
	case holder == pid+1:
		o.Lock.Mode = op.Unlock
		delete(x.locks, file)
		op.Finish(o, 0, nil)
	case holder != 0:
		op.Finish(o, -11, nil)
	default:
		x.locks[file] = pid + 1
		op.Finish(o, 0, nil)
	}
	return o
}

// replay reports whether the operations explain their results in this order.
func replay(ops []*op.Op, ids bool) error {
	y := &execution{files: map[string]uint64{}, locks: map[uint64]int{}, open: map[int]opened{}}
	told := map[uint64]uint64{}
	for i, o := range ops {
		pid := o.PID - 100
		var again *op.Op
		for _, n := range o.Names {
			if file := y.files[n.Path]; n.Seen && o.Kind != op.Open && told[file] != n.Before.Ino {
				return fmt.Errorf("op %d: %s of %s by %d met %d, in this order it is %d", i, o.Call.Name, n.Path, o.PID, n.Before.Ino, told[file])
			}
		}
		switch o.Kind {
		case op.Open:
			again = y.create(pid, o.Path, o.Flags)
			if ids && !o.Failed() {
				file := y.open[pid].file
				if was := told[file]; was != 0 && was != o.File.ID.Ino {
					return fmt.Errorf("op %d: open of %s: file %d was %d", i, o.Path, o.File.ID.Ino, was)
				}
				told[file] = o.File.ID.Ino
			}
		case op.Unlink:
			again = blank(pid, "unlink")
			again.Ret = 0
			if y.files[o.Path] == 0 {
				again.Ret = -enoent
			}
			delete(y.files, o.Path)
		case op.Stat:
			again = blank(pid, "stat")
			if y.files[o.Path] == 0 {
				again.Ret = -enoent
			}
		case op.Rename:
			again = y.rename(pid, o.Path, o.Path2, o.Flags)
		case op.Link:
			if o.Errno() == eexist && y.files[o.Path2] != 0 {
				continue // the first name was looked up earlier
			}
			again = y.link(pid, o.Path, o.Path2)
		default:
			continue
		}
		if again.Ret != o.Ret {
			return fmt.Errorf("op %d: %s of %s by %d returned %d, in this order it is %d", i, o.Call.Name, o.Path, o.PID, o.Ret, again.Ret)
		}
	}
	return nil
}

// Whatever the intervals, the order explains all results, and keeps to the intervals.
func TestOrderExplainsResults(t *testing.T) {
	runs := 400
	if testing.Short() {
		runs = 40
	}
	for seed := range uint64(runs) {
		x := &execution{rand: rand.New(rand.NewPCG(seed, 1)), ids: seed%2 == 0, files: map[string]uint64{}, locks: map[uint64]int{}, open: map[int]opened{}}
		x.run(120)
		ops := ordered(t, x)
		if err := replay(ops, x.ids); err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		if err := keepsIntervals(ops); err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		if err := excludes(ops); err != nil && x.ids { // otherwise an open may have met either of two files
			t.Fatalf("seed %d: %v", seed, err)
		}
	}
}

// ordered puts the run's records through a flow, in the order of return, nearly.
func ordered(t *testing.T, x *execution) []*op.Op {
	records := slices.Clone(x.ops)
	slices.SortStableFunc(records, func(a, b *made) int { return cmp.Compare(a.op.Exit, b.op.Exit) })
	w := world.New()
	var out []*op.Op
	f := NewFlow(w, func(e Event) {
		w.Enter(e.Op)
		w.Apply(e.Op)
		out = append(out, e.Op)
	})
	f.Lag = 3000 // a call takes 120 at most; who explains whom may be a chain
	for pid := range processes {
		o := blank(pid, "fork")
		f.Put(Record{What: Born, Op: o, Parent: 1})
	}
	for i, r := range records {
		f.Put(Record{Op: r.op})
		if i%40 == 39 {
			f.Advance(r.op.Exit)
		}
	}
	f.Close()
	if len(out) != len(records) {
		t.Fatalf("%d operations went in, %d came out", len(records), len(out))
	}
	// A chain without an end is judged in pieces, and what comes may prove one wrong.
	if d := f.Derived(); d.Unfit > 0 && (!x.queue || d.Unfit > len(out)/1000) || d.Late > 0 {
		t.Errorf("%d groups without an order, %d too late", d.Unfit, d.Late)
	}
	return out
}

func keepsIntervals(ops []*op.Op) error {
	for i, a := range ops {
		for _, b := range ops[:i] {
			if a.Exit < b.Enter {
				return fmt.Errorf("a call that returned at %d comes after one that began at %d", a.Exit, b.Enter)
			}
			if a.PID == b.PID && a.Enter < b.Enter {
				return fmt.Errorf("calls of process %d are not in its order", a.PID)
			}
		}
	}
	return nil
}

// excludes reports whether no two hold the lock on one file at a time. Files are told
// apart by who opened them: the order says which file an open met.
func excludes(ops []*op.Op) error {
	holder := map[op.FileID]int{}
	has := map[int]op.FileID{}
	for _, o := range ops {
		switch {
		case o.Failed():
		case o.Kind == op.Open:
			if f := has[o.PID]; holder[f] == o.PID {
				delete(holder, f)
			}
			has[o.PID] = o.File.ID
		case o.Kind == op.LockOp && o.Lock.Mode == op.Unlock:
			delete(holder, has[o.PID])
		case o.Kind == op.LockOp:
			f := has[o.PID]
			if h := holder[f]; h != 0 && h != o.PID {
				return fmt.Errorf("%d locks at %d what %d holds", o.PID, o.Exit, h)
			}
			holder[f] = o.PID
		}
	}
	return nil
}

// Where all wait for the lock of one directory, whole seconds are one chain of calls that overlap.
func TestOrderOfCallsThatWaitForEachOther(t *testing.T) {
	for seed := range uint64(5) {
		x := &execution{rand: rand.New(rand.NewPCG(seed, 1)), ids: true, queue: true, files: map[string]uint64{}, locks: map[uint64]int{}, open: map[int]opened{}}
		x.run(3000)
		ops := ordered(t, x)
		if err := replay(ops, true); err != nil {
			t.Errorf("seed %d: %v", seed, err)
		}
	}
}
