package logs

import (
	"fmt"
	"io"
	"strings"
	"testing"

	"filerace/internal/op"
	"filerace/internal/trace"
)

// readStrace reads the text of a strace.
func readStrace(text string) *straceSource {
	return newStrace(newLines(io.NopCloser(strings.NewReader(text)), maxLine))
}

// records returns all records of a source.
func records(t testing.TB, src trace.Source) []trace.Record {
	t.Helper()
	var all []trace.Record
	for {
		r, err := src.Next()
		if err == io.EOF {
			return all
		}
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, r)
	}
}

// oneCall reads a line and returns its operation.
func oneCall(t *testing.T, text string) *op.Op {
	t.Helper()
	src := readStrace(text)
	for _, r := range records(t, src) {
		if r.What == trace.Returned {
			return r.Op
		}
	}
	t.Fatalf("%s: no call; %+v", text, src.Notes())
	return nil
}

func TestArguments(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{`open("a\tb\"\\\303\274", O_RDONLY) = 3`, ` open("a\tb\"\\ü", O_RDONLY, 00) = 3`},
		{`open("x", O_WRONLY|O_CREAT|0x8000|O_APPEND, 0600) = 3`, ` open("x", O_WRONLY|O_CREAT|O_APPEND|O_LARGEFILE, 0600) = 3`},
		{`openat2(AT_FDCWD, "x", {flags=O_RDWR|O_CLOEXEC, mode=0, resolve=RESOLVE_BENEATH}, 24) = 5`, ` openat2(AT_FDCWD, "x", O_RDWR|O_CLOEXEC, 24) = 5`},
		{`flock(4, LOCK_SH|LOCK_NB) = -1 EAGAIN (Resource temporarily unavailable)`, ` flock(4, LOCK_SH|LOCK_NB) = -1 EAGAIN`},
		{`fcntl(3, F_OFD_SETLKW, {l_type=F_RDLCK, l_whence=SEEK_END, l_start=-10, l_len=0}) = 0`, ` fcntl(3, F_OFD_SETLKW, SH [-10, end) from the end) = 0`},
		{`fcntl(3, F_DUPFD_CLOEXEC, 10) = 10`, ` fcntl(3, F_DUPFD_CLOEXEC, 10) = 10`},
		{`fcntl(3, F_SETLEASE, F_WRLCK) = 0`, ` fcntl(3, F_SETLEASE, EX) = 0`},
		{`unlinkat(AT_FDCWD, "d", AT_REMOVEDIR) = 0`, ` unlinkat(AT_FDCWD, "d", AT_REMOVEDIR) = 0`},
		{`renameat2(3, "a", AT_FDCWD, "b", RENAME_EXCHANGE) = 0`, ` renameat2(3, "a", AT_FDCWD, "b", RENAME_EXCHANGE) = 0`},
		{`close_range(3, ~0U, 0) = 0`, ` close_range(3, 2147483647, 0) = 0`},
		{`write(1, "ab\0"..., 3000) = 3000`, ` write(1, "", 3000) = 3000`},
		{`write(1, "ab\0", 3) = 3`, ` write(1, "ab\x00", 3) = 3`},
		{`poll(NULL, 0, 250) = 0 (Timeout)`, ` poll(0, 250ms) = 0`},
		{`mmap(NULL, 4096, PROT_READ|PROT_WRITE, MAP_SHARED, 3</dev/shm/x>, 0x1000) = 0x7f0000000000`, ` mmap(4096, PROT_READ|PROT_WRITE, MAP_SHARED, 3</dev/shm/x>, 4096) = 139637976727552`},
		{`kill(77, SIGRT_2) = 0`, ` kill(77, signal 34) = 0`},
	} {
		if got := oneCall(t, c.text+"\n").String(); got != c.want {
			t.Errorf("%s\ngot  %s\nwant %s", c.text, got, c.want)
		}
	}
}

