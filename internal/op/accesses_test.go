package op

import (
	"math/rand/v2"
	"reflect"
	"testing"
)

var (
	dirID  = FileID{Ino: 1}
	fileID = FileID{Ino: 2}
	subID  = FileID{Ino: 3}
)

// call makes an operation of one kind and lets the cases set what matters.
func call(actor Actor, k Kind, set func(*Op)) *Op {
	o := &Op{Actor: actor, Kind: k, FD: None, FD2: None, NewFD: None, NewFD2: None, Off: None, Off2: None, OldSize: None}
	if set != nil {
		set(o)
	}
	return o
}

func onName(base string, before FileID) func(*Op) {
	return func(o *Op) {
		o.Path = "/d/" + base
		o.Names = []Name{{Dir: dirID, Base: base, Path: "/d/" + base, Before: before, Type: Regular}}
		if before == subID {
			o.Names[0].Type = Directory
		}
	}
}

func onFile(set func(*Op)) func(*Op) {
	return func(o *Op) {
		o.File = File{ID: fileID, Type: Regular, Path: "/d/f", Size: 100}
		o.OldSize, o.OFD = 100, int(o.Actor[len(o.Actor)-1])
		if set != nil {
			set(o)
		}
	}
}

func both(fs ...func(*Op)) func(*Op) {
	return func(o *Op) {
		for _, f := range fs {
			f(o)
		}
	}
}

func flags(f uint64) func(*Op)    { return func(o *Op) { o.Flags = f } }
func failed(e int64) func(*Op)    { return func(o *Op) { o.Done, o.Ret = true, -e } }
func span(off, n int64) func(*Op) { return func(o *Op) { o.Off, o.Len = off, n } }
func child(a Actor) func(*Op)     { return func(o *Op) { o.Child = a } }
func to(base string, before FileID) func(*Op) {
	return func(o *Op) {
		o.Names = append(o.Names, Name{Dir: dirID, Base: base, Path: "/d/" + base, Before: before, Type: Regular})
	}
}
func locks(m LockMode, lo, hi int64) func(*Op) {
	return onFile(func(o *Op) { o.Lock = Lock{Family: PosixLock, Mode: m, Start: lo, End: hi} })
}
func typed(t FileType) func(*Op) { return func(o *Op) { o.File.Type = t } }
func appending(o *Op)            { o.OFlags = O_WRONLY | O_APPEND }
func oneOFD(o *Op)               { o.OFD = 7 }
func directory(o *Op)            { o.File = File{ID: dirID, Type: Directory, Path: "/d"} }
func noLocks(o *Op)              { o.NoLocks = true }
func writable(o *Op)             { o.OFlags = O_RDWR }

