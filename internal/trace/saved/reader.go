package saved

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/parquet-go/parquet-go"

	"filerace/internal/op"
	"filerace/internal/trace"
)

// Reader gives a recording back. It is a trace.Source whose records are complete:
// operations bear the actors, names, identities and places in the order that they
// had when they were recorded, so they go to world and race as they come:
//
//	r, err := saved.Open(dir)
//	for {
//		o, err := r.NextOp() // io.EOF at the end
//		w.Enter(o)
//		d.Step(w, w.Apply(o))
//	}
//
// Memory is that of one segment.
type Reader struct {
	dir  string
	meta Meta
	segs []segment
	next int // segment to open
	rows *parquet.GenericReader[row]
	buf  []row
	have []row // of buf, not handed out yet
	name string
	left int64 // rows that the open segment must still give
}

// segment is one file below ops/.
type segment struct {
	name   string
	listed bool // in sums
	sum    uint32
	size   int64
	rows   int64
}

// Open opens a recording. All of its parts are looked for, none of the segments is
// read yet. The error is an *Error.
func Open(dir string) (*Reader, error) {
	r := &Reader{dir: dir, buf: make([]row, 1024)}
	if err := r.readMeta(); err != nil {
		return nil, err
	}
	if err := r.readSums(); err != nil {
		return nil, err
	}
	if err := r.findSegments(); err != nil {
		return nil, err
	}
	return r, nil
}

// maxMeta bounds meta.json, in bytes.
const maxMeta = 16 << 20

func (r *Reader) readMeta() error {
	name := filepath.Join(r.dir, metaFile)
	info, err := os.Stat(r.dir)
	switch {
	case err != nil:
		return &Error{r.dir, ErrRead, bare(err)}
	case !info.IsDir():
		return &Error{r.dir, ErrForeign, errors.New("it is a file, not a directory")}
	}
	text, err := readFile(name, maxMeta)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return &Error{r.dir, ErrForeign, errors.New("it has no " + metaFile)}
	case err != nil:
		return &Error{name, ErrRead, bare(err)}
	case len(bytes.TrimSpace(text)) == 0:
		return &Error{name, ErrDamaged, errors.New("it is empty")}
	}
	var head struct {
		Format  string `json:"format"`
		Version int    `json:"version"`
	}
	if err := json.Unmarshal(text, &head); err != nil {
		if !bytes.Contains(text, []byte(format)) {
			return &Error{name, ErrForeign, err}
		}
		return &Error{name, ErrDamaged, err}
	}
	switch {
	case head.Format != format:
		return &Error{name, ErrForeign, fmt.Errorf("its format is %q", head.Format)}
	case head.Version > version:
		return &Error{name, ErrNewer, fmt.Errorf("version %d, and this program knows %d", head.Version, version)}
	case head.Version < 1:
		return &Error{name, ErrDamaged, fmt.Errorf("version %d", head.Version)}
	}
	if err := json.Unmarshal(text, &r.meta); err != nil {
		return &Error{name, ErrDamaged, err}
	}
	return nil
}

// readFile reads a file of at most so many bytes.
func readFile(name string, limit int64) ([]byte, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err == nil && int64(len(text)) > limit {
		err = fmt.Errorf("it is larger than %d bytes", limit)
	}
	return text, err
}

// readSums reads the list of segments. A last line without its end was being
// written when the recorder was killed.
func (r *Reader) readSums() error {
	name := filepath.Join(r.dir, sumsFile)
	text, err := os.ReadFile(name)
	switch {
	case errors.Is(err, fs.ErrNotExist) && !r.meta.Closed:
		return nil
	case errors.Is(err, fs.ErrNotExist):
		return &Error{name, ErrMissing, errors.New("no such file")}
	case err != nil:
		return &Error{name, ErrRead, bare(err)}
	}
	for line := range strings.Lines(string(text)) {
		if !strings.HasSuffix(line, "\n") && !r.meta.Closed {
			break
		}
		s := segment{listed: true}
		n, err := fmt.Sscanf(line, "%08x %d %d %s\n", &s.sum, &s.size, &s.rows, &s.name)
		if want := segmentName(len(r.segs) + 1); err != nil || n != 4 || s.name != want || s.rows < 1 || s.size < 1 {
			return &Error{name, ErrDamaged, fmt.Errorf("line %d does not tell of %s", len(r.segs)+1, want)}
		}
		r.segs = append(r.segs, s)
	}
	return nil
}

// findSegments checks that those listed are there, and adds those that a killed
// recorder had no time to list.
func (r *Reader) findSegments() error {
	there := map[string]bool{}
	entries, err := os.ReadDir(filepath.Join(r.dir, opsDir))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return &Error{filepath.Join(r.dir, opsDir), ErrRead, bare(err)}
	}
	for _, e := range entries {
		if strings.HasSuffix(e.Name(), segmentSuffix) {
			there[e.Name()] = true
		}
	}
	for _, s := range r.segs {
		if !there[s.name] {
			return &Error{r.dir, ErrMissing, fmt.Errorf("no %s/%s", opsDir, s.name)}
		}
		delete(there, s.name)
	}
	for !r.meta.Closed && there[segmentName(len(r.segs)+1)] {
		s := segmentName(len(r.segs) + 1)
		r.segs = append(r.segs, segment{name: s})
		delete(there, s)
	}
	for name := range there {
		return &Error{filepath.Join(r.dir, opsDir, name), ErrForeign, errors.New("the recording does not list it")}
	}
	if r.meta.Closed && r.meta.Segments != len(r.segs) {
		return &Error{r.dir, ErrMissing, fmt.Errorf("%d segments of %d are listed", len(r.segs), r.meta.Segments)}
	}
	return nil
}