func TestWaitStatus(t *testing.T) {
	for text, want := range map[string]int{
		`[{WIFEXITED(s) && WEXITSTATUS(s) == 7}]`:                      7,
		`[{WIFSIGNALED(s) && WTERMSIG(s) == SIGKILL}]`:                 137,
		`[{WIFSIGNALED(s) && WTERMSIG(s) == SIGSEGV && WCOREDUMP(s)}]`: 139,
		`[512]`: 2,
	} {
		o := oneCall(t, "wait4(-1, "+text+", 0, NULL) = 55\n")
		if int(o.Status) != want || o.Reaped != 55 {
			t.Errorf("%s: status %d of %d, want %d of 55", text, o.Status, o.Reaped, want)
		}
	}
	if o := oneCall(t, "wait4(-1, [{WIFSTOPPED(s) && WSTOPSIG(s) == SIGSTOP}], WSTOPPED, NULL) = 55\n"); o.Reaped != 0 {
		t.Errorf("a stopped process counts as reaped: %+v", o)
	}
}

func TestDescriptorsThatTheLogKnows(t *testing.T) {
	for text, want := range map[string]op.File{
		`3</a/b>`:                        {Path: "/a/b", Nlink: 1},
		`3</a/b>(deleted)`:               {Path: "/a/b"},
		`3</a/b (deleted)>`:              {Path: "/a/b"},
		`3</a/\74x\76\n>`:                {Path: "/a/<x>\n", Nlink: 1},
		`3</dev/null<char 1:3>>`:         {Path: "/dev/null", Nlink: 1, Type: op.Device},
		`3</proc/1/stat>`:                {Path: "/proc/1/stat", Nlink: 1, Type: op.Proc},
		`3<pipe:[12]>`:                   {Path: "pipe:[12]", Type: op.Pipe},
		`3<anon_inode:[eventpoll]>`:      {Path: "anon_inode:[eventpoll]", Type: op.Anon},
		`3<TCP:[1.2.3.4:5->6.7.8.9:10]>`: {Path: "TCP:[1.2.3.4:5->6.7.8.9:10]", Type: op.Socket},
		`3<UNIX-STREAM:[1->2,"/a)b>"]>`:  {Path: `UNIX-STREAM:[1->2,"/a)b>"]`, Type: op.Socket},
	} {
		if o := oneCall(t, "close("+text+") = 0\n"); o.File != want || o.FD != 3 {
			t.Errorf("%s: %+v of %d, want %+v", text, o.File, o.FD, want)
		}
	}
}

// A path that climbs may leave a symbolic link behind; it is not made absolute.
func TestRelativePaths(t *testing.T) {
	o := oneCall(t, `renameat(AT_FDCWD</w>, "./a", 3</v>, "b/c") = 0`+"\n")
	if len(o.Names) != 2 || o.Names[0].Path != "/w/a" || o.Names[1].Path != "/v/b/c" || o.Names[1].Base != "c" {
		t.Errorf("names %+v", o.Names)
	}
	if o := oneCall(t, `unlinkat(AT_FDCWD</w>, "l/../b", 0) = 0`+"\n"); len(o.Names) != 0 {
		t.Errorf("names %+v", o.Names)
	}
	if o := oneCall(t, `unlinkat(AT_FDCWD</w>(deleted), "b", 0) = -1 ENOENT (No such file)`+"\n"); len(o.Names) != 0 {
		t.Errorf("names %+v", o.Names)
	}
}

// Two forks are under way when two children's lines come: only the parents' returns
// tell whose is whose. Thread 31 belongs to process 20.
func TestChildrenSeenBeforeTheirParentsReturn(t *testing.T) {
	src := readStrace(`10 execve("/bin/a", ["a"], 0x1 /* 1 var */) = 0
10 fork() = 20
10 vfork( <unfinished ...>
20 clone( <unfinished ...>
31 close(1) = 0
30 close(2) = 0
20 <... clone resumed>child_stack=0x1, flags=CLONE_VM|CLONE_THREAD) = 31
10 <... vfork resumed>) = 30
`)
	parents, groups := map[int]int{}, map[int]int{}
	for _, r := range records(t, src) {
		if r.What == trace.Born {
			parents[r.Op.TID] = r.Parent
		}
		if r.What == trace.Returned {
			groups[r.Op.TID] = r.Op.PID
		}
	}
	if fmt.Sprint(parents) != "map[20:10 30:10 31:20]" || fmt.Sprint(groups) != "map[10:10 20:20 30:30 31:20]" {
		t.Errorf("parents %v, processes %v", parents, groups)
	}
	if n := src.Notes(); n.Broken != 0 || fmt.Sprint(n.Command) != "[a]" {
		t.Errorf("%+v", n)
	}
}

