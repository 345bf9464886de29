package probe

import (
	"encoding/binary"
	"errors"
	"strings"
	"testing"

	"filerace/internal/op"
)

// made is an event of the ring, put together field by field from event.bpf.h.
func made(what what, nr uint16, sections uint32, body []byte, chunks ...chunk) []byte {
	le := binary.LittleEndian
	b := make([]byte, headSize, 1024)
	le.PutUint16(b, uint16(what))
	le.PutUint16(b[2:], nr)
	le.PutUint32(b[4:], 3)      // cpu
	le.PutUint64(b[8:], 9)      // lost
	le.PutUint64(b[16:], 1000)  // enter
	le.PutUint64(b[24:], 4000)  // exit
	le.PutUint32(b[32:], 70)    // tgid
	le.PutUint32(b[36:], 71)    // tid
	le.PutUint32(b[40:], 33)    // uid
	le.PutUint32(b[44:], 1)     // parent
	le.PutUint64(b[48:], 12345) // cgroup
	copy(b[56:], "writer")
	le.PutUint32(b[128:], sections)
	b = append(b, body...)
	size := 0
	for _, c := range chunks {
		at := len(b)
		b = append(b, make([]byte, chunkSize+(len(c.b)+7)&^7)...)
		le.PutUint64(b[at:], c.addr)
		le.PutUint32(b[at+8:], uint32(len(c.b)))
		copy(b[at+chunkSize:], c.b)
		size += len(b) - at
	}
	le.PutUint32(b[132:], uint32(size))
	return b
}

func setArgs(b []byte, ret int64, args ...uint64) []byte {
	for i, a := range args {
		binary.LittleEndian.PutUint64(b[72+8*i:], a)
	}
	binary.LittleEndian.PutUint64(b[120:], uint64(ret))
	return b
}

// aHandle is a regular file of 5 bytes, link count 1, inode 41 of device 8:3.
func aHandle(pos, wasPos int64, flags, mode uint32) []byte {
	le := binary.LittleEndian
	b := make([]byte, handleSize)
	copy(b, anObject(41, 5, typeRegular|0o644))
	le.PutUint64(b[objectSize+8:], uint64(pos))
	le.PutUint64(b[objectSize+24:], uint64(wasPos))
	le.PutUint32(b[objectSize+32:], flags)
	le.PutUint32(b[objectSize+36:], mode)
	return b
}

func anObject(ino uint64, size int64, mode uint16) []byte {
	le := binary.LittleEndian
	b := make([]byte, objectSize)
	le.PutUint64(b, ino)
	le.PutUint64(b[8:], uint64(size))
	le.PutUint32(b[16:], 8<<20|3)
	le.PutUint32(b[20:], 77)
	le.PutUint32(b[24:], 1)
	le.PutUint16(b[32:], mode)
	le.PutUint16(b[34:], 1)
	return b
}

func decode(t *testing.T, b []byte) *op.Op {
	t.Helper()
	var e event
	if err := e.parse(b); err != nil {
		t.Fatal(err)
	}
	d := decoder{arch: op.AMD64, start: 500, execed: map[uint32]*event{}}
	r, ok := d.record(&e)
	if !ok {
		t.Fatal("the event gave no record")
	}
	if r.UID != 33 || r.Cgroup != 12345 {
		t.Errorf("uid %d and cgroup %d, want 33 and 12345", r.UID, r.Cgroup)
	}
	return r.Op
}

func native(t *testing.T) {
	if op.Native != op.AMD64 {
		t.Skip("the event is one of amd64")
	}
}

var itsID = op.FileID{Dev: 8<<8 | 3, Ino: 41, Birth: 77}

