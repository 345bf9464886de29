package logs

import (
	"bytes"
	"io"
	"slices"
	"time"

	"filerace/internal/op"
	"filerace/internal/trace"
)

// event is what one line of a log tells.
type event struct {
	what   happening
	tid    int
	at     int64 // ns since the start
	op     *op.Op
	number int    // exit status, signal, or the thread whose execve superseded tid
	flags  uint64 // CLONE_* of a fork under way
	sure   bool   // flags are known
	comm   string
	cwd    string // working directory at the call's entry, if the log tells it
	killed bool   // by a signal
}

type happening uint8

const (
	evReturned happening = iota
	evEntered
	evForking // a fork is under way
	evSignal
	evEnded
	evSuperseded
	evNewborn // the fork of which tid is the child has returned in it
)

// straceFile reads one file of strace.
//
// In a file that several tasks share, strace breaks a call's line whenever another
// task has something to tell before the call returns. So whole lines lie one behind
// the other in time whatever their stamps' rounding says, and only broken ones
// overlap: the clock here never lets a line begin before the one above it ended.
type straceFile struct {
	in     *lines
	where  string // before the line number in FirstBad, if there are several files
	family *family
	notes  *trace.Notes
	start  *clockStart
	fixed  int // the only task's id (-ff); 0: lines tell
	line   straceLine
	call   call
	begun  map[int]*begunCall
	joined []byte // line that a message of strace's own broke
	now    int64  // latest time seen
	day    int64  // ns to add to the time of day
	last   int64  // time of day of the line before
	ending []event
	over   bool
}

// begunCall is a call of which the first half has been read.
type begunCall struct {
	shape *shape
	name  string
	text  []byte
	enter int64
}

// clockStart is the time that becomes 0.
type clockStart struct {
	known  bool
	timing timing
	ns     int64
}

// next returns what the next line that tells something tells.
func (s *straceFile) next() (event, error) {
	for {
		if s.over {
			if len(s.ending) == 0 {
				return event{}, io.EOF
			}
			e := s.ending[0]
			s.ending = s.ending[1:]
			return e, nil
		}
		b, err := s.in.next()
		switch {
		case err == errLong:
			s.bad(b)
			continue
		case err == io.EOF:
			s.end()
			continue
		case err != nil:
			return event{}, err
		}
		if e, ok := s.read(b); ok {
			return e, nil
		}
	}
}

func (s *straceFile) bad(line []byte) {
	bad(s.notes, s.where+s.in.where(), line)
}

// end makes the calls that never returned known.
func (s *straceFile) end() {
	s.over = true
	for tid, b := range s.begun {
		if e, ok := s.entered(tid, b); ok {
			s.ending = append(s.ending, e)
		}
	}
	slices.SortFunc(s.ending, func(a, b event) int { return int(a.at - b.at) })
}

func (s *straceFile) read(b []byte) (event, bool) {
	if s.joined != nil {
		b = append(s.joined, b...)
		s.joined = nil
	}
	l := &s.line
	l.parse(b)
	switch l.form {
	case formBad:
		s.bad(b)
		return event{}, false
	case formNote:
		s.announce(b)
		return event{}, false
	}
	at := s.time()
	tid := s.fixed
	if tid == 0 {
		tid = s.family.resolve(l.pid)
	}
	e := event{tid: tid, at: at, number: l.number, comm: string(l.comm)}
	switch l.form {
	case formCall:
		return s.began(b, e)
	case formResumed:
		return s.resumed(b, e)
	case formExited:
		e.what = evEnded
		delete(s.begun, tid)
		return e, true
	case formKilled:
		e.what, e.number, e.killed = evEnded, 128+l.number, true
		delete(s.begun, tid)
		return e, true
	case formSuperseded:
		if c := s.begun[l.number]; c != nil {
			s.begun[tid] = c
			delete(s.begun, l.number)
		}
		e.what = evSuperseded
		return e, true
	}
	e.what = evSignal
	return e, true
}

