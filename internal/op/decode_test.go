package op

import (
	"bytes"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"reflect"
	"strings"
	"testing"
)

// memory is one readable region; reads give at most step bytes at a time.
type memory struct {
	base uint64
	b    []byte
	step int
}

func (m *memory) ReadMemory(addr uint64, b []byte) (int, error) {
	if addr < m.base || addr-m.base >= uint64(len(m.b)) {
		return 0, errors.New("bad address")
	}
	from := m.b[addr-m.base:]
	if m.step > 0 && len(from) > m.step {
		from = from[:m.step]
	}
	return copy(b, from), nil
}

// put appends values and strings and returns the address of each.
func (m *memory) put(parts ...any) (at []uint64) {
	for _, p := range parts {
		for len(m.b)%8 != 0 {
			m.b = append(m.b, 0)
		}
		at = append(at, m.base+uint64(len(m.b)))
		switch p := p.(type) {
		case string:
			m.b = append(append(m.b, p...), 0)
		default:
			var w bytes.Buffer
			if err := binary.Write(&w, binary.LittleEndian, p); err != nil {
				panic(err)
			}
			m.b = append(m.b, w.Bytes()...)
		}
	}
	return at
}

// decoded decodes the first matching row of that name on amd64.
func decoded(t *testing.T, m Memory, name string, args ...uint64) *Op {
	t.Helper()
	var a [6]uint64
	copy(a[:], args)
	for i := range Calls {
		if c := &Calls[i]; c.Name == name && c.Matches(&a) {
			o := new(Op)
			decodeOn(AMD64, o, c, a, m)
			return o
		}
	}
	t.Fatalf("no row %s %#x", name, a)
	return nil
}

const cwd = ^uint64(0) - 99 // AT_FDCWD as a register holds it

func TestDecodePaths(t *testing.T) {
	m := &memory{base: 0x1ff0, step: 7}
	at := m.put("a", "dir/b", strings.Repeat("x", 5000))
	o := decoded(t, m, "renameat2", cwd, at[0], 5, at[1], RENAME_NOREPLACE)
	if o.Path != "a" || o.Path2 != "dir/b" || o.FD != AT_FDCWD || o.FD2 != 5 || o.Flags != RENAME_NOREPLACE {
		t.Errorf("renameat2: %+v", o)
	}
	o = decoded(t, m, "symlinkat", at[1], cwd, at[0])
	if o.Path != "a" || o.Path2 != "dir/b" || o.FD != AT_FDCWD || o.FD2 != None {
		t.Errorf("symlinkat: path is the link, path2 the target: %+v", o)
	}
	for _, bad := range []uint64{0, 8, at[2]} { // nowhere, or longer than PATH_MAX
		if o = decoded(t, m, "unlink", bad); o.Path != "" {
			t.Errorf("path at %#x: %q", bad, o.Path)
		}
	}
	last := &memory{base: 0x1ffc, b: []byte("end")} // no NUL before the memory ends
	if o = decoded(t, last, "unlink", 0x1ffc); o.Path != "" {
		t.Errorf("unterminated path: %q", o.Path)
	}
}

// A path that ends right before an unreadable page must not be read beyond it.
func TestDecodePathAtPageEnd(t *testing.T) {
	for n := 1; n < 600; n += 37 {
		path := strings.Repeat("p", n-1)
		m := &memory{base: 0x5000 - uint64(n), b: append([]byte(path), 0)}
		if o := decoded(t, m, "unlink", m.base); o.Path != path {
			t.Fatalf("path of %d bytes before the end of a page: %q", n-1, o.Path)
		}
	}
}