func TestDependent(t *testing.T) {
	none := FileID{}
	type half struct {
		kind Kind
		set  func(*Op)
	}
	tests := []struct {
		name string
		a, b half
		want bool
	}{
		{"two lookups", half{Open, onName("f", fileID)}, half{Stat, onName("f", fileID)}, false},
		{"failed lookup and creation", half{Stat, both(onName("f", none), failed(eNOENT))}, half{Open, both(onName("f", none), flags(O_CREAT))}, true},
		{"creations of two names", half{Open, both(onName("f", none), flags(O_CREAT))}, half{Open, both(onName("g", none), flags(O_CREAT))}, false},
		{"creation met a file", half{Open, both(onName("f", fileID), flags(O_CREAT))}, half{Open, both(onName("f", fileID), flags(O_CREAT))}, false},
		{"creation and listing", half{Mkdir, onName("f", none)}, half{ReadDir, directory}, true},
		{"lookup and listing", half{Stat, onName("f", fileID)}, half{ReadDir, directory}, false},
		{"creation and stat of the directory", half{Mkdir, onName("f", none)}, half{Stat, directory}, true},
		{"exclusive creation that failed, and a lookup", half{Open, both(onName("f", fileID), flags(O_CREAT|O_EXCL), failed(17))}, half{Stat, onName("f", fileID)}, false},
		{"unlink and lookup", half{Unlink, onName("f", fileID)}, half{Open, onName("f", fileID)}, true},
		{"unlink and fstat", half{Unlink, onName("f", fileID)}, half{Stat, onFile(nil)}, true},
		{"unlink and write", half{Unlink, onName("f", fileID)}, half{Write, onFile(span(0, 5))}, false},
		{"unlink of two links", half{Unlink, onName("f", fileID)}, half{Unlink, onName("g", fileID)}, true},
		{"rmdir and creation inside", half{Rmdir, onName("s", subID)}, half{Open, both(flags(O_CREAT), func(o *Op) { o.Names = []Name{{Dir: subID, Base: "x"}} })}, true},
		{"rmdir and listing", half{Rmdir, onName("s", subID)}, half{ReadDir, func(o *Op) { o.File = File{ID: subID, Type: Directory} }}, true},
		{"rename and lookup of its target", half{Rename, both(onName("t", fileID), to("f", none))}, half{Stat, onName("f", none)}, true},
		{"rename and lookup of its source", half{Rename, both(onName("t", fileID), to("f", none))}, half{Stat, onName("t", fileID)}, true},
		{"rename of a directory and lookup within", half{Rename, both(onName("s", subID), to("g", none))}, half{Stat, func(o *Op) { o.Names = []Name{{Dir: subID, Base: "x"}} }}, true},
		{"rename and a path through it", half{Rename, both(onName("s", subID), to("g", none))}, half{Stat, func(o *Op) { o.SetVia([]Name{{Dir: dirID, Base: "s"}}) }}, true},
		{"link and lookup of the old name", half{Link, both(onName("f", fileID), to("g", none))}, half{Readlink, onName("f", fileID)}, false},
		{"link and stat", half{Link, both(onName("f", fileID), to("g", none))}, half{Stat, onFile(nil)}, true},
		{"truncating open and read", half{Open, both(onName("f", fileID), flags(O_WRONLY|O_TRUNC))}, half{Read, onFile(span(90, 5))}, true},
		{"truncating open of a new file", half{Open, both(onName("g", none), flags(O_WRONLY|O_CREAT|O_TRUNC))}, half{Read, onFile(span(90, 5))}, false},
		{"writes apart", half{Write, onFile(span(0, 5))}, half{Write, onFile(span(5, 5))}, false},
		{"writes that overlap", half{Write, onFile(span(0, 5))}, half{Write, onFile(span(4, 5))}, true},
		{"write and read apart", half{Write, onFile(span(0, 5))}, half{Read, onFile(span(5, 5))}, false},
		{"write beyond the end and read of the gap", half{Write, onFile(span(200, 5))}, half{Read, onFile(span(150, 5))}, true},
		{"two appends", half{Write, both(onFile(span(0, 5)), appending)}, half{Write, both(onFile(span(0, 5)), appending)}, true},
		{"append and read before the end", half{Write, both(onFile(span(0, 5)), appending)}, half{Read, onFile(span(0, 100))}, false},
		{"append and read at the end", half{Write, both(onFile(span(0, 5)), appending)}, half{Read, onFile(span(100, 10))}, true},
		{"write at an unknown offset", half{Write, onFile(span(None, 5))}, half{Read, onFile(span(90, 5))}, true},
		{"reads by one description", half{Read, both(onFile(span(0, 5)), oneOFD)}, half{Read, both(onFile(span(0, 5)), oneOFD, func(o *Op) { o.Call = Named("read") })}, false},
		{"moving reads by one description", half{Read, both(onFile(span(None, 5)), oneOFD)}, half{Read, both(onFile(span(None, 5)), oneOFD)}, true},
		{"moving reads by two descriptions", half{Read, onFile(span(None, 5))}, half{Read, onFile(span(None, 5))}, false},
		{"truncation and stat", half{Truncate, onFile(nil)}, half{Stat, onFile(nil)}, true},
		{"truncation and read before it", half{Truncate, onFile(func(o *Op) { o.Len = 50 })}, half{Read, onFile(span(0, 50))}, false},
		{"truncation and read behind it", half{Truncate, onFile(func(o *Op) { o.Len = 50 })}, half{Read, onFile(span(0, 51))}, true},
		{"failed write", half{Write, both(onFile(span(0, 5)), failed(28))}, half{Read, onFile(span(0, 5))}, false},
		{"shared locks", half{LockOp, locks(Shared, 0, MaxOffset)}, half{LockOp, locks(Shared, 0, MaxOffset)}, false},
		{"shared and exclusive lock", half{LockOp, locks(Shared, 0, MaxOffset)}, half{LockOp, locks(Exclusive, 0, MaxOffset)}, true},
		{"shared lock and a failed exclusive try", half{LockOp, locks(Shared, 0, MaxOffset)}, half{LockOp, both(locks(Exclusive, 0, MaxOffset), failed(eAGAIN))}, true},
		{"lock ranges apart", half{LockOp, locks(Exclusive, 0, 10)}, half{LockOp, locks(Exclusive, 10, 20)}, false},
		{"lock range not resolved", half{LockOp, locks(Exclusive, 0, 10)}, half{LockOp, both(locks(Exclusive, 10, 20), func(o *Op) { o.Lock.Whence = SEEK_END })}, true},
		{"lock and unlock", half{LockOp, locks(Shared, 0, 10)}, half{LockOp, locks(Unlock, 0, 10)}, true},
		{"lock and question", half{LockOp, locks(Shared, 0, 10)}, half{GetLock, locks(Exclusive, 0, 10)}, true},
		{"lock and close", half{LockOp, locks(Exclusive, 0, 10)}, half{Close, onFile(nil)}, true},
		{"lock and close without locks", half{LockOp, locks(Exclusive, 0, 10)}, half{Close, onFile(noLocks)}, false},
		{"lock and exit", half{LockOp, locks(Exclusive, 0, 10)}, half{Exit, func(o *Op) { o.SetFDs([]FDInfo{{File: File{ID: fileID, Type: Regular}}}) }}, true},
		{"lease and open", half{LockOp, onFile(func(o *Op) { o.Lock = Lock{Family: LeaseLock, Mode: Exclusive} })}, half{Open, onName("f", fileID)}, true},
		{"opens for writing", half{Open, both(onName("f", fileID), flags(O_RDWR))}, half{Open, both(onName("f", fileID), flags(O_RDWR))}, false},
		{"close of a writer and exec", half{Close, both(onFile(noLocks), writable)}, half{Exec, onName("f", fileID)}, true},
		{"two execs", half{Exec, onName("f", fileID)}, half{Exec, onName("f", fileID)}, false},
		{"chmod and open", half{Chmod, onName("f", fileID)}, half{Open, onName("f", fileID)}, true},
		{"chmod of the directory and lookup", half{Chmod, directory}, half{Stat, onName("f", fileID)}, true},
		{"pipe ends", half{Read, both(onFile(nil), typed(Pipe))}, half{Close, both(onFile(nil), typed(Pipe))}, true},
		{"device", half{Write, both(onFile(nil), typed(Device))}, half{Write, both(onFile(nil), typed(Device))}, false},
		{"proc", half{Write, both(onFile(nil), typed(Proc))}, half{Read, both(onFile(nil), typed(Proc))}, false},
		{"exit and wait", half{Exit, nil}, half{Wait, child("1.1")}, true},
		{"exit and wait for another", half{Exit, nil}, half{Wait, child("1.2.1")}, false},
		{"exit of no child and wait", half{Exit, nil}, half{Wait, nil}, false},
		{"kill and any operation", half{Kill, both(child("1.2"), func(o *Op) { o.Signal = 9 })}, half{Sync, nil}, true},
		{"kill of another", half{Kill, both(child("1.3"), func(o *Op) { o.Signal = 9 })}, half{Sync, nil}, false},
		{"question whether it lives", half{Kill, child("1.2")}, half{Exit, nil}, true},
	}
	for _, tt := range tests {
		a, b := call("1.1", tt.a.kind, tt.a.set), call("1.2", tt.b.kind, tt.b.set)
		if Dependent(a, b) != tt.want || Dependent(b, a) != tt.want {
			t.Errorf("%s: want %v\n%+v\n%+v", tt.name, tt.want, Accesses(a), Accesses(b))
		}
		b.Actor = a.Actor
		if Dependent(a, b) {
			t.Errorf("%s: operations of one actor are ordered as they are", tt.name)
		}
	}
	if !Dependent(call("1", Wait, nil), call("1.1", Exit, nil)) {
		t.Error("a wait for any child depends on each child's exit")
	}
}

