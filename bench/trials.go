package main

import (
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"syscall"
	"time"

	"filerace/internal/op"
)

// trialTime is how long one trial may take; a longer one is killed and counts as trouble.
const trialTime = 20 * time.Second

// A trial is one run of a case's script in an empty directory. Exit status 1 and
// a line that says how: the race bit; strace's own failures have no such line.
type trial struct {
	dir  string   // to make and remove
	said *os.File // the script's standard output
	null *os.File
}

// trials repeats a case's script, or strace's watching of it once.
func trials(o order, gone <-chan struct{}) (a answer, err error) {
	t := trial{dir: "trial"}
	if t.null, err = os.OpenFile(os.DevNull, os.O_RDWR, 0); err != nil {
		return a, err
	}
	defer t.null.Close()
	if t.said, err = os.Create("said"); err != nil {
		return a, err
	}
	defer os.Remove("said")
	defer t.said.Close()
	began, draw := time.Now(), rand.New(rand.NewPCG(o.Seed, 1))
	for {
		argv := []string{"sh", o.Case, t.dir}
		switch {
		case o.Calls != "":
			defer os.Remove("calls")
			argv = append([]string{"strace", "-f", "-qq", "-o", "calls", "-e", "trace=" + o.Calls}, argv...)
		case len(o.Delays) > 0:
			argv = append(delayed(draw, o.Delays), argv...)
		}
		status, err := t.run(argv, gone)
		if err != nil {
			return a, err
		}
		a.Trials++
		switch {
		case status == 1 && t.spoke():
			a.Bites++
		case status != 0:
			a.Trouble++
		}
		if a.Elapsed = time.Since(began); a.Elapsed >= o.Time {
			break
		}
	}
	if o.Calls != "" {
		a.Calls, err = callsIn("calls")
	}
	return a, err
}

// delayed is strace with a delay of 0.1 to 30 ms before some of the uses of one
// call: which call, which uses and how long are drawn.
func delayed(draw *rand.Rand, calls []string) []string {
	call := calls[draw.IntN(len(calls))]
	delay := 100 * time.Microsecond
	for range draw.IntN(9) {
		delay = delay * 19 / 10
	}
	inject := fmt.Sprintf("inject=%s:delay_enter=%d:when=%d+%d", call, delay.Microseconds(), 1+draw.IntN(8), 1+draw.IntN(4))
	return []string{"strace", "-f", "--seccomp-bpf", "-qq", "-o", os.DevNull, "-e", "trace=" + call, "-e", inject}
}

// run makes one trial and ends all that it leaves running.
func (t *trial) run(argv []string, gone <-chan struct{}) (status int, err error) {
	if closed(gone) {
		return 0, errGone
	}
	path, err := exec.LookPath(argv[0])
	if err != nil {
		return 0, err
	}
	if err := os.Mkdir(t.dir, 0o755); err != nil {
		return 0, err
	}
	defer os.RemoveAll(t.dir)
	if err := t.said.Truncate(0); err != nil {
		return 0, err
	}
	t.said.Seek(0, 0)
	pid, err := syscall.ForkExec(path, argv, &syscall.ProcAttr{Env: os.Environ(),
		Files: []uintptr{t.null.Fd(), t.said.Fd(), t.null.Fd()}, Sys: &syscall.SysProcAttr{Setpgid: true}})
	if err != nil {
		return 0, err
	}
	done := make(chan struct{})
	go func() {
		select {
		case <-done:
			return
		case <-gone:
		case <-time.After(trialTime):
		}
		syscall.Kill(-pid, syscall.SIGKILL)
	}()
	var ws syscall.WaitStatus
	_, err = wait(pid, &ws, 0)
	close(done)
	endChildren()
	if !ws.Exited() {
		return 128 + int(ws.Signal()), err
	}
	return ws.ExitStatus(), err
}

func (t *trial) spoke() bool {
	info, err := t.said.Stat()
	return err == nil && info.Size() > 0
}

// endChildren kills and reaps what is left of a trial: daemons. They are children
// of this process by now, and become so one generation after the other.
func endChildren() {
	for {
		var ws syscall.WaitStatus
		switch pid, err := wait(-1, &ws, syscall.WNOHANG); {
		case err != nil: // ECHILD: none is left
			return
		case pid > 0:
			continue
		}
		children := childrenOf(os.Getpid())
		for _, pid := range children {
			syscall.Kill(pid, syscall.SIGKILL)
		}
		for _, pid := range children {
			wait(pid, &ws, 0)
		}
	}
}

// childrenOf reads the parent of every process from /proc/PID/stat (proc(5)).
func childrenOf(parent int) (pids []int) {
	all, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, name := range all {
		text, err := os.ReadFile(name)
		if m := parentField.FindSubmatch(text); err != nil || m == nil || string(m[1]) != strconv.Itoa(parent) {
			continue
		}
		if pid, err := strconv.Atoi(filepath.Base(filepath.Dir(name))); err == nil {
			pids = append(pids, pid)
		}
	}
	return pids
}

// The name in parentheses may hold anything, parentheses too: the last one counts.
var parentField = regexp.MustCompile(`(?s)^\d+ \(.*\) \S (\d+)`)

// delayKinds are the operations before which a delay may let a race bite.
var delayKinds = []op.Kind{op.Open, op.Read, op.Write, op.Truncate, op.LockOp, op.Unlink, op.Rename, op.Link, op.Mkdir, op.Rmdir}

// delayCalls lists the calls for strace -e trace=; the question mark stands for
// those that it may not know.
func delayCalls() string {
	list, seen := "", map[string]bool{}
	for i := range op.Calls {
		c := &op.Calls[i]
		if slices.Contains(delayKinds, c.Kind) && op.Native.Number(c) != op.None && !seen[c.Name] {
			seen[c.Name] = true
			list += ",?" + c.Name
		}
	}
	return list[1:]
}

var callInLine = regexp.MustCompile(`(?m)^\d+ +([a-z0-9_]+)\(`)

// callsIn lists the calls in a log of strace -f -o, sorted.
func callsIn(log string) ([]string, error) {
	text, err := os.ReadFile(log)
	if err != nil {
		return nil, err
	}
	var calls []string
	for _, m := range callInLine.FindAllSubmatch(text, -1) {
		calls = append(calls, string(m[1]))
	}
	slices.Sort(calls)
	return slices.Compact(calls), nil
}