func TestDecodeOpenFlags(t *testing.T) {
	m := &memory{base: 4096}
	at := m.put("f", [3]uint64{arm64Directory | arm64NoFollow, 0, RESOLVE_BENEATH})
	if o := decoded(t, m, "creat", at[0], 0o644); o.Flags != O_CREAT|O_WRONLY|O_TRUNC {
		t.Errorf("creat: flags %#o", o.Flags)
	}
	o := new(Op)
	decodeOn(ARM64, o, Named("openat2"), [6]uint64{cwd, at[0], at[1], 24}, m)
	if o.Flags != O_DIRECTORY|O_NOFOLLOW || o.Cmd != RESOLVE_BENEATH {
		t.Errorf("openat2 on arm64: flags %#o, resolve %#x", o.Flags, o.Cmd)
	}
	decodeOn(ARM64, o, Named("openat"), [6]uint64{cwd, at[0], O_RDWR | O_CREAT | arm64Direct | arm64LargeFile}, m)
	if o.Flags != O_RDWR|O_CREAT|O_DIRECT|O_LARGEFILE {
		t.Errorf("openat on arm64: flags %#o", o.Flags)
	}
	if o := decoded(t, m, "lstat", at[0]); o.Flags != AT_SYMLINK_NOFOLLOW || o.Follows(0) {
		t.Errorf("lstat: flags %#x", o.Flags)
	}
}

func TestDecodeLocks(t *testing.T) {
	type flock struct {
		Type, Whence int16
		_            int32
		Start, Len   int64
		PID          int32
		_            int32
	}
	m := &memory{base: 4096}
	at := m.put(flock{Type: F_WRLCK, Start: 10, Len: 5}, flock{Type: F_RDLCK, Whence: SEEK_END, Start: -2, Len: 0},
		flock{Type: F_UNLCK, Start: 10, Len: -4}, flock{Type: 7}, flock{Type: F_WRLCK, Start: 1 << 62, Len: 1<<63 - 1})
	tests := []struct {
		name string
		args []uint64
		want Lock
	}{
		{"flock", []uint64{3, LOCK_EX}, Lock{FlockLock, Exclusive, true, 0, 0, MaxOffset}},
		{"flock", []uint64{3, LOCK_SH | LOCK_NB}, Lock{FlockLock, Shared, false, 0, 0, MaxOffset}},
		{"flock", []uint64{3, LOCK_UN}, Lock{FlockLock, Unlock, false, 0, 0, MaxOffset}},
		{"flock", []uint64{3, LOCK_EX | LOCK_SH}, Lock{}},
		{"fcntl", []uint64{3, F_SETLKW, at[0]}, Lock{PosixLock, Exclusive, true, SEEK_SET, 10, 15}},
		{"fcntl", []uint64{3, F_SETLK, at[0]}, Lock{PosixLock, Exclusive, false, SEEK_SET, 10, 15}},
		{"fcntl", []uint64{3, F_OFD_SETLKW, at[1]}, Lock{OFDLock, Shared, true, SEEK_END, -2, MaxOffset}},
		{"fcntl", []uint64{3, F_SETLKW, at[2]}, Lock{PosixLock, Unlock, false, SEEK_SET, 6, 10}},
		{"fcntl", []uint64{3, F_GETLK, at[0]}, Lock{PosixLock, Exclusive, false, SEEK_SET, 10, 15}},
		{"fcntl", []uint64{3, F_SETLK, at[3]}, Lock{}},
		{"fcntl", []uint64{3, F_SETLK, at[4]}, Lock{PosixLock, Exclusive, false, SEEK_SET, 1 << 62, MaxOffset}},
		{"fcntl", []uint64{3, F_SETLK, 1}, Lock{}},
		{"fcntl", []uint64{3, F_SETLEASE, F_WRLCK}, Lock{LeaseLock, Exclusive, false, 0, 0, MaxOffset}},
	}
	for _, tt := range tests {
		if o := decoded(t, m, tt.name, tt.args...); o.Lock != tt.want {
			t.Errorf("%s %#x: %+v, want %+v", tt.name, tt.args, o.Lock, tt.want)
		}
	}
}

