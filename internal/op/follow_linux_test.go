package op

import (
	"os"
	"path/filepath"
	"runtime"
	"syscall"
	"testing"
	"unsafe"
)

// Follows must agree with the kernel: on a dangling link whose target would be
// in a directory that is not there, a call that follows fails with ENOENT.
func TestFollowsAsTheKernel(t *testing.T) {
	dir := t.TempDir()
	must(t, os.Mkdir(filepath.Join(dir, "real"), 0o755))
	f, err := os.Open("/proc/self/mem")
	must(t, err)
	defer f.Close()
	tests := []struct {
		name  string
		flags uint64
		slash bool
	}{
		{"openat", O_RDONLY, false}, {"openat", O_PATH | O_NOFOLLOW, false}, {"openat", O_CREAT | O_EXCL, false},
		{"openat", O_RDONLY | O_NOFOLLOW, true}, {"openat", O_RDONLY, true},
		{"newfstatat", 0, false}, {"newfstatat", AT_SYMLINK_NOFOLLOW, false}, {"newfstatat", AT_SYMLINK_NOFOLLOW, true},
		{"readlinkat", 0, false}, {"readlinkat", 0, true}, {"faccessat", 0, false}, {"truncate", 0, false}, {"chdir", 0, false},
		{"fchownat", 0, false}, {"fchownat", AT_SYMLINK_NOFOLLOW, false}, {"utimensat", AT_SYMLINK_NOFOLLOW, false}, {"utimensat", 0, false},
		{"linkat", 0, false}, {"linkat", AT_SYMLINK_FOLLOW, false}, {"linkat", 0, true},
		{"unlinkat", 0, false}, {"mkdirat", 0, false}, {"symlinkat", 0, false}, {"renameat2", 0, false},
		{"lgetxattr", 0, false}, {"getxattr", 0, false}, {"lsetxattr", 0, false},
	}
	for _, tt := range tests {
		link := filepath.Join(dir, "link")
		os.Remove(link)
		os.Remove(filepath.Join(dir, "new"))
		must(t, os.Symlink("missing/target", link))
		path := link
		if tt.slash {
			path += "/"
		}
		o, errno := callOn(t, selfMemory{f}, tt.name, path, filepath.Join(dir, "new"), tt.flags)
		if followed := errno == syscall.ENOENT; followed != o.Follows(0) {
			t.Errorf("%s flags %#x on %q: %v, yet Follows says %v", tt.name, tt.flags, path[len(dir):], errno, o.Follows(0))
		}
		if o.Follows(1) {
			t.Errorf("%s: the second name is never followed", tt.name)
		}
	}
}

// callOn makes a call on two paths, in the places that its row gives them.
func callOn(t *testing.T, mem selfMemory, name, path, path2 string, flags uint64) (*Op, syscall.Errno) {
	t.Helper()
	var pins runtime.Pinner
	defer pins.Unpin()
	pointer := func(b []byte) uint64 {
		pins.Pin(&b[0])
		return uint64(uintptr(unsafe.Pointer(&b[0])))
	}
	row := Named(name)
	var a [6]uint64
	for i, kind := range row.Args {
		switch kind {
		case ArgDirFD, ArgDirFD2:
			a[i] = cwd
		case ArgPath:
			a[i] = pointer(append([]byte(path), 0))
		case ArgPath2, ArgText:
			a[i] = pointer(append([]byte(path2), 0))
		case ArgFlags:
			a[i] = flags
		case ArgPtr:
			a[i] = pointer(make([]byte, 512))
		case ArgLen:
			a[i] = 1
		case ArgInt:
			a[i] = low32 // chown: no change
		}
	}
	row = Find(Native, uint64(Native.Number(row)), &a)
	o := new(Op)
	Decode(o, row, a, mem)
	r, _, errno := syscall.Syscall6(uintptr(Native.Number(row)), uintptr(a[0]), uintptr(a[1]), uintptr(a[2]), uintptr(a[3]), uintptr(a[4]), uintptr(a[5]))
	if errno == 0 && o.Kind == Open {
		syscall.Close(int(r))
	}
	return o, errno
}
