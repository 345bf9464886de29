//go:build unix

package safefile

import (
	"context"
	"errors"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// BenchmarkLock measures lock and unlock beside the same calls by hand, in turns shorter than a
// time slice, and reports the median of the ratios. `go run ./bench --only safefile`
// compares with other packages, too.
func BenchmarkLock(b *testing.B) {
	ctx := context.Background()
	ways := map[string]func(name string) (func() error, error){
		"Lock":  func(name string) (func() error, error) { return Lock(ctx, name) },
		"Bare":  func(name string) (func() error, error) { return Lock(ctx, name, Bare()) },
		"RLock": func(name string) (func() error, error) { return RLock(ctx, name) },
	}
	for what, lock := range ways {
		b.Run(what, func(b *testing.B) {
			name := filepath.Join(b.TempDir(), "lock")
			byHand := func() error { return lockByHand(name) }
			ours := func() error {
				unlock, err := lock(name)
				if err != nil {
					return err
				}
				return unlock()
			}
			var ratios []float64
			for b.Loop() {
				ratios = append(ratios, float64(turn(b, ours))/float64(turn(b, byHand)))
			}
			slices.Sort(ratios)
			b.ReportMetric(ratios[len(ratios)/2], "times-bare")
		})
	}
}

func turn(b *testing.B, f func() error) time.Duration {
	began := time.Now()
	for range 50 {
		if err := f(); err != nil {
			b.Fatal(err)
		}
	}
	return time.Since(began)
}

func lockByHand(name string) error {
	fd, err := unix.Open(name, unix.O_RDONLY|unix.O_CREAT|unix.O_CLOEXEC, 0o666)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	var there, here unix.Stat_t
	if err := errors.Join(unix.Flock(fd, unix.LOCK_EX), unix.Fstat(fd, &here), unix.Stat(name, &there)); err != nil {
		return err
	}
	if identity(&here) != identity(&there) {
		return unix.ESTALE
	}
	return nil
}
