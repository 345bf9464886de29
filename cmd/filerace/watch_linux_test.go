package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"filerace/internal/probe"
)

// needProbe skips where the system cannot be watched.
func needProbe(t *testing.T) {
	t.Helper()
	p, err := probe.Open(probe.Options{Calls: []string{"flock"}, NoStart: true})
	if err != nil {
		t.Skip(err)
	}
	p.Close()
}

// output gathers what a process writes.
type gathered struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (g *gathered) Write(b []byte) (int, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.b.Write(b)
}

func (g *gathered) String() string {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.b.String()
}

// until waits for a condition.
func until(t *testing.T, what string, holds func() bool) {
	t.Helper()
	end := time.Now().Add(time.Minute)
	for !holds() {
		if time.Now().After(end) {
			t.Fatalf("%s did not come about", what)
		}
		time.Sleep(5 * time.Millisecond)
	}
}

// exitStatus waits for a command.
func exitStatus(t *testing.T, cmd *exec.Cmd) int {
	t.Helper()
	err := cmd.Wait()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return cmd.ProcessState.ExitCode()
}

// splitLock has a process wait for the lock on a file whose name is then taken away,
// and another one lock the new file of that name meanwhile.
const splitLock = `
exec 9>L
flock 9
(exec 9>&- 8>L; : >opened; flock 8; echo b >>log; : >locked; until [ -e over ]; do sleep .01; done) &
until [ -e opened ]; do sleep .01; done
rm L
exec 9>&-
until [ -e locked ]; do sleep .01; done
(exec 7>L; flock 7; echo c >>log; : >over)
wait
`

func TestWatchSeesARace(t *testing.T) {
	needProbe(t)
	dir := t.TempDir()
	var out, said gathered
	cmd := exec.Command("filerace", "watch", "--tree", strconv.Itoa(os.Getpid()), "--path", "**/L", "--record", "kept")
	cmd.Dir, cmd.Stdout, cmd.Stderr = dir, &out, &said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	until(t, "the watch", func() bool { return strings.Contains(said.String(), "Ctrl-C ends it") })
	race := exec.Command("sh", "-c", splitLock)
	race.Dir = dir
	if text, err := race.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	until(t, "the finding", func() bool { return strings.Contains(out.String(), "unlinked-lock · observed") })
	cmd.Process.Signal(os.Interrupt)
	if got := exitStatus(t, cmd); got != exitRace {
		t.Errorf("status %d, want %d\n%s", got, exitRace, said.String())
	}
	if !strings.Contains(said.String(), " lost, 1 race") {
		t.Errorf("it says %s\nof\n%s", said.String(), out.String())
	}
	meta, err := os.ReadFile(filepath.Join(dir, "kept.filerace", "meta.json"))
	if err != nil || !bytes.Contains(meta, []byte(`"closed": true`)) {
		t.Errorf("recorded: %v, %s", err, meta)
	}
	findings, err := os.ReadFile(filepath.Join(dir, "kept.filerace", "findings.json"))
	if err != nil || !bytes.Contains(findings, []byte(`"unlinked-lock"`)) {
		t.Errorf("recorded findings: %v, %s", err, findings)
	}
}

// The events of a path are told however it is written, and no others, also if only one
// program's are asked for that was not there before.
func TestWatchShowsThePathsAskedFor(t *testing.T) {
	needProbe(t)
	t.Run("any program", func(t *testing.T) { watchPaths(t) })
	t.Run("one program", func(t *testing.T) { watchPaths(t, "-n", "sh") })
	t.Run("one user", func(t *testing.T) { watchPaths(t, "--uid", "0") })
}

func watchPaths(t *testing.T, more ...string) {
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(dir, "in"), 0o755); err != nil {
		t.Fatal(err)
	}
	var out, said gathered
	cmd := exec.Command("filerace", append(more, "--events", "--path", "in/l*", "--tree", strconv.Itoa(os.Getpid()))...)
	cmd.Args = slices.Insert(cmd.Args, 1, "watch")
	cmd.Dir, cmd.Stdout, cmd.Stderr = dir, &out, &said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	until(t, "the watch", func() bool { return strings.Contains(said.String(), "Ctrl-C ends it") })
	acts := exec.Command("sh", "-c", ": >other; : >in/other; : >in/log1; cd in; : >log2; : >../in/log3; : >"+dir+"/in/log4; : >over")
	acts.Dir = dir
	if text, err := acts.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	until(t, "the last open", func() bool { return strings.Contains(out.String(), "log4") })
	cmd.Process.Signal(os.Interrupt)
	if got := exitStatus(t, cmd); got != exitClean {
		t.Errorf("status %d, want %d\n%s", got, exitClean, said.String())
	}
	for name, want := range map[string]bool{"log1": true, "log2": true, "log3": true, "log4": true, "other": false, "over": false} {
		if strings.Contains(out.String(), name) != want {
			t.Errorf("%s: shown is not %t in\n%s", name, want, out.String())
		}
	}
}

