package openhold

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// TestMain lets the test program be another process: one that opens files when
// told, or one that holds opens until it is killed.
func TestMain(m *testing.M) {
	switch os.Getenv("OPENHOLD_ROLE") {
	case "opener":
		open(os.Stdin, os.Stdout)
	case "holder":
		hold(os.Args[1])
	case "mount":
		removeInMount(os.Args[1])
	default:
		os.Exit(m.Run())
	}
}

// open reads lines "FLAGS PATH" and answers each with "LINKS INODE ERRNO".
func open(in io.Reader, out io.Writer) {
	for lines := bufio.NewScanner(in); lines.Scan(); {
		text, path, _ := strings.Cut(lines.Text(), " ")
		flags, _ := strconv.Atoi(text)
		var st unix.Stat_t
		fd, err := unix.Open(path, flags|unix.O_CLOEXEC, 0o600)
		errno, _ := err.(unix.Errno)
		if err == nil {
			unix.Fstat(fd, &st)
			unix.Close(fd)
		}
		fmt.Fprintln(out, uint64(st.Nlink), st.Ino, int(errno))
	}
}

// hold holds every open in dir and says so; it never lets one go.
func hold(dir string) {
	w, err := Watch(nil, dir)
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	fmt.Println("watching")
	for o := range w.Opens {
		fmt.Println("held", o.Path)
	}
}

// removeInMount mounts a file system on dir and shows that an open two directories
// down is held. It runs in a mount namespace of its own.
func removeInMount(dir string) {
	path := dir + "/a/b/file"
	err := errors.Join(
		unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""),
		unix.Mount("none", dir, "tmpfs", 0, ""),
		os.MkdirAll(dir+"/a/b", 0o700),
		os.WriteFile(path, nil, 0o600))
	w, watch := WatchMount(nil, dir)
	if err = errors.Join(err, watch); err != nil {
		fmt.Println(err)
		return
	}
	defer w.Close()
	cmd := exec.Command("/proc/self/exe")
	cmd.Env = append(os.Environ(), "OPENHOLD_ROLE=opener")
	cmd.Stdin = strings.NewReader(fmt.Sprintln(unix.O_RDONLY, path))
	var out strings.Builder
	cmd.Stdout = &out
	if err := cmd.Start(); err != nil {
		fmt.Println(err)
		return
	}
	held := <-w.Opens
	os.Remove(held.Path)
	held.Allow()
	cmd.Wait()
	fmt.Print("links, inode, errno ", out.String())
}

// opener is another process that opens files.
type opener struct {
	t   *testing.T
	cmd *exec.Cmd
	in  io.WriteCloser
	out *bufio.Reader
}

// seen is what an open gave its process.
type seen struct {
	links, ino uint64
	err        unix.Errno
}

func role(t *testing.T, name string, args ...string) (*exec.Cmd, *bufio.Reader) {
	t.Helper()
	cmd := exec.Command("/proc/self/exe", args...)
	// The runtime's signal for preemption would interrupt the open, which then starts
	// over and looks the name up anew.
	cmd.Env = append(os.Environ(), "OPENHOLD_ROLE="+name, "GODEBUG=asyncpreemptoff=1")
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	return cmd, bufio.NewReader(out)
}

func newOpener(t *testing.T) *opener {
	t.Helper()
	cmd, out := role(t, "opener")
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait()
	})
	return &opener{t, cmd, in, out}
}

// begin lets the process enter open(2).
func (o *opener) begin(path string, flags int) { fmt.Fprintln(o.in, flags, path) }

// result waits until the open has returned.
func (o *opener) result() (s seen) {
	o.t.Helper()
	if _, err := fmt.Fscanln(o.out, &s.links, &s.ino, &s.err); err != nil {
		o.t.Fatalf("the opener ended: %v", err)
	}
	return s
}

func (o *opener) pid() int { return o.cmd.Process.Pid }

func write(t *testing.T, path string) string {
	t.Helper()
	if err := os.WriteFile(path, []byte("content"), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func inode(t *testing.T, path string) uint64 {
	t.Helper()
	var st unix.Stat_t
	if err := unix.Stat(path, &st); err != nil {
		t.Fatal(err)
	}
	return st.Ino
}
