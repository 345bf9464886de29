package logs

import (
	"bytes"
	"io"
	"strings"
	"time"

	"filerace/internal/op"
	"filerace/internal/trace"
)

// snoopSource reads what openclosesnoop, a tracer for macOS, prints: a line when a
// call returns,
//
//	call µs year month day time uid pid result flags errno path-or-descriptor program\0
//
// and, in its second version, one when an open is entered:
//
//	µs pid call "entry" path
type snoopSource struct {
	in      *lines
	notes   trace.Notes
	call    call
	out     []trace.Record
	seen    map[int]bool
	entries map[snoopKey]int64 // entry times, ns, of calls that have not returned
	calls   []string
	start   int64 // ns of the first line
	began   bool
}

type snoopKey struct {
	pid  int
	call string
}

func newSnoop(in *lines) *snoopSource {
	return &snoopSource{
		in: in, notes: trace.Notes{Kind: "openclosesnoop", NoEntry: true},
		seen: map[int]bool{}, entries: map[snoopKey]int64{},
	}
}

// Next returns the next record.
func (s *snoopSource) Next() (trace.Record, error) {
	for len(s.out) == 0 {
		b, err := s.in.next()
		switch {
		case err == errLong:
			bad(&s.notes, s.in.where(), b)
		case err == io.EOF:
			s.notes.Calls = strings.Join(s.calls, ", ")
			return trace.Record{}, io.EOF
		case err != nil:
			return trace.Record{}, err
		case len(bytes.TrimSpace(b)) > 0 && !s.read(b):
			bad(&s.notes, s.in.where(), b)
		}
	}
	r := s.out[0]
	s.out = s.out[1:]
	return r, nil
}

// Notes tells what is known of the log so far.
func (s *snoopSource) Notes() trace.Notes { return s.notes }

// Interrupt ends a read that waits for a writer, from another goroutine.
func (s *snoopSource) Interrupt() { s.in.interrupt() }

// Close closes the log.
func (s *snoopSource) Close() error { return s.in.file.Close() }

// snoopReturn and snoopEntry are the columns of the two sorts of line.
type snoopReturn struct {
	call         string
	at           int64 // ns
	wall         time.Time
	uid          uint32
	pid          int
	ret          int64
	flags        uint64
	errno        int
	object, prog string
}

type snoopEntry struct {
	at   int64 // ns
	pid  int
	call string
	path string
}

// column cuts the first word off s.
func column(s []byte) (word, rest []byte) {
	s = bytes.TrimLeft(s, " \t")
	if i := bytes.IndexAny(s, " \t"); i >= 0 {
		return s[:i], s[i:]
	}
	return s, nil
}

func isSnoop(line []byte) bool {
	if _, ok := parseSnoopEntry(line); ok {
		return true
	}
	_, ok := parseSnoopReturn(line)
	return ok
}

func parseSnoopEntry(b []byte) (e snoopEntry, ok bool) {
	var word []byte
	var oks [3]bool
	var us uint64
	word, b = column(b)
	us, oks[0] = decimal(word)
	word, b = column(b)
	e.pid, oks[1] = pidOf(word)
	word, b = column(b)
	e.call = string(word)
	word, b = column(b)
	oks[2] = string(word) == "entry" && isName([]byte(e.call))
	e.path = trimProgram(b)
	e.at = int64(us) * 1000
	return e, oks[0] && oks[1] && oks[2] && us < 1<<53
}

func parseSnoopReturn(b []byte) (r snoopReturn, ok bool) {
	var words [11][]byte
	for i := range words {
		words[i], b = column(b)
	}
	us, ok1 := decimal(words[1])
	wall, err := time.Parse("2006 Jan 2 15:04:05", string(bytes.Join(words[2:6], []byte(" "))))
	uid, _, ok2 := number(words[6])
	pid, ok3 := pidOf(words[7])
	ret, _, ok4 := number(words[8])
	flags, _, ok5 := number(words[9])
	errno, ok6 := decimal(words[10])
	if !isName(words[0]) || err != nil || !ok1 || !ok2 || !ok3 || !ok4 || !ok5 || !ok6 || us >= 1<<53 || errno > 255 {
		return r, false
	}
	rest := trimProgram(b)
	i := strings.LastIndexByte(rest, ' ')
	if i < 0 {
		return r, false
	}
	return snoopReturn{
		call: string(words[0]), at: int64(us) * 1000, wall: wall, uid: uint32(uid), pid: pid, ret: int64(ret), flags: flags,
		errno: int(errno), object: strings.TrimSpace(rest[:i]), prog: rest[i+1:],
	}, true
}

