package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"golang.org/x/term"
)

// lab is what all measurements share.
type lab struct {
	ctx     context.Context
	dir     string // everything is made below it; removed at the end
	quick   bool
	rounds  int // of operations and short runs
	hunts   int // of each case and demo
	core    int // for what is measured on one core
	perCase time.Duration
	cases   string // directory of the shared cases; "": none
	only    string

	memory   string // a directory in memory, if there is one, so that no disk is waited for
	memoryIs string // its kind, for people
	program  program
	filerace string // the command, built from this module
}

func newLab(ctx context.Context) (*lab, error) {
	dir, err := os.MkdirTemp("", "filerace-bench-")
	if err != nil {
		return nil, err
	}
	l := &lab{ctx: ctx, dir: dir, core: lastCore(), memoryIs: "tmpfs"}
	if l.memory, err = os.MkdirTemp("/dev/shm", "filerace-bench-"); err != nil {
		l.memory, l.memoryIs = l.sub("memory"), "the disk"
	}
	if l.program, err = buildProgram(dir); err == nil {
		err = l.buildCommand()
	}
	if err != nil {
		l.close()
		return nil, err
	}
	// Hunts make their directories below TMPDIR: none is left, whatever happens.
	os.Setenv("TMPDIR", l.sub("tmp"))
	return l, nil
}

func (l *lab) close() {
	os.RemoveAll(l.memory)
	os.RemoveAll(l.dir)
}

// sub makes a directory below the lab's own, if it is not there yet.
func (l *lab) sub(name string) string {
	dir := filepath.Join(l.dir, name)
	os.MkdirAll(dir, 0o755)
	return dir
}

func (l *lab) buildCommand() error {
	l.filerace = filepath.Join(l.dir, "filerace")
	out, err := exec.CommandContext(l.ctx, "go", "build", "-o", l.filerace, "filerace/cmd/filerace").CombinedOutput()
	if err != nil {
		return fmt.Errorf("build filerace (the bench must be started inside the module): %w: %s", err, out)
	}
	return nil
}

// strace returns the ways of strace that this machine has.
func strace() [][]string {
	if _, err := exec.LookPath("strace"); err != nil {
		return nil
	}
	ways := [][]string{{"strace", "-f"}}
	if exec.Command("strace", "-f", "--seccomp-bpf", "-qq", "-o", os.DevNull, "true").Run() == nil {
		ways = append(ways, []string{"strace", "-f", "--seccomp-bpf"})
	}
	return ways
}

// command is a process group that is ended as a whole when the lab's time is over.
func (l *lab) command(ctx context.Context, dir, name string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir = dir
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.WaitDelay = time.Second
	return cmd
}

// wanted reports whether --only leaves a measurement or one of its parts in.
func (l *lab) wanted(names ...string) bool {
	for _, n := range names {
		if l.only == "" || n == l.only {
			return true
		}
	}
	return false
}

// progress says on a terminal what is being measured.
func (l *lab) progress(name string) {
	if term.IsTerminal(int(os.Stderr.Fd())) {
		fmt.Fprintf(os.Stderr, "\r\x1b[K%.79s", name)
	}
}

// tail is the last line of what a failed command said.
func tail(text []byte) string {
	lines := strings.Split(strings.TrimSpace(string(text)), "\n")
	return lines[len(lines)-1]
}

// exitStatus is the status that a command ended with, -1 if it was killed or never ran.
func exitStatus(err error) int {
	var exit *exec.ExitError
	switch {
	case err == nil:
		return 0
	case errors.As(err, &exit):
		return exit.ExitCode()
	}
	return -1
}