// Meta returns what the recording says of itself.
func (r *Reader) Meta() Meta { return r.meta }

// Notes implements trace.Source. FirstBad tells of a recording that was never closed.
func (r *Reader) Notes() trace.Notes {
	n := r.meta.notes()
	if s := r.Unfinished(); s != "" && n.FirstBad == "" {
		n.FirstBad = s
	}
	return n
}

// Unfinished says in a sentence what is missing at the end of a recording that its
// recorder did not close; "" if it did.
func (r *Reader) Unfinished() string {
	switch {
	case r.meta.Closed:
		return ""
	case r.meta.Dropped > 0:
		return fmt.Sprintf("the recording ends early: its last %d rows could not be written", r.meta.Dropped)
	}
	return "the recording was not closed: its recorder was killed or is at work, and the last second may be missing"
}

// Findings returns findings.json, nil if there is none.
func (r *Reader) Findings() ([]byte, error) { return r.part(findingsFile) }

// Schedule returns schedule.json, nil if there is none.
func (r *Reader) Schedule() ([]byte, error) { return r.part(scheduleFile) }

func (r *Reader) part(name string) ([]byte, error) {
	text, err := os.ReadFile(filepath.Join(r.dir, name))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, nil
	case err != nil:
		return nil, &Error{filepath.Join(r.dir, name), ErrRead, bare(err)}
	}
	return text, nil
}

// NextOp returns the next operation that returned, passing over other records;
// io.EOF at the end, else the error is an *Error.
func (r *Reader) NextOp() (*op.Op, error) {
	for {
		rec, err := r.Next()
		if err != nil {
			return nil, err
		}
		if rec.What == trace.Returned {
			return rec.Op, nil
		}
	}
}

// Next implements trace.Source.
func (r *Reader) Next() (trace.Record, error) {
	for len(r.have) == 0 {
		if err := r.fill(); err != nil {
			return trace.Record{}, err
		}
	}
	rec, err := r.have[0].record()
	if err != nil {
		return trace.Record{}, &Error{r.name, ErrDamaged, err}
	}
	r.have = r.have[1:]
	return rec, nil
}

// Close implements trace.Source.
func (r *Reader) Close() error {
	r.have, r.next, r.rows, r.left = nil, len(r.segs), nil, 0
	return nil
}

// fill reads more rows.
func (r *Reader) fill() error {
	if r.left == 0 {
		if r.next == len(r.segs) {
			return io.EOF
		}
		if err := r.open(&r.segs[r.next]); err != nil {
			return err
		}
		r.next++
		return nil
	}
	n, err := r.read()
	if n == 0 || int64(n) > r.left {
		if err == nil || err == io.EOF {
			err = fmt.Errorf("%d rows are missing", r.left)
		}
		r.left = 0
		return &Error{r.name, ErrDamaged, err}
	}
	r.left -= int64(n)
	r.have = r.buf[:n]
	return nil
}

// read reads rows. The decoder checks much, not everything, and panics on some of
// what a stranger may put into a file.
func (r *Reader) read() (n int, err error) {
	defer func() {
		if p := recover(); p != nil {
			n, err = 0, fmt.Errorf("%v", p)
		}
	}()
	clear(r.buf) // rows read into keep their lists
	return r.rows.Read(r.buf)
}

// open reads a segment into memory and checks that it is what was written.
func (r *Reader) open(s *segment) (err error) {
	r.name = filepath.Join(r.dir, opsDir, s.name)
	text, err := os.ReadFile(r.name)
	switch {
	case err != nil:
		return &Error{r.name, ErrRead, bare(err)}
	case len(text) == 0:
		return &Error{r.name, ErrDamaged, errors.New("it is empty")}
	case s.listed && int64(len(text)) != s.size:
		return &Error{r.name, ErrDamaged, fmt.Errorf("it has %d bytes of %d", len(text), s.size)}
	case s.listed && crc32.Checksum(text, castagnoli) != s.sum:
		return &Error{r.name, ErrDamaged, errors.New("its bytes have changed")}
	}
	defer func() {
		if p := recover(); p != nil {
			err = &Error{r.name, ErrDamaged, fmt.Errorf("%v", p)}
		}
	}()
	f, err := parquet.OpenFile(bytes.NewReader(text), int64(len(text)))
	if err != nil {
		return &Error{r.name, ErrDamaged, err}
	}
	if f.Schema().String() != schema {
		return &Error{r.name, ErrForeign, errors.New("its columns are not those of a recording")}
	}
	r.rows, r.left = parquet.NewGenericReader[row](f), f.NumRows()
	if s.listed && r.left != s.rows || r.left < 1 {
		return &Error{r.name, ErrDamaged, fmt.Errorf("it says that it has %d rows", r.left)}
	}
	return nil
}

// schema is how the columns must be.
var schema = parquet.SchemaOf(row{}).String()