func TestThreadsShareDescriptors(t *testing.T) {
	use := call("1", Write, both(onFile(span(0, 5)), func(o *Op) { o.FD = 3 }))
	end := call("1/2", Close, both(onFile(noLocks), func(o *Op) { o.FD = 3 }))
	if !Dependent(use, end) {
		t.Error("a thread closes the descriptor that another one uses")
	}
	end.FD = 4
	if Dependent(use, end) {
		t.Error("a thread closes another descriptor")
	}
	end.FD, end.Actor = 3, "1.1"
	if Dependent(use, end) {
		t.Error("a child's descriptor table is its own")
	}
	relative := call("1", Stat, func(o *Op) { o.FD, o.Path = AT_FDCWD, "f" })
	if !Dependent(relative, call("1/2", Chdir, nil)) {
		t.Error("a thread changes the directory that another one's path starts from")
	}
}

func pick[T any](r *rand.Rand, from ...T) T { return from[r.IntN(len(from))] }

// Dependence is symmetric, whatever the two operations are.
func TestDependentIsSymmetric(t *testing.T) {
	r := rand.New(rand.NewPCG(2, 3))
	ids := []FileID{{}, dirID, fileID, subID}
	random := func(actor Actor) *Op {
		o := call(actor, Kind(r.IntN(int(kindMax))), nil)
		o.Names = []Name{{Dir: pick(r, ids...), Base: pick(r, "a", "b"), Before: pick(r, ids...), Type: FileType(r.IntN(4))}}
		o.File = File{ID: pick(r, ids...), Type: FileType(r.IntN(9)), Size: r.Int64N(20)}
		o.Off, o.Len, o.OldSize = r.Int64N(20)-1, r.Int64N(20), r.Int64N(20)-1
		o.Lock = Lock{Family: LockFamily(r.IntN(5)), Mode: LockMode(r.IntN(3)), Start: r.Int64N(9), End: 9}
		o.Flags, o.OFD, o.Done, o.Ret = r.Uint64N(1<<12), r.IntN(3), r.IntN(2) == 0, r.Int64N(9)-4
		o.Child = pick[Actor](r, "", "1.1", "1.2")
		return o
	}
	for range 20000 {
		a, b := random("1.1"), random("1.2")
		before := *a
		if Dependent(a, b) != Dependent(b, a) {
			t.Fatalf("not symmetric:\n%+v\n%+v", a, b)
		}
		if both := AppendAccesses(Accesses(b), a); !reflect.DeepEqual(both, append(Accesses(b), Accesses(a)...)) {
			t.Fatalf("appended to others: %+v", both)
		}
		if !reflect.DeepEqual(*a, before) {
			t.Fatal("the operation was changed")
		}
	}
}

func BenchmarkDependent(b *testing.B) {
	x := call("1.1", Open, both(onName("f", fileID), flags(O_RDWR|O_CREAT)))
	y := call("1.2", Write, onFile(span(0, 5)))
	for b.Loop() {
		Dependent(x, y)
	}
}
