package hunt

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"time"

	"filerace/internal/op"
	"filerace/internal/probe"
	"filerace/internal/race"
	"filerace/internal/report"
	"filerace/internal/trace"
	"filerace/internal/trace/saved"
)

// watched is a run that nobody controls: the kernel tells of it.
type watched struct {
	target *Target
	root   *os.Process
	source *probe.Probe
	flow   *trace.Flow
	stream *race.Stream
	saved  *saved.Writer
	report Report

	mu   sync.Mutex
	live map[int]bool // process ids that have not ended
	read chan error   // how the reading ended
}

// WatchOnce carries out one run that is watched and not controlled, with its input,
// output and environment as they are. missed says what was not seen, a sentence each. dir, if not
// empty, gets a recording. An error that is probe.ErrUnavailable means that nothing was run.
func WatchOnce(ctx context.Context, t Target, dir string) (rep *Report, missed []string, err error) {
	w := &watched{target: &t, live: map[int]bool{}, read: make(chan error, 1)}
	w.stream = race.NewStream(nil)
	w.stream.Foresee()
	w.flow = trace.NewFlow(w.stream.World(), w.take)
	if err := w.start(); err != nil {
		return nil, nil, err
	}
	defer w.source.Close()
	if err := w.record(dir); err != nil {
		w.abandon()
		return nil, nil, err
	}
	began := time.Now()
	w.flow.Command(w.root.Pid)
	w.live[w.root.Pid] = true
	go func() { w.read <- w.readAll() }()
	if err := letRun(w.root.Pid); err != nil {
		w.abandon()
		return nil, nil, fmt.Errorf("let the command run: %w", err)
	}
	if err := w.wait(ctx); err != nil {
		return nil, nil, err
	}
	w.report.Elapsed = time.Since(began)
	w.source.Stop()
	if err := <-w.read; err != nil {
		return nil, nil, fmt.Errorf("watch the command: %w", err)
	}
	return w.finish()
}

// start starts the command, which stands still before its first instruction, and
// begins to watch it.
func (w *watched) start() error {
	path, err := lookUp(w.target.Command[0], w.target.Dir, os.Environ())
	if err != nil {
		return &RunError{Kind: "start", Text: err.Error()}
	}
	if w.root, err = hold(&exec.Cmd{Path: path, Args: w.target.Command, Dir: w.target.Dir, Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr}); err != nil {
		return &RunError{Kind: "start", Text: fmt.Sprintf("cannot run %s: %v", w.target.Command[0], err)}
	}
	if w.source, err = probe.Open(probe.Options{Trees: []int{w.root.Pid}}); err != nil {
		w.abandon()
	}
	return err
}

// abandon ends a command that has done nothing yet.
func (w *watched) abandon() {
	w.root.Kill()
	w.root.Wait()
}

func (w *watched) record(dir string) (err error) {
	if dir == "" {
		return nil
	}
	n := w.source.Notes()
	w.saved, err = saved.Create(dir, saved.Meta{Command: w.target.Command, Dir: w.target.Dir, Recorder: n.Kind, Start: n.Start,
		Single: true, Notes: saved.Notes{Identities: n.Identities}})
	return err
}

// readAll hands what the kernel tells to the flow, to its end.
func (w *watched) readAll() error {
	for {
		r, err := w.source.Next()
		if errors.Is(err, io.EOF) {
			w.flow.Close()
			return nil
		}
		if err != nil {
			return err
		}
		w.mu.Lock()
		switch {
		case r.What == trace.Born && r.Op.PID == r.Op.TID:
			w.live[r.Op.PID] = true
		case r.What == trace.Ended && r.Op.Status != op.None:
			delete(w.live, r.Op.PID)
		}
		w.mu.Unlock()
		w.flow.Put(r)
	}
}

// take lets an operation count, as (*runner).take does.
func (w *watched) take(e trace.Event) {
	w.stream.Take(e)
	o := e.Op
	if w.saved != nil {
		if o == nil {
			w.saved.Record(trace.Record{What: trace.Gap, Lost: e.Lost})
		} else {
			w.saved.Op(o)
		}
	}
}

// wait waits for the end of the command and of all that it started but for daemons,
// which sleep, and live on.
func (w *watched) wait(ctx context.Context) error {
	ended := make(chan *os.ProcessState, 1)
	go func() {
		s, _ := w.root.Wait()
		ended <- s
	}()
	var late <-chan time.Time
	if w.target.RunTime > 0 {
		timer := time.NewTimer(w.target.RunTime)
		defer timer.Stop()
		late = timer.C
	}
	done := ctx.Done()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	var state *os.ProcessState
	for quiet := 0; state == nil || quiet < 2; {
		select {
		case state = <-ended:
			ended = nil
		case <-done:
			done = nil
			w.killAll()
		case <-late:
			w.report.Ending.TimedOut = true
			w.killAll()
		case <-tick.C:
			quiet++
			if w.busy() {
				quiet = 0
			}
			if done == nil || w.report.Ending.TimedOut {
				w.killAll() // what was forked meanwhile
			}
		}
	}
	w.report.Ending.Status = statusOf(state)
	return ctx.Err()
}

func statusOf(s *os.ProcessState) int {
	if s == nil {
		return 1
	}
	if ws, ok := s.Sys().(syscall.WaitStatus); ok && ws.Signaled() {
		return 128 + int(ws.Signal())
	}
	return s.ExitCode()
}

func (w *watched) processes() (pids []int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for pid := range w.live {
		pids = append(pids, pid)
	}
	return pids
}

func (w *watched) killAll() {
	for _, pid := range w.processes() {
		syscall.Kill(pid, syscall.SIGKILL)
	}
}

// busy reports whether any process of the run is not asleep.
func (w *watched) busy() bool {
	for _, pid := range w.processes() {
		b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
		if err != nil {
			continue // gone
		}
		_, rest, _ := bytes.Cut(b[bytes.LastIndexByte(b, ')')+1:], []byte(" "))
		if len(rest) > 0 && !strings.ContainsRune("SZXtT", rune(rest[0])) {
			return true
		}
	}
	return false
}

// finish judges the run.
func (w *watched) finish() (*Report, []string, error) {
	rep := &w.report
	for _, t := range w.stream.End(race.End{All: w.target.All, Failed: rep.Ending.Status != 0}) {
		rep.Told = append(rep.Told, report.Found{Finding: t.Finding, Ops: t.Ops})
	}
	if w.saved != nil {
		w.endRecording()
	}
	return rep, w.missed(), nil
}

func (w *watched) endRecording() {
	var findings bytes.Buffer
	err := report.JSON(&findings, Single(w.target, &w.report))
	if cerr := w.saved.Close(findings.Bytes(), nil); err == nil {
		err = cerr
	}
	if err != nil {
		w.report.RecordErr = err.Error()
	}
}

// missed says what the kernel did not tell.
func (w *watched) missed() (out []string) {
	n := w.source.Notes()
	if n.Lost > 0 {
		out = append(out, fmt.Sprintf("%d events were lost: nothing was concluded from what is not there", n.Lost))
	}
	if n.Broken > 0 {
		out = append(out, fmt.Sprintf("%d events could not be read: %s", n.Broken, n.FirstBad))
	}
	if w.stream.Short() {
		out = append(out, race.ShortOfRoom)
	}
	return out
}
