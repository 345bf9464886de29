package op

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"os"
	"testing"
)

// scratchCall is one random call on a scene; the same value is made on several.
type scratchCall struct {
	row   *Call
	fd    int // index into scratchFDs
	ofd   int
	path  [2]string
	value [3]uint64 // flags, length, offset
	buf   []byte
}

// args lays the call out for its scene, with the arguments where its row says.
func (c *scratchCall) args(s *scene) (a [6]uint64) {
	path := func(p string) uint64 { return s.pin(append([]byte(s.at(p)), 0)) }
	for i, kind := range c.row.Args {
		switch kind {
		case ArgFD:
			a[i] = uint64(s.fds[c.fd])
		case ArgDirFD, ArgDirFD2:
			a[i] = cwd
		case ArgPath:
			a[i] = path(c.path[0])
		case ArgPath2, ArgText:
			a[i] = path(c.path[1])
		case ArgFlags, ArgFlock, ArgWhence, ArgCmd:
			a[i] = c.value[0]
		case ArgMode:
			a[i] = 0o755
		case ArgPtr, ArgBuf:
			a[i] = s.pin(c.buf)
		case ArgLen:
			a[i] = c.value[1]
		case ArgOff, ArgSeek:
			a[i] = c.value[2]
		case ArgFcntl:
			a[i] = c.flock(s)
		}
	}
	return a
}

// flock makes the argument of fcntl: a struct flock over the call's range.
func (c *scratchCall) flock(s *scene) uint64 {
	if c.value[0] == F_SETFL {
		return O_APPEND
	}
	b := make([]byte, 32)
	binary.LittleEndian.PutUint16(b, uint16(c.value[2]%3))
	binary.LittleEndian.PutUint64(b[8:], c.value[2])
	binary.LittleEndian.PutUint64(b[16:], c.value[1])
	return s.pin(b)
}

// scratchPaths are sets of names that get into each other's way.
var scratchPaths = [][]string{
	{"data", "sym", "fresh"}, {"two", "twin", "fresh"}, {"full", "full/x", "full/y"}, {"empty", "empty/z"}, {"fresh", "two", "empty"}, {"fresh", "other"},
}

// choice is a call and the values of its flags argument.
type choice struct {
	name  string
	flags []uint64
}

// The pairs are drawn from one of these groups, so that they often meet.
var scratchChoices = [][]choice{
	{
		{"openat", []uint64{O_RDONLY, O_RDWR | O_CREAT, O_WRONLY | O_CREAT | O_EXCL, O_WRONLY | O_TRUNC, O_RDONLY | O_NOFOLLOW}},
		{"newfstatat", []uint64{0, AT_SYMLINK_NOFOLLOW}}, {"faccessat", nil}, {"unlinkat", []uint64{0, 0, AT_REMOVEDIR}},
		{"renameat2", []uint64{0, 0, RENAME_NOREPLACE, RENAME_EXCHANGE}}, {"linkat", []uint64{0, AT_SYMLINK_FOLLOW}},
		{"symlinkat", nil}, {"mkdirat", nil}, {"fchmodat", nil}, {"getdents64", nil}, {"readlinkat", nil}, {"fstat", nil},
	},
	{
		{"read", nil}, {"pread64", nil}, {"write", nil}, {"pwrite64", nil}, {"lseek", []uint64{SEEK_SET, SEEK_CUR, SEEK_END}},
		{"ftruncate", nil}, {"truncate", nil}, {"fallocate", []uint64{0, 1, 3}}, {"fchmod", nil}, {"fstat", nil},
		{"openat", []uint64{O_WRONLY | O_TRUNC}}, {"fcntl", []uint64{F_SETFL}},
	},
	{
		{"flock", []uint64{LOCK_EX | LOCK_NB, LOCK_SH | LOCK_NB, LOCK_UN}}, {"close", nil},
		{"fcntl", []uint64{F_OFD_SETLK, F_OFD_GETLK}},
	},
}

