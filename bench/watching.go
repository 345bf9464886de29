package main

import (
	"bytes"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"filerace/internal/probe"
)

//go:embed program/storm.c
var stormText []byte

// storm is the measured storm of calls.
type storm struct {
	l       *lab
	program string
	told    string // the file that other tools write to
	calls   int    // of the storm bare and watched; other tools get a tenth
	sighted        // of the last watched storm
	odd     int    // watched storms of which not every call was seen
}

// watching measures what a storm of calls costs while somebody looks on.
func (l *lab) watching() section {
	out := section{title: "Watching a storm of open, flock, write, unlink, close (goal 1.25, at most 1.4, no event lost)",
		head: []string{"way", "times bare", "µs a call"}}
	s := newStorm(l, 1_000_000)
	if l.quick {
		s.calls = 50_000
	}
	if out.broken = s.compile(); out.broken != nil {
		return out
	}
	probing, err := probe.Open(probe.Options{PIDs: []int{os.Getpid()}, NoStart: true})
	if err != nil {
		out.broken = err
		return out
	}
	probing.Close()
	ways := []way{
		{plain, func([]string, int) (answer, error) { return s.under(s.calls) }},
		{"filerace watch", func([]string, int) (answer, error) { return s.watched() }},
		{"filerace run --with bpf", func([]string, int) (answer, error) {
			return s.under(s.calls, l.filerace, "run", "--with", "bpf", "-o", os.DevNull, "--")
		}},
	}
	unmount := mountTracing()
	defer unmount()
	others := s.tried(&out)
	for _, o := range others {
		ways = append(ways, way{o.row(), func([]string, int) (answer, error) { return s.seenBy(o, s.calls/10) }})
	}
	rounds := l.rounds
	l.rounds = min(rounds, 5)
	defer func() { l.rounds = rounds }()
	l.sideBySide(&out, ways, func(w way) (float64, error) {
		l.progress("storm, " + w.name)
		a, err := w.run(nil, 1)
		return float64(a.Elapsed.Nanoseconds()) / 1e3, err
	})
	out.note("%d calls in %s, bare and watched; a tenth of them under other tools. The last watched storm: %d calls seen, %d events lost, %.1f s of the processors taken by the watch itself; storms of which a call was not seen: %d.",
		s.calls, l.memoryIs, s.seen, s.lost, s.took.Seconds(), s.odd)
	told(&out, others, l.memoryIs)
	return out
}

func newStorm(l *lab, calls int) *storm {
	return &storm{l: l, program: filepath.Join(l.dir, "storm"), told: filepath.Join(l.memory, "told"), calls: calls}
}

func (s *storm) compile() error {
	source := filepath.Join(s.l.dir, "storm.c")
	if err := os.WriteFile(source, stormText, 0o644); err != nil {
		return err
	}
	text, err := exec.Command("cc", "-O2", "-o", s.program, source).CombinedOutput()
	if err != nil {
		return fmt.Errorf("compile the storm: %w: %s", err, text)
	}
	return os.Link(s.program, s.program+littleStorm)
}

// under runs a storm of n calls under a tool, and returns the time of one call.
func (s *storm) under(n int, tool ...string) (answer, error) {
	args := append(tool, s.program, strconv.Itoa(n))
	if len(tool) > 0 && tool[len(tool)-1] == "-c" {
		args = append(tool, s.program+" "+strconv.Itoa(n))
	}
	cmd := s.l.command(s.l.ctx, s.l.memory, args[0], args[1:]...)
	cmd.Stdin = strings.NewReader("\n")
	var said bytes.Buffer
	cmd.Stderr = &said
	text, err := cmd.Output()
	if err != nil {
		return answer{}, errors.New(firstError(said.Bytes(), err))
	}
	return perCall(text, n)
}

// perCall reads what the storm printed, which may stand among the tool's own lines.
func perCall(text []byte, n int) (a answer, err error) {
	for line := range bytes.Lines(text) {
		ns, err := strconv.ParseInt(string(bytes.TrimSpace(line)), 10, 64)
		if err == nil && ns > 0 {
			a.Elapsed = time.Duration(ns / int64(n))
			return a, nil
		}
	}
	return a, errors.New("the storm told no time")
}

// watched runs a storm under `filerace watch`.
func (s *storm) watched() (a answer, err error) {
	cmd := s.l.command(s.l.ctx, s.l.memory, s.program, strconv.Itoa(s.calls))
	in, err := cmd.StdinPipe()
	if err != nil {
		return a, err
	}
	var text bytes.Buffer
	cmd.Stdout = &text
	if err := cmd.Start(); err != nil {
		return a, err
	}
	w, err := s.l.watch(cmd.Process.Pid)
	if err != nil {
		return a, errors.Join(err, cmd.Cancel(), cmd.Wait())
	}
	io.WriteString(in, "\n")
	err = cmd.Wait()
	if s.sighted, err = w.ended(err); err != nil {
		return a, err
	}
	if s.seen < s.calls {
		s.odd++
	}
	return perCall(text.Bytes(), s.calls)
}
