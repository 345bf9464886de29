//go:build unix

package safefile

import (
	"errors"
	"math"
	"slices"
	"sync"

	"golang.org/x/sys/unix"
)

// table locks ranges with fcntl(2) where locks belong to the process. It keeps the
// goroutines apart itself. Any close of a descriptor of a file would drop every lock of
// the process on that file (POSIX), so descriptors that are done with stay open, to
// be used again, until nobody of the process uses the file.
type table struct {
	sync.Mutex
	files map[fileID]*rangedFile
}

// rangedFile is a file of which this process has locked ranges, or is about to.
type rangedFile struct {
	users int
	idle  [2][]int // descriptors by what they allow: to read, to write
	held  []*Range
}

func newTable() *table { return &table{files: map[fileID]*rangedFile{}} }

// sleeps: a sleep in fcntl(2) would keep the whole table locked.
func (*table) sleeps() bool { return false }

func access(writable bool) int {
	if writable {
		return 1
	}
	return 0
}

func (t *table) open(path string, writable bool) (int, error) {
	t.Lock()
	defer t.Unlock()
	if id, err := stat(path); err == nil {
		if f := t.files[id]; f != nil {
			if idle := &f.idle[access(writable)]; len(*idle) > 0 {
				fd := (*idle)[len(*idle)-1]
				*idle = (*idle)[:len(*idle)-1]
				f.users++
				return fd, nil
			}
		}
	}
	fd, err := openRange(path, writable)
	if err != nil {
		return -1, err
	}
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		unix.Close(fd)
		return -1, err
	}
	id := identity(&st)
	if t.files[id] == nil {
		t.files[id] = &rangedFile{}
	}
	t.files[id].users++
	return fd, nil
}

func (t *table) close(fd int, id fileID, writable bool) {
	t.Lock()
	defer t.Unlock()
	f := t.files[id]
	f.idle[access(writable)] = append(f.idle[access(writable)], fd)
	if f.users--; f.users > 0 {
		return
	}
	for _, fd := range slices.Concat(f.idle[0], f.idle[1]) {
		unix.Close(fd)
	}
	delete(t.files, id)
}

func (t *table) lock(fd int, id fileID, r *Range, _ bool) error {
	t.Lock()
	defer t.Unlock()
	f := t.files[id]
	for _, other := range f.held {
		if overlap(*other, *r) && !(other.Shared && r.Shared) {
			return ErrLocked
		}
	}
	if err := setRange(fd, unix.F_SETLK, *r, kindOf(r)); err != nil {
		return err
	}
	f.held = append(f.held, r)
	return nil
}

// unlock gives up what no other shared holder of the process still has.
func (t *table) unlock(fd int, id fileID, r *Range) error {
	t.Lock()
	defer t.Unlock()
	f := t.files[id]
	f.held = slices.DeleteFunc(f.held, func(other *Range) bool { return other == r })
	var errs []error
	for _, piece := range uncovered(*r, f.held) {
		errs = append(errs, setRange(fd, unix.F_SETLK, piece, unix.F_UNLCK))
	}
	return errors.Join(errs...)
}

// end is the offset behind the last byte.
func (r Range) end() int64 {
	if r.Length == 0 {
		return math.MaxInt64
	}
	return r.Offset + r.Length
}

func overlap(a, b Range) bool { return a.Offset < b.end() && b.Offset < a.end() }

// uncovered is what of r lies in none of the others.
func uncovered(r Range, others []*Range) []Range {
	left := []Range{r}
	for _, o := range others {
		var next []Range
		for _, piece := range left {
			if !overlap(piece, *o) {
				next = append(next, piece)
				continue
			}
			if piece.Offset < o.Offset {
				next = append(next, Range{Offset: piece.Offset, Length: o.Offset - piece.Offset})
			}
			if o.end() < piece.end() {
				rest := Range{Offset: o.end(), Length: piece.end() - o.end()}
				if piece.Length == 0 {
					rest.Length = 0
				}
				next = append(next, rest)
			}
		}
		left = next
	}
	return left
}
