package hunt

import (
	"encoding/gob"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/debug"
	"strconv"
	"syscall"
)

// workerVar in the environment makes this program a worker: "core:directory".
const workerVar = "FILERACE_WORKER"

// Descriptors of a worker: plans come in on one, reports go out on the other.
const (
	plansIn    = 3
	reportsOut = 4
)

// MaybeWork turns the process into a worker if it was started as one, and then
// does not return. It must be called first thing in main.
func MaybeWork() {
	v := os.Getenv(workerVar)
	if v == "" {
		return
	}
	os.Exit(work(v))
}

func work(v string) int {
	var core int
	var dir string
	if _, err := fmt.Sscanf(v, "%d:%s", &core, &dir); err != nil {
		fmt.Fprintln(os.Stderr, "filerace: "+workerVar+" is for the program's own use")
		return 2
	}
	if i := len(strconv.Itoa(core)) + 1; i < len(v) {
		dir = v[i:] // it may hold spaces
	}
	becomeReaper()
	// A run leaves little behind: fewer collections cost a few MiB and save time.
	debug.SetGCPercent(400)
	for _, fd := range []int{plansIn, reportsOut} {
		syscall.CloseOnExec(fd)
	}
	interrupt := make(chan struct{})
	plans := make(chan *Plan)
	go func() {
		// The coordinator's end of the pipe is closed when the hunt is over, or it died.
		defer close(interrupt)
		in := gob.NewDecoder(os.NewFile(plansIn, "plans"))
		for {
			p := new(Plan)
			if in.Decode(p) != nil {
				return
			}
			plans <- p
		}
	}()
	b := &bench{dir: dir, core: core, interrupt: interrupt}
	defer b.clear(dir) // a coordinator that was killed cannot
	defer b.launcher.Close()
	out := gob.NewEncoder(os.NewFile(reportsOut, "reports"))
	for {
		select {
		case p := <-plans:
			rep := b.carry(p)
			if out.Encode(&rep) != nil {
				return 0
			}
		case <-interrupt:
			return 0
		}
	}
}

// Worker is a process that carries out runs.
type Worker struct {
	cmd  *exec.Cmd
	in   *gob.Encoder
	out  *gob.Decoder
	pipe io.Closer
	dir  string
	keep bool // a run was left stopped: its files stay
}

// StartWorker starts a worker that shares processor core with its tracees; -1: any.
func StartWorker(core int) (*Worker, error) {
	exe, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("find this program: %w", err)
	}
	dir, err := os.MkdirTemp("", "filerace-")
	if err != nil {
		return nil, fmt.Errorf("make a scratch directory: %w", err)
	}
	if dir, err = filepath.EvalSymlinks(dir); err != nil {
		return nil, err
	}
	plansR, plansW, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	reportsR, reportsW, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(exe)
	cmd.Env = append(os.Environ(), workerVar+"="+strconv.Itoa(core)+":"+dir)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	cmd.ExtraFiles = []*os.File{plansR, reportsW}
	cmd.SysProcAttr = workerAttributes()
	err = cmd.Start()
	plansR.Close()
	reportsW.Close()
	if err != nil {
		os.RemoveAll(dir)
		return nil, fmt.Errorf("start a worker: %w", err)
	}
	return &Worker{cmd: cmd, in: gob.NewEncoder(plansW), out: gob.NewDecoder(reportsR), pipe: plansW, dir: dir}, nil
}

// Run carries out one plan and waits for its end.
func (w *Worker) Run(p *Plan) (*Report, error) {
	if err := w.in.Encode(p); err != nil {
		return nil, fmt.Errorf("a worker died: %w", err)
	}
	rep := new(Report)
	if err := w.out.Decode(rep); err != nil {
		return nil, fmt.Errorf("a worker died: %w", err)
	}
	return rep, nil
}

// Close ends the worker, its run if there is one, and removes its directory.
func (w *Worker) Close() {
	w.pipe.Close()
	w.cmd.Wait()
	if !w.keep {
		(&bench{}).clear(w.dir)
	}
}
