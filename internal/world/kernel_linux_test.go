package world_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"filerace/internal/op"
	"filerace/internal/world"
)

// machine runs operations on this kernel and tells a world of them.
type machine struct {
	*world.World
	t     *testing.T
	r     *rand.Rand
	dir   string
	dirID op.FileID
	fds   []int
	names []string
	seq   int
	trace []string // the latest operations, for messages
}

// TestWorldAgreesWithTheKernel runs random operations and asks the kernel after
// each for what the world believes: which file and offset every descriptor has,
// where every name leads, the sizes, the link counts, who wrote which bytes, and
// which locks would be granted.
func TestWorldAgreesWithTheKernel(t *testing.T) {
	m := &machine{World: world.New(), t: t, r: rand.New(rand.NewPCG(1, 2)), dir: t.TempDir(),
		names: []string{"a", "b", "c"}}
	st := m.stat(unix.AT_FDCWD, m.dir, 0)
	m.dirID = identity(&st)
	defer func() {
		for _, fd := range m.fds {
			unix.Close(fd)
		}
	}()
	for range 4000 {
		m.step()
		m.compare()
		if t.Failed() {
			t.Fatalf("after\n%s", bytes.Join(lines(m.trace), []byte("\n")))
		}
	}
}

func lines(ss []string) (out [][]byte) {
	for _, s := range ss {
		out = append(out, []byte(s))
	}
	return out
}

func identity(st *unix.Statx_t) op.FileID {
	id := op.FileID{Dev: unix.Mkdev(st.Dev_major, st.Dev_minor), Ino: st.Ino}
	if st.Mask&unix.STATX_BTIME != 0 {
		id.Birth = st.Btime.Sec*1e9 + int64(st.Btime.Nsec)
	}
	return id
}

func (m *machine) stat(fd int, path string, flags int) (st unix.Statx_t) {
	err := unix.Statx(fd, path, flags, unix.STATX_BASIC_STATS|unix.STATX_BTIME, &st)
	if err != nil {
		return unix.Statx_t{}
	}
	return st
}

func (m *machine) path(name string) string { return filepath.Join(m.dir, name) }

// do runs one call and applies its operation. An O_PATH descriptor keeps each
// name's file in sight; closing one drops no lock (filp_flush).
func (m *machine) do(o *op.Op, call func() (int, error), names ...string) *world.Effect {
	m.seq++
	o.Seq, o.Actor, o.PID = m.seq, "1", os.Getpid()
	m.Enter(o)
	var sight []int
	for _, name := range names {
		n := op.Name{Dir: m.dirID, Base: name, Path: m.path(name)}
		fd, err := unix.Open(n.Path, unix.O_PATH|unix.O_CLOEXEC, 0)
		if err == nil {
			st := m.stat(fd, "", unix.AT_EMPTY_PATH)
			n.Before, n.Type, n.Size = identity(&st), op.Regular, int64(st.Size)
		} else {
			fd = -1
		}
		sight = append(sight, fd)
		o.Names = append(o.Names, n)
	}
	blocked := m.Blocked(o)
	ret, err := call()
	o.Ret = int64(ret)
	if err != nil {
		o.Ret = -int64(err.(unix.Errno))
	}
	for i := range o.Names {
		n := &o.Names[i]
		st := m.stat(unix.AT_FDCWD, n.Path, 0)
		n.After, n.Type, n.Nlink = identity(&st), op.Regular, st.Nlink
		if sight[i] >= 0 {
			st = m.stat(sight[i], "", unix.AT_EMPTY_PATH)
			n.Nlink = st.Nlink
			unix.Close(sight[i])
		}
	}
	if o.Kind == op.Open && ret >= 0 {
		st := m.stat(ret, "", unix.AT_EMPTY_PATH)
		o.File = op.File{ID: identity(&st), Type: op.Regular, Path: o.Names[0].Path, Nlink: st.Nlink, Size: int64(st.Size)}
	}
	m.trace = append(m.trace, fmt.Sprintf("kind %d fd %d %d off %d len %d flags %#x lock %+v names %v = %d", o.Kind, o.FD, o.FD2,
		o.Off, o.Len, o.Flags, o.Lock, names, o.Ret))
	m.trace = m.trace[max(0, len(m.trace)-30):]
	if o.Kind == op.LockOp && (err == unix.EAGAIN) != (blocked != nil) {
		m.t.Errorf("lock %+v on %d: the kernel says %v, the world has it blocked by %d", o.Lock, o.FD, err, len(blocked))
	}
	return m.Apply(o)
}

