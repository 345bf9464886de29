package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"

	"filerace/internal/op"
	"filerace/internal/tracee"
)

// The roles that this executable plays when it starts itself again.
const (
	roleStand   = "stand"
	roleProgram = "ops"
)

// playRole plays the role that the arguments name; ok is false if they name none.
func playRole(args []string) (status int, ok bool) {
	switch {
	case len(args) == 2 && args[0] == roleStand:
		return standMain(args[1]), true
	case len(args) > 0 && args[0] == roleProgram:
		return playProgram(args[1:]), true
	}
	return 0, false
}

// A stand is a process in which measured programs are started. Nothing else goes
// on in it, so that it may reap every child, also those that were orphaned.
type stand struct {
	cmd *exec.Cmd
	in  *json.Encoder
	out *json.Decoder
	end io.Closer
}

// order is what a stand is told to do: run a program so many times, or for so long.
type order struct {
	Argv    []string
	Control bool          // under control, every operation a decision
	Times   int           // 0: repeat a case's trial for Time
	Time    time.Duration // at least one trial is made
	Case    string        // path of the trial's script
	Delays  []string      // calls one of which, drawn anew for each trial, strace delays
	Calls   string        // strace once with this list of calls and tell which were made
	Seed    uint64
}

// answer is what came of it.
type answer struct {
	Elapsed time.Duration
	Ops     int // operations, under control
	Trials  int
	Bites   int      // trials that went wrong
	Trouble int      // trials that did neither
	Calls   []string // those made
	Err     string
}

// startStand starts a stand in dir, on one processor core; core -1: on any. When
// ctx is over, so is what the stand is at.
func startStand(ctx context.Context, dir string, core int) (*stand, error) {
	exe, err := os.Executable()
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(exe, roleStand, dir)
	cmd.Stderr = os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // Ctrl-C is for the parent, which closes the pipe
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := onCore(core, cmd.Start); err != nil {
		return nil, fmt.Errorf("start a stand: %w", err)
	}
	context.AfterFunc(ctx, func() { in.Close() })
	return &stand{cmd, json.NewEncoder(in), json.NewDecoder(out), in}, nil
}

func (s *stand) do(o order) (answer, error) {
	var a answer
	if err := s.in.Encode(o); err != nil {
		return a, fmt.Errorf("a stand died: %w", err)
	}
	if err := s.out.Decode(&a); err != nil {
		return a, fmt.Errorf("a stand died: %w", err)
	}
	if a.Err != "" {
		return a, errors.New(a.Err)
	}
	return a, nil
}

func (s *stand) close() {
	s.end.Close()
	s.cmd.Wait()
}

// standMain carries out orders until there are no more. When the pipe is closed
// in the middle of one, all children are killed.
func standMain(dir string) int {
	becomeReaper()
	for _, fd := range []int{0, 1} {
		syscall.CloseOnExec(fd)
	}
	if err := os.Chdir(dir); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		return 1
	}
	orders, gone := make(chan order), make(chan struct{})
	go func() {
		defer close(gone)
		in := json.NewDecoder(os.Stdin)
		for {
			var o order
			if in.Decode(&o) != nil {
				return
			}
			orders <- o
		}
	}()
	out := json.NewEncoder(os.Stdout)
	for {
		select {
		case o := <-orders:
			a := carryOut(o, gone)
			if out.Encode(a) != nil {
				return 1
			}
		case <-gone:
			return 0
		}
	}
}

func carryOut(o order, gone <-chan struct{}) answer {
	var a answer
	var err error
	switch {
	case o.Control:
		a, err = controlled(o, gone)
	case o.Times > 0:
		a, err = bare(o, gone)
	default:
		a, err = trials(o, gone)
	}
	if err != nil {
		a.Err = err.Error()
	}
	return a
}

var errGone = errors.New("interrupted")

// bare runs a program so many times, one after the other.
func bare(o order, gone <-chan struct{}) (a answer, err error) {
	path, err := exec.LookPath(o.Argv[0])
	if err != nil {
		return a, err
	}
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err != nil {
		return a, err
	}
	defer null.Close()
	began := time.Now()
	for range o.Times {
		if closed(gone) {
			return a, errGone
		}
		pid, err := syscall.ForkExec(path, o.Argv, &syscall.ProcAttr{Env: os.Environ(), Files: []uintptr{null.Fd(), null.Fd(), null.Fd()}})
		if err != nil {
			return a, err
		}
		var ws syscall.WaitStatus
		if _, err := wait(pid, &ws, 0); err != nil || ws != 0 {
			return a, fmt.Errorf("%s ended with status %#x %w", filepath.Base(o.Argv[0]), int(ws), err)
		}
	}
	a.Elapsed = time.Since(began)
	return a, nil
}

// controlled does the same under control.
func controlled(o order, gone <-chan struct{}) (a answer, err error) {
	path, err := exec.LookPath(o.Argv[0])
	if err != nil {
		return a, err
	}
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err != nil {
		return a, err
	}
	defer null.Close()
	cfg := tracee.Config{Path: path, Argv: o.Argv, Stdin: null, Stdout: null, Stderr: null, Core: -1, Interrupt: gone}
	var l tracee.Launcher
	defer l.Close()
	began := time.Now()
	for range o.Times {
		var h turns
		res, err := l.Run(cfg, &h)
		switch {
		case err != nil:
			return a, err
		case res.Stopped:
			return a, errGone
		case res.Status != 0:
			return a, fmt.Errorf("%s ended with status %d under control", filepath.Base(o.Argv[0]), res.Status)
		}
		a.Ops += h.ops
	}
	a.Elapsed = time.Since(began)
	return a, nil
}

// turns is a handler that decides on every operation, and always for the actor
// that comes next in turn.
type turns struct {
	next, ops int
}

func (h *turns) Enter(*op.Op) tracee.Verdict { return tracee.Hold }
func (h *turns) Ready(*op.Op) bool           { return true }
func (h *turns) Waits(*op.Op)                {}
func (h *turns) Deadlocks(*op.Op) bool       { return false }
func (h *turns) Done(*op.Op)                 { h.ops++ }

func (h *turns) Pick(held []*op.Op) int {
	h.next++
	return h.next % len(held)
}

func closed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}
