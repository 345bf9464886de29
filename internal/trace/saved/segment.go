package saved

import (
	"errors"
	"fmt"
	"hash"
	"hash/crc32"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"github.com/parquet-go/parquet-go"
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// segment is one file below ops/, or several that were merged into one: then it bears
// the numbers of the first and the last of them.
type segment struct {
	first, last int  // from 1
	listed      bool // in sums, which tells what follows
	sum         uint32
	size        int64 // bytes
	rows        int64
	level       int // how often it was merged; the merger's own
}

// name is the segment's file. Merged ones come before what follows them in the order
// of names, too.
func (s *segment) name() string {
	if s.first == s.last {
		return fmt.Sprintf("%08d%s", s.first, segmentSuffix)
	}
	return fmt.Sprintf("%08d-%08d%s", s.first, s.last, segmentSuffix)
}

// parseName is the reverse.
func parseName(name string) (s segment, ok bool) {
	first, last, merged := strings.Cut(strings.TrimSuffix(name, segmentSuffix), "-")
	if !merged {
		last = first
	}
	_, err := fmt.Sscanf(first+" "+last, "%d %d", &s.first, &s.last)
	return s, err == nil && s.name() == name && 0 < s.first && s.first <= s.last
}

// line is what sums says of it.
func (s *segment) line() string {
	return fmt.Sprintf("%08x %d %d %s\n", s.sum, s.size, s.rows, s.name())
}

// file writes one segment under a name that nobody reads, until it is whole.
type file struct {
	dir string // of the recording
	segment
	to  *os.File
	crc hash.Hash32
}

func createFile(dir string, s segment) (*file, error) {
	f := &file{dir: dir, segment: s, crc: crc32.New(castagnoli)}
	var err error
	f.to, err = os.OpenFile(f.path()+openSuffix, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
	return f, err
}

func (f *file) path() string { return filepath.Join(f.dir, opsDir, f.name()) }

// Write takes the encoder's output.
func (f *file) Write(b []byte) (int, error) {
	n, err := f.to.Write(b)
	f.crc.Write(b[:n])
	f.size += int64(n)
	return n, err
}

// finish gives the file its name.
func (f *file) finish() error {
	if err := f.to.Close(); err != nil {
		return err
	}
	f.listed, f.sum = true, f.crc.Sum32()
	return os.Rename(f.path()+openSuffix, f.path())
}

// abandon removes it.
func (f *file) abandon() {
	f.to.Close()
	os.Remove(f.path() + openSuffix)
}

// sums is the list of segments. Two goroutines append to it.
type sums struct {
	*os.File
	mu   sync.Mutex
	size int64
}

// add appends a line: all of it, or nothing.
func (s *sums) add(of *segment) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	n, err := s.WriteString(of.line())
	if err != nil {
		return errors.Join(err, s.Truncate(s.size))
	}
	s.size += int64(n)
	return nil
}

// segments writes the files below ops/, one after the other.
type segments struct {
	dir    string // of the recording
	n      int    // closed so far
	open   *file  // nil: none
	enc    *parquet.GenericWriter[row]
	sums   *sums
	merger *merger
}

func newSegments(dir string) (*segments, error) {
	f, err := os.OpenFile(filepath.Join(dir, sumsFile), os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o666)
	if err != nil {
		return nil, err
	}
	list := &sums{File: f}
	return &segments{dir: dir, sums: list, enc: newEncoder(), merger: startMerger(dir, list)}, nil
}

// newEncoder tells how rows become Parquet. Bounds of pages are kept for every column:
// without them ClickHouse takes the empty ones for true, and finds nothing.
func newEncoder() *parquet.GenericWriter[row] {
	return parquet.NewGenericWriter[row](io.Discard,
		parquet.CreatedBy("filerace", "1", ""), parquet.KeyValueMetadata("filerace.format", fmt.Sprint(version)))
}

// put writes rows, closing segments that are full.
func (s *segments) put(rows []row) error {
	for len(rows) > 0 {
		if s.open == nil {
			f, err := createFile(s.dir, segment{first: s.n + 1, last: s.n + 1})
			if err != nil {
				return err
			}
			s.open = f
			s.enc.Reset(f)
		}
		n := min(int64(len(rows)), segmentRows-s.open.rows)
		if _, err := s.enc.Write(rows[:n]); err != nil {
			return err
		}
		s.open.rows += n
		rows = rows[n:]
		if s.open.rows == segmentRows {
			if err := s.close(); err != nil {
				return err
			}
		}
	}
	return nil
}

// close gives the open segment its name, if there is one. The line in sums follows:
// a segment without a line is whole, too.
func (s *segments) close() error {
	if s.open == nil {
		return nil
	}
	if err := s.enc.Close(); err != nil {
		return err
	}
	f := s.open
	s.open = nil
	if err := f.finish(); err != nil {
		return err
	}
	s.n++
	if err := s.sums.add(&f.segment); err != nil {
		return err
	}
	s.merger.add(f.segment)
	return nil
}

// abandon removes what has no name yet, and returns how many rows it had.
func (s *segments) abandon() (rows int64) {
	if s.open != nil {
		rows = s.open.rows
		s.open.abandon()
		s.open = nil
	}
	return rows
}

// sync makes all that was written survive a power failure.
func (s *segments) sync() error {
	for _, each := range s.merger.all {
		if err := syncPath(filepath.Join(s.dir, opsDir, each.name())); err != nil {
			return err
		}
	}
	if err := s.sums.Sync(); err != nil {
		return err
	}
	return syncPath(filepath.Join(s.dir, opsDir))
}

func syncPath(name string) error {
	f, err := os.Open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	return f.Sync()
}