// announce notes "strace: Process 123 attached".
func (s *straceFile) announce(b []byte) {
	if _, rest, ok := bytes.Cut(b, []byte("Process ")); ok {
		if n, rest, ok := number(rest); ok && n <= maxPID && bytes.HasPrefix(rest, []byte(" attached")) && len(s.family.announced) < heldMax {
			s.family.announced[int(n)] = true
		}
	}
}

// time returns the line's time since the start, never before that of the line above.
func (s *straceFile) time() int64 {
	l := &s.line
	ns := l.time
	switch l.timing {
	case noTime:
		s.now++
		return s.now
	case stepTime:
		s.last += ns
		ns = s.last
	case clockTime:
		const day = int64(24 * time.Hour)
		if ns+day/2 < s.last {
			s.day += day
		}
		s.last = ns
		ns += s.day
	}
	if !s.start.known {
		*s.start = clockStart{true, l.timing, ns}
		if l.timing == epochTime {
			s.notes.Start = unixTime(ns)
		}
	}
	s.now = max(ns-s.start.ns, s.now+1)
	return s.now
}

var (
	markUnfinished = []byte("<unfinished ...>")
	markDots       = []byte(" ...>")
	markProcess    = []byte("Process ")
	markStrace     = []byte("strace: ")
	markEqual      = []byte(" = ")
)

// began takes a line that begins a call, and mostly also ends it.
func (s *straceFile) began(b []byte, e event) (event, bool) {
	l := &s.line
	if i := interrupted(b); i > 0 {
		s.announce(b[i:])
		s.joined = bytes.Clone(b[:i])
		return e, false
	}
	shape := shapes[string(l.name)]
	if bytes.HasSuffix(b, markDots) {
		i := bytes.LastIndexByte(l.rest, '<')
		if i < 0 {
			s.bad(b)
			return e, false
		}
		return s.unfinished(shape, l.rest[:i], e)
	}
	if shape == nil {
		if !bytes.Contains(l.rest, markEqual) {
			s.bad(b)
		}
		return e, false
	}
	return s.finish(b, shape, string(l.name), l.rest, e, e.at)
}

// unfinished keeps the first half of a call.
func (s *straceFile) unfinished(shape *shape, text []byte, e event) (event, bool) {
	if shape == nil {
		return e, false
	}
	c := &begunCall{shape: shape, name: string(s.line.name), text: bytes.Clone(text), enter: e.at}
	s.begun[e.tid] = c
	if shape.rows[0].Kind != op.Fork {
		return e, false
	}
	e.what, e.flags, e.sure = evForking, shape.rows[0].Flags, len(shape.args) == 0
	if _, flags, ok := bytes.Cut(text, []byte("flags=")); ok {
		e.flags, e.sure = value(cutAt(cutAt(flags, ','), ' '), ""), true
	}
	return e, true
}

// interrupted returns where, on a terminal, a message of strace's own begins in
// the middle of a line that goes on below: clone(strace: Process 123 attached. 0 if
// there is none.
func interrupted(b []byte) int {
	if len(b) == 0 || b[len(b)-1] != 'd' && !bytes.HasSuffix(b, []byte("parent)")) {
		return 0
	}
	i := bytes.LastIndex(b, markProcess)
	if i <= 0 {
		return 0
	}
	_, rest, ok := number(b[i+len(markProcess):])
	switch string(rest) {
	case " attached", " suspended", " attached (waiting for parent)":
	default:
		return 0
	}
	if !ok {
		return 0
	}
	return len(bytes.TrimSuffix(b[:i], markStrace))
}

// resumed joins the two halves of a call.
func (s *straceFile) resumed(b []byte, e event) (event, bool) {
	c := s.begun[e.tid]
	if c == nil || c.name != string(s.line.name) {
		if shapes[string(s.line.name)] != nil {
			s.bad(b)
		}
		return e, false
	}
	delete(s.begun, e.tid)
	rest := bytes.TrimLeft(s.line.rest, " ")
	rest = bytes.TrimPrefix(rest, markUnfinished) // printed anew when the task ends inside the call
	if bytes.HasSuffix(rest, markDots) {
		c.text = append(c.text, rest[:bytes.LastIndexByte(rest, '<')]...)
		s.begun[e.tid] = c
		return e, false
	}
	return s.finish(b, c.shape, c.name, append(c.text, rest...), e, c.enter)
}