func TestDecodeData(t *testing.T) {
	text := strings.Repeat("0123456789", 1000)
	sum := crc32.Checksum([]byte(text), castagnoli)
	m := &memory{base: 4096, step: 1000}
	at := m.put(text)
	iov := m.put([4]uint64{at[0], 4000, at[0] + 4000, 6000})
	for name, args := range map[string][]uint64{
		"write": {1, at[0], 10000}, "pwrite64": {1, at[0], 10000, 77}, "writev": {1, iov[0], 2}, "pwritev": {1, iov[0], 2, 77, 0},
		"sendto": {1, at[0], 10000},
	} {
		o := decoded(t, m, name, args...)
		if o.Len != 10000 || o.Sum != sum || string(o.Data) != text[:DataMax] {
			t.Errorf("%s: length %d, sum %#x of %#x, %d bytes of data", name, o.Len, o.Sum, sum, len(o.Data))
		}
		if want := int64(77); strings.HasPrefix(name, "pwrite") && o.Off != want {
			t.Errorf("%s: offset %d", name, o.Off)
		}
		Finish(o, 5000, m)
		if o.Sum != 0 || len(o.Data) != DataMax {
			t.Errorf("%s: half written: sum %#x, %d bytes", name, o.Sum, len(o.Data))
		}
	}
	o := decoded(t, m, "write", 1, at[0], 10)
	Finish(o, 4, m)
	if string(o.Data) != "0123" || o.Sum != crc32.Checksum([]byte("0123"), castagnoli) {
		t.Errorf("short write: %q, sum %#x", o.Data, o.Sum)
	}
	big := &memory{base: 4096, b: make([]byte, sumMax+1)}
	if o := decoded(t, big, "write", 1, 4096, sumMax); o.Sum == 0 || len(o.Data) != DataMax {
		t.Errorf("1 MiB: sum %#x", o.Sum)
	}
	if o := decoded(t, big, "write", 1, 4096, sumMax+1); o.Sum != 0 || len(o.Data) != DataMax {
		t.Errorf("beyond 1 MiB: sum %#x, %d bytes", o.Sum, len(o.Data))
	}
	if o := decoded(t, m, "preadv2", 1, iov[0], 2, ^uint64(0)); o.Off != None || o.Len != 10000 || o.Data != nil {
		t.Errorf("preadv2 at the descriptor's offset: %+v", o)
	}
}

func TestDecodeTimes(t *testing.T) {
	m := &memory{base: 4096}
	at := m.put([2]int64{1, 5}, [2]int64{2, 500000}, [2]int64{-1, 0}, [2]int64{1 << 62, 0})
	tests := []struct {
		name string
		args []uint64
		want int64
	}{
		{"nanosleep", []uint64{at[0]}, 1e9 + 5},
		{"clock_nanosleep", []uint64{1, TIMER_ABSTIME, at[0]}, 1e9 + 5},
		{"select", []uint64{0, 0, 0, 0, at[1]}, 25e8},
		{"select", []uint64{0, 0, 0, 0, 0}, None},
		{"poll", []uint64{0, 0, 1500}, 15e8},
		{"poll", []uint64{0, 0, 0xffffffff}, None},
		{"ppoll", []uint64{0, 0, at[2]}, None},
		{"nanosleep", []uint64{at[3]}, MaxOffset},
		{"futex", []uint64{0x10, 128, 0, at[0]}, 1e9 + 5},
		{"futex", []uint64{0x10, 129, 0, at[0]}, None}, // FUTEX_WAKE
		{"pause", nil, None},
	}
	for _, tt := range tests {
		if o := decoded(t, m, tt.name, tt.args...); o.Len != tt.want {
			t.Errorf("%s %#x: %d ns, want %d", tt.name, tt.args, o.Len, tt.want)
		}
	}
}

func TestDecodeProcesses(t *testing.T) {
	m := &memory{base: 4096}
	at := m.put([8]uint64{CLONE_VM | CLONE_FILES | CLONE_THREAD})
	if o := decoded(t, m, "clone3", at[0], 64); !o.Thread {
		t.Error("clone3 of a thread")
	}
	if o := decoded(t, m, "clone", 17); o.Thread || o.Flags != 17 {
		t.Error("clone of a process")
	}
	if o := decoded(t, m, "exit_group", 256+3); o.Status != 3 {
		t.Errorf("exit status %d", o.Status)
	}
	if o := decoded(t, m, "close_range", 3, 0xffffffff, 0); o.FD != 3 || o.FD2 != 1<<31-1 {
		t.Errorf("close_range %d to %d", o.FD, o.FD2)
	}
}

