package watch

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"filerace/internal/op"
	"filerace/internal/race"
	"filerace/internal/report"
	"filerace/internal/screen"
)

// maxFindings bounds the races that are remembered. The one that was seen least
// recently is forgotten first, and would be told in full again.
const maxFindings = 10_000

// tally remembers which races were told, so that each is told once and counted
// from then on.
type tally struct {
	known  map[string]*repeated
	most   int
	every  int64 // ns: least time between two lines about one race
	forgot uint64

	observed, possible int // races told so far
}

type repeated struct {
	rule, path string
	evidence   race.Evidence
	count      uint64
	told       uint64 // count when it was last told
	toldAt     int64  // ns
	seen       int64  // ns, of the last time
}

func newTally(every time.Duration) *tally {
	return &tally{known: map[string]*repeated{}, most: maxFindings, every: int64(every)}
}

// add counts a finding at that time, and reports whether it has to be told in
// full: the first time, and when it has become certain.
func (t *tally) add(f *race.Finding, now int64) bool {
	key, news := f.Key(), t.news(f)
	r := t.known[key]
	fresh := r == nil
	if fresh {
		if len(t.known) >= t.most {
			t.forget()
		}
		r = &repeated{rule: f.Rule, path: f.Path}
		t.known[key] = r
	}
	r.count++
	r.seen = now
	stronger := !fresh && news
	if stronger {
		t.possible--
	}
	if !news {
		return false
	}
	if r.evidence = f.Evidence; f.Evidence == race.Possible {
		t.possible++
	} else {
		t.observed++
	}
	r.told, r.toldAt = r.count, now
	return true
}

// news reports whether a finding would have to be told in full.
func (t *tally) news(f *race.Finding) bool {
	r := t.known[f.Key()]
	return r == nil || r.evidence == race.Possible && f.Evidence != race.Possible
}

func (t *tally) forget() {
	all := make([]string, 0, len(t.known))
	for key := range t.known {
		all = append(all, key)
	}
	slices.SortFunc(all, func(a, b string) int { return cmp.Compare(t.known[a].seen, t.known[b].seen) })
	for _, key := range all[:len(all)-t.most*3/4] {
		delete(t.known, key)
		t.forgot++
	}
}

// due returns the races that were seen again since they were last told, and told
// long enough ago; with all, however long ago. They count as told then.
func (t *tally) due(now int64, all bool) []*repeated {
	var list []*repeated
	for _, r := range t.known {
		if r.count > r.told && (all || now-r.toldAt >= t.every) {
			list = append(list, r)
		}
	}
	slices.SortFunc(list, func(a, b *repeated) int {
		return cmp.Or(cmp.Compare(a.seen, b.seen), cmp.Compare(a.rule, b.rule), cmp.Compare(a.path, b.path))
	})
	for _, r := range list {
		r.told, r.toldAt = r.count, now
	}
	return list
}

// line tells that a race was seen again.
func (r *repeated) line() []byte {
	return fmt.Appendf(nil, "filerace: ×%d  %s · %s  %s\n", r.count, r.rule, r.evidence, screen.Visible(r.path))
}

type jsonRepeated struct {
	Type     string        `json:"type"` // "again"
	Rule     string        `json:"rule"`
	Evidence race.Evidence `json:"evidence"`
	Path     string        `json:"path"`
	Count    uint64        `json:"count"`
}

func (r *repeated) json() ([]byte, error) {
	return oneLine(jsonRepeated{"again", r.rule, r.evidence, r.path, r.count})
}

// block is the text of one finding as hunt writes it, with who took part and the
// moment at which it was seen.
func block(f race.Finding, ops []*op.Op, at time.Time, o report.Options) ([]byte, error) {
	f, ops = rerooted(f, ops)
	var text bytes.Buffer
	if err := report.Text(&text, reported(f, ops), o); err != nil {
		return nil, err
	}
	// The last line sums a whole report up, which this is not.
	b := bytes.TrimSuffix(text.Bytes(), []byte("\n"))
	b = bytes.TrimRight(b[:bytes.LastIndexByte(b, '\n')+1], "\n")
	if who := whoIsWho(&f, ops, cmp.Or(o.Width, report.DefaultWidth)); who != "" {
		b = append(b, "\n"+who...)
	}
	if !at.IsZero() {
		b = append(b, "\nseen    "+at.Format("2006-01-02 15:04:05")...)
	}
	return append(b, "\n\n"...), nil
}

func reported(f race.Finding, ops []*op.Op) *report.Report {
	return &report.Report{Runs: 1, Findings: []report.Found{{Finding: f, Ops: ops}}}
}

// rawFinding is a finding as the reports have it in JSON.
func rawFinding(f race.Finding, ops []*op.Op) (json.RawMessage, error) {
	var text bytes.Buffer
	if err := report.JSON(&text, reported(f, ops)); err != nil {
		return nil, err
	}
	var whole struct {
		Findings []json.RawMessage `json:"findings"`
	}
	if err := json.Unmarshal(text.Bytes(), &whole); err != nil {
		return nil, err
	}
	var b bytes.Buffer
	err := json.Compact(&b, whole.Findings[0])
	return b.Bytes(), err
}

// findingJSON writes a finding as in the reports of the other commands, with its
// type and the moment at which it was seen, on one line.
func findingJSON(f race.Finding, ops []*op.Op, at time.Time) ([]byte, error) {
	text, err := rawFinding(f, ops)
	if err != nil {
		return nil, err
	}
	wall := ""
	if !at.IsZero() {
		wall = at.Format(time.RFC3339Nano)
	}
	return fmt.Appendf(nil, "{\"type\":\"finding\",\"wall\":%q,%s\n", wall, text[1:]), nil
}

// Report is the JSON report of a watch with these findings (Options.KeepFinding).
func Report(findings []json.RawMessage, sum *Summary) ([]byte, error) {
	var text bytes.Buffer
	r := &report.Report{Runs: 1, Seconds: sum.Elapsed.Seconds()}
	if sum.Lost > 0 {
		r.Missed = []string{counted(int(sum.Lost), "event") + " lost"}
	}
	if err := report.JSON(&text, r); err != nil {
		return nil, err
	}
	var whole map[string]any
	if err := json.Unmarshal(text.Bytes(), &whole); err != nil {
		return nil, err
	}
	if findings != nil {
		whole["findings"] = findings
	}
	return json.MarshalIndent(whole, "", "  ")
}

// again counts a race that was told before.
func (t *tally) again(f *race.Finding, now int64) {
	if r := t.known[f.Key()]; r != nil {
		r.count++
		r.seen = now
	}
}