// trimProgram takes the end of a line off: the program's name ended in a NUL, which
// the published traces show as \0.
func trimProgram(b []byte) string {
	b = bytes.TrimRight(b, "\x00")
	b = bytes.TrimSuffix(b, []byte(`\0`))
	return string(bytes.TrimSpace(b))
}

func decimal(b []byte) (uint64, bool) {
	n, rest, ok := number(b)
	return n, ok && len(rest) == 0 && b[0] != '-'
}

func pidOf(b []byte) (int, bool) {
	n, ok := decimal(b)
	return int(n), ok && n > 0 && n < 1<<31
}

func (s *snoopSource) read(b []byte) bool {
	if e, ok := parseSnoopEntry(b); ok {
		return s.entry(e)
	}
	r, ok := parseSnoopReturn(b)
	if !ok {
		return false
	}
	at := s.since(r.at)
	if s.notes.Start.IsZero() {
		s.notes.Start = r.wall.Add(-time.Duration(at))
	}
	shape := shapes[darwinCall(r.call)]
	if shape == nil {
		return false
	}
	s.noteCall(shape.name)
	s.there(r.pid, r.uid, r.prog, at)
	o := s.decode(shape, r.object, r.flags)
	if o == nil {
		return false
	}
	if r.errno != 0 {
		r.ret = -int64(linuxErrno(r.errno))
	}
	op.Finish(o, r.ret, &s.call.mem)
	o.PID, o.TID, o.Prog = r.pid, r.pid, r.prog
	o.Enter, o.Exit = op.None, at
	key := snoopKey{r.pid, shape.name}
	if enter, ok := s.entries[key]; ok && enter <= at {
		delete(s.entries, key)
		o.Enter, s.notes.NoEntry = enter, false
	}
	s.out = append(s.out, trace.Record{What: trace.Returned, Op: o, UID: r.uid})
	if lock := darwinLock(r.flags); lock != 0 && o.Kind == op.Open && !o.Failed() {
		s.out = append(s.out, trace.Record{What: trace.Returned, Op: s.lock(o, lock), UID: r.uid})
	}
	return true
}

func (s *snoopSource) since(at int64) int64 {
	if !s.began {
		s.began, s.start = true, at
	}
	return max(at-s.start, 0)
}

// entry takes the line of a call that begins.
func (s *snoopSource) entry(e snoopEntry) bool {
	shape := shapes[darwinCall(e.call)]
	if shape == nil || len(s.entries) >= heldMax {
		return false
	}
	at := s.since(e.at)
	s.there(e.pid, 0, "", at)
	s.entries[snoopKey{e.pid, shape.name}] = at
	o := s.decode(shape, e.path, 0)
	if o == nil {
		return false
	}
	o.PID, o.TID, o.Enter, o.Exit = e.pid, e.pid, at, at
	s.out = append(s.out, trace.Record{What: trace.Entered, Op: o})
	return true
}

// decode fills in the arguments that the log has: a path or a descriptor, and flags.
func (s *snoopSource) decode(shape *shape, object string, flags uint64) *op.Op {
	c := &s.call
	c.begin(shape)
	for i, kind := range shape.args {
		switch kind {
		case op.ArgDirFD:
			c.args[i] = symbols["AT_FDCWD"] // the log has no directory; relative paths are all it shows
		case op.ArgPath:
			c.args[i] = c.mem.bytes(append([]byte(object), 0))
		case op.ArgFD:
			n, ok := decimal([]byte(object))
			if !ok {
				return nil
			}
			c.args[i] = n
		case op.ArgFlags:
			c.args[i] = darwinFlags(flags, shape)
		}
	}
	return c.entered()
}

// lock is the flock(2) that O_EXLOCK and O_SHLOCK carry out inside an open.
func (s *snoopSource) lock(open *op.Op, operation uint64) *op.Op {
	c := &s.call
	c.begin(shapes["flock"])
	c.args[0], c.args[1] = uint64(open.NewFD), operation
	o := c.returned()
	o.PID, o.TID, o.Prog, o.Enter, o.Exit = open.PID, open.TID, open.Prog, open.Enter, open.Exit
	return o
}

func (s *snoopSource) noteCall(name string) {
	for _, c := range s.calls {
		if c == name {
			return
		}
	}
	s.calls = append(s.calls, name)
}

// there tells of a process when it is seen first. The log does not say where
// processes come from, nor when they end.
func (s *snoopSource) there(pid int, uid uint32, prog string, at int64) {
	if s.seen[pid] || len(s.seen) >= maxPID {
		return
	}
	s.seen[pid] = true
	t := &task{tid: pid, group: pid, prog: prog}
	s.out = append(s.out, trace.Record{What: trace.There, Op: moment(op.NoKind, t, at), UID: uid})
}