func TestFinish(t *testing.T) {
	m := &memory{base: 4096}
	at := m.put([2]int32{7, 8}, int32(3<<8), int32(9), int32(0x137f),
		[7]int32{17, 0, cldKilled, 0, 55, 0, 15}, [7]int32{})
	tests := []struct {
		name   string
		args   []uint64
		ret    int64
		fds    [2]int
		status int
	}{
		{"pipe2", []uint64{at[0]}, 0, [2]int{7, 8}, 0},
		{"pipe2", []uint64{at[0]}, -24, [2]int{None, None}, 0},
		{"socketpair", []uint64{1, 1, 0, at[0]}, 0, [2]int{7, 8}, 0},
		{"dup2", []uint64{3, 4}, 4, [2]int{4, None}, 0},
		{"accept4", []uint64{3}, 5, [2]int{5, None}, 0},
		{"connect", []uint64{3}, 0, [2]int{None, None}, 0},
		{"fcntl", []uint64{3, F_DUPFD, 10}, 10, [2]int{10, None}, 0},
		{"wait4", []uint64{0, at[1]}, 55, [2]int{None, None}, 3},
		{"wait4", []uint64{0, at[2]}, 55, [2]int{None, None}, 137},
		{"wait4", []uint64{0, at[3]}, 55, [2]int{None, None}, None},
		{"wait4", []uint64{0, 0}, 55, [2]int{None, None}, None},
		{"wait4", []uint64{0, at[1]}, 0, [2]int{None, None}, None},
		{"waitid", []uint64{0, 0, at[4]}, 0, [2]int{None, None}, 143},
		{"waitid", []uint64{0, 0, at[5]}, 0, [2]int{None, None}, None},
	}
	for _, tt := range tests {
		o := decoded(t, m, tt.name, tt.args...)
		Finish(o, tt.ret, m)
		if got := [2]int{o.NewFD, o.NewFD2}; got != tt.fds || int(o.Status) != tt.status || !o.Done || o.Ret != tt.ret {
			t.Errorf("%s = %d: descriptors %v, status %d", tt.name, tt.ret, got, o.Status)
		}
	}
}

// FuzzDecode feeds every row with registers and memory of a hostile process.
func FuzzDecode(f *testing.F) {
	f.Add(uint8(0), uint64(4096), uint64(4096), uint64(4100), uint64(9), uint8(3), []byte("path\x00"))
	f.Add(uint8(30), uint64(3), uint64(4096), uint64(1000), uint64(4096), uint8(0), bytes.Repeat([]byte{1, 0x10, 0, 0, 0, 0, 0, 0}, 99))
	f.Fuzz(func(t *testing.T, row uint8, a, b, c, d uint64, step uint8, content []byte) {
		call := &Calls[int(row)%len(Calls)]
		m := &memory{base: 4096, b: content, step: int(step)}
		args := [6]uint64{a, b, c, d, a ^ b, c ^ d}
		var o, again Op
		Decode(&o, call, args, m)
		Decode(&again, call, args, m)
		if !reflect.DeepEqual(o, again) {
			t.Fatalf("decoded twice: %+v and %+v", o, again)
		}
		if len(o.Data) > DataMax || len(o.Path) >= pathMax || strings.IndexByte(o.Path+o.Path2, 0) >= 0 {
			t.Fatalf("out of bounds: %+v", o)
		}
		if o.Lock.Family == PosixLock && o.Lock.Start > o.Lock.End {
			t.Fatalf("lock range %d to %d", o.Lock.Start, o.Lock.End)
		}
		Finish(&o, int64(d), m)
	})
}
