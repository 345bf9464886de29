package logs

import (
	"bufio"
	"errors"
	"io"
	"os"
	"strconv"
	"strings"
	"time"

	"filerace/internal/trace"
)

// maxLine bounds a line, in bytes. The longest that strace writes by default are
// far below; with -s they may be longer and are then left out.
const maxLine = 1 << 20

// maxTaskLine bounds a line where every task has a file, and the file a buffer.
const maxTaskLine = 128 << 10

// shownBad bounds what Notes.FirstBad shows of a line, in bytes.
const shownBad = 100

// lines hands out the lines of a log without keeping them.
type lines struct {
	r    *bufio.Reader
	file io.Closer
	n    int // number of the line handed out last, from 1
}

// newLines reads lines of up to limit bytes.
func newLines(f io.ReadCloser, limit int) *lines {
	return &lines{r: bufio.NewReaderSize(f, limit), file: f}
}

// errLong says that a line was longer than the limit; its beginning comes with it.
var errLong = errors.New("line too long")

// next returns the next line without its end; it is valid until the next call.
func (l *lines) next() ([]byte, error) {
	line, err := l.r.ReadSlice('\n')
	if len(line) > 0 || err == nil {
		l.n++
	}
	switch {
	case err == nil:
		line = line[:len(line)-1]
		if n := len(line); n > 0 && line[n-1] == '\r' {
			line = line[:n-1]
		}
		return line, nil
	case errors.Is(err, bufio.ErrBufferFull):
		return l.skip(line)
	case err == io.EOF && len(line) > 0:
		return line, nil
	}
	return nil, err
}

// skip drops the rest of a long line, of which start is the beginning.
func (l *lines) skip(start []byte) ([]byte, error) {
	start = append([]byte(nil), start[:shownBad]...)
	for {
		_, err := l.r.ReadSlice('\n')
		if err == nil || err == io.EOF {
			return start, errLong
		}
		if !errors.Is(err, bufio.ErrBufferFull) {
			return nil, err
		}
	}
}

// bad counts a line that cannot be read, and keeps the first.
func bad(notes *trace.Notes, where string, line []byte) {
	notes.Broken++
	if notes.FirstBad != "" {
		return
	}
	quoted := strconv.QuoteToASCII(string(line[:min(len(line), shownBad)]))
	quoted = strings.ReplaceAll(quoted[1:len(quoted)-1], `\"`, `"`)
	notes.FirstBad = where + ": " + quoted[:min(len(quoted), shownBad)]
}

// interrupt ends a read that waits for a writer, as of a pipe, from another goroutine:
// its error is os.ErrDeadlineExceeded then. Files are read to their end as ever.
func (l *lines) interrupt() {
	if f, ok := l.file.(*os.File); ok {
		f.SetReadDeadline(time.Unix(1, 0)) // long ago
	}
}

func (l *lines) where() string { return "line " + strconv.Itoa(l.n) }