// finish decodes a call that has ended. body is what follows the opening bracket.
func (s *straceFile) finish(b []byte, shape *shape, name string, body []byte, e event, enter int64) (event, bool) {
	var parts [12][]byte
	n, rest, ok := split(body, parts[:])
	r, ok2 := parseResult(rest)
	if !ok || !ok2 {
		s.bad(b)
		return e, false
	}
	if !r.ended {
		return s.endless(shape, name, body, e, enter)
	}
	if name == "_llseek" && n == 4 { // the result comes by a pointer, before the origin
		if v, ok := inner(parts[2], '['); ok && r.ret == 0 {
			r.ret = int64(value(cutAt(v, ']'), ""))
		}
		parts[2], n = parts[3], 3
	}
	c := &s.call
	c.begin(shape)
	c.straceArgs(parts[:n])
	c.ret = r.ret
	if r.opened != nil {
		c.opened, _ = decoration(r.opened)
	}
	o := c.returned()
	if o == nil {
		return e, false
	}
	s.noteCommand(o, parts[:n])
	o.Enter, o.Exit = enter, s.exit(enter, e.at, r)
	e.what, e.op, e.at = evReturned, o, o.Exit
	if o.FD == op.AT_FDCWD && c.dir.Nlink > 0 {
		e.cwd = c.dir.Path
	}
	if s.fixed != 0 && o.Kind == op.Fork && !o.Failed() {
		s.family.parents[int(o.Ret)] = birth{e.tid, o.Flags}
	}
	return e, true
}

// exit is when a call that was entered at enter returned. lineAt is the time of the
// line that tells of it.
func (s *straceFile) exit(enter, lineAt int64, r straceResult) int64 {
	switch {
	case lineAt > enter: // a resumed line: printed at the return
		return lineAt
	case r.timed:
		s.now = max(s.now, enter+r.took)
	case s.fixed != 0:
		s.notes.NoEntry = true
	}
	return s.now
}

// endless takes a call that has no result: an exit, or one in which the task was
// ended.
func (s *straceFile) endless(shape *shape, name string, body []byte, e event, enter int64) (event, bool) {
	if shape.rows[0].Kind != op.Exit {
		return e, false
	}
	return s.entered(e.tid, &begunCall{shape: shape, name: name, text: body, enter: enter})
}

// entered decodes what is known of a call that has not returned.
func (s *straceFile) entered(tid int, b *begunCall) (event, bool) {
	var parts [12][]byte
	n, _, ok := split(append(bytes.Clone(b.text), ')'), parts[:])
	if !ok {
		return event{}, false
	}
	s.call.begin(b.shape)
	s.call.straceArgs(parts[:n])
	o := s.call.entered()
	if o == nil {
		return event{}, false
	}
	o.Enter, o.Exit = b.enter, b.enter
	return event{what: evEntered, tid: tid, at: b.enter, op: o}, true
}

// noteCommand keeps the arguments of the execve that a log begins with.
func (s *straceFile) noteCommand(o *op.Op, parts [][]byte) {
	if o.Kind != op.Exec || len(s.family.tasks) > 0 || len(parts) < 2 || s.notes.Command != nil || o.Failed() {
		return
	}
	s.family.command = true
	argv, ok := inner(parts[1], '[')
	if !ok {
		return
	}
	var words [maxArgs][]byte
	n, _, _ := split(argv, words[:])
	s.notes.Command = []string{}
	for _, w := range words[:n] {
		if len(w) > 1 && w[0] == '"' {
			end := quoteEnd(w, 0)
			s.notes.Command = append(s.notes.Command, string(unescape(nil, w[1:end]))+string(w[end+1:])) // "abc"... if cut short
		}
	}
}

// unixTime is the wall time that lies ns after the epoch.
func unixTime(ns int64) time.Time { return time.Unix(0, ns) }
