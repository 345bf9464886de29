// Package logs reads what other tools have written about a system's calls: strace(1),
// perf trace, and openclosesnoop of the macOS lock race. It hands the calls on as
// trace.Records, decoded by the one table of package op: words become numbers, and
// strings and structures lie in a made-up memory from which op.Decode reads them.
//
// Logs are read in one pass; what is kept is bounded by the tasks that are alive and
// by the longest line. Lines that cannot be read are counted, and left out.
package logs

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"filerace/internal/trace"
)

// sniffed bounds how much of a file decides what it is, in bytes.
const sniffed = 64 << 10

// Open opens a log; the kind is told from its first lines. Several paths are the
// files of one strace -ff; so is a path that is no file itself, but to which strace
// added process ids. The error is an *UnknownError if the file is no log that can be
// read, a *MergeError if files cannot be put in order, or of the kind *fs.PathError.
func Open(paths ...string) (trace.Source, error) {
	if len(paths) == 0 {
		return nil, errors.New("open log: no file given")
	}
	if len(paths) == 1 {
		if _, err := os.Stat(paths[0]); errors.Is(err, os.ErrNotExist) {
			if found := perTask(paths[0]); len(found) > 0 {
				return openMerged(found)
			}
		}
		return openOne(paths[0])
	}
	return openMerged(paths)
}

// perTask finds the files PREFIX.PID of strace -ff.
func perTask(prefix string) []string {
	all, _ := filepath.Glob(escapeGlob(prefix) + ".*") // the pattern is well-formed
	var found []string
	for _, name := range all {
		if _, ok := taskOf(name); ok {
			found = append(found, name)
		}
	}
	return found
}

func escapeGlob(s string) string {
	var b bytes.Buffer
	for _, r := range s {
		if r == '*' || r == '?' || r == '[' || r == '\\' {
			b.WriteByte('\\')
		}
		b.WriteRune(r)
	}
	return b.String()
}

func openOne(path string) (trace.Source, error) {
	in, err := openLines(path, maxLine)
	if err != nil {
		return nil, err
	}
	head, err := in.r.Peek(sniffed)
	if err != nil && err != io.EOF {
		in.file.Close()
		return nil, fmt.Errorf("read log: %w", err)
	}
	switch kindOf(head) {
	case "strace":
		s := newStrace(in)
		if tid, ok := taskOf(path); ok && !hasPIDs(head) {
			s.file.fixed = tid // one file of strace -ff alone
		}
		return s, nil
	case "perf trace":
		return newPerf(in), nil
	case "openclosesnoop":
		return newSnoop(in), nil
	}
	in.file.Close()
	return nil, &UnknownError{Path: path, Looks: looksLike(head)}
}

func openLines(path string, limit int) (*lines, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	return newLines(f, limit), nil
}
