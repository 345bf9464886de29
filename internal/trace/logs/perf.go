package logs

import (
	"bytes"
	"errors"
	"io"

	"filerace/internal/op"
	"filerace/internal/trace"
)

// perfSource reads what perf trace prints:
//
//	0.450 ( 0.019 ms): cat/26403 openat(dfd: CWD, filename: "x", flags: RDONLY|CLOEXEC) = 3
//	6.952 (         ): sh/22277 vfork()                        ...
//	6.952 ( 4.694 ms): sh/22277  ... [continued]: vfork())     = 22279
//
// The first column is the entry time in ms, the second the duration; the command and
// thread are missing if one thread only was traced. Arguments that are 0 are left out.
// Lines of different processors come only nearly in order.
//
// The paths that perf writes behind descriptors are not used: it looks them up in
// /proc when it prints, which may be long after the call, and keeps them.
type perfSource struct {
	in     *lines
	notes  trace.Notes
	family *family
	call   call
	begun  map[int]*begunCall
	start  int64
	known  bool
	now    int64
	over   bool
}

func newPerf(in *lines) *perfSource {
	return &perfSource{in: in, family: newFamily(), notes: trace.Notes{Kind: "perf trace"}, begun: map[int]*begunCall{}}
}

// Next returns the next record.
func (p *perfSource) Next() (trace.Record, error) {
	for {
		if r, ok := p.family.pop(); ok {
			return r, nil
		}
		if p.over {
			return trace.Record{}, io.EOF
		}
		b, err := p.in.next()
		switch {
		case err == errLong:
			bad(&p.notes, p.in.where(), b)
		case errors.Is(err, io.EOF):
			p.over = true
			p.family.finish(p.now)
		case err != nil:
			return trace.Record{}, err
		case len(bytes.TrimSpace(b)) > 0 && !p.read(b):
			bad(&p.notes, p.in.where(), b)
		}
	}
}

// Notes tells what is known of the log so far.
func (p *perfSource) Notes() trace.Notes { return p.notes }

// Interrupt ends a read that waits for a writer, from another goroutine.
func (p *perfSource) Interrupt() { p.in.interrupt() }

// Close closes the log.
func (p *perfSource) Close() error { return p.in.file.Close() }

// perfLine is a line of perf trace cut into its columns.
type perfLine struct {
	enter     int64 // ns
	timed     bool  // enter is known
	took      int64 // ns
	returned  bool  // took is known
	continued bool
	tid       int
	comm      []byte
	name      []byte
	args      []byte // behind the opening bracket
}

func isPerf(line []byte) bool {
	var l perfLine
	return l.parse(line)
}

func (l *perfLine) parse(b []byte) bool {
	*l = perfLine{}
	word, rest := column(b)
	rest = bytes.TrimLeft(rest, " ")
	if len(rest) == 0 || rest[0] != '(' {
		return false
	}
	if string(word) != "?" {
		s, ok := seconds(word)
		if !ok || bytes.IndexByte(word, '.') < 0 {
			return false
		}
		l.enter, l.timed = s/1000, true
	}
	i := bytes.Index(rest, []byte("): "))
	if i < 0 {
		return false
	}
	took := bytes.TrimSpace(rest[1:i])
	if len(took) > 0 {
		ms, ok := bytes.CutSuffix(took, []byte(" ms"))
		s, ok2 := seconds(ms)
		if !ok || !ok2 {
			return false
		}
		l.took, l.returned = s/1000, true
	}
	return l.task(rest[i+3:])
}

var markContinued = []byte("... [continued]: ")

// task takes "comm/tid name(…"; a comm may hold slashes, spaces and brackets.
func (l *perfLine) task(b []byte) bool {
	if l.called(b) {
		return true
	}
	if tid, rest, ok := number(b); ok && tid > 0 && tid <= maxPID && l.called(bytes.TrimLeft(rest, " ")) {
		l.tid = int(tid) // perf trace --no-comm
		return true
	}
	for i := 0; i < len(b); i++ {
		if b[i] != '/' {
			continue
		}
		tid, rest, ok := number(b[i+1:])
		if ok && tid > 0 && tid <= maxPID && len(rest) > 0 && rest[0] == ' ' && l.called(bytes.TrimLeft(rest, " ")) {
			l.tid, l.comm = int(tid), b[:i]
			return true
		}
	}
	return false
}