func (m *machine) step() {
	if len(m.fds) == 0 || len(m.fds) < 8 && m.r.IntN(6) == 0 {
		m.open()
		return
	}
	fd := m.fds[m.r.IntN(len(m.fds))]
	switch m.r.IntN(12) {
	case 0, 1, 2:
		m.write(fd)
	case 3, 4:
		m.readOrSeek(fd)
	case 5:
		m.truncate(fd)
	case 6:
		m.reorder(fd)
	case 7:
		m.rename()
	case 8, 9, 10:
		m.lock(fd)
	case 11:
		if len(m.fds) > 3 {
			o := &op.Op{Kind: op.Close, FD: fd, FD2: op.None}
			m.do(o, func() (int, error) { return 0, unix.Close(fd) })
			m.drop(fd)
		}
	}
}

func (m *machine) drop(fd int) {
	for i := range m.fds {
		if m.fds[i] == fd {
			m.fds = append(m.fds[:i], m.fds[i+1:]...)
			return
		}
	}
}

func (m *machine) name() string { return m.names[m.r.IntN(len(m.names))] }

func (m *machine) open() {
	flags := op.O_RDWR | op.O_CREAT
	for _, f := range []int{op.O_EXCL, op.O_TRUNC, op.O_APPEND} {
		if m.r.IntN(3) == 0 {
			flags |= f
		}
	}
	name := m.name()
	o := &op.Op{Kind: op.Open, FD: op.None, FD2: op.None, Flags: uint64(flags), Call: op.Named("openat")}
	m.do(o, func() (int, error) { return unix.Open(m.path(name), flags|unix.O_CLOEXEC, 0o600) }, name)
	if o.Ret >= 0 {
		m.fds = append(m.fds, int(o.Ret))
	}
}

func (m *machine) write(fd int) {
	data := bytes.Repeat([]byte{byte('a' + m.r.IntN(2))}, 1+m.r.IntN(12))
	o := &op.Op{Kind: op.Write, FD: fd, FD2: op.None, Off: op.None, Len: int64(len(data)), Data: data, Call: op.Named("write")}
	call := func() (int, error) { return unix.Write(fd, data) }
	if m.r.IntN(2) == 0 {
		off := int64(m.r.IntN(40))
		o.Off, o.Call, o.Args[3] = off, op.Named("pwrite64"), uint64(off)
		call = func() (int, error) { return unix.Pwrite(fd, data, off) }
	}
	f := m.OFD("1", fd).File
	was, version := m.content(fd), f.Version
	m.do(o, call)
	if changed := !bytes.Equal(was, m.content(fd)); changed != (f.Version != version) {
		m.t.Errorf("the bytes changed: %v; versions %d, %d", changed, version, f.Version)
	}
}

// content is what the descriptor's file holds.
func (m *machine) content(fd int) []byte {
	buf := make([]byte, 4096)
	n, err := unix.Pread(fd, buf, 0)
	if err != nil {
		m.t.Fatal(err)
	}
	return buf[:n]
}

func (m *machine) readOrSeek(fd int) {
	buf := make([]byte, 1+m.r.IntN(20))
	off := int64(m.r.IntN(40))
	o := &op.Op{Kind: op.Read, FD: fd, FD2: op.None, Off: op.None, Len: int64(len(buf))}
	switch m.r.IntN(3) {
	case 0:
		o.Call = op.Named("read")
		e := m.do(o, func() (int, error) { return unix.Read(fd, buf) })
		if e.EOF != (e.Hi == int64(len(m.content(fd))) && o.Ret < o.Len) && o.Ret > 0 {
			m.t.Errorf("end of file: %v", e.EOF)
		}
	case 1:
		o.Call, o.Off, o.Args[3] = op.Named("pread64"), off, uint64(off)
		m.do(o, func() (int, error) { return unix.Pread(fd, buf, off) })
	case 2:
		o = &op.Op{Kind: op.Seek, FD: fd, FD2: op.None, Off: off, Whence: m.r.IntN(3), Call: op.Named("lseek")}
		m.do(o, func() (int, error) {
			at, err := unix.Seek(fd, off, o.Whence)
			return int(at), err
		})
	}
}