func TestAWriteIsDecoded(t *testing.T) {
	native(t)
	b := made(callEvent, 1, hasFD, aHandle(8, 3, 1, 0), chunk{0x5000, []byte("hello")})
	o := decode(t, setArgs(b, 5, 4, 0x5000, 5))
	if o.Kind != op.Write || o.FD != 4 || o.Ret != 5 || string(o.Data) != "hello" || o.Sum == 0 {
		t.Errorf("got %v with data %q and sum %d", o, o.Data, o.Sum)
	}
	if o.PID != 70 || o.TID != 71 || o.Prog != "writer" || o.Enter != 500 || o.Exit != 3500 {
		t.Errorf("got process %d, thread %d, program %s, from %d to %d", o.PID, o.TID, o.Prog, o.Enter, o.Exit)
	}
	if o.File.ID != itsID || o.File.Type != op.Regular || o.File.Nlink != 1 || o.File.Size != 5 {
		t.Errorf("got file %+v", o.File)
	}
	if o.Off != 3 {
		t.Errorf("offset %d, want 3: the description stands at 8 after 5 bytes", o.Off)
	}
}

func TestAnOffsetThatSomebodyElseMovedIsNotKnown(t *testing.T) {
	native(t)
	b := made(callEvent, 1, hasFD, aHandle(20, 3, 1, 0), chunk{0x5000, []byte("hello")})
	if o := decode(t, setArgs(b, 5, 4, 0x5000, 5)); o.Off != op.None {
		t.Errorf("offset %d, want none", o.Off)
	}
	b = made(callEvent, 1, hasFD, aHandle(20, 3, 1|op.O_APPEND, 0), chunk{0x5000, []byte("hello")})
	if o := decode(t, setArgs(b, 5, 4, 0x5000, 5)); o.Off != 15 {
		t.Errorf("offset %d, want 15: an append ends where the description stands", o.Off)
	}
}

func TestALongWriteKeepsItsBeginning(t *testing.T) {
	native(t)
	long := []byte(strings.Repeat("x", dataMax))
	b := made(callEvent, 1, hasFD, aHandle(1000, 0, 1, 0), chunk{0x5000, long})
	o := decode(t, setArgs(b, 1000, 4, 0x5000, 1000))
	if string(o.Data) != string(long) || o.Sum != 0 {
		t.Errorf("%d bytes and sum %d, want %d and none", len(o.Data), o.Sum, dataMax)
	}
}

func TestAnOpenTellsWhetherItMadeTheFile(t *testing.T) {
	native(t)
	dir := op.FileID{Dev: 8<<8 | 3, Ino: 2, Birth: 77}
	for _, c := range []struct {
		mode   uint32
		before op.FileID
	}{{modeCreated, op.FileID{}}, {0, itsID}} {
		body := append(aHandle(0, 0, 2, c.mode), anObject(2, 4096, typeDir)...)
		b := made(callEvent, 257, hasNew|hasParent, body, chunk{0x6000, []byte("f\x00")}, chunk{0, []byte("f\x00")})
		o := decode(t, setArgs(b, 7, 1<<64-100, 0x6000, op.O_RDWR|op.O_CREAT))
		if o.Path != "f" || o.NewFD != 7 || o.File.ID != itsID || len(o.Names) != 1 {
			t.Fatalf("got %v, file %v, names %v", o, o.File, o.Names)
		}
		if n := o.Names[0]; n.Dir != dir || n.Before != c.before || n.After != itsID {
			t.Errorf("got %+v, want %v in %v", n, c.before, dir)
		}
	}
}

func TestAFileOpenedThroughALinkHasNoName(t *testing.T) {
	native(t)
	body := append(aHandle(0, 0, 2, 0), anObject(2, 4096, typeDir)...)
	b := made(callEvent, 257, hasNew|hasParent, body, chunk{0x6000, []byte("link\x00")}, chunk{0, []byte("f\x00")})
	o := decode(t, setArgs(b, 7, 1<<64-100, 0x6000, op.O_RDWR))
	if len(o.Names) != 0 || o.File.ID != itsID {
		t.Errorf("got names %v and file %v", o.Names, o.File)
	}
}

