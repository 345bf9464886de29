package main

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"filerace/internal/trace/saved"
)

// recordings measures what a recorded run costs on the disk, and how fast it is
// explained.
func (l *lab) recordings() section {
	out := section{title: "Recorded runs (goals: 24 bytes an operation, 2 M operations a second per core, memory by what is live)",
		head: []string{"recording", "ops", "bytes an op", "M ops/s", "M ops/s a core", "peak MiB"}}
	if dir, err := l.recordBuild(); err != nil {
		out.note("a build was not recorded: %v", err)
	} else if err := l.explained(&out, "go build -a ./internal/op", dir); err != nil {
		out.broken = err
		return out
	}
	sizes := []int{1_000_000, 10_000_000}
	if l.quick {
		sizes = []int{50_000, 500_000}
	}
	for _, n := range sizes {
		dir := filepath.Join(l.dir, fmt.Sprintf("service-%d%s", n, saved.Suffix))
		l.progress(fmt.Sprintf("recording %d operations", n))
		err := recordService(dir, n)
		if err == nil {
			err = l.explained(&out, "eight processes at a file and a log", dir)
		}
		os.RemoveAll(dir)
		if err != nil {
			out.broken = err
			return out
		}
	}
	out.note("M ops/s by the clock, with decoding and judging side by side; a core: by the processor time of all of it. The service is made up: " +
		"locks, appends and replacements that are right, with the same files live however long it runs.")
	return out
}

// recordBuild records a build with nothing in its cache.
func (l *lab) recordBuild() (string, error) {
	l.progress("recording a build")
	dir := filepath.Join(l.dir, "build"+saved.Suffix)
	cmd := exec.CommandContext(l.ctx, l.filerace, "run", "--with", "bpf", "--record", dir, "-o", os.DevNull, "--", "go", "build", "-a", "filerace/internal/op")
	cmd.Env = append(os.Environ(), "GOCACHE="+l.sub("cache"))
	text, err := cmd.CombinedOutput()
	var status *exec.ExitError
	if errors.As(err, &status) && status.ExitCode() == exitFound {
		err = nil
	}
	if err != nil {
		return "", fmt.Errorf("%w: %s", err, strings.TrimSpace(string(text)))
	}
	return dir, nil
}

// exitFound is the command's status when it found a race.
const exitFound = 66

// explained lets the command explain a recording, and puts a row.
func (l *lab) explained(out *section, name, dir string) error {
	l.progress("explaining " + name)
	r, err := saved.Open(dir)
	if err != nil {
		return err
	}
	ops := r.Meta().Ops
	r.Close()
	size, err := bytesBelow(dir)
	if err != nil {
		return err
	}
	cmd := exec.CommandContext(l.ctx, l.filerace, "explain", "-o", os.DevNull, dir)
	var text bytes.Buffer
	cmd.Stdout, cmd.Stderr = &text, &text
	begun := time.Now()
	if err := cmd.Start(); err != nil {
		return err
	}
	ended := make(chan struct{})
	most := peak(cmd.Process.Pid, ended)
	err = cmd.Wait()
	took := time.Since(begun)
	close(ended)
	var status *exec.ExitError
	if err != nil && (!errors.As(err, &status) || status.ExitCode() != exitFound) {
		return fmt.Errorf("explain: %w: %s", err, text.String())
	}
	cpu := cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
	out.row(name, fmt.Sprint(ops), fmt.Sprintf("%.1f", float64(size)/float64(ops)), fmt.Sprintf("%.2f", float64(ops)/took.Seconds()/1e6),
		fmt.Sprintf("%.2f", float64(ops)/cpu.Seconds()/1e6), fmt.Sprintf("%.0f", float64(<-most)/(1<<20)))
	return nil
}

// peakEvery is how often a process is asked for the most memory that it has had.
const peakEvery = 10 * time.Millisecond

// peak tells the most memory that a process had until it ended, in bytes: VmHWM of
// proc(5). What wait4(2) says instead counts the most that this process ever had,
// too, in whose memory the other one began (vfork(2); exec_mmap, fs/exec.c).
func peak(pid int, ended <-chan struct{}) <-chan int64 {
	told := make(chan int64, 1)
	go func() {
		var most int64
		every := time.NewTicker(peakEvery)
		defer every.Stop()
		for {
			text, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
			if _, after, ok := strings.Cut(string(text), "VmHWM:"); ok {
				var kib int64
				fmt.Sscan(after, &kib)
				most = max(most, kib<<10)
			}
			select {
			case <-ended:
				told <- most
				return
			case <-every.C:
			}
		}
	}()
	return told
}

func bytesBelow(dir string) (size int64, err error) {
	err = filepath.WalkDir(dir, func(_ string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		info, err := e.Info()
		if err == nil {
			size += info.Size()
		}
		return err
	})
	return size, err
}
