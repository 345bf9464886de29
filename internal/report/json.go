package report

import (
	"encoding/json"
	"fmt"
	"io"

	"filerace/internal/op"
	"filerace/internal/race"
)

// Version is the version of the JSON form. It changes when a field goes or
// changes its meaning; a new field does not change it.
const Version = 1

type jsonReport struct {
	Version  int            `json:"version"`
	Command  []string       `json:"command"`
	Runs     int            `json:"runs"`
	Seconds  float64        `json:"seconds"`
	Explored int            `json:"schedules_explored"`
	Complete bool           `json:"complete"`
	Outcomes map[string]int `json:"outcomes"`
	Findings []jsonFinding  `json:"findings"`
	Notes    []string       `json:"notes"`
	Missed   []string       `json:"missed"`
}

type jsonFinding struct {
	Rule          string        `json:"rule"`
	Evidence      race.Evidence `json:"evidence"`
	Headline      string        `json:"headline"`
	Object        jsonObject    `json:"object"`
	Actors        []op.Actor    `json:"actors"`
	Steps         []jsonStep    `json:"steps"`
	Why           string        `json:"why"`
	Repair        string        `json:"repair"`
	Replay        string        `json:"replay"`
	Replays       int           `json:"replays"`
	Bites         int           `json:"bites"`
	RunsToFind    int           `json:"runs_to_find"`
	SecondsToFind float64       `json:"seconds_to_find"`
	Preemptions   int           `json:"preemptions"`
}

type jsonObject struct {
	Path string `json:"path"`
	Dev  uint64 `json:"dev"`
	Ino  uint64 `json:"ino"`
}

type jsonStep struct {
	Actor  op.Actor `json:"actor"`
	PID    int      `json:"pid"`
	Op     string   `json:"op"`     // the system call's name; "signal" and "inherit" are none
	Args   string   `json:"args"`   // in the style of strace(1)
	Result int64    `json:"result"` // -errno on failure
	Enter  int64    `json:"enter_ns"`
	Exit   int64    `json:"exit_ns"`
	Path   string   `json:"path"`
	Ino    uint64   `json:"ino"` // the file reached, or named first; 0: none
	Mark   bool     `json:"mark"`
}

// JSON writes the report for programs: one object with fields whose names are
// stable. Paths are absolute, and no step is left out: "step 3" in a text is the
// third of steps. Bytes of a path that are
// not UTF-8 are written as U+FFFD.
func JSON(w io.Writer, r *Report) error {
	out := jsonReport{
		Version: Version, Command: list(r.Command), Runs: r.Runs, Seconds: r.Seconds, Explored: r.Explored,
		Complete: r.Complete, Outcomes: r.Outcomes, Findings: []jsonFinding{}, Notes: list(r.Notes), Missed: list(r.Missed),
	}
	if out.Outcomes == nil {
		out.Outcomes = map[string]int{}
	}
	for i := range r.Findings {
		out.Findings = append(out.Findings, findingJSON(&r.Findings[i]))
	}
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(out); err != nil {
		return fmt.Errorf("write the report: %w", err)
	}
	return nil
}

// list makes an absent list an empty one.
func list[T any](s []T) []T {
	if s == nil {
		return []T{}
	}
	return s
}

func findingJSON(f *Found) jsonFinding {
	rows := story(f)
	out := jsonFinding{
		Rule: f.Rule, Evidence: f.Evidence, Headline: renumber(f.Headline, rows),
		Object: jsonObject{f.Path, f.ID.Dev, f.ID.Ino}, Actors: list(f.Actors), Steps: []jsonStep{},
		Why: renumber(f.Why, rows), Repair: renumber(f.Repair, rows), Replay: f.Replay, Replays: f.Replays, Bites: f.Bites,
		RunsToFind: f.RunsToFind, SecondsToFind: f.SecondsToFind, Preemptions: f.Preemptions,
	}
	for _, r := range rows {
		out.Steps = append(out.Steps, stepJSON(r))
	}
	return out
}

func stepJSON(r row) jsonStep {
	o := r.op
	s := jsonStep{
		Actor: o.Actor, PID: o.PID, Op: opName(o), Result: o.Ret, Enter: o.Enter, Exit: o.Exit,
		Args: o.ArgString(),
		Path: o.File.Path, Ino: o.File.ID.Ino, Mark: r.mark,
	}
	if len(o.Names) > 0 {
		n := o.Names[0]
		s.Path = n.Path
		if s.Ino == 0 {
			s.Ino = n.Before.Ino
		}
		if s.Ino == 0 {
			s.Ino = n.After.Ino
		}
	}
	return s
}

func opName(o *op.Op) string {
	switch {
	case o.Call != nil:
		return o.Call.Name
	case o.Kind == op.Inherit:
		return "inherit"
	}
	return "signal"
}
