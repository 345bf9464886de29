package saved

import (
	"fmt"
	"hash"
	"hash/crc32"
	"io"
	"os"
	"path/filepath"

	"github.com/parquet-go/parquet-go"
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// segments writes the files below ops/, one after the other.
type segments struct {
	dir  string // of the recording
	n    int    // closed so far
	file *os.File
	sum  hash.Hash32
	size int64
	rows int64 // in the open one
	enc  *parquet.GenericWriter[row]
	sums *os.File
}

func newSegments(dir string) (*segments, error) {
	sums, err := os.OpenFile(filepath.Join(dir, sumsFile), os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o666)
	if err != nil {
		return nil, err
	}
	return &segments{dir: dir, sums: sums, enc: parquet.NewGenericWriter[row](io.Discard, encoding()...)}, nil
}

// encoding is how rows become Parquet. Bounds of pages are kept for every column:
// without them ClickHouse takes the empty ones for true, and finds nothing.
func encoding() []parquet.WriterOption {
	return []parquet.WriterOption{parquet.CreatedBy("filerace", "1", ""), parquet.KeyValueMetadata("filerace.format", fmt.Sprint(version))}
}

// segmentName is the name of the n-th segment, from 1.
func segmentName(n int) string { return fmt.Sprintf("%08d%s", n, segmentSuffix) }

func (s *segments) path(n int) string { return filepath.Join(s.dir, opsDir, segmentName(n)) }

// Write takes the encoder's output.
func (s *segments) Write(b []byte) (int, error) {
	n, err := s.file.Write(b)
	s.sum.Write(b[:n])
	s.size += int64(n)
	return n, err
}

// put writes rows, closing segments that are full.
func (s *segments) put(rows []row) error {
	for len(rows) > 0 {
		if s.file == nil {
			if err := s.open(); err != nil {
				return err
			}
		}
		n := min(int64(len(rows)), segmentRows-s.rows)
		if _, err := s.enc.Write(rows[:n]); err != nil {
			return err
		}
		s.rows += n
		rows = rows[n:]
		if s.rows == segmentRows {
			if err := s.close(); err != nil {
				return err
			}
		}
	}
	return nil
}

func (s *segments) open() (err error) {
	if s.file, err = os.OpenFile(s.path(s.n+1)+openSuffix, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666); err != nil {
		return err
	}
	s.sum, s.size, s.rows = crc32.New(castagnoli), 0, 0
	s.enc.Reset(s)
	return nil
}

// close gives the open segment its name, if there is one. The line in sums follows:
// a segment without a line is whole, too.
func (s *segments) close() error {
	if s.file == nil {
		return nil
	}
	if err := s.enc.Close(); err != nil {
		return err
	}
	f := s.file
	s.file = nil
	if err := f.Close(); err != nil {
		return err
	}
	s.n++
	if err := os.Rename(s.path(s.n)+openSuffix, s.path(s.n)); err != nil {
		return err
	}
	_, err := fmt.Fprintf(s.sums, "%08x %d %d %s\n", s.sum.Sum32(), s.size, s.rows, segmentName(s.n))
	return err
}

// abandon removes what has no name yet.
func (s *segments) abandon() {
	if s.file != nil {
		s.file.Close()
		s.file = nil
	}
	os.Remove(s.path(s.n+1) + openSuffix)
}

// sync makes all that was written survive a power failure.
func (s *segments) sync() error {
	for n := 1; n <= s.n; n++ {
		if err := syncPath(s.path(n)); err != nil {
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
