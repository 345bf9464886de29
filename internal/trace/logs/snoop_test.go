package logs

import (
	"io"
	"strings"
	"testing"

	"filerace/internal/op"
	"filerace/internal/trace"
)

func readSnoop(text string) *snoopSource {
	return newSnoop(newLines(io.NopCloser(strings.NewReader(text)), maxLine))
}

const snoopTail = ` 2017 Aug  3 20:58:05 501  79011 `

// Darwin's flags mean what ours mean, and the lock that open takes comes as one.
func TestDarwinFlags(t *testing.T) {
	for _, c := range []struct{ flags, open, lock string }{
		{"0x01000024", "O_RDONLY|O_NONBLOCK|O_CLOEXEC", "LOCK_EX|LOCK_NB"},
		{"0x00000612", "O_RDWR|O_CREAT|O_TRUNC", "LOCK_SH"},
		{"0x00000a29", "O_WRONLY|O_CREAT|O_EXCL|O_APPEND", "LOCK_EX"},
		{"0x00100100", "O_RDONLY|O_DIRECTORY|O_NOFOLLOW", ""},
	} {
		all := records(t, readSnoop("open_nocancel 5"+snoopTail+"3 "+c.flags+" 0 ./a b prog\\0\n"))
		if got, want := all[1].Op.String(), ` open("./a b", `+c.open+", 00) = 3"; got != want || all[1].UID != 501 {
			t.Errorf("%s: %s, want %s", c.flags, got, want)
		}
		switch {
		case c.lock == "" && len(all) == 2:
		case c.lock == "" || len(all) != 3:
			t.Errorf("%s: %d records", c.flags, len(all))
		case all[2].Op.String() != " flock(3, "+c.lock+") = 0" || all[2].Op.Exit != all[1].Op.Exit:
			t.Errorf("%s: %s", c.flags, all[2].Op)
		}
	}
	// No lock was taken where open failed; EAGAIN is 35 there and 11 here.
	all := records(t, readSnoop("open 5"+snoopTail+"-1 0x24 35 ./a prog\\0\n"))
	if len(all) != 2 || all[1].Op.Errno() != 11 {
		t.Errorf("%d records, %s", len(all), all[1].Op)
	}
}

// The second published trace: the pid is the column behind the user's id, as its
// entry lines show.
func TestEntryLines(t *testing.T) {
	src, err := Open("testdata/second.openclosesnoop")
	if err != nil {
		t.Fatal(err)
	}
	var opened, removed *op.Op
	for _, r := range records(t, src) {
		switch {
		case r.What != trace.Returned:
		case r.Op.Kind == op.Open && r.Op.PID == 75939:
			opened = r.Op
		case r.Op.Kind == op.Unlink && r.Op.PID == 75938:
			removed = r.Op
		}
		if r.What == trace.Returned && r.UID != 605572857 {
			t.Errorf("user %d", r.UID)
		}
	}
	if opened.Enter > removed.Exit || opened.Exit < removed.Exit || removed.Enter != op.None {
		t.Errorf("open [%d %d], unlink [%d %d]", opened.Enter, opened.Exit, removed.Enter, removed.Exit)
	}
	n := src.Notes()
	if n.NoEntry || n.Calls != "open, unlink, close" || n.Start.Year() != 2017 {
		t.Errorf("%+v", n)
	}
	if err := src.Close(); err != nil {
		t.Error(err)
	}
}

func TestSnoopBrokenLines(t *testing.T) {
	src := readSnoop("open 5" + snoopTail + "3 0 0 ./a prog\\0\nopen 5 2017\nclose 6" + snoopTail + "0 0 0 ./a prog\\0\n")
	if n := len(records(t, src)); n != 2 || src.Notes().Broken != 2 || src.Notes().FirstBad != "line 2: open 5 2017" {
		t.Errorf("%d records, %+v", n, src.Notes())
	}
}
