package watch

import (
	"strconv"
	"time"

	"filerace/internal/op"
	"filerace/internal/screen"
	"filerace/internal/trace"
)

// A column of the event lines. Columns never shrink: one that meets a longer value
// is as wide from then on, so that lines stay aligned as far as can be known.
type column struct {
	head  string
	width int
	left  bool
	most  int // longer values are cut; 0: none is
}

// The columns of the classic open, unlink and close tracer, then what it lacked.
// The path comes last, as the one that has no bound.
const (
	colCall = iota
	colTime // µs from the beginning of the watch to the return
	colWall
	colUID
	colPID
	colResult
	colFlags
	colErrno
	colEntry // µs from the beginning of the watch to the entry
	colTook  // µs
	colInode
	colLinks
	colProgram
	columnCount
)

func eventColumns() [columnCount]column {
	return [columnCount]column{
		colCall:    {head: "CALL", width: 15, left: true},
		colTime:    {head: "TIME_US", width: 11},
		colWall:    {head: "WALL", width: 19, left: true},
		colUID:     {head: "UID", width: 5},
		colPID:     {head: "PID", width: 7},
		colResult:  {head: "RESULT", width: 6},
		colFlags:   {head: "FLAGS", width: 33, left: true, most: 48},
		colErrno:   {head: "ERRNO", width: 9, left: true},
		colEntry:   {head: "ENTRY_US", width: 11},
		colTook:    {head: "TOOK_US", width: 9},
		colInode:   {head: "INODE", width: 9},
		colLinks:   {head: "LINKS", width: 5},
		colProgram: {head: "PROGRAM", width: 15, left: true, most: 15}, // TASK_COMM_LEN without the NUL
	}
}

// eventLines writes operations as lines of aligned columns.
type eventLines struct {
	start   time.Time // wall time of time 0; zero: not known
	columns [columnCount]column
	values  [columnCount]string
	buf     []byte
}

func newEventLines(start time.Time) *eventLines {
	return &eventLines{start: start, columns: eventColumns()}
}

func (l *eventLines) header() []byte {
	for i := range l.columns {
		l.values[i] = l.columns[i].head
	}
	return l.line("PATH")
}

// record writes one call, at its return or at its entry. The line is valid until
// the next.
func (l *eventLines) record(r *trace.Record) []byte {
	o, v := r.Op, &l.values
	at := o.Exit
	v[colResult], v[colErrno], v[colTook] = strconv.FormatInt(o.Ret, 10), "0", "-"
	switch {
	case r.What == trace.Entered:
		at = o.Enter
		v[colResult], v[colErrno] = "entry", "-"
	case o.Failed():
		v[colResult], v[colErrno] = "-1", op.ErrnoName(o.Errno())
	}
	v[colCall] = callName(o)
	v[colTime] = micros(at)
	v[colWall] = "-"
	if !l.start.IsZero() {
		v[colWall] = l.start.Add(time.Duration(at)).Format("2006-01-02T15:04:05")
	}
	v[colUID], v[colPID] = strconv.FormatUint(uint64(r.UID), 10), strconv.Itoa(o.PID)
	v[colFlags] = flagWords(o)
	v[colEntry] = "-"
	if o.Enter != op.None {
		v[colEntry] = micros(o.Enter)
		if r.What == trace.Returned {
			v[colTook] = strconv.FormatFloat(float64(o.Exit-o.Enter)/1e3, 'f', 1, 64)
		}
	}
	v[colInode], v[colLinks] = "-", "-"
	if id, links := fileOf(o); id.Ino != 0 {
		v[colInode] = strconv.FormatUint(id.Ino, 10)
		if r.What == trace.Returned {
			v[colLinks] = strconv.FormatUint(uint64(links), 10)
		}
	}
	v[colProgram] = screen.Visible(o.Prog)
	return l.line(target(o))
}

func (l *eventLines) line(last string) []byte {
	b := l.buf[:0]
	for i := range l.columns {
		c, v := &l.columns[i], l.values[i]
		if c.most > 0 {
			v = screen.Cut(v, c.most)
		}
		n := len(v)
		if c.left {
			n = screen.Width(v)
		}
		c.width = max(c.width, n)
		if !c.left {
			b = appendSpaces(b, c.width-n)
		}
		b = append(b, v...)
		if c.left {
			b = appendSpaces(b, c.width-n)
		}
		b = append(b, ' ')
	}
	b = append(b, last...)
	l.buf = append(b, '\n')
	return l.buf
}

func appendSpaces(b []byte, n int) []byte {
	for range n {
		b = append(b, ' ')
	}
	return b
}

func micros(ns int64) string { return strconv.FormatInt(ns/1000, 10) }

func callName(o *op.Op) string {
	if o.Call != nil {
		return o.Call.Name
	}
	return o.Kind.String()
}

// fileOf is the file that a call reached, else the one that its first name led to,
// with its link count; none where the identity is made up.
func fileOf(o *op.Op) (id op.FileID, links uint32) {
	id, links = o.File.ID, o.File.Nlink
	for i := 0; i < len(o.Names) && id.IsZero(); i++ {
		n := &o.Names[i]
		if id, links = n.Before, n.Nlink; id.IsZero() {
			id = n.After
		}
	}
	if id.MadeUp() {
		return op.FileID{}, 0
	}
	return id, links
}

// target is what the call is about: its paths, absolute where that is known, or
// its descriptor with the file behind it.
func target(o *op.Op) string {
	switch first, second := pathOf(o, 0), pathOf(o, 1); {
	case second != "" && o.Kind == op.SymlinkOp:
		return screen.Visible(first) + " → " + screen.Visible(o.Path2)
	case second != "":
		return screen.Visible(first) + " → " + screen.Visible(second)
	case first != "":
		return screen.Visible(first)
	}
	switch {
	case o.NewFD2 >= 0 && o.NewFD >= 0 && (o.Kind == op.PipeOp || o.Kind == op.SocketOp):
		return strconv.Itoa(o.NewFD) + " " + strconv.Itoa(o.NewFD2)
	case o.FD >= 0 && o.File.Path != "":
		return strconv.Itoa(o.FD) + " <" + screen.Visible(o.File.Path) + ">"
	case o.FD >= 0:
		return strconv.Itoa(o.FD)
	}
	return "-"
}

// pathOf is the i-th path of a call, as the kernel resolved it or else as the
// program gave it; "" if it has none.
func pathOf(o *op.Op, i int) string {
	given := o.Path
	if i == 1 {
		given = o.Path2
		if o.Kind == op.GetXattr || o.Kind == op.SetXattr {
			return "" // an attribute's name
		}
	}
	if i < len(o.Names) && o.Names[i].Path != "" {
		return o.Names[i].Path
	}
	return given
}