// randomCall makes a call of one of the two actors, out of those and on those paths.
func randomCall(r *rand.Rand, actor int, choices []choice, paths []string) *scratchCall {
	k := pick(r, choices...)
	fd := actor*len(scratchFDs)/2 + pick(r, 0, 0, 1, 1, 2, 4, 4)
	if k.name == "getdents64" {
		fd = actor*len(scratchFDs)/2 + 3
	}
	c := &scratchCall{fd: fd, ofd: scratchFDs[fd].ofd, buf: make([]byte, 4096)}
	for i := range c.path {
		c.path[i] = pick(r, paths...)
	}
	if k.flags != nil {
		c.value[0] = pick(r, k.flags...)
	}
	c.value[1], c.value[2] = pick[uint64](r, 1, 5, 20, 60, 120), pick[uint64](r, 0, 3, 10, 50, 90, 140)
	if k.name == "getdents64" || k.name == "readlinkat" {
		c.value[1] = 4096
	}
	for i := range c.buf {
		c.buf[i] = 'A' + byte(actor)
	}
	args := [6]uint64{1: c.value[0], 2: c.value[0]}
	c.row = Find(Native, uint64(Native.Number(Named(k.name))), &args)
	return c
}

// inOrder makes both calls on a fresh scene, first the one with index first. It
// returns the operations, what each saw, and the state left behind.
func inOrder(t *testing.T, mem selfMemory, calls [2]*scratchCall, first int) (held, done [2]*Op, seen string) {
	s := newScene(t, mem)
	defer s.close()
	actors := [2]Actor{"1.1", "1.2"}
	for i, c := range calls {
		held[i] = s.enter(c, actors[i])
	}
	var results [2]string
	for _, i := range [2]int{first, 1 - first} {
		calls[i].buf = append([]byte(nil), calls[i].buf...)
		done[i] = s.enter(calls[i], actors[i])
		results[i] = s.run(calls[i], done[i])
	}
	return held, done, fmt.Sprintf("%q\n%s", results, s.state())
}

// What the dependence relation calls independent must commute in the kernel:
// made in either order on fresh copies of a directory, two such calls return the
// same and leave the same behind. The relation is asked of the operations as
// held at their entry and as done, in both orders.
func TestIndependentCallsCommute(t *testing.T) {
	f, err := os.Open("/proc/self/mem")
	must(t, err)
	defer f.Close()
	mem := selfMemory{f}
	const pairs = 300
	r := rand.New(rand.NewPCG(1, uint64(pairs)))
	independent, differ := 0, 0
	for n := range pairs {
		group, paths := pick(r, scratchChoices...), pick(r, scratchPaths...)
		calls := [2]*scratchCall{randomCall(r, 0, group, paths), randomCall(r, 1, group, paths)}
		held, ab, seen := inOrder(t, mem, calls, 0)
		_, ba, seen2 := inOrder(t, mem, calls, 1)
		dependent := Dependent(held[0], held[1])
		if !dependent {
			independent++
		}
		if seen == seen2 {
			continue
		}
		differ++
		if !dependent || !Dependent(ab[0], ab[1]) || !Dependent(ba[0], ba[1]) {
			t.Errorf("pair %d: %s %q %v fd %d and %s %q %v fd %d do not commute, yet held %v, done %v and %v\none way: %s\nother way: %s", n,
				calls[0].row.Name, calls[0].path, calls[0].value, calls[0].fd, calls[1].row.Name, calls[1].path, calls[1].value, calls[1].fd,
				dependent, Dependent(ab[0], ab[1]), Dependent(ba[0], ba[1]), seen, seen2)
		}
	}
	t.Logf("%d pairs: %d independent when held, %d that do not commute", pairs, independent, differ)
	if independent < pairs/4 || differ < pairs/20 {
		t.Errorf("%d of %d pairs are independent and %d do not commute: the test has lost its bite", independent, pairs, differ)
	}
}
