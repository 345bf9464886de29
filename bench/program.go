package main

import (
	_ "embed"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"
)

//go:embed program/ops.c
var programText []byte

// program is the measured program: what to put before its arguments, and how it came about.
type program struct {
	argv []string
	how  string
}

// buildProgram compiles the C program into dir. Where that is not possible the
// stand-in is this executable, whose start costs more.
func buildProgram(dir string) (program, error) {
	for _, compiler := range []string{"gcc", "cc", "clang"} {
		if _, err := exec.LookPath(compiler); err != nil {
			continue
		}
		if p, err := compile(dir, compiler); err == nil {
			return p, nil
		}
	}
	return goProgram()
}

func compile(dir, compiler string) (program, error) {
	source, out := filepath.Join(dir, "ops.c"), filepath.Join(dir, "ops")
	if err := os.WriteFile(source, programText, 0o644); err != nil {
		return program{}, err
	}
	if exec.Command(compiler, "-O2", "-static", "-o", out, source).Run() == nil {
		return program{[]string{out}, "C, static"}, nil
	}
	if text, err := exec.Command(compiler, "-O2", "-o", out, source).CombinedOutput(); err != nil {
		return program{}, fmt.Errorf("compile the program: %w: %s", err, text)
	}
	return program{[]string{out}, "C, linked to shared libraries"}, nil
}

func goProgram() (program, error) {
	exe, err := os.Executable()
	return program{[]string{exe, roleProgram}, "Go, as there is no C compiler"}, err
}

// playProgram is the program in Go: the same calls in the same order.
func playProgram(args []string) int {
	if len(args) < 2 {
		return 2
	}
	n, err := strconv.Atoi(args[1])
	if err != nil || n <= 0 || n%10 != 0 {
		return 2
	}
	number := 0
	if len(args) > 2 {
		number, _ = strconv.Atoi(args[2])
	}
	if args[0] == "three" {
		err = three(args[1])
	} else {
		own, moved := fmt.Sprintf("own-%d", number), fmt.Sprintf("moved-%d", number)
		for i := 0; i < n && err == nil; i += 10 {
			err = ten(own, moved)
		}
	}
	if err != nil {
		return 1
	}
	return 0
}

// three starts the actors as programs of their own: a Go program cannot fork.
func three(n string) error {
	exe, err := os.Executable()
	if err != nil {
		return err
	}
	var pids []int
	for i := range 3 {
		argv := []string{exe, roleProgram, "loop", n, strconv.Itoa(i + 1)}
		pid, err := syscall.ForkExec(exe, argv, &syscall.ProcAttr{Env: os.Environ(), Files: []uintptr{0, 1, 2}})
		if err != nil {
			return err
		}
		pids = append(pids, pid)
	}
	var failed error
	for _, pid := range pids {
		var ws syscall.WaitStatus
		if _, err := wait(pid, &ws, 0); err != nil || ws.ExitStatus() != 0 {
			failed = errors.New("an actor failed")
		}
	}
	return failed
}

func ten(own, moved string) error {
	fd, err := unix.Open("shared", unix.O_RDWR|unix.O_CREAT|unix.O_CLOEXEC, 0o644)
	if err != nil {
		return err
	}
	if err := unix.Flock(fd, unix.LOCK_EX|unix.LOCK_NB); err != nil && err != unix.EWOULDBLOCK {
		return err
	}
	one := []byte("x")
	_, e1 := unix.Pread(fd, one, 0)
	_, e2 := unix.Pwrite(fd, one, 0)
	e3 := unix.Flock(fd, unix.LOCK_UN)
	e4 := unix.Close(fd)
	if err := errors.Join(e1, e2, e3, e4); err != nil {
		return err
	}
	if fd, err = unix.Open(own, unix.O_WRONLY|unix.O_CREAT|unix.O_EXCL|unix.O_CLOEXEC, 0o644); err != nil {
		return err
	}
	return errors.Join(unix.Close(fd), unix.Rename(own, moved), unix.Unlink(moved))
}

// wait is wait4(2), gone on with after a signal.
func wait(pid int, ws *syscall.WaitStatus, flags int) (int, error) {
	for {
		got, err := syscall.Wait4(pid, ws, flags, nil)
		if err != syscall.EINTR {
			return got, err
		}
	}
}