func (l *perfLine) called(b []byte) bool {
	b, l.continued = bytes.CutPrefix(b, markContinued)
	i := bytes.IndexByte(b, '(')
	if i <= 0 || !isName(b[:i]) {
		return false
	}
	l.name, l.args = b[:i], b[i+1:]
	return true
}

func (p *perfSource) read(b []byte) bool {
	var l perfLine
	if !l.parse(b) {
		return false
	}
	if l.timed {
		if !p.known {
			p.known, p.start = true, l.enter
		}
		p.now = max(p.now, l.enter-p.start+l.took)
	}
	enter := l.enter - p.start
	shape := shapes[string(l.name)]
	if shape == nil {
		return true
	}
	tid := l.tid
	if tid == 0 {
		tid = p.family.resolve(0)
	}
	e := event{tid: tid, at: enter}
	if len(l.comm) > 0 && l.comm[0] != ':' {
		e.comm = string(l.comm)
	}
	if !l.timed {
		p.strange(shape, e)
		return true
	}
	if l.continued {
		c := p.begun[tid]
		if c == nil || c.shape != shape {
			return true // it began before perf did
		}
		delete(p.begun, tid)
		rest := bytes.TrimPrefix(l.args, []byte(")")) // perf closes the bracket twice
		return p.finish(shape, append(c.text, rest...), e, c.enter, l)
	}
	if body, ok := bytes.CutSuffix(bytes.TrimRight(b, " "), []byte("...")); ok {
		args := l.args[:max(len(l.args)-(len(b)-len(body)), 0)]
		return p.unfinished(shape, bytes.TrimRight(args, " "), e)
	}
	return p.finish(shape, l.args, e, enter, l)
}

// strange takes the line of a call whose entry perf has not seen. Such is the
// return of fork in the child.
func (p *perfSource) strange(shape *shape, e event) {
	if shape.rows[0].Kind == op.Fork && p.family.tasks[e.tid] == nil {
		e.what, e.at = evNewborn, p.now
		p.family.push(e)
	}
}

// unfinished keeps the arguments of a call that has not returned, without the
// bracket that closes them.
func (p *perfSource) unfinished(shape *shape, args []byte, e event) bool {
	args, ok := bytes.CutSuffix(args, []byte(")"))
	if !ok {
		return false
	}
	p.begun[e.tid] = &begunCall{shape: shape, text: bytes.Clone(args), enter: e.at}
	if len(p.begun) > heldMax {
		clear(p.begun) // ids that never come back: the log is damaged
	}
	return true
}

func (p *perfSource) finish(shape *shape, body []byte, e event, enter int64, l perfLine) bool {
	var parts [12][]byte
	n, rest, ok := split(body, parts[:])
	if !ok {
		return false
	}
	r, ok := parseResult(rest)
	if !ok && len(bytes.TrimSpace(rest)) == 1 { // "= " and nothing: perf leaves a process id of 0 away
		r.ended, ok = true, true
	}
	if !ok {
		return false
	}
	c := &p.call
	c.begin(shape)
	c.perfArgs(parts[:n])
	c.ret = r.ret
	if !r.ended {
		return p.exit(e, enter)
	}
	o := c.returned()
	if o == nil {
		return true
	}
	o.Enter, o.Exit = enter, enter+l.took
	if !l.returned {
		p.notes.NoEntry = true
	}
	e.what, e.op, e.at = evReturned, o, o.Exit
	p.family.push(e)
	return true
}

// exit takes a call that never returns: an exit is the end of the process, as perf
// tells of no other.
func (p *perfSource) exit(e event, enter int64) bool {
	o := p.call.entered()
	if o == nil || o.Kind != op.Exit {
		return true
	}
	o.Enter, o.Exit = enter, enter
	e.what, e.op, e.at = evEntered, o, enter
	p.family.push(e)
	t := p.family.tasks[e.tid]
	if o.Call.Name == "exit_group" {
		p.family.endGroup(t.group, o.Status, enter)
	} else {
		p.family.end(t, enter)
	}
	return true
}
