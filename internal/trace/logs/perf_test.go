package logs

import (
	"io"
	"strings"
	"testing"

	"filerace/internal/op"
	"filerace/internal/trace"
)

func readPerf(text string) *perfSource {
	return newPerf(newLines(io.NopCloser(strings.NewReader(text)), maxLine))
}

func TestPerfArguments(t *testing.T) {
	const head = "     1.500 ( 0.250 ms): a b/c/77 "
	for _, c := range []struct{ text, want string }{
		{`openat(dfd: CWD, filename: "/a, b", flags: RDWR|CREAT|CLOEXEC, mode: IRUGO) = 3`, ` openat(AT_FDCWD, "/a, b", O_RDWR|O_CREAT|O_CLOEXEC, 00) = 3`},
		{`openat(dfd: CWD, filename: /a/b, flags: O_WRONLY|O_TRUNC) = 3`, ` openat(AT_FDCWD, "/a/b", O_WRONLY|O_TRUNC, 00) = 3`},
		{`openat(dfd: 5</etc>, filename: 0x8dc850b1) = -1 ENOENT (No such file or directory)`, ` openat(5, "", O_RDONLY, 00) = -1 ENOENT`},
		{`unlinkat(dfd: CWD, pathname: "d", flag: 512) = 0`, ` unlinkat(AT_FDCWD, "d", AT_REMOVEDIR) = 0`},
		{`renameat2(olddfd: CWD, oldname: "a", newdfd: 4, newname: "b", flags: NOREPLACE) = 0`, ` renameat2(AT_FDCWD, "a", 4, "b", RENAME_NOREPLACE) = 0`},
		{`symlinkat(oldname: "to", newdfd: CWD, newname: "l") = 0`, ` symlinkat("to", AT_FDCWD, "l") = 0`},
		{`flock(fd: 4</lock>, cmd: EX|NB) = -1 EAGAIN (Resource temporarily unavailable)`, ` flock(4, LOCK_EX|LOCK_NB) = -1 EAGAIN`},
		{`fcntl(fd: 4, cmd: DUPFD_CLOEXEC, arg: 10</dev/null>) = 11</x>`, ` fcntl(4, F_DUPFD_CLOEXEC, 10) = 11`},
		{`lseek(fd: 4, offset: 3, whence: END) = 9`, ` lseek(4, 3, SEEK_END) = 9`},
		{`dup2(oldfd: 4, newfd: 9</x>) = 9`, ` dup2(4, 9) = 9`},
		{`write(fd: 4, buf: 0x557cdc501020, count: 2) = 2`, ` write(4, "", 2) = 2`},
		{`getrandom(ubuf: 0x7f89f0666478, len: 8, flags: NONBLOCK) = 8`, ` getrandom(8, 0) = 8`},
	} {
		src := readPerf(head + c.text + "\n")
		all := records(t, src)
		last := all[len(all)-1].Op
		if got := last.String(); got != c.want || last.TID != 77 || last.Prog != "a b/c" || last.Exit-last.Enter != 250_000 {
			t.Errorf("%s\ngot  %s of %d %q\nwant %s", c.text, got, last.TID, last.Prog, c.want)
		}
		if n := src.Notes(); n.Broken != 0 {
			t.Errorf("%+v", n)
		}
	}
}

func TestPerfColumns(t *testing.T) {
	for _, head := range []string{
		"     1.500 ( 0.250 ms): ", "13132697.031 ( 0.035 ms): 1183 ", "0.1 (         ): :22278/22278 ", "1.0 (29.627 ms): (sd-pam)/12 ",
	} {
		if n := len(records(t, readPerf(head+"close(fd: 3)    = 0\n"))); n != 2 {
			t.Errorf("%q: %d records", head, n)
		}
	}
}

// A child's first line says that it is new; whose it is, its parent's line says later.
func TestPerfFamily(t *testing.T) {
	src := readPerf(`     0.100 (         ): sh/10 vfork()                                ...
     0.150 (         ): sh/20 vfork()                                ...
         ? (         ): sh/11  ... [continued]: vfork())             = 0
     0.300 ( 0.010 ms): sh/11 close(fd: 9)                           = 0
     0.150 ( 0.200 ms): sh/20  ... [continued]: vfork())             = 21
     0.100 ( 0.400 ms): sh/10  ... [continued]: vfork())             = 11
     0.600 (         ): sh/11 exit_group(error_code: 4)              = ?
     0.500 ( 0.300 ms): sh/10 wait4(upid: -1, stat_addr: 0x7ffc)     = 11 (sh)
`)
	parents := map[int]int{}
	ended, waited := 0, false
	for _, r := range records(t, src) {
		switch {
		case r.What == trace.Born:
			parents[r.Op.PID] = r.Parent
		case r.What == trace.Ended:
			ended++
			if r.Op.PID != 11 || r.Op.Status != 4 {
				t.Errorf("ended: %+v", r.Op)
			}
		case r.What == trace.Returned && r.Op.Kind == op.Wait:
			waited = r.Op.Reaped == 11 && r.Op.Exit == 700_000
		}
	}
	if parents[11] != 10 || parents[21] != 20 || ended != 1 || !waited || src.Notes().Broken != 0 {
		t.Errorf("parents %v, %d ended, waited %v, %+v", parents, ended, waited, src.Notes())
	}
}

func TestPerfBrokenLines(t *testing.T) {
	src := readPerf("     0.1 ( 0.1 ms): a/1 close(fd: 3) = 0\nrubbish\n     0.1 ( 0.1 ms): a/1 close(fd: 3\n")
	if n := len(records(t, src)); n != 2 || src.Notes().Broken != 2 || src.Notes().FirstBad != "line 2: rubbish" {
		t.Errorf("%d records, %+v", n, src.Notes())
	}
}
