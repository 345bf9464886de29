package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/gofrs/flock"
	"github.com/google/renameio/v2"
	"github.com/natefinch/atomic"
	"github.com/rogpeppe/go-internal/lockedfile"

	"filerace/safefile"
)

// errNotTheFile is what the calls by hand look for, too.
var errNotTheFile = errors.New("the lock file is not what it was")

// safefileSections measures the package beside the bare calls and beside others.
func (l *lab) safefileSections() []section { return []section{l.locks(), l.wholeWrites()} }

// locks measures lock and unlock of a free lock.
func (l *lab) locks() section {
	out := section{title: "safefile: lock and unlock (goal 1.05 of the bare calls, at most 1.2)",
		head: []string{"way", "times bare", "µs"}}
	name := filepath.Join(l.memory, "lock")
	gofrs, mutex := flock.New(name), lockedfile.MutexAt(name)
	ctx := context.Background()
	// Turns shorter than a time slice: what else runs on the machine meets few of them,
	// and the median none.
	const times = 100
	short := *l
	short.rounds = 40 * l.rounds
	medians := short.perCall(&out, times, []call{
		{"open, flock, fstat, stat, close", func() error { return lockByHand(name) }},
		{"safefile.Lock", func() error { return done(safefile.Lock(ctx, name)) }},
		{"safefile.Lock, bare", func() error { return done(safefile.Lock(ctx, name, safefile.Bare())) }},
		{"safefile.Lock, with owner", func() error { return done(safefile.Lock(ctx, name+"2", safefile.WithOwner())) }},
		{"gofrs/flock", func() error { return errors.Join(gofrs.Lock(), gofrs.Unlock()) }},
		{"go-internal lockedfile.Mutex", func() error {
			unlock, err := mutex.Lock()
			if err == nil {
				unlock()
			}
			return err
		}},
	})
	out.note("To three digits, safefile.Lock takes %.3f of the bare calls, and %.3f bare.", medians[1], medians[2])
	out.note("One goroutine, %d times in a row by turns in %d rounds, on %s. gofrs/flock and lockedfile do not look whether the file that "+
		"they locked is still the one that the path names.", times, short.rounds, l.memoryIs)
	return out
}

func done(unlock func() error, err error) error {
	if err != nil {
		return err
	}
	return unlock()
}

func lockByHand(name string) error {
	fd, err := syscall.Open(name, syscall.O_RDONLY|syscall.O_CREAT|syscall.O_CLOEXEC, 0o666)
	if err != nil {
		return err
	}
	var here, there syscall.Stat_t
	err = errors.Join(syscall.Flock(fd, syscall.LOCK_EX), syscall.Fstat(fd, &here), syscall.Stat(name, &there))
	if err == nil && (here.Ino != there.Ino || here.Dev != there.Dev) {
		err = errNotTheFile
	}
	return errors.Join(err, syscall.Close(fd))
}

// wholeWrites measures the replacement of a file, with and without durability, on the disk.
func (l *lab) wholeWrites() section {
	out := section{title: "safefile: replace a file of 4 KiB", head: []string{"way", "ratio", "µs"}}
	name := filepath.Join(l.sub("writes"), "file")
	data := bytes.Repeat([]byte("x"), 4096)
	times := 20
	if l.quick {
		times = 3
	}
	if out.broken = os.WriteFile(name, data, 0o644); out.broken != nil {
		return out
	}
	l.perCall(&out, times, []call{
		// natefinch/atomic syncs the file and not the directory; so here.
		{"natefinch/atomic, and sync of the directory", func() error {
			return errors.Join(atomic.WriteFile(name, bytes.NewReader(data)), syncDirectory(filepath.Dir(name)))
		}},
		{"renameio, and sync of the directory", func() error {
			return errors.Join(renameio.WriteFile(name, data, 0o644), syncDirectory(filepath.Dir(name)))
		}},
		{"safefile.WriteFile", func() error { return safefile.WriteFile(name, data) }},
		{"safefile.WriteFile, not synced", func() error { return safefile.WriteFile(name, data, safefile.NoSync()) }},
	})
	out.note("%d times in a row by turns in %d rounds, on the disk of the temporary directory. The others sync the file alone; the directory "+
		"is synced for them, so that all but the last are equally durable. safefile keeps mode, owner and extended attributes.", times, l.rounds)
	return out
}

func syncDirectory(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}

// call is one manner of doing something in this process.
type call struct {
	name string
	do   func() error
}

// perCall measures the time of one call, with all of them by turns. It returns the medians of the
// ratios to the first.
func (l *lab) perCall(out *section, times int, calls []call) (medians []float64) {
	var list []way
	for _, c := range calls {
		list = append(list, way{c.name, func([]string, int) (answer, error) {
			began := time.Now()
			for range times {
				if err := c.do(); err != nil {
					return answer{}, err
				}
			}
			return answer{Elapsed: time.Since(began)}, nil
		}})
	}
	figures := map[string]series{}
	l.sideBySide(out, list, func(w way) (float64, error) {
		if err := l.ctx.Err(); err != nil {
			return 0, fmt.Errorf("interrupted: %w", err)
		}
		a, err := w.run(nil, times)
		v := microseconds(a.Elapsed) / float64(times)
		figures[w.name] = append(figures[w.name], v)
		return v, err
	})
	for _, c := range calls {
		medians = append(medians, figures[c.name].over(figures[calls[0].name]).median())
	}
	return medians
}
