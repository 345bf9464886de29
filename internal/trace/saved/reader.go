package saved

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"strings"

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
// Segments are decoded ahead, in goroutines that end with Close or with the last of
// them. Memory is that of the few segments that are decoded at a time.
type Reader struct {
	dir  string
	meta Meta
	segs []segment // that can be read
	cut  error     // why there are no more, nil if these are all

	loaded []*loader // of the first segments, for which a glance had room
	room   int       // bytes that may yet be kept of segments

	ahead     *ahead // nil: nothing was read yet
	filter    Filter // nil: none
	forStream bool   // see ForStream
	have      batch
	next      int   // of have
	passed    int   // operations that were left out, and not told of yet
	err       error // io.EOF, or what is wrong: it stays
}

// Open opens a recording. All of its parts are looked for, none of the segments is
// read yet. If parts are missing or damaged behind others, those before them can be
// read, and the error comes after them. The error is an *Error.
func Open(dir string) (*Reader, error) {
	r := &Reader{dir: dir, room: keptMax}
	for tries := 1; ; tries++ {
		if err := r.readMeta(); err != nil {
			return nil, err
		}
		err := r.readSums()
		if err == nil {
			err = r.findSegments()
		} else {
			r.upTo(slices.IndexFunc(r.segs, r.gone))
		}
		switch {
		case err == nil:
			return r, nil
		case !r.meta.Closed && errors.Is(err, ErrMissing) && tries < openTries:
		case len(r.segs) == 0 || errors.Is(err, ErrForeign) || errors.Is(err, ErrRead):
			return nil, err
		default:
			r.cut = err
			return r, nil
		}
	}
}

// keptMax bounds what a glance keeps of segments, in bytes.
const keptMax = 32 << 20

// openTries is how often a recording is looked at whose recorder may be merging
// segments just now.
const openTries = 4

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
	r.segs = nil
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
	for n, line := range slices.Collect(strings.Lines(string(text))) {
		if !strings.HasSuffix(line, "\n") && !r.meta.Closed {
			break
		}
		if !r.list(line) {
			return &Error{name, ErrDamaged, fmt.Errorf("line %d does not tell of the next segment, nor of some that were merged", n+1)}
		}
	}
	return nil
}

// list takes a line: a segment that follows, or one that stands for several before it;
// false, and nothing is changed, if it is neither.
func (r *Reader) list(line string) bool {
	var s segment
	var name string
	n, err := fmt.Sscanf(line, "%08x %d %d %s\n", &s.sum, &s.size, &s.rows, &name)
	at, ok := parseName(name)
	if err != nil || n != 4 || !ok || s.rows < 1 || s.size < 1 {
		return false
	}
	s.listed, s.first, s.last = true, at.first, at.last
	if s.first == s.last {
		if s.first != r.after(len(r.segs)) {
			return false
		}
		r.segs = append(r.segs, s)
		return true
	}
	from := slices.IndexFunc(r.segs, func(p segment) bool { return p.first == s.first })
	to := slices.IndexFunc(r.segs, func(p segment) bool { return p.last == s.last })
	if from < 0 || to <= from {
		return false
	}
	rows := int64(0)
	for _, p := range r.segs[from : to+1] {
		rows += p.rows
	}
	if rows != s.rows {
		return false
	}
	r.segs = slices.Replace(r.segs, from, to+1, s)
	return true
}

// after is the number that follows the first n segments.
func (r *Reader) after(n int) int {
	if n == 0 {
		return 1
	}
	return r.segs[n-1].last + 1
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
	for i := range r.segs {
		name := r.segs[i].name()
		if !there[name] {
			r.upTo(i)
			return &Error{r.dir, ErrMissing, fmt.Errorf("no %s/%s", opsDir, name)}
		}
		delete(there, name)
	}
	for !r.meta.Closed {
		s := segment{first: r.after(len(r.segs)), last: r.after(len(r.segs))}
		if !there[s.name()] {
			break
		}
		r.segs = append(r.segs, s)
		delete(there, s.name())
	}
	if r.meta.Closed && r.meta.Segments != len(r.segs) {
		return &Error{filepath.Join(r.dir, sumsFile), ErrDamaged, fmt.Errorf("it lists %d segments of %d", len(r.segs), r.meta.Segments)}
	}
	for name := range there {
		if !r.merges(name) {
			return &Error{filepath.Join(r.dir, opsDir, name), ErrForeign, errors.New("the recording does not list it")}
		}
	}
	return nil
}

// upTo leaves out segment i and those behind it; with -1, none.
func (r *Reader) upTo(i int) {
	if i >= 0 {
		r.segs = r.segs[:i]
	}
}

func (r *Reader) gone(s segment) bool {
	_, err := os.Stat(filepath.Join(r.dir, opsDir, s.name()))
	return err != nil
}

