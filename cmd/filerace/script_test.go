package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// TestMain builds the command as users have it. A worker and the actors of a demo
// are the executable started once more, which the test binary could only imitate.
func TestMain(m *testing.M) {
	os.Exit(withCommand(m))
}

func withCommand(m *testing.M) int {
	dir, err := os.MkdirTemp("", "filerace-command")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	os.Chmod(dir, 0o755) // an ordinary user may run it
	if out, err := exec.Command("go", "build", "-o", filepath.Join(dir, "filerace"), ".").CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "build the command: %v\n%s", err, out)
		return 1
	}
	os.Setenv("PATH", dir+string(os.PathListSeparator)+os.Getenv("PATH"))
	return m.Run()
}

// TestScript runs testdata/script: one behaviour each. Scripts have two commands
// beyond those of testscript:
//
//	status N CMD…       CMD must end with exit status N (128 + signal number)
//	json FILE [FIELD…]  FILE must hold one JSON object with these fields; a field
//	                    as in findings[].rule, with its wanted value after =
//
// and the conditions [root], [namespaces] (an ordinary user may make user and
// mount namespaces) and [userbus]. Afterwards no process and no directory of
// filerace may be left.
func TestScript(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                "testdata/script",
		RequireUniqueNames: true,
		Setup: func(e *testscript.Env) error {
			e.Vars = append(e.Vars, "NO_COLOR=", "LC_ALL=C")
			e.Defer(func() { nothingLeft(e.T(), e.WorkDir) })
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){"status": status, "json": hasFields},
		Condition: func(name string) (bool, error) {
			switch name {
			case "root":
				return os.Geteuid() == 0, nil
			case "namespaces":
				return exec.Command("unshare", "-rm", "true").Run() == nil, nil
			}
			return false, fmt.Errorf("unknown condition %q", name)
		},
	})
}

func status(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: status N CMD [ARG…]")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	got := 0
	if err := ts.Exec(args[1], args[2:]...); err != nil {
		var exit *exec.ExitError
		if !errors.As(err, &exit) {
			ts.Fatalf("%v", err)
		}
		if got = exit.ExitCode(); got < 0 {
			got = 128 + int(exit.Sys().(syscall.WaitStatus).Signal())
		}
	}
	if got != want {
		ts.Fatalf("exit status %d, want %d", got, want)
	}
}

func hasFields(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 1 {
		ts.Fatalf("usage: json FILE [FIELD[=VALUE]…]")
	}
	in := json.NewDecoder(strings.NewReader(ts.ReadFile(args[0])))
	var whole map[string]any
	if err := in.Decode(&whole); err != nil {
		ts.Fatalf("not a JSON object: %v", err)
	}
	if in.More() {
		ts.Fatalf("more than one JSON value")
	}
	for _, arg := range args[1:] {
		name, want, compare := strings.Cut(arg, "=")
		v, err := field(whole, name)
		if err != nil {
			ts.Fatalf("%s: %v", name, err)
		}
		if got := fmt.Sprint(v); compare && got != want {
			ts.Fatalf("%s is %s, want %s", name, got, want)
		}
	}
}

// field follows a path such as findings[].steps[].op: of a list, its first element.
func field(v any, path string) (any, error) {
	for name := range strings.SplitSeq(path, ".") {
		name, list := strings.CutSuffix(name, "[]")
		object, _ := v.(map[string]any)
		var ok bool
		if v, ok = object[name]; !ok {
			return nil, fmt.Errorf("no field %s", name)
		}
		if list {
			elements, _ := v.([]any)
			if len(elements) == 0 {
				return nil, fmt.Errorf("%s is no list or has no element", name)
			}
			v = elements[0]
		}
	}
	return v, nil
}

// patience is how long killed processes may take to be gone.
const patience = 10 * time.Second

// nothingLeft fails the test for what a script left behind: processes, found by
// the script's directory in their environment, and directories of filerace.
func nothingLeft(t testscript.T, work string) {
	end := time.Now().Add(patience)
	left := leftBehind(work)
	for len(left) > 0 && time.Now().Before(end) {
		time.Sleep(time.Millisecond)
		left = leftBehind(work)
	}
	if dirs, _ := filepath.Glob(filepath.Join(work, ".tmp", "*")); len(dirs) > 0 {
		left = append(left, dirs...)
	}
	if len(left) > 0 {
		t.Fatal("left behind: ", strings.Join(left, ", "))
	}
}

// leftBehind lists those that live in the directory.
func leftBehind(dir string) (left []string) {
	all, _ := filepath.Glob("/proc/[0-9]*")
	for _, p := range all {
		env, err := os.ReadFile(filepath.Join(p, "environ"))
		if err != nil || !bytes.Contains(env, []byte(dir+"/.tmp")) {
			continue
		}
		line, _ := os.ReadFile(filepath.Join(p, "cmdline"))
		left = append(left, filepath.Base(p)+" "+strings.ReplaceAll(string(line), "\x00", " "))
	}
	return left
}
