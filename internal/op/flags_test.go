package op

import (
	"strconv"
	"strings"
	"testing"
)

// flagValues are the constants that golang.org/x/sys has, too.
var flagValues = map[string]int64{
	"AT_FDCWD": AT_FDCWD, "AT_SYMLINK_NOFOLLOW": AT_SYMLINK_NOFOLLOW, "AT_REMOVEDIR": AT_REMOVEDIR, "AT_EACCESS": AT_EACCESS,
	"AT_SYMLINK_FOLLOW": AT_SYMLINK_FOLLOW, "AT_NO_AUTOMOUNT": AT_NO_AUTOMOUNT, "AT_EMPTY_PATH": AT_EMPTY_PATH,
	"RESOLVE_NO_XDEV": RESOLVE_NO_XDEV, "RESOLVE_NO_MAGICLINKS": RESOLVE_NO_MAGICLINKS, "RESOLVE_NO_SYMLINKS": RESOLVE_NO_SYMLINKS,
	"RESOLVE_BENEATH": RESOLVE_BENEATH, "RESOLVE_IN_ROOT": RESOLVE_IN_ROOT,
	"O_ACCMODE": O_ACCMODE, "O_RDONLY": O_RDONLY, "O_WRONLY": O_WRONLY, "O_RDWR": O_RDWR, "O_CREAT": O_CREAT,
	"O_EXCL": O_EXCL, "O_NOCTTY": O_NOCTTY, "O_TRUNC": O_TRUNC, "O_APPEND": O_APPEND, "O_NONBLOCK": O_NONBLOCK,
	"O_DSYNC": O_DSYNC, "O_ASYNC": O_ASYNC, "O_DIRECT": O_DIRECT, "O_DIRECTORY": O_DIRECTORY,
	"O_NOFOLLOW": O_NOFOLLOW, "O_NOATIME": O_NOATIME, "O_CLOEXEC": O_CLOEXEC, "O_SYNC": O_SYNC, "O_PATH": O_PATH,
	"O_TMPFILE": O_TMPFILE, "RENAME_NOREPLACE": RENAME_NOREPLACE, "RENAME_EXCHANGE": RENAME_EXCHANGE,
	"RENAME_WHITEOUT": RENAME_WHITEOUT, "LOCK_SH": LOCK_SH, "LOCK_EX": LOCK_EX, "LOCK_NB": LOCK_NB, "LOCK_UN": LOCK_UN,
	"F_DUPFD": F_DUPFD, "F_GETFD": F_GETFD, "F_SETFD": F_SETFD, "F_GETFL": F_GETFL, "F_SETFL": F_SETFL,
	"F_GETLK": F_GETLK, "F_SETLK": F_SETLK, "F_SETLKW": F_SETLKW, "F_OFD_GETLK": F_OFD_GETLK, "F_OFD_SETLK": F_OFD_SETLK,
	"F_OFD_SETLKW": F_OFD_SETLKW, "F_SETLEASE": F_SETLEASE, "F_GETLEASE": F_GETLEASE, "F_DUPFD_CLOEXEC": F_DUPFD_CLOEXEC,
	"FD_CLOEXEC": FD_CLOEXEC, "F_RDLCK": F_RDLCK, "F_WRLCK": F_WRLCK, "F_UNLCK": F_UNLCK, "SEEK_SET": SEEK_SET,
	"SEEK_CUR": SEEK_CUR, "SEEK_END": SEEK_END, "SEEK_DATA": SEEK_DATA, "SEEK_HOLE": SEEK_HOLE,
	"FALLOC_FL_KEEP_SIZE": FALLOC_FL_KEEP_SIZE, "FALLOC_FL_PUNCH_HOLE": FALLOC_FL_PUNCH_HOLE,
	"FALLOC_FL_COLLAPSE_RANGE": FALLOC_FL_COLLAPSE_RANGE, "FALLOC_FL_ZERO_RANGE": FALLOC_FL_ZERO_RANGE,
	"FALLOC_FL_INSERT_RANGE": FALLOC_FL_INSERT_RANGE, "CLONE_VM": CLONE_VM, "CLONE_FS": CLONE_FS,
	"CLONE_FILES": CLONE_FILES, "CLONE_VFORK": CLONE_VFORK, "CLONE_THREAD": CLONE_THREAD,
	"CLONE_UNTRACED": CLONE_UNTRACED, "PROT_READ": PROT_READ, "PROT_WRITE": PROT_WRITE, "PROT_EXEC": PROT_EXEC,
	"MAP_SHARED": MAP_SHARED, "MAP_PRIVATE": MAP_PRIVATE, "MAP_SHARED_VALIDATE": MAP_SHARED_VALIDATE,
	"MAP_TYPE": MAP_TYPE, "MAP_ANONYMOUS": MAP_ANONYMOUS, "SOCK_NONBLOCK": SOCK_NONBLOCK, "SOCK_CLOEXEC": SOCK_CLOEXEC,
	"MSG_DONTWAIT": MSG_DONTWAIT, "TIMER_ABSTIME": TIMER_ABSTIME,
}

func TestFlagsAreTheKernels(t *testing.T) {
	kernel := kernelConstants(t, "zerrors_linux.go", "")
	amd64 := kernelConstants(t, "zerrors_linux_amd64.go", "")
	types := kernelConstants(t, "ztypes_linux.go", "")
	for name, got := range flagValues {
		want, ok := amd64[name]
		for _, more := range []map[string]string{kernel, types} {
			if !ok {
				want, ok = more[name]
			}
		}
		if n, err := strconv.ParseInt(want, 0, 64); !ok || err != nil || n != got {
			t.Errorf("%s is %#x, the kernel's headers say %q", name, got, want)
		}
	}
}

func TestOpenFlagsOfARM64(t *testing.T) {
	amd64 := kernelConstants(t, "zerrors_linux_amd64.go", "O_")
	other := 0
	for name, value := range kernelConstants(t, "zerrors_linux_arm64.go", "O_") {
		from, err := strconv.ParseUint(value, 0, 64)
		if err != nil {
			t.Fatal(err)
		}
		want, err := strconv.ParseUint(amd64[name], 0, 64)
		if err != nil {
			t.Fatal(err)
		}
		if name == "O_LARGEFILE" {
			// C programs on 64-bit machines see 0; what the kernel has is in asm/fcntl.h.
			from, want = arm64LargeFile, O_LARGEFILE
		}
		if from != want {
			other++
		}
		if got := ARM64.openFlags(from); got != want {
			t.Errorf("%s: %#o on arm64 becomes %#o, not %#o", name, from, got, want)
		}
		if got := AMD64.openFlags(want); got != want {
			t.Errorf("%s: changed on amd64", name)
		}
	}
	if other < 4 {
		t.Errorf("%d flags differ between the architectures; four are known to", other)
	}
}

// kernelConstants reads the constants of one generated file whose names begin so.
func kernelConstants(t *testing.T, file, prefix string) map[string]string {
	t.Helper()
	values := map[string]string{}
	for _, line := range strings.Split(kernelFile(t, file), "\n") {
		if w := strings.Fields(line); len(w) == 3 && w[1] == "=" && strings.HasPrefix(w[0], prefix) {
			values[w[0]] = w[2]
		}
	}
	return values
}