// merges reports whether a file is what merging leaves behind when the recorder is
// killed: a part of a segment that is listed, or one whose parts are.
func (r *Reader) merges(name string) bool {
	s, ok := parseName(name)
	if !ok || r.after(len(r.segs)) <= s.last {
		return false
	}
	if s.first < s.last {
		return true
	}
	return slices.ContainsFunc(r.segs, func(p segment) bool { return p.first < p.last && p.first <= s.first && s.last <= p.last })
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
	if r.err != nil {
		return trace.Record{}, r.err
	}
	for r.next == len(r.have.records) {
		if r.err = r.fill(); r.err != nil {
			return trace.Record{}, r.err
		}
	}
	if r.have.passed != nil {
		r.passed += int(r.have.passed[r.next])
	}
	r.next++
	return r.have.records[r.next-1], nil
}

// Glances yields the operations that returned, in order, with only those of their fields that
// race.Sieve.Note asks for, and nil for other rows, from a row on (from 0); each is valid until the next. What that
// costs is a fraction of what Next does. It ends where the recording cannot be read: Next will tell of it. It
// does not meddle with Next. What was loaded of the first segments is kept for Next, as far as there is room; wanted, which may
// be nil, tells how many rows Next is going to give back, as far as is known: where these are none, nothing is kept.
func (r *Reader) Glances(from int, wanted func() int) iter.Seq[*op.Op] {
	return func(yield func(*op.Op) bool) {
		d, own := newSkimmer(), &loader{dir: r.dir}
		defer d.close()
		useful, before := true, 0
		for i := range r.segs {
			s := &r.segs[i]
			if s.listed && int(s.rows) <= from {
				from -= int(s.rows)
				continue
			}
			l := r.loader(i, own, useful)
			if d.open(l, s) != nil {
				return
			}
			f := yield
			if from > 0 {
				f = func(o *op.Op) bool {
					from--
					return from >= 0 || yield(o)
				}
			}
			more, err := d.skim(f)
			if wanted != nil {
				now := wanted()
				useful, before = now > before, now
			}
			if !useful && l != own {
				own = r.takeBack(i)
			}
			if !more || err != nil {
				return
			}
		}
	}
}

// loader is what loads segment i: what it has kept is at hand when the segment is read again. Where there is no room for
// that, or it is of no use, it is own.
func (r *Reader) loader(i int, own *loader, useful bool) *loader {
	if i < len(r.loaded) {
		if r.loaded[i] != nil {
			return r.loaded[i]
		}
		return own
	}
	r.loaded = append(r.loaded, make([]*loader, i+1-len(r.loaded))...)
	size := int(r.segs[i].size)
	if !useful || size == 0 || r.room < size {
		return own
	}
	r.loaded[i] = &loader{dir: r.dir, room: &r.room}
	r.loaded[i].reserve(size)
	return r.loaded[i]
}

// takeBack frees what the loader of segment i has kept, and makes one of it that keeps nothing.
func (r *Reader) takeBack(i int) *loader {
	l := r.loaded[i]
	r.loaded[i] = nil
	r.room += l.held
	l.room, l.held, l.file, l.chunks = nil, 0, nil, nil
	return l
}

// Only lets Next leave out the operations that a filter does not keep. It is called before the first Next.
func (r *Reader) Only(f Filter) { r.filter = f }

// ForStream lets Next give operations for a race.Stream, without what that finds out itself, or never asks for: Seq, OFD, OFD2, NoLocks,
// Decision, Via, FDs but of Inherit; and without UID, Cgroup and Parent of records. It is called before the first Next.
func (r *Reader) ForStream() { r.forStream = true }

// Passed returns how many operations Next has left out since the last call.
func (r *Reader) Passed() (n int) {
	n, r.passed = r.passed, 0
	return n
}

// fill takes the next batch.
func (r *Reader) fill() error {
	if r.ahead == nil {
		r.room = 0
		r.ahead = decodeAhead(r.dir, r.segs, r.loaded, r.filter, r.forStream)
		r.loaded = nil
	}
	if r.have.err != nil {
		return r.have.err
	}
	if r.have.records != nil {
		r.ahead.spare.GiveBack(r.have.records)
	}
	r.passed += int(r.have.rest)
	b, more := r.ahead.take()
	switch r.have, r.next = b, 0; {
	case more:
		return nil
	case r.cut != nil:
		return r.cut
	}
	return io.EOF
}

// Close implements trace.Source.
func (r *Reader) Close() error {
	if r.ahead != nil {
		r.ahead.stop()
	}
	r.ahead, r.have, r.next, r.segs, r.err = nil, batch{}, 0, nil, io.EOF
	return nil
}
