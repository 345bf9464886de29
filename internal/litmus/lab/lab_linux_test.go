package lab

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"filerace/internal/litmus"
)

// TestMain lets the test program be the command that makes file systems: outside,
// which enters, and inside, which builds what its arguments name.
func TestMain(m *testing.M) {
	litmus.MaybeAct()
	if os.Getenv("LAB_ROLE") == "" {
		os.Exit(m.Run())
	}
	if Inside() {
		if err := inside(os.Args[1:]); err != nil {
			fmt.Println("error", err)
			os.Exit(7)
		}
		os.Exit(5)
	}
	status, err := Enter()
	if err != nil {
		fmt.Println("error", err)
		os.Exit(1)
	}
	os.Exit(status)
}

// inside tells what it has built, tries one litmus case there, and ends when its
// standard input does.
func inside(names []string) (err error) {
	l, err := Build(names)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, l.Close()) }()
	for _, m := range l.Missing {
		fmt.Printf("missing %s: %s\n", m.Name, m.Why)
	}
	m, err := litmus.Run(context.Background(), l.Places, litmus.Options{Select: []string{"create/mkdir"}, Trials: 200, Time: 10 * time.Second})
	if err != nil {
		return err
	}
	for _, c := range m.Columns {
		fmt.Println("place", strings.Fields(c.Label)[0], c.FS.Type, c.FS.Source, c.Results[0].Verdict)
	}
	fmt.Println("built")
	_, err = io.Copy(io.Discard, os.Stdin)
	return err
}

// command is the command at work.
type command struct {
	*exec.Cmd
	in  io.WriteCloser
	out *bufio.Scanner
	tmp string
}

func begin(t *testing.T, names ...string) *command {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("needs root")
	}
	c := &command{Cmd: exec.Command("/proc/self/exe", names...), tmp: t.TempDir()}
	c.Env = append(os.Environ(), "LAB_ROLE=outside", "TMPDIR="+c.tmp)
	c.Stderr = os.Stderr
	in, err := c.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	c.in, c.out = in, bufio.NewScanner(out)
	t.Cleanup(func() {
		c.Process.Kill()
		c.Wait()
	})
	return c
}

// built reads what the command tells until everything is built.
func (c *command) built(t *testing.T) (lines []string) {
	t.Helper()
	for c.out.Scan() {
		if c.out.Text() == "built" {
			return lines
		}
		lines = append(lines, c.out.Text())
	}
	t.Fatalf("it was never built: %q", lines)
	return nil
}

// devices are the loop devices whose files are in the command's temporary directory.
func (c *command) devices(t *testing.T) (names []string) {
	t.Helper()
	files, err := filepath.Glob("/sys/block/loop*/loop/backing_file")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if text, err := os.ReadFile(f); err == nil && strings.HasPrefix(string(text), c.tmp) {
			names = append(names, strings.Split(f, "/")[3])
		}
	}
	return names
}

func nothingLeft(t *testing.T, c *command) {
	t.Helper()
	if left, err := os.ReadDir(c.tmp); err != nil || len(left) > 0 {
		t.Errorf("in the temporary directory: %v, %v", left, err)
	}
	for n := 0; len(c.devices(t)) > 0; n++ {
		if n == 2000 {
			t.Fatalf("%v are still attached", c.devices(t))
		}
		time.Sleep(5 * time.Millisecond)
	}
}

func TestBuildAll(t *testing.T) {
	c := begin(t, Names()...)
	lines := c.built(t)
	want := map[string]string{"ext4": "ext4", "xfs": "xfs", "btrfs": "btrfs", "tmpfs": "tmpfs", "overlay": "overlay", "fuse": "fuse"}
	for _, l := range lines {
		f := strings.Fields(l)
		if f[0] == "missing" {
			t.Log(l)
			continue
		}
		if want[f[1]] != f[2] || f[len(f)-1] != string(litmus.VerdictKept) {
			t.Error(l)
		}
	}
	if len(lines) != len(want) {
		t.Errorf("%d of %d file systems: %q", len(lines), len(want), lines)
	}
	mounts, err := os.ReadFile("/proc/self/mounts")
	if err != nil {
		t.Fatal(err)
	}
	devices := c.devices(t)
	for _, d := range devices {
		if strings.Contains(string(mounts), "/dev/"+d+" ") {
			t.Errorf("%s is mounted for everybody", d)
		}
	}
	if program("mkfs.ext4") != "" && len(devices) == 0 {
		t.Error("no loop device is in use")
	}
	c.in.Close()
	for c.out.Scan() {
		t.Error(c.out.Text())
	}
	if c.Wait(); c.ProcessState.ExitCode() != 5 {
		t.Errorf("exit status %v, want the one from inside", c.ProcessState)
	}
	nothingLeft(t, c)
}

// A signal to end is handed on to the process inside; by SIGKILL it ends, too.
func TestKilledLeavesNothing(t *testing.T) {
	for _, sig := range []os.Signal{syscall.SIGKILL, syscall.SIGTERM} {
		t.Run(sig.String(), func(t *testing.T) {
			c := begin(t, "ext4", "overlay", "fuse")
			c.built(t)
			if program("mkfs.ext4") != "" && len(c.devices(t)) != 2 {
				t.Errorf("%v are in use, want one for ext4 and one for what lies on it", c.devices(t))
			}
			c.Process.Signal(sig)
			c.Wait()
			nothingLeft(t, c)
		})
	}
}

func TestMissingProgram(t *testing.T) {
	was := kinds[1].maker
	kinds[1].maker = "mkfs.that-nobody-has"
	defer func() { kinds[1].maker = was }()
	g := &ground{dir: t.TempDir()}
	_, err := g.build("xfs")
	if absent, ok := errors.AsType[*absentError](err); !ok || absent.why != "mkfs.that-nobody-has is not installed (Debian: xfsprogs)" {
		t.Error(err)
	}
}

func TestBuildRefuses(t *testing.T) {
	if _, err := Build([]string{"zfs"}); !errors.As(err, new(*UnknownError)) {
		t.Errorf("an unknown file system: %v", err)
	}
	// Mounting here would be seen by everybody.
	if _, err := Build([]string{"tmpfs"}); !errors.Is(err, ErrOutside) {
		t.Errorf("outside: %v", err)
	}
	t.Setenv(insideVar, "1")
	if _, err := Build([]string{"tmpfs"}); !errors.Is(err, ErrOutside) {
		t.Errorf("outside, with the variable set: %v", err)
	}
	if _, err := Enter(); os.Geteuid() != 0 && !errors.Is(err, ErrPrivilege) {
		t.Errorf("as an ordinary user: %v", err)
	}
}
