package logs

import (
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"filerace/internal/trace"
)

func write(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestWhatIsNoLog(t *testing.T) {
	var zipped bytes.Buffer
	z := gzip.NewWriter(&zipped)
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	core := "\x7fELF" + strings.Repeat("\x00", 12) + "\x04\x00"
	for text, looks := range map[string]string{
		"":                                    "an empty file",
		"\n \n":                               "blank lines",
		zipped.String():                       "gzip",
		core:                                  "a core dump",
		core[:16] + "\x03\x00":                "an ELF program",
		"PAR1\x15\x04":                        "a parquet file",
		"filerace race 1\n\ncommand  sh x.sh": "a race that a hunt has saved",
		"{\"a\": 1}\n":                        "JSON",
		"[{\"a\": 1}]":                        "JSON",
		"<html>":                              "XML or HTML",
		"\x00\x01\x02\x03":                    "binary data",
		"int main(void) { return f(1); }\n":   `plain text beginning with "int main(void)`,
		"#!/bin/sh\n":                         "a script",
		"PERFILE2 and so on":                  "perf.data",
		"[12:00:01] server started (pid 3)\n": "plain text",
	} {
		_, err := Open(write(t, "log", text))
		var unknown *UnknownError
		if !errors.As(err, &unknown) || !strings.HasPrefix(unknown.Looks, looks) {
			t.Errorf("%.20q: %v, want %s", text, err, looks)
		}
	}
	if _, err := Open(filepath.Join(t.TempDir(), "none")); !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
	if _, err := Open(t.TempDir()); err == nil {
		t.Error("a directory was opened")
	}
}

// A program's own output may stand before the first line, and between lines.
func TestKindIsToldFromTheMajority(t *testing.T) {
	src, err := Open(write(t, "log", "hello\nclose(1) = 0\nworld (2)\nclose(2) = 0\n"))
	if err != nil {
		t.Fatal(err)
	}
	all := records(t, src)
	if n := src.Notes(); len(all) != 3 || n.Kind != "strace" || n.Broken != 2 || n.FirstBad != "line 1: hello" {
		t.Errorf("%d records, %+v", len(all), n)
	}
	if err := src.Close(); err != nil {
		t.Error(err)
	}
}

// Files of several tasks can be put in order only by the time of day: -r counts from
// line to line across all of them.
func TestFilesWithoutTimeAreNotMerged(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{
		"r.1": "     0.000000 close(1) = 0\n", "r.2": "     0.000100 close(2) = 0\n",
		"t.1": "1700000000.000001 close(1) = 0\n", "t.2": "12:00:00 close(2) = 0\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, prefix := range []string{"r", "t"} {
		_, err := Open(filepath.Join(dir, prefix))
		var merge *MergeError
		if !errors.As(err, &merge) {
			t.Errorf("%s: %v", prefix, err)
		}
	}
	_, err := Open(filepath.Join(dir, "t.1"), write(t, "nopid", "1700000000.000001 close(1) = 0\n"))
	var merge *MergeError
	if !errors.As(err, &merge) {
		t.Error(err)
	}
}

// In the files of -ff a vfork's line ends long after its child's first lines.
func TestMergedByReturn(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{
		"log.7": "1700000000.000100 execve(\"/bin/a\", [\"a\"], 0x1 /* 2 vars */) = 0 <0.000010>\n" +
			"1700000000.000200 vfork() = 8 <0.000900>\n",
		"log.8": "1700000000.000300 close(1) = 0 <0.000010>\n1700000000.002000 close(2) = 0\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	src, err := Open(filepath.Join(dir, "log"))
	if err != nil {
		t.Fatal(err)
	}
	var last int64
	born := 0
	for _, r := range records(t, src) {
		if r.What == trace.Born && r.Op.PID == 8 && r.Parent == 7 {
			born++
		}
		if r.What == trace.Returned {
			if r.Op.Exit < last {
				t.Errorf("%s at %d, after %d", r.Op, r.Op.Exit, last)
			}
			last = r.Op.Exit
		}
	}
	if n := src.Notes(); born != 1 || last != 1_900_000 || !n.NoEntry || n.Start.UnixNano() != 1_700_000_000_000_100_000 {
		t.Errorf("born %d times, last at %d, %+v", born, last, n)
	}
}

// A task that was forked and has no file among those of -ff is told of, unless forks
// return other numbers than files are named after.
func TestMissingFileOfManyIsTold(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	absent := func() string {
		s, err := Open(filepath.Join(dir, "log"))
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		for {
			if _, err := s.Next(); errors.Is(err, io.EOF) {
				return s.Notes().Absent
			} else if err != nil {
				t.Fatal(err)
			}
		}
	}
	write("log.10", "1700000000.1 execve(\"/bin/sh\", [\"sh\"], 0x7ffd /* 3 vars */) = 0\n1700000000.2 fork() = 11\n1700000000.3 vfork() = 12\n1700000000.4 fork() = -1 EAGAIN (Resource temporarily unavailable)\n")
	write("log.11", "1700000000.3 close(3) = 0\n")
	if got := absent(); !strings.HasSuffix(got, " 12") {
		t.Errorf("without the file of task 12: %q", got)
	}
	write("log.4012", "1700000000.4 close(3) = 0\n")
	if got := absent(); got != "" {
		t.Errorf("with as many files as tasks: %q", got)
	}
	os.Rename(filepath.Join(dir, "log.4012"), filepath.Join(dir, "log.12"))
	if got := absent(); got != "" {
		t.Errorf("with all files: %q", got)
	}
}
