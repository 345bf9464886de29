package schedule

import (
	"encoding/json"
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"
)

var odd = Schedule{
	{"1", "openat app.lock O_RDWR|O_CREAT 0644"},
	{"1.2/3", `rename "a b" "c"`},
	{"1.10", "flock app.lock EX"},
	{"1.10", `"starts with a quotation mark`},
	{"2", "  blanks around  "},
	{"2", " blank before"},
	{"2", "blank after "},
	{"2", ""},
	{"1", "line\nfeed\r"},
	{"1", "# not a comment"},
	{"1", "not UTF-8: \xff"},
	{"1", "two  blanks"},
}

func TestTextRoundTrip(t *testing.T) {
	text := odd.String()
	if n := strings.Count(text, "\n"); n != len(odd) {
		t.Errorf("%d lines for %d steps:\n%s", n, len(odd), text)
	}
	got, err := Parse(text)
	if err != nil || !slices.Equal(got, odd) {
		t.Errorf("Parse: %v\n%s\nwant\n%s", err, got, text)
	}
}

func TestTextLooks(t *testing.T) {
	s := Schedule{{"1", "open f"}, {"1.2/3", "flock f EX"}}
	want := "1      open f\n1.2/3  flock f EX\n"
	if got := s.String(); got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
}

func TestParseSkipsCommentsAndEmptyLines(t *testing.T) {
	got, err := Parse("# the lock is lost here\n\n1.2     unlink f \r\n\n#1  close\n1  close")
	want := Schedule{{"1.2", "unlink f"}, {"1", "close"}}
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("got %v, %v; want %v", got, err, want)
	}
}

func TestParseErrors(t *testing.T) {
	for _, tt := range []struct {
		text string
		line int
		says string
	}{
		{"1  open\n\n1.2 open", 3, "two spaces"},
		{"1.2", 1, "two spaces"},
		{"  open", 1, "not an actor"},
		{"1  a\n1..2  open", 2, "not an actor"},
		{"sh  open", 1, "not an actor"},
		{"1/2/3  open", 1, "not an actor"},
		{"# c\n1  \"open", 2, "quotation"},
	} {
		s, err := Parse(tt.text)
		var pe *ParseError
		if !errors.As(err, &pe) || pe.Line != tt.line || !strings.Contains(err.Error(), tt.says) {
			t.Errorf("Parse(%q) = %v, %v; want an error in line %d that says %q", tt.text, s, err, tt.line, tt.says)
		}
	}
}

func TestJSONRoundTrip(t *testing.T) {
	spec := Spec{Name: "replay", Seed: 1<<64 - 1, Schedule: odd, Goals: []Goal{
		{Steps: []Target{{"1.1", "stat f", 2}, {"1.2", "unlink f", 0}}, Why: "check then use"},
	}}
	text, err := json.Marshal(spec)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(text), `"1.10  flock app.lock EX"`) {
		t.Errorf("steps are not one string each: %s", text)
	}
	var got Spec
	if err := json.Unmarshal(text, &got); err != nil || !reflect.DeepEqual(got, spec) {
		t.Errorf("%v\n got %+v\nwant %+v", err, got, spec)
	}
}

func TestSwitchesAndPreemptions(t *testing.T) {
	for _, tt := range []struct {
		order                 string
		switches, preemptions int
	}{
		{"", 0, 0},
		{"1112", 1, 0},
		{"1122", 1, 0},
		{"1212", 3, 2}, // the last switch is from an actor that has ended
		{"121", 2, 1},
		{"123", 2, 0},
		{"1231", 3, 1},
	} {
		var s Schedule
		for _, a := range tt.order {
			s = append(s, Step{Actor: opActor(a), Sig: "x"})
		}
		if n := s.Switches(); n != tt.switches {
			t.Errorf("%s: %d switches, want %d", tt.order, n, tt.switches)
		}
		if n := s.Preemptions(); n != tt.preemptions {
			t.Errorf("%s: %d preemptions, want %d", tt.order, n, tt.preemptions)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add(odd.String())
	f.Add("1.2     unlink f \r\n\n#1  close\n1\t close")
	f.Add("1  \"\\xff\"\n1  a\u2028b")
	f.Fuzz(func(t *testing.T, text string) {
		s, err := Parse(text)
		if err != nil {
			return
		}
		again, err := Parse(s.String())
		if err != nil || !slices.Equal(again, s) {
			t.Errorf("%q was read as %q, written as %q, then read as %q, %v", text, s, s.String(), again, err)
		}
	})
}