func TestWhatARenameReplacedIsKnownFromTheHook(t *testing.T) {
	native(t)
	var body []byte
	for _, o := range [][]byte{anObject(2, 0, typeDir), anObject(41, 5, typeRegular), anObject(3, 0, typeDir), anObject(42, 6, typeRegular)} {
		body = append(body, o...)
	}
	b := made(callEvent, 82, hasEntry|hasEntry2, body, chunk{0x6000, []byte("a/f\x00")}, chunk{0x7000, []byte("b/g\x00")})
	o := decode(t, setArgs(b, 0, 0x6000, 0x7000))
	if len(o.Names) != 2 {
		t.Fatalf("got %v", o.Names)
	}
	from, to := o.Names[0], o.Names[1]
	if from.Base != "f" || from.Dir.Ino != 2 || from.Before != itsID || !from.After.IsZero() {
		t.Errorf("from: %+v", from)
	}
	if to.Base != "g" || to.Dir.Ino != 3 || to.Before.Ino != 42 || to.After != itsID || to.Nlink != 0 {
		t.Errorf("to: %+v", to)
	}
}

func TestAnExecHasThePathThatTheKernelKept(t *testing.T) {
	native(t)
	d := decoder{arch: op.AMD64, execed: map[uint32]*event{}}
	var e event
	if err := e.parse(made(execedEvent, 0, hasReached, anObject(41, 5, typeRegular), chunk{0, []byte("./prog\x00")})); err != nil {
		t.Fatal(err)
	}
	if _, ok := d.record(&e); ok {
		t.Error("the moment of an exec is a record of its own")
	}
	var call event
	b := setArgs(made(callEvent, 59, 0, nil, chunk{0x6000, []byte("rubbish\x00")}), 0, 0x6000, 0, 0)
	if err := call.parse(b); err != nil {
		t.Fatal(err)
	}
	r, ok := d.record(&call)
	if !ok || r.Op.Path != "./prog" || r.Op.File.ID != itsID {
		t.Errorf("got %v, file %v", r.Op, r.Op.File)
	}
	if len(d.execed) != 0 {
		t.Error("what was kept for the exec is kept for ever")
	}
}

func TestEndsAndStatuses(t *testing.T) {
	for _, c := range []struct {
		code           int64
		status, signal int32
	}{{7 << 8, 7, 0}, {9, 137, 9}, {11 | 0x80, 139, 11}, {0, 0, 0}} {
		if status, signal := exitStatus(c.code); status != c.status || signal != c.signal {
			t.Errorf("code %#x: %d and %d, want %d and %d", c.code, status, signal, c.status, c.signal)
		}
	}
}

func TestDevicesAsStatGivesThem(t *testing.T) {
	for _, c := range []struct{ kernel, user uint64 }{{8<<20 | 3, 0x803}, {254 << 20, 0xfe00}, {0<<20 | 300, 0x10002c}, {4095<<20 | 0xfffff, 0xffffffff}} {
		if got := userDev(uint32(c.kernel)); got != c.user {
			t.Errorf("device %#x: %#x, want %#x", c.kernel, got, c.user)
		}
	}
}

func TestShortEventsAreRefused(t *testing.T) {
	whole := made(callEvent, 1, hasFD|hasNew, append(aHandle(0, 0, 0, 0), aHandle(0, 0, 0, 0)...), chunk{1, []byte("abc")})
	var e event
	if err := e.parse(whole); err != nil {
		t.Fatal(err)
	}
	for n := range whole {
		if err := e.parse(whole[:n]); !errors.Is(err, errShort) {
			t.Fatalf("cut to %d of %d bytes: %v", n, len(whole), err)
		}
	}
}

// No bytes make the decoder fail in another way than with an error.
func FuzzEvent(f *testing.F) {
	f.Add(made(callEvent, 1, hasFD, aHandle(8, 3, 1, 0), chunk{0x5000, []byte("hello")}))
	f.Add(made(callEvent, 257, hasNew|hasParent, append(aHandle(0, 0, 2, 0), anObject(2, 0, typeDir)...), chunk{0x6000, []byte("f\x00")}))
	f.Add(made(execedEvent, 0, hasReached, anObject(41, 5, typeRegular), chunk{0, []byte("./prog\x00")}))
	f.Add(made(endedEvent, 0, 0, nil))
	f.Fuzz(func(t *testing.T, b []byte) {
		d := decoder{arch: op.AMD64, execed: map[uint32]*event{}}
		var e event
		if e.parse(b) != nil {
			return
		}
		if r, ok := d.record(&e); ok && r.Op == nil {
			t.Error("a record without an operation")
		}
	})
}
