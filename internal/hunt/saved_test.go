package hunt

import (
	"bytes"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"filerace/internal/schedule"
)

// exampleSaved has every entry, and values that are awkward as lines of text.
func exampleSaved() *Saved {
	return &Saved{
		Rule: "lost-update", Key: "lost-update n", Headline: `"n" lost 1 & gained <2>`,
		Target: Target{
			Command: []string{"sh", "-c", "echo 1 >n && cat \"n\"\n", ""},
			Dir:     "a\xffb", Inside: true, Setup: `"my setup" --now`, Check: "line one\nline two", Fresh: " a dir ",
			RunTime: 1500 * time.Millisecond, Seed: 1<<64 - 1,
		},
		Plain:     Ending{Status: 3, Check: 4},
		Shared:    []string{"data n", "name odd\nname\xff"},
		Templates: []string{"tmp.?10"},
		Schedule:  schedule.Schedule{{Actor: "1.2", Sig: "read n"}, {Actor: "1.10/3", Sig: "open \"n\n"}},
	}
}

func text(t *testing.T, s *Saved) string {
	t.Helper()
	var b bytes.Buffer
	if n, err := s.WriteTo(&b); err != nil || n != int64(b.Len()) {
		t.Fatalf("WriteTo: %d bytes of %d, %v", n, b.Len(), err)
	}
	return b.String()
}

func TestSavedIsReadBack(t *testing.T) {
	for _, name := range kept {
		t.Setenv(name, "")
	}
	t.Setenv("TZ", "Europe/Berlin")
	want := exampleSaved()
	got, err := ReadSaved(strings.NewReader(text(t, want)))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range kept {
		value := ""
		if name == "TZ" {
			value = "Europe/Berlin"
		}
		want.Env = append(want.Env, name+"="+value)
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("read %+v\nwant %+v", got, want)
	}
}

// A shell's words stay legible: no \u003e for a >.
func TestArgumentsNeedNotBeUTF8(t *testing.T) {
	for _, list := range [][]string{{"cat", "\xff\xfe"}, {"a\"b", "\x80, ]", ""}, {"plain > &"}} {
		text := listText(list)
		got, err := parseList(text)
		if err != nil || !reflect.DeepEqual(got, list) {
			t.Errorf("%q was written as %s and read as %q, %v", list, text, got, err)
		}
	}
	for _, bad := range []string{"", "[", `["a"`, `["a" "\xff"`, `"a"]`, "[a]", `["\xff]`} {
		if list, err := parseList(bad); err == nil {
			t.Errorf("%q was read as %q", bad, list)
		}
	}
}

func TestSavedShowsCommandsPlainly(t *testing.T) {
	if got := text(t, exampleSaved()); !strings.Contains(got, `"echo 1 >n && cat \"n\"\n"`) {
		t.Errorf("the command is hard to read:\n%s", got)
	}
}

func TestSavedThatCannotBeUsed(t *testing.T) {
	good := text(t, exampleSaved())
	free := good[:strings.LastIndex(good, "sum ")] + "sum\n" // edited on purpose
	if _, err := ReadSaved(strings.NewReader(free)); err != nil {
		t.Fatalf("without a sum: %v", err)
	}
	edit := func(old, new string) string {
		if !strings.Contains(free, old) {
			t.Fatalf("nothing to edit: %q", old)
		}
		return strings.Replace(free, old, new, 1)
	}
	for _, test := range []struct{ name, text, want string }{
		{"empty", "", "it does not begin with"},
		{"something else", "#!/bin/sh\n", "it does not begin with"},
		{"another version", edit("race 1\n", "race 12\n"), "format version 12"},
		{"cut within a line", good[:len(good)/2], "its end is missing"},
		{"cut after a line", good[:strings.Index(good, "seed")], "its end is missing"},
		{"edited", strings.Replace(good, "plain 3", "plain 0", 1), "it was changed after it was written"},
		{"another machine", edit("machine ", "machine not"), "it was recorded on not"},
		{"unknown entry", edit("plain 3 4", "colour red"), `unknown entry "colour"`},
		{"no rule", edit("rule lost-update\n", ""), "the command or the rule is missing"},
		{"no command", edit("command [", "command []\nsetup ["), "the command or the rule is missing"},
		{"bad command", edit("command [", "command [,"), "line 6"},
		{"a number", edit("seed 1", "seed x1"), "invalid syntax"},
		{"a time", edit("run-time 1", "run-time -1"), "ends every run at once"},
		{"no schedule", edit("schedule 2\n", "plain 3 4\n"), "unknown entry"},
		{"more steps", edit("schedule 2", "schedule 3"), "the schedule has 2 steps, and should have 3"},
		{"not a step", edit("1.2   ", "1.x   "), "1.x"},
		{"too large", good + strings.Repeat("\n", maxSaved), "larger than 16 MiB"},
	} {
		_, err := ReadSaved(strings.NewReader(test.text))
		if !errors.Is(err, ErrSaved) || !strings.Contains(fmt.Sprint(err), test.want) {
			t.Errorf("%s: %v, want %q", test.name, err, test.want)
		}
	}
}

type brokenReader struct{ error }

func (r brokenReader) Read([]byte) (int, error) { return 0, r.error }

func TestReadSavedHandsOnErrorsOfReading(t *testing.T) {
	want := errors.New("the disk is gone")
	if _, err := ReadSaved(brokenReader{want}); !errors.Is(err, want) || errors.Is(err, ErrSaved) {
		t.Errorf("%v, want %v", err, want)
	}
}

// Whatever is read without an error survives writing and reading again.
func FuzzReadSaved(f *testing.F) {
	var b bytes.Buffer
	exampleSaved().WriteTo(&b)
	f.Add(b.Bytes())
	body, _, _ := cutSum(b.Bytes())
	f.Add(append(body, "sum\n"...))
	f.Add([]byte("filerace race 1\nrule r\nkey k\ncommand [\"c\"]\nrun-time 1s\nseed 1\nplain 0 0\nschedule 0\nsum\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		s, err := ReadSaved(bytes.NewReader(text))
		if err != nil {
			if !errors.Is(err, ErrSaved) {
				t.Fatalf("%v does not wrap ErrSaved", err)
			}
			return
		}
		if s.RunTime == 0 { // an entry that is always written
			s.RunTime = time.Second
		}
		var again bytes.Buffer
		if _, err := s.WriteTo(&again); err != nil {
			t.Fatal(err)
		}
		got, err := ReadSaved(&again)
		if err != nil {
			t.Fatalf("what was written cannot be read: %v", err)
		}
		got.Env, s.Env = nil, nil // of where it is written
		if !reflect.DeepEqual(got, s) {
			t.Fatalf("read %+v\nthen %+v", s, got)
		}
	})
}
