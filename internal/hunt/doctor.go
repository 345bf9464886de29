package hunt

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"strings"
	"time"

	"filerace/internal/probe"
)

// Diagnosis is what was tried and what came of it.
type Diagnosis struct {
	What   string
	OK     bool
	Needed bool // hunt and replay do not work without it
	Found  string
	Do     string // what to do about it
}

// Examine tries what filerace needs here.
func Examine(ctx context.Context) []Diagnosis {
	d := []Diagnosis{system(), yama()}
	d = append(d, tryRun(ctx))
	return append(d, watching(), scratchSpace(), processors())
}

func system() Diagnosis {
	d := Diagnosis{What: "operating system", Needed: true, Found: runtime.GOOS + "/" + runtime.GOARCH}
	d.OK = runtime.GOOS == "linux" && (runtime.GOARCH == "amd64" || runtime.GOARCH == "arm64")
	if !d.OK {
		d.Do = "control needs Linux on amd64 or arm64; rules and demos work everywhere"
	}
	if v, err := os.ReadFile("/proc/sys/kernel/osrelease"); err == nil {
		d.Found += ", kernel " + strings.TrimSpace(string(v))
	}
	return d
}

func yama() Diagnosis {
	d := Diagnosis{What: "kernel.yama.ptrace_scope", OK: true, Found: "not there: ptrace is not restricted"}
	v, err := os.ReadFile("/proc/sys/kernel/yama/ptrace_scope")
	if err != nil {
		return d
	}
	d.Found = strings.TrimSpace(string(v))
	if d.Found == "3" || d.Found == "2" && os.Geteuid() != 0 {
		d.OK, d.Needed = false, true
		d.Do = "sysctl kernel.yama.ptrace_scope=1 (3 stays until the next boot)"
	}
	return d
}

// tryRun holds and lets go a small program's operations.
func tryRun(ctx context.Context) Diagnosis {
	d := Diagnosis{What: "control (ptrace, seccomp)", Needed: true}
	w, err := StartWorker(0)
	if err != nil {
		d.Found = err.Error()
		return d
	}
	defer w.Close()
	stop := context.AfterFunc(ctx, func() { w.pipe.Close() })
	defer stop()
	began := time.Now()
	rep, err := w.Run(&Plan{Target: Target{Command: []string{"/bin/sh", "-c", "exec 9>f; exit 7"}, Dir: os.TempDir(), Fresh: emptyDir(w), RunTime: 10 * time.Second}})
	switch {
	case err != nil:
		d.Found = err.Error()
	case rep.Err != "":
		d.Found = rep.Err
		d.Do = "in a container: --cap-add=SYS_PTRACE, or --security-opt seccomp=unconfined on kernels before 4.8"
	case rep.Ending.Status != 7 || rep.OpCount == 0:
		d.Found = fmt.Sprintf("a program that exits with 7 gave %d after %d operations", rep.Ending.Status, rep.OpCount)
	default:
		d.OK = true
		d.Found = fmt.Sprintf("a shell ran under control: %d operations in %.1f ms", rep.OpCount, float64(time.Since(began).Microseconds())/1000)
	}
	return d
}

// watching loads the kernel programs and takes them out again.
func watching() Diagnosis {
	d := Diagnosis{What: "watching (eBPF)"}
	began := time.Now()
	p, err := probe.Open(probe.Options{PIDs: []int{os.Getpid()}, NoStart: true})
	if err != nil {
		d.Found = err.Error()
		var missing *probe.Unavailable
		if errors.As(err, &missing) {
			d.Do = missing.Hint
		}
		return d
	}
	defer p.Close()
	d.OK = true
	d.Found = fmt.Sprintf("the kernel programs load and attach: %.0f ms", float64(time.Since(began).Microseconds())/1000)
	if err := p.Hooks(); err != nil {
		d.Found += fmt.Sprintf("; which file a removal met is derived from its name's history, as no function of the kernel can be hooked here (%v)", err)
	}
	return d
}

// emptyDir is an empty directory of the worker's, to start from.
func emptyDir(w *Worker) string {
	dir := w.dir + "/empty"
	os.Mkdir(dir, 0o755)
	return dir
}

func scratchSpace() Diagnosis {
	d := Diagnosis{What: "scratch directory", Needed: true, Found: os.TempDir()}
	f, err := os.CreateTemp("", "filerace-")
	if err != nil {
		d.Found, d.Do = err.Error(), "set TMPDIR to a directory that you can write"
		return d
	}
	_, err = f.Write(make([]byte, 1<<16))
	f.Close()
	os.Remove(f.Name())
	if err != nil {
		d.Found, d.Do = err.Error(), "make room there, or set TMPDIR to another directory"
		return d
	}
	d.OK = true
	return d
}

func processors() Diagnosis {
	return Diagnosis{What: "processors", OK: true, Found: fmt.Sprintf("%d: as many runs go side by side", runtime.NumCPU())}
}
