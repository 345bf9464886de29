package logs

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
	"unicode/utf8"
)

// UnknownError says that a file is no log of a kind that can be read.
type UnknownError struct {
	Path  string
	Looks string // what it looks like: "gzip data"
}

func (e *UnknownError) Error() string {
	return fmt.Sprintf("%s is no log that can be read: it looks like %s; logs of strace, perf trace and openclosesnoop can be read",
		e.Path, e.Looks)
}

// kindOf tells which tool wrote a log that begins with head, "" if none that is
// known. Other lines may stand between: a program's own output, on a terminal.
func kindOf(head []byte) string {
	if bytes.IndexByte(head[:min(len(head), 512)], 0) >= 0 && !bytes.Contains(head, []byte(`\0`)) && !isSnoop(firstLine(head)) {
		return ""
	}
	var strace, perf, snoop int
	for line := range bytes.SplitSeq(head, []byte("\n")) {
		switch {
		case isSnoop(line):
			snoop++
		case isPerf(line):
			perf++
		case isStrace(line):
			strace++
		}
	}
	switch {
	case strace == 0 && perf == 0 && snoop == 0:
		return ""
	case snoop >= perf && snoop >= strace:
		return "openclosesnoop"
	case perf >= strace:
		return "perf trace"
	}
	return "strace"
}

func firstLine(head []byte) []byte { return cutAt(head, '\n') }

// isStrace reports whether a line is one that strace alone writes.
func isStrace(line []byte) bool {
	var l straceLine
	l.parse(line)
	switch l.form {
	case formResumed, formExited, formKilled, formSuperseded, formSignal:
		return true
	case formCall:
		if bytes.HasSuffix(line, markDots) || interrupted(line) > 0 {
			return true
		}
		var parts [12][]byte
		_, rest, ok := split(l.rest, parts[:])
		if ok {
			_, ok = parseResult(rest)
		}
		return ok
	}
	return false
}

// hasPIDs reports whether the lines of a strace name their tasks.
func hasPIDs(head []byte) bool {
	for line := range bytes.SplitSeq(head, []byte("\n")) {
		var l straceLine
		if l.parse(line); l.pid != 0 {
			return true
		}
	}
	return false
}

// magics are the first bytes of files that people take for logs.
var magics = []struct{ start, name string }{
	{"\x1f\x8b", "gzip data: unpack it first"},
	{"\x28\xb5\x2f\xfd", "zstd data: unpack it first"},
	{"\xfd7zXZ\x00", "xz data: unpack it first"},
	{"BZh", "bzip2 data: unpack it first"},
	{"PK\x03\x04", "a zip archive"},
	{"PAR1", "a parquet file: give the recorded run's directory"},
	{"filerace race ", "a race that a hunt has saved: `filerace replay` shows it again"},
	{"PERFILE2", "perf.data: perf trace -i writes it as text"},
	{"\xd4\xc3\xb2\xa1", "captured packets"},
	{"SQLite format 3\x00", "an SQLite database"},
	{"#!", "a script"},
	{"%PDF", "a PDF file"},
}

// looksLike says what a file that begins with head seems to be.
func looksLike(head []byte) string {
	if len(head) == 0 {
		return "an empty file"
	}
	for _, m := range magics {
		if bytes.HasPrefix(head, []byte(m.start)) {
			return m.name
		}
	}
	const elfCore = 4 // e_type at byte 16 (elf(5))
	if bytes.HasPrefix(head, []byte("\x7fELF")) {
		if len(head) > 16 && head[16] == elfCore {
			return "a core dump"
		}
		return "an ELF program"
	}
	text := bytes.TrimSpace(head)
	if len(text) == 0 {
		return "blank lines"
	}
	if text[0] == '{' || text[0] == '[' {
		if _, err := json.NewDecoder(bytes.NewReader(text)).Token(); err == nil && (len(text) < 2 || bytes.IndexByte([]byte("\"{[]} \n\r\t"), text[1]) >= 0) {
			return "JSON"
		}
	}
	if text[0] == '<' {
		return "XML or HTML"
	}
	if !isText(head) {
		return "binary data"
	}
	line := firstLine(text)
	return "plain text beginning with " + strconv.QuoteToASCII(string(line[:min(len(line), 40)]))
}

// isText reports whether nearly all of the first bytes are those of text.
func isText(b []byte) bool {
	b = b[:min(len(b), 4096)]
	odd := 0
	for i := 0; i < len(b); {
		r, n := utf8.DecodeRune(b[i:])
		if r == utf8.RuneError && n == 1 && len(b)-i >= utf8.UTFMax || r < ' ' && r != '\t' && r != '\n' && r != '\r' && r != 0x1b {
			odd++
		}
		i += n
	}
	return odd*20 <= len(b)
}
