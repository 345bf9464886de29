//go:build unix

package safefile

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/iotest"

	"golang.org/x/sys/unix"
)

func TestAppendLosesNothing(t *testing.T) {
	name := filepath.Join(t.TempDir(), "log")
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			for j := range 20 {
				if err := Append(name, fmt.Appendf(nil, "%d-%d\n", i, j)); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	lines := map[string]bool{}
	for line := range strings.Lines(string(must(os.ReadFile(name))(t))) {
		lines[line] = true
	}
	if len(lines) != 160 {
		t.Errorf("%d records", len(lines))
	}
}

// cutShort lets the next write write that much only, and the one after it fail with then, if that is not nil.
func cutShort(t *testing.T, n int, then error) {
	t.Cleanup(func() { write = unix.Write })
	write = func(fd int, b []byte) (int, error) {
		write = unix.Write
		if then != nil {
			write = func(int, []byte) (int, error) { return -1, then }
		}
		return unix.Write(fd, b[:n])
	}
}

func TestAppendTellsOfShortWrites(t *testing.T) {
	name := filepath.Join(t.TempDir(), "log")
	cutShort(t, 2, nil)
	want(t, Append(name, []byte("first\n")), ErrSplit)
	content(t, name, "first\n")
	cutShort(t, 2, unix.ENOSPC)
	err := Append(name, []byte("second\n"))
	want(t, err, io.ErrShortWrite)
	want(t, err, unix.ENOSPC)
	content(t, name, "first\nse")
}

func TestFramedRecordsSurviveTornOnes(t *testing.T) {
	name := filepath.Join(t.TempDir(), "log")
	var wanted []string
	for i, n := range []int{1, 2, 5, 11, 12, 13, 14, 20} {
		record := strings.Repeat(string(rune('a'+i)), i)
		if n < frameHeader+i {
			cutShort(t, n, nil)
		}
		ok(t, Append(name, []byte(record), Framed()))
		wanted = append(wanted, record)
	}
	ok(t, Append(name, []byte(frameMark+"\x00\x00\x00\x01 a mark inside"), Framed()))
	wanted = append(wanted, frameMark+"\x00\x00\x00\x01 a mark inside")
	ok(t, Append(name, []byte("no frame"))) // at the end, as after a crash
	b := must(os.ReadFile(name))(t)
	for what, r := range map[string]io.Reader{"at once": bytes.NewReader(b), "by bytes": iotest.OneByteReader(bytes.NewReader(b))} {
		var got []string
		for record, err := range Records(r) {
			ok(t, err)
			got = append(got, string(record))
		}
		if fmt.Sprintf("%q", got) != fmt.Sprintf("%q", wanted) {
			t.Errorf("%s: %q, want %q", what, got, wanted)
		}
	}
	var last error
	for _, last = range Records(iotest.ErrReader(io.ErrUnexpectedEOF)) {
	}
	if !errors.Is(last, io.ErrUnexpectedEOF) {
		t.Error(last)
	}
	want(t, Append(name, make([]byte, MaxRecord+1), Framed()), errTooLong)
}

func FuzzRecords(f *testing.F) {
	one, _ := frame([]byte("one"))
	f.Add([]byte("torn"), one)
	f.Add(one[:7], []byte(frameMark))
	f.Fuzz(func(t *testing.T, before, after []byte) {
		if bytes.Contains(before, []byte(frameMark[:1])) {
			return // could be the beginning of a frame that swallows the next one
		}
		framed, _ := frame(after)
		n := 0
		for record, err := range Records(bytes.NewReader(append(before, framed...))) {
			if n++; err != nil || !bytes.Equal(record, after) {
				t.Fatalf("%q, %v", record, err)
			}
		}
		if n != 1 {
			t.Fatalf("%d records", n)
		}
	})
}