func (m *machine) truncate(fd int) {
	o := &op.Op{Kind: op.Truncate, FD: fd, FD2: op.None, Len: int64(m.r.IntN(50))}
	if m.r.IntN(2) == 0 {
		m.do(o, func() (int, error) { return 0, unix.Ftruncate(fd, o.Len) })
		return
	}
	o.FD = op.None
	name := m.name()
	m.do(o, func() (int, error) { return 0, unix.Truncate(m.path(name), o.Len) }, name)
}

// reorder duplicates descriptors and changes their flags.
func (m *machine) reorder(fd int) {
	switch m.r.IntN(3) {
	case 0:
		if len(m.fds) < 8 {
			o := &op.Op{Kind: op.Dup, FD: fd, FD2: op.None, Call: op.Named("dup")}
			m.do(o, func() (int, error) { return unix.Dup(fd) })
			m.fds = append(m.fds, int(o.Ret))
		}
	case 1:
		to := m.fds[m.r.IntN(len(m.fds))]
		o := &op.Op{Kind: op.Dup, FD: fd, FD2: to, Call: op.Named("dup2")}
		m.do(o, func() (int, error) {
			if to == fd { // dup3(2) refuses what dup2(2) lets pass
				return to, nil
			}
			return to, unix.Dup3(fd, to, 0)
		})
	case 2:
		flags := m.OFD("1", fd).Flags ^ op.O_APPEND
		o := &op.Op{Kind: op.SetFlags, FD: fd, FD2: op.None, Cmd: op.F_SETFL, Flags: flags}
		m.do(o, func() (int, error) { return unix.FcntlInt(uintptr(fd), unix.F_SETFL, int(flags)) })
	}
}

func (m *machine) rename() {
	from, to := m.name(), m.name()
	o := &op.Op{FD: op.None, FD2: op.None}
	switch m.r.IntN(3) {
	case 0:
		o.Kind = op.Unlink
		m.do(o, func() (int, error) { return 0, unix.Unlink(m.path(from)) }, from)
	case 1:
		o.Kind = op.Link
		m.do(o, func() (int, error) { return 0, unix.Link(m.path(from), m.path(to)) }, from, to)
	case 2:
		o.Kind, o.Flags = op.Rename, uint64(m.r.IntN(3))
		m.do(o, func() (int, error) {
			return 0, unix.Renameat2(unix.AT_FDCWD, m.path(from), unix.AT_FDCWD, m.path(to), uint(o.Flags))
		}, from, to)
	}
}

func (m *machine) lock(fd int) {
	mode := op.LockMode(m.r.IntN(3))
	if m.r.IntN(3) == 0 {
		how := []int{unix.LOCK_UN, unix.LOCK_SH, unix.LOCK_EX}[mode]
		o := &op.Op{Kind: op.LockOp, FD: fd, FD2: op.None, Lock: op.Lock{Family: op.FlockLock, Mode: mode, End: op.MaxOffset}}
		m.do(o, func() (int, error) { return 0, unix.Flock(fd, how|unix.LOCK_NB) })
		return
	}
	lo := int64(m.r.IntN(30))
	k := unix.Flock_t{Type: []int16{unix.F_UNLCK, unix.F_RDLCK, unix.F_WRLCK}[mode], Whence: int16(m.r.IntN(3)),
		Start: lo, Len: int64(m.r.IntN(12))}
	o := &op.Op{Kind: op.LockOp, FD: fd, FD2: op.None, Lock: op.Lock{Family: op.PosixLock, Mode: mode,
		Start: lo, End: lo + k.Len, Whence: k.Whence}}
	if k.Len == 0 {
		o.Lock.End = op.MaxOffset
	}
	cmd := unix.F_SETLK
	if m.r.IntN(2) == 0 {
		o.Lock.Family, cmd = op.OFDLock, unix.F_OFD_SETLK
	}
	m.do(o, func() (int, error) { return 0, unix.FcntlFlock(uintptr(fd), cmd, &k) })
}