func TestWatchEndsWithItsReader(t *testing.T) {
	needProbe(t)
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	var said gathered
	cmd := exec.Command("filerace", "watch", "--events")
	cmd.Stdout, cmd.Stderr = write, &said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	write.Close()
	if _, err := read.Read(make([]byte, 4)); err != nil {
		t.Error(err)
	}
	read.Close()
	busy := exec.Command("sh", "-c", "while :; do echo >f; done") // its calls are what cannot be written
	busy.Dir = t.TempDir()
	if err := busy.Start(); err != nil {
		t.Fatal(err)
	}
	if got := exitStatus(t, cmd); got != exitClean && got != exitRace {
		t.Errorf("status %d\n%s", got, said.String())
	}
	busy.Process.Kill()
	busy.Wait()
	if strings.Count(said.String(), "\n") != 2 {
		t.Errorf("it says\n%s", said.String())
	}
}

// terminalPair opens a pseudoterminal.
func terminalPair(t *testing.T) (master, slave *os.File) {
	t.Helper()
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Skip(err)
	}
	t.Cleanup(func() { master.Close() })
	if err := unix.IoctlSetPointerInt(int(master.Fd()), unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	n, err := unix.IoctlGetInt(int(master.Fd()), unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	slave, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { slave.Close() })
	if err := unix.IoctlSetWinsize(int(slave.Fd()), unix.TIOCSWINSZ, &unix.Winsize{Row: 20, Col: 90}); err != nil {
		t.Fatal(err)
	}
	return master, slave
}

// The terminal is as it was, whether the watch ends by a key or by a signal.
func TestTopRestoresTheTerminal(t *testing.T) {
	needProbe(t)
	for name, end := range map[string]func(master *os.File, p *os.Process) error{
		"q":       func(m *os.File, _ *os.Process) error { _, err := m.WriteString("xq"); return err },
		"Ctrl-C":  func(m *os.File, _ *os.Process) error { _, err := m.WriteString("\x03"); return err },
		"SIGTERM": func(_ *os.File, p *os.Process) error { return p.Signal(syscall.SIGTERM) },
	} {
		t.Run(name, func(t *testing.T) {
			master, slave := terminalPair(t)
			before, err := unix.IoctlGetTermios(int(slave.Fd()), unix.TCGETS)
			if err != nil {
				t.Fatal(err)
			}
			var shown gathered
			go func() {
				b := make([]byte, 4096)
				for {
					n, err := master.Read(b)
					if err != nil {
						return
					}
					shown.Write(b[:n])
				}
			}()
			cmd := exec.Command("filerace", "watch", "--top")
			cmd.Stdin, cmd.Stdout, cmd.Stderr = slave, slave, slave
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			until(t, "the picture", func() bool { return strings.Contains(shown.String(), "DELETED BUT OPEN") })
			during, err := unix.IoctlGetTermios(int(slave.Fd()), unix.TCGETS)
			if err != nil || reflect.DeepEqual(before, during) {
				t.Errorf("the terminal is not raw while the picture is shown: %v", err)
			}
			if err := end(master, cmd.Process); err != nil {
				t.Fatal(err)
			}
			if got := exitStatus(t, cmd); got != exitClean && got != exitRace {
				t.Errorf("status %d", got)
			}
			after, err := unix.IoctlGetTermios(int(slave.Fd()), unix.TCGETS)
			if err != nil || !reflect.DeepEqual(before, after) {
				t.Errorf("the terminal was %+v and is %+v (%v)", before, after, err)
			}
			until(t, "the old screen", func() bool {
				_, rest, ok := strings.Cut(shown.String(), leaveScreen)
				return ok && strings.Contains(rest, "events")
			})
			if strings.Count(shown.String(), "\x1b[H") == 0 || !strings.Contains(shown.String(), enterScreen) {
				t.Errorf("shown %q", shown.String())
			}
		})
	}
}
