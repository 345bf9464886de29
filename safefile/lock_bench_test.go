//go:build unix

package safefile

import (
	"context"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"
)

// BenchmarkLock is to be compared with BenchmarkRawLock: the same calls by hand.
// `go run ./bench --only safefile` compares in turns, and with other packages.
func BenchmarkLock(b *testing.B) {
	name := filepath.Join(b.TempDir(), "lock")
	ctx := context.Background()
	for b.Loop() {
		unlock, err := Lock(ctx, name)
		if err != nil {
			b.Fatal(err)
		}
		if err := unlock(); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkRawLock(b *testing.B) {
	name := filepath.Join(b.TempDir(), "lock")
	for b.Loop() {
		fd, err := unix.Open(name, unix.O_RDONLY|unix.O_CREAT|unix.O_CLOEXEC, 0o666)
		if err != nil {
			b.Fatal(err)
		}
		var there, here unix.Stat_t
		if unix.Flock(fd, unix.LOCK_EX) != nil || unix.Fstat(fd, &here) != nil || unix.Stat(name, &there) != nil ||
			here.Ino != there.Ino {
			b.Fatal("the lock file is not what it was")
		}
		unix.Close(fd)
	}
}
