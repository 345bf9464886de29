//go:build unix

package safefile

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"testing"
)

// roles are what a process that a test starts does: the test binary itself, with the
// role's name in its environment. A role reads its orders from standard input, and
// its answers are lines on standard output.
var roles = map[string]func(args []string){
	"hold":      holdRole,
	"greedy":    greedyRole,
	"limited":   limitedRole,
	"range":     rangeRole,
	"abandon":   abandonRole,
	"open":      openRole,
	"pidfile":   pidfileRole,
	"contender": contenderRole,
	"bystander": bystanderRole,
}

const roleVariable = "SAFEFILE_TEST_ROLE"

func TestMain(m *testing.M) {
	if role := roles[os.Getenv(roleVariable)]; role != nil {
		role(os.Args[1:])
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// actor is a process in a role.
type actor struct {
	t   *testing.T
	cmd *exec.Cmd
	in  io.WriteCloser
	out *bufio.Reader
}

func startRole(t *testing.T, role string, args ...string) *actor {
	t.Helper()
	cmd := exec.Command(os.Args[0], args...)
	return startActor(t, role, cmd)
}

func startActor(t *testing.T, role string, cmd *exec.Cmd) *actor {
	t.Helper()
	cmd.Env = append(os.Environ(), roleVariable+"="+role, "GORACE=atexit_sleep_ms=0")
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	a := &actor{t, cmd, in, bufio.NewReader(out)}
	t.Cleanup(func() {
		in.Close()
		cmd.Process.Kill()
		cmd.Wait()
	})
	return a
}

// line is the actor's next answer.
func (a *actor) line() string {
	a.t.Helper()
	s, err := a.out.ReadString('\n')
	if err != nil {
		a.t.Fatalf("%v ended: %v", a.cmd.Args, err)
	}
	return strings.TrimSpace(s)
}

func (a *actor) expect(want string) {
	a.t.Helper()
	if got := a.line(); got != want {
		a.t.Fatalf("%v says %q, want %q", a.cmd.Args[1:], got, want)
	}
}

func (a *actor) kill() {
	a.cmd.Process.Kill()
	a.cmd.Wait()
}

// end lets the actor go on to its end.
func (a *actor) end() error {
	a.in.Close()
	return a.cmd.Wait()
}

// say tells the test.
func say(format string, a ...any) { fmt.Printf(format+"\n", a...) }

// untilTold waits until the test closes standard input.
func untilTold() { io.Copy(io.Discard, os.Stdin) }

func orDie(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
