package schedule

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"filerace/internal/op"
)

// String returns the step as one line of text without its newline: the actor,
// two spaces, the signature. A signature that would not survive as it is (empty,
// blanks at its ends, a leading quotation mark, unprintable characters) is
// quoted as in Go.
func (s Step) String() string { return string(s.Actor) + "  " + sigText(s.Sig) }

// MarshalText writes the step as String does, so that JSON holds a schedule as a
// list of readable lines, and bytes that are not UTF-8 survive.
func (s Step) MarshalText() ([]byte, error) {
	if s == (Step{}) { // no step: a divergence in which nothing was held
		return nil, nil
	}
	return []byte(s.String()), nil
}

// UnmarshalText reads what MarshalText wrote.
func (s *Step) UnmarshalText(text []byte) error {
	if len(text) == 0 {
		*s = Step{}
		return nil
	}
	step, err := parseStep(string(text))
	if err == nil {
		*s = step
	}
	return err
}

// String returns the schedule as text, one decision a line, signatures aligned.
// Parse reads it back.
func (s Schedule) String() string {
	width, size := 0, 0
	for _, step := range s {
		width = max(width, len(step.Actor))
		size += len(step.Sig)
	}
	var b strings.Builder
	b.Grow(size + len(s)*(width+3))
	for _, step := range s {
		b.WriteString(string(step.Actor))
		for range width - len(step.Actor) + 2 {
			b.WriteByte(' ')
		}
		b.WriteString(sigText(step.Sig))
		b.WriteByte('\n')
	}
	return b.String()
}

// A ParseError tells where the text of a schedule is wrong.
type ParseError struct {
	Line int // from 1
	Err  error
}

func (e *ParseError) Error() string { return fmt.Sprintf("schedule: line %d: %v", e.Line, e.Err) }

// Unwrap returns what is wrong with the line.
func (e *ParseError) Unwrap() error { return e.Err }

// Parse reads a schedule from text: a decision a line. Empty lines and lines
// that begin with # are skipped. The error is a *ParseError.
func Parse(text string) (Schedule, error) {
	var s Schedule
	n := 0
	for line := range strings.Lines(text) {
		n++
		line = strings.TrimRight(line, " \t\r\n")
		if line == "" || line[0] == '#' {
			continue
		}
		step, err := parseStep(line)
		if err != nil {
			return nil, &ParseError{n, err}
		}
		s = append(s, step)
	}
	return s, nil
}

var errNoSig = errors.New("an actor and a signature are wanted, two spaces between them")

func parseStep(line string) (Step, error) {
	actor, sig, ok := strings.Cut(line, "  ")
	sig = strings.TrimLeft(sig, " ")
	if !ok || sig == "" {
		return Step{}, errNoSig
	}
	if !isActor(actor) {
		return Step{}, fmt.Errorf("%q is not an actor's name, such as 1.2 or 1.2/3", actor)
	}
	if sig[0] == '"' {
		plain, err := strconv.Unquote(sig)
		if err != nil {
			return Step{}, fmt.Errorf("signature %s: the quotation does not end well", sig)
		}
		sig = plain
	}
	return Step{op.Actor(actor), sig}, nil
}

// isActor reports whether s has the form of op.Actor: numbers, a dot between
// them, and perhaps a slash and one more number.
func isActor(s string) bool {
	process, thread, isThread := strings.Cut(s, "/")
	if isThread && !isNumber(thread) {
		return false
	}
	for part := range strings.SplitSeq(process, ".") {
		if !isNumber(part) {
			return false
		}
	}
	return true
}

func isNumber(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return s != ""
}

func sigText(sig string) string {
	if sig == "" || sig[0] == '"' || sig[0] == ' ' || sig[len(sig)-1] == ' ' ||
		!utf8.ValidString(sig) || strings.ContainsFunc(sig, unprintable) {
		return strconv.Quote(sig)
	}
	return sig
}

func unprintable(r rune) bool { return !unicode.IsPrint(r) }

// Switches returns how often the next decision is for another actor.
func (s Schedule) Switches() int {
	n := 0
	for i := 1; i < len(s); i++ {
		if s[i].Actor != s[i-1].Actor {
			n++
		}
	}
	return n
}

// Preemptions returns the number of switches away from an actor that has more
// steps later on. The text does not say which actors could have gone on, so a
// switch away from one that had to wait (for a lock, for a child) counts too:
// the figure is an upper bound of the preemptions in the sense of Musuvathi and
// Qadeer, Iterative Context Bounding (PLDI 2007).
func (s Schedule) Preemptions() int {
	last := make(map[op.Actor]int)
	for i, step := range s {
		last[step.Actor] = i
	}
	n := 0
	for i := 1; i < len(s); i++ {
		if was := s[i-1].Actor; was != s[i].Actor && last[was] > i {
			n++
		}
	}
	return n
}