// Whole lines lie one behind the other, whatever the stamps' rounding says; broken
// ones overlap.
func TestOverlap(t *testing.T) {
	all := records(t, readStrace(`1 1700000000.000100 flock(3, LOCK_EX <unfinished ...>
2 1700000000.000110 close(1) = 0 <0.000300>
3 1700000000.000120 close(2) = 0 <0.000001>
1 1700000000.000115 <... flock resumed>) = 0 <0.000300>
`))
	at := map[int]*op.Op{}
	for _, r := range all {
		if r.What == trace.Returned {
			at[r.Op.TID] = r.Op
		}
	}
	one, two, three := at[1], at[2], at[3]
	if two.Exit != 310_000 || three.Enter <= two.Exit || one.Exit <= three.Exit || one.Enter != 0 {
		t.Errorf("1 [%d %d], 2 [%d %d], 3 [%d %d]", one.Enter, one.Exit, two.Enter, two.Exit, three.Enter, three.Exit)
	}
}

// Calls without a directory descriptor lead to the same names as those with one.
func TestWorkingDirectory(t *testing.T) {
	var got []string
	for _, r := range records(t, readStrace(`1 openat(AT_FDCWD</w>, "f", O_RDONLY) = 3</w/f>
1 unlink("f") = 0
1 fork() = 2
2 chdir("d") = 0
2 rename("../a", "b") = 0
1 mkdir("e", 0777) = 0
2 fchdir(5</v>) = 0
2 rmdir("x") = 0
2 rmdir("l/../x") = 0
`)) {
		for _, n := range r.Op.Names {
			got = append(got, n.Path)
		}
	}
	if s := fmt.Sprint(got); s != "[/w/f /w/f /w/d /w/a /w/d/b /w/e /v/x]" {
		t.Error(s)
	}
}

func TestMidnight(t *testing.T) {
	all := records(t, readStrace("23:59:59.900000 close(1) = 0\n00:00:00.100000 close(2) = 0\n"))
	if last := all[len(all)-1].Op; last.Enter != 200_000_000 {
		t.Errorf("entered at %d", last.Enter)
	}
}

// An interrupted call begins again; a call in which the process was killed did nothing
// that is known.
func TestCallsWithoutResult(t *testing.T) {
	src := readStrace(`5 flock(3, LOCK_EX) = ? ERESTARTSYS (To be restarted if SA_RESTART is set)
5 read(3,  <unfinished ...>
5 <... read resumed> <unfinished ...>) = ?
5 write(4, "x", 1 <unfinished ...>
5 +++ killed by SIGKILL +++
`)
	var got []string
	for _, r := range records(t, src) {
		got = append(got, fmt.Sprintf("%d%s", r.What, r.Op))
	}
	want := fmt.Sprint([]string{"3 nothing(\"\") = 0", "0 flock(3, LOCK_EX) = -1 EINTR", "4 exit(\"\")"})
	if fmt.Sprint(got) != want || src.Notes().Broken != 0 {
		t.Errorf("got  %v\nwant %s\n%+v", got, want, src.Notes())
	}
}

func TestBrokenLines(t *testing.T) {
	long := "write(1, \"" + strings.Repeat("x", 3*maxLine) + "\", 3) = 3"
	src := readStrace("close(1) = 0\n\x00\x01rubbish\xff\nopen(\"a\" = 3\n" + long + "\nclose(2) = 0\nclose(3")
	n := 0
	for _, r := range records(t, src) {
		if r.What == trace.Returned {
			n++
		}
	}
	notes := src.Notes()
	if n != 2 || notes.Broken != 4 || notes.FirstBad != `line 2: \x00\x01rubbish\xff` {
		t.Errorf("%d calls, %+v", n, notes)
	}
	if cap(src.file.joined) != 0 || src.file.in.r.Size() > maxLine {
		t.Error("a long line was kept")
	}
}
