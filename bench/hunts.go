package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"strconv"
	"time"

	"filerace/internal/race"
)

// hunted is how one hunt ended.
type hunted struct {
	proven   bool
	rule     string        // of the first proven race
	runs     int           // when it was found, or all
	find     float64       // when it was found, ms
	all      float64       // until it was proven, minimised and saved, ms
	wall     time.Duration // of the process
	findings int           // also those that were not proven
}

// hunt runs `filerace hunt` in a directory of its own, for at most limit.
func (l *lab) hunt(limit time.Duration, seed int, args ...string) (h hunted, err error) {
	dir, err := os.MkdirTemp(l.sub("hunts"), "")
	if err != nil {
		return h, err
	}
	defer os.RemoveAll(dir)
	// A hunt keeps its own limit; the grace is for the proof that it is at.
	ctx, cancel := context.WithTimeout(l.ctx, limit+30*time.Second)
	defer cancel()
	flags := []string{"hunt", "--json", "--quiet", "--time", limit.String(), "--seed", strconv.Itoa(seed)}
	cmd := l.command(ctx, dir, l.filerace, append(flags, args...)...)
	var out, complaint bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &complaint
	began := time.Now()
	err = cmd.Run()
	h.wall = time.Since(began)
	if status := exitStatus(err); l.ctx.Err() != nil || status != 0 && status != 66 {
		return h, fmt.Errorf("the hunt ended with status %d: %s", status, tail(complaint.Bytes()))
	}
	return h, h.read(out.Bytes())
}

// read takes what counts out of the hunt's report.
func (h *hunted) read(text []byte) error {
	var report struct {
		Runs     int     `json:"runs"`
		Seconds  float64 `json:"seconds"`
		Findings []struct {
			Rule     string        `json:"rule"`
			Evidence race.Evidence `json:"evidence"`
			Runs     int           `json:"runs_to_find"`
			Seconds  float64       `json:"seconds_to_find"`
		} `json:"findings"`
	}
	if err := json.Unmarshal(text, &report); err != nil {
		return fmt.Errorf("read the hunt's report: %w", err)
	}
	h.runs, h.find, h.all = report.Runs, 1000*report.Seconds, 1000*report.Seconds
	for _, f := range report.Findings {
		if f.Evidence != race.Possible {
			h.findings++
		}
		if f.Evidence == race.Proven && !h.proven {
			h.proven, h.rule, h.runs, h.find = true, f.Rule, f.Runs, 1000*f.Seconds
		}
	}
	return nil
}

// huntAgain hunts one program several times, a seed each, for at most the time of
// one case together, and calls after behind every hunt.
func (l *lab) huntAgain(after func(h hunted, round int) error, args ...string) (all hunts, err error) {
	for round := range l.hunts {
		left := l.perCase - all.wall
		if round > 0 && left < l.perCase/20 {
			break
		}
		h, err := l.hunt(left, round+1, args...)
		if err != nil {
			return all, err
		}
		all.add(h)
		if err := after(h, round); err != nil {
			return all, err
		}
	}
	return all, nil
}

// hunts are several hunts of one program.
type hunts struct {
	tried, proven   int
	rule            string
	runs, find, all series // of those that proved a race
	wasted          int    // runs of those that did not
	findings        int
	wall            time.Duration
}

func (s *hunts) add(h hunted) {
	s.tried++
	s.wall += h.wall
	s.findings += h.findings
	if !h.proven {
		s.wasted += h.runs
		return
	}
	s.proven++
	s.rule = h.rule
	s.runs, s.find, s.all = append(s.runs, float64(h.runs)), append(s.find, h.find), append(s.all, h.all)
}

func (s *hunts) share() string { return fmt.Sprintf("%d/%d", s.proven, s.tried) }