// On Linux a flock that fails to change its mode has lost the lock that it had.
func TestFailedConversionLosesTheLock(t *testing.T) {
	m := &machine{World: world.New(), t: t, dir: t.TempDir()}
	flags := op.O_RDWR | op.O_CREAT
	for range 2 {
		o := &op.Op{Kind: op.Open, FD: op.None, FD2: op.None, Flags: uint64(flags)}
		m.do(o, func() (int, error) { return unix.Open(m.path("f"), flags|unix.O_CLOEXEC, 0o600) }, "f")
		m.fds = append(m.fds, int(o.Ret))
		defer unix.Close(int(o.Ret))
	}
	flock := func(fd int, mode op.LockMode, how int) int64 {
		o := &op.Op{Kind: op.LockOp, FD: fd, FD2: op.None, Lock: op.Lock{Family: op.FlockLock, Mode: mode, End: op.MaxOffset}}
		m.do(o, func() (int, error) { return 0, unix.Flock(fd, how|unix.LOCK_NB) })
		return o.Ret
	}
	a, b := m.fds[0], m.fds[1]
	flock(a, op.Shared, unix.LOCK_SH)
	flock(b, op.Shared, unix.LOCK_SH)
	if ret := flock(a, op.Exclusive, unix.LOCK_EX); ret != -int64(unix.EAGAIN) {
		t.Fatalf("the conversion returned %d", ret)
	}
	if ret := flock(b, op.Exclusive, unix.LOCK_EX); ret != 0 {
		t.Errorf("the first descriptor still has its lock: %d", ret)
	}
}

func (m *machine) compare() {
	for _, fd := range m.fds {
		m.compareFD(fd)
	}
	for _, name := range m.names {
		st := m.stat(unix.AT_FDCWD, m.path(name), 0)
		want := identity(&st)
		got := op.FileID{}
		if en := m.Entry(m.dirID, name); en == nil {
			continue // not looked up yet
		} else if en.File != nil {
			got = en.File.ID
		}
		if got != want {
			m.t.Errorf("%s leads to %v, the world says %v", name, want, got)
		}
	}
}

func (m *machine) compareFD(fd int) {
	d := m.OFD("1", fd)
	if d == nil {
		m.t.Errorf("descriptor %d is not known", fd)
		return
	}
	st := m.stat(fd, "", unix.AT_EMPTY_PATH)
	f := d.File
	if f.ID != identity(&st) || f.Size != int64(st.Size) || f.Nlink != int(st.Nlink) {
		m.t.Errorf("descriptor %d: file %v of %d bytes and %d links, the world says %v, %d, %d",
			fd, identity(&st), st.Size, st.Nlink, f.ID, f.Size, f.Nlink)
	}
	if at, err := unix.Seek(fd, 0, unix.SEEK_CUR); err != nil || at != d.Offset {
		m.t.Errorf("descriptor %d: offset %d, the world says %d (%v)", fd, at, d.Offset, err)
	}
	m.compareBytes(f, m.content(fd))
	m.compareLocks(fd, d)
}

// compareBytes looks at the bytes as their writers left them; between them there
// are holes.
func (m *machine) compareBytes(f *world.File, have []byte) {
	want := make([]byte, len(have))
	for _, s := range f.Segs {
		copy(want[s.Lo:s.Hi], s.By.Data[s.Lo-s.By.Off:])
	}
	if !bytes.Equal(have, want) {
		m.t.Errorf("%s holds %q, by its writers %q", f.Path, have, want)
	}
}

// compareLocks asks the kernel by F_OFD_GETLK which lock would be in the way.
func (m *machine) compareLocks(fd int, d *world.OFD) {
	for _, f := range []struct {
		family op.LockFamily
		cmd    int
	}{{op.PosixLock, unix.F_GETLK}, {op.OFDLock, unix.F_OFD_GETLK}} {
		lo := int64(m.r.IntN(60))
		k := unix.Flock_t{Type: unix.F_WRLCK, Start: lo, Len: 8}
		if err := unix.FcntlFlock(uintptr(fd), f.cmd, &k); err != nil {
			m.t.Fatal(err)
		}
		o := &op.Op{Actor: "1", Kind: op.LockOp, FD: fd, Lock: op.Lock{Family: f.family, Mode: op.Exclusive, Start: lo, End: lo + 8}}
		held := m.Blocked(o)
		if (len(held) > 0) != (k.Type != unix.F_UNLCK) {
			m.t.Errorf("descriptor %d, family %d, [%d,%d): the kernel has %+v, the world %s", fd, f.family, lo, lo+8, k, lockSpans(held))
		}
		if len(held) == 1 && (held[0].Lo != k.Start || held[0].Hi != k.Start+k.Len && k.Len != 0 ||
			(held[0].Mode == op.Shared) != (k.Type == unix.F_RDLCK)) {
			m.t.Errorf("descriptor %d: the kernel has %+v, the world %s", fd, k, lockSpans(held))
		}
	}
}
