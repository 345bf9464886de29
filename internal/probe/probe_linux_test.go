//go:build linux && (amd64 || arm64)

package probe

import (
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"filerace/internal/op"
	"filerace/internal/trace"
)

// watchHere opens a probe, or skips the test and says what it needs.
func watchHere(t *testing.T, opt Options) *Probe {
	t.Helper()
	p, err := Open(opt)
	var missing *Unavailable
	if errors.As(err, &missing) {
		t.Skipf("%v; %s", err, missing.Hint)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Close() })
	return p
}

// actorVar names, in the environment of this test program, what it is to do instead of testing.
const actorVar = "FILERACE_PROBE_ACTOR"

func TestMain(m *testing.M) {
	if what := os.Getenv(actorVar); what != "" {
		os.Stdin.Read(make([]byte, 1)) // until it is let go
		actors[what](os.Args[1:])
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// actor starts this program as an actor that waits to be let go.
func actor(t *testing.T, what string, args ...string) (*exec.Cmd, func()) {
	t.Helper()
	return waiting(t, actorIn(t, "", what, args...))
}

// actorIn is an actor that works in a directory; "": in one of its own.
func actorIn(t *testing.T, dir, what string, args ...string) *exec.Cmd {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(exe, args...)
	cmd.Dir, cmd.Env = dir, append(os.Environ(), actorVar+"="+what)
	return cmd
}

// shell starts a shell that waits to be let go.
func shell(t *testing.T, script string) (*exec.Cmd, func()) {
	t.Helper()
	return waiting(t, exec.Command("sh", "-c", "read x; "+script))
}

func waiting(t *testing.T, cmd *exec.Cmd) (*exec.Cmd, func()) {
	t.Helper()
	w, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if cmd.Stderr = os.Stderr; cmd.Dir == "" {
		cmd.Dir = t.TempDir()
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := false
	t.Cleanup(func() {
		if !ended {
			cmd.Process.Kill()
			cmd.Wait()
		}
	})
	return cmd, func() {
		t.Helper()
		io.WriteString(w, "\n")
		ended = true
		if err := cmd.Wait(); err != nil {
			t.Fatal(err)
		}
	}
}

// rest reads the records that are left after Stop.
func rest(t *testing.T, p *Probe) (all []trace.Record) {
	t.Helper()
	for {
		r, err := p.Next()
		if err == io.EOF {
			return all
		}
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, r)
	}
}

var actors = map[string]func([]string){
	"files": files, "unlinks": unlinks, "names": changeNames, "renamers": renamers,
}

const storms = 20000 // calls that one "unlinks" makes

func unlinks([]string) {
	for range storms {
		unix.Unlink("no such file")
	}
}

// files does a bit of everything on one file, and writes down what fstat says.
func files([]string) {
	must := func(n int, err error) int {
		if err != nil {
			os.Stderr.WriteString(err.Error() + "\n")
			os.Exit(1)
		}
		return n
	}
	do := func(err error) { must(0, err) }
	fd := must(unix.Open("f", unix.O_RDWR|unix.O_CREAT|unix.O_EXCL|unix.O_CLOEXEC, 0o644))
	do(unix.Flock(fd, unix.LOCK_EX))
	must(unix.Write(fd, []byte("hello")))
	must(unix.Pwrite(fd, []byte("J"), 0))
	do(unix.FcntlFlock(uintptr(fd), unix.F_SETLK, &unix.Flock_t{Type: unix.F_WRLCK, Start: 2, Len: 3}))
	var st, dir unix.Stat_t
	do(unix.Fstat(fd, &st))
	do(unix.Stat(".", &dir))
	do(unix.Link("f", "g"))
	do(unix.Rename("g", "h"))
	do(unix.Unlink("h"))
	do(unix.Unlink("f"))
	do(unix.Close(fd))
	var p [2]int
	do(unix.Pipe(p[:]))
	said := strings.Join([]string{
		strconv.FormatUint(st.Dev, 10), strconv.FormatUint(st.Ino, 10), strconv.FormatUint(dir.Dev, 10), strconv.FormatUint(dir.Ino, 10),
		strconv.Itoa(fd), strconv.Itoa(p[0]), strconv.Itoa(p[1]),
	}, " ")
	do(os.WriteFile("said", []byte(said), 0o644))
}

// one returns the only operation of that kind, by what satisfies ok.
func one(t *testing.T, all []trace.Record, what string, ok func(*op.Op) bool) *op.Op {
	t.Helper()
	var found *op.Op
	for _, r := range all {
		if r.What == trace.Returned && ok(r.Op) {
			if found != nil {
				t.Fatalf("%s: both %v and %v", what, found, r.Op)
			}
			found = r.Op
		}
	}
	if found == nil {
		t.Fatalf("%s: not seen in %d records", what, len(all))
	}
	return found
}

func TestWhatAProcessDoesIsSeenAsFstatSeesIt(t *testing.T) {
	for _, plain := range []bool{false, true} {
		t.Run("cast="+strconv.FormatBool(!plain), func(t *testing.T) {
			neverCast = plain
			defer func() { neverCast = false }()
			cmd, release := actor(t, "files")
			p := watchHere(t, Options{Trees: []int{cmd.Process.Pid}})
			release()
			p.Stop()
			checkFiles(t, rest(t, p), cmd)
		})
	}
}

func checkFiles(t *testing.T, all []trace.Record, cmd *exec.Cmd) {
	t.Helper()
	said, err := os.ReadFile(filepath.Join(cmd.Dir, "said"))
	if err != nil {
		t.Fatal(err)
	}
	var n [7]uint64
	for i, f := range strings.Fields(string(said)) {
		n[i], _ = strconv.ParseUint(f, 10, 64)
	}
	fd := int(n[4])
	opened := one(t, all, "open of f", func(o *op.Op) bool { return o.Kind == op.Open && o.Path == "f" })
	if opened.NewFD != fd || opened.File.ID.Dev != n[0] || opened.File.ID.Ino != n[1] || opened.File.Type != op.Regular || opened.File.Nlink != 1 {
		t.Errorf("opened %+v as %d, want %v as %d", opened.File, opened.NewFD, n[:2], fd)
	}
	if len(opened.Names) != 1 || opened.Names[0].Dir.Dev != n[2] || opened.Names[0].Dir.Ino != n[3] || !opened.Names[0].Before.IsZero() || opened.Names[0].After != opened.File.ID {
		t.Errorf("names of the open: %+v, want one in %v", opened.Names, n[2:4])
	}
	if opened.Enter <= 0 || opened.Exit <= opened.Enter || opened.PID != cmd.Process.Pid {
		t.Errorf("the open took from %d to %d, in process %d", opened.Enter, opened.Exit, opened.PID)
	}
	flock := one(t, all, "flock", func(o *op.Op) bool { return o.Kind == op.LockOp && o.Lock.Family == op.FlockLock })
	if flock.File.ID != opened.File.ID || flock.Lock.Mode != op.Exclusive || !flock.Lock.Wait {
		t.Errorf("flock of %v: %+v", flock.File.ID, flock.Lock)
	}
	fcntl := one(t, all, "F_SETLK", func(o *op.Op) bool { return o.Kind == op.LockOp && o.Lock.Family == op.PosixLock })
	if l := fcntl.Lock; fcntl.File.ID != opened.File.ID || l.Start != 2 || l.End != 5 || l.Mode != op.Exclusive {
		t.Errorf("F_SETLK of %v: %+v", fcntl.File.ID, l)
	}
	write := one(t, all, "write", func(o *op.Op) bool { return o.Kind == op.Write && o.FD == fd && o.Len == 5 })
	if string(write.Data) != "hello" || write.Off != 0 || write.OldSize != 0 || write.File.Size != 5 || write.File.ID != opened.File.ID {
		t.Errorf("write of %q at %d to a file of %d and then %d bytes", write.Data, write.Off, write.OldSize, write.File.Size)
	}
	pwrite := one(t, all, "pwrite", func(o *op.Op) bool { return o.Kind == op.Write && o.FD == fd && o.Len == 1 })
	if string(pwrite.Data) != "J" || pwrite.Off != 0 || pwrite.OldSize != 5 {
		t.Errorf("pwrite of %q at %d to a file of %d bytes", pwrite.Data, pwrite.Off, pwrite.OldSize)
	}
	for _, kind := range []op.Kind{op.Link, op.Rename} {
		o := one(t, all, kind.String(), func(o *op.Op) bool { return o.Kind == kind })
		if len(o.Names) != 2 || o.Names[0].Dir.Ino != n[3] || o.Names[1].Dir.Ino != n[3] {
			t.Errorf("%v: names %+v, want two in directory %d", o, o.Names, n[3])
		}
	}
	gone := one(t, all, "unlink of f", func(o *op.Op) bool { return o.Kind == op.Unlink && o.Path == "f" })
	if len(gone.Names) != 1 || gone.Names[0].Base != "f" || gone.Names[0].Dir.Ino != n[3] {
		t.Errorf("names of the unlink: %+v", gone.Names)
	}
	closed := one(t, all, "close", func(o *op.Op) bool { return o.Kind == op.Close && o.FD == fd && o.File.ID == opened.File.ID })
	if closed.Ret != 0 {
		t.Errorf("close: %v", closed)
	}
	pipe := one(t, all, "pipe", func(o *op.Op) bool { return o.Kind == op.PipeOp && o.NewFD == int(n[5]) })
	if pipe.NewFD2 != int(n[6]) || pipe.File.Type != op.Pipe || pipe.File.ID.IsZero() {
		t.Errorf("pipe: %d and %d, %+v", pipe.NewFD, pipe.NewFD2, pipe.File)
	}
}
