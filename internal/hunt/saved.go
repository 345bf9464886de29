package hunt

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"filerace/internal/schedule"
)

// Saved is a proven race as a small text file: the command, how a run is prepared
// and judged, the expected finding, and the schedule that makes it happen. It
// holds no file contents.
type Saved struct {
	Rule, Key, Headline string
	Target
	Plain     Ending
	Shared    []string // objects whose operations are decisions
	Templates []string // shapes of names that are drawn at random
	Schedule  schedule.Schedule
	Open      bool     // the run goes on after the schedule, in any way
	Env       []string // NAME=VALUE that replay sets, where the values could matter
}

const (
	savedMagic   = "filerace race"
	savedVersion = 1
	maxSaved     = 16 << 20 // bytes of a file that is read at all
)

// kept are the variables that change what programs do, apart from PATH, which
// belongs to the machine.
var kept = []string{"LANG", "LC_ALL", "LC_CTYPE", "LC_COLLATE", "TZ"}

// ErrSaved is wrapped by every error about the contents of a .race file.
var ErrSaved = errors.New("not a usable .race file")

// WriteTo writes the file's text.
func (s *Saved) WriteTo(w io.Writer) (int64, error) {
	var b bytes.Buffer
	line := func(name string, v any) {
		text, ok := v.(string)
		switch {
		case !ok:
			text = plainJSON(v)
		case strings.ContainsAny(text, "\n\r") || strings.HasPrefix(text, `"`) || !utf8.ValidString(text):
			text = strconv.Quote(text)
		}
		if text != "" {
			fmt.Fprintf(&b, "%s %s\n", name, text)
		}
	}
	fmt.Fprintf(&b, "%s %d\n", savedMagic, savedVersion)
	line("machine", runtime.GOOS+"/"+runtime.GOARCH)
	line("rule", s.Rule)
	line("key", s.Key)
	line("headline", s.Headline)
	line("command", listText(s.Command))
	line("dir", s.Dir)
	line("setup", s.Setup)
	line("check", s.Check)
	line("fresh", s.Fresh)
	line("run-time", s.RunTime.String())
	line("seed", s.Seed)
	if s.Open {
		line("open", "yes")
	}
	if s.Inside {
		line("inside", "yes")
	}
	line("plain", fmt.Sprintf("%d %d", s.Plain.Status, s.Plain.Check))
	for _, name := range kept {
		if v, ok := os.LookupEnv(name); ok {
			line("env", name+"="+v)
		}
	}
	for _, k := range s.Shared {
		fmt.Fprintf(&b, "shared %q\n", k)
	}
	for _, t := range s.Templates {
		fmt.Fprintf(&b, "temporary %q\n", t)
	}
	fmt.Fprintf(&b, "schedule %d\n%s", len(s.Schedule), s.Schedule)
	fmt.Fprintf(&b, "sum %08x\n", crc32.ChecksumIEEE(b.Bytes()))
	n, err := w.Write(b.Bytes())
	return int64(n), err
}

// listText writes a list of strings in JSON or, where JSON cannot hold their bytes
// (arguments need not be UTF-8), with the quotes of Go.
func listText(list []string) string {
	if !slices.ContainsFunc(list, func(s string) bool { return !utf8.ValidString(s) }) {
		return plainJSON(list)
	}
	quoted := make([]string, len(list))
	for i, s := range list {
		quoted[i] = strconv.Quote(s)
	}
	return "[" + strings.Join(quoted, ",") + "]"
}

func parseList(text string) (list []string, err error) {
	if err = json.Unmarshal([]byte(text), &list); err == nil {
		return list, nil
	}
	rest, ok := strings.CutPrefix(text, "[")
	for list = nil; ok && rest != "]"; {
		q, qerr := strconv.QuotedPrefix(rest)
		if qerr != nil {
			return nil, err
		}
		s, _ := strconv.Unquote(q) // QuotedPrefix made sure that it can be
		list = append(list, s)
		rest = strings.TrimPrefix(rest[len(q):], ",")
	}
	if !ok {
		return nil, err
	}
	return list, nil
}

// plainJSON writes numbers and lists of strings, with > and & as they are.
func plainJSON(v any) string {
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.Encode(v) // a Builder takes everything
	return strings.TrimSuffix(b.String(), "\n")
}

// ReadSaved parses a .race file. All errors wrap ErrSaved or come from r.
func ReadSaved(r io.Reader) (*Saved, error) {
	text, err := io.ReadAll(io.LimitReader(r, maxSaved+1))
	if err != nil {
		return nil, err
	}
	bad := func(format string, a ...any) (*Saved, error) {
		return nil, fmt.Errorf("%w: %s", ErrSaved, fmt.Sprintf(format, a...))
	}
	first, _, _ := bytes.Cut(text, []byte("\n"))
	version, ok := strings.CutPrefix(string(first), savedMagic+" ")
	switch {
	case len(text) > maxSaved:
		return bad("it is larger than %d MiB", maxSaved>>20)
	case !ok:
		return bad("it does not begin with %q", savedMagic)
	case version != strconv.Itoa(savedVersion):
		return bad("it has format version %s, and this filerace reads version %d", version, savedVersion)
	}
	body, sum, ok := cutSum(text)
	if !ok {
		return bad("its end is missing: it was cut off")
	}
	if sum != "" && sum != fmt.Sprintf("%08x", crc32.ChecksumIEEE(body)) {
		return bad("it was changed after it was written (to replay it all the same, remove the number from its last line)")
	}
	s := &Saved{}
	if err := s.parse(string(body)); err != nil {
		return bad("%v", err)
	}
	return s, nil
}

// cutSum splits the last line off.
func cutSum(text []byte) (body []byte, sum string, ok bool) {
	t := bytes.TrimRight(text, "\n")
	i := bytes.LastIndexByte(t, '\n')
	if i < 0 {
		return nil, "", false
	}
	last := string(t[i+1:])
	if last != "sum" && !strings.HasPrefix(last, "sum ") {
		return nil, "", false
	}
	return t[:i+1], strings.TrimSpace(strings.TrimPrefix(last, "sum")), true
}

func (s *Saved) parse(body string) error {
	in := bufio.NewScanner(strings.NewReader(body))
	in.Buffer(nil, maxSaved)
	for n := 1; in.Scan(); n++ {
		name, value, _ := strings.Cut(in.Text(), " ")
		if name == "schedule" {
			return s.parseSchedule(body, n, value)
		}
		if err := s.set(name, value); err != nil {
			return fmt.Errorf("line %d: %w", n, err)
		}
	}
	return errors.New("it has no schedule")
}

func (s *Saved) parseSchedule(body string, n int, value string) error {
	lines := strings.SplitAfterN(body, "\n", n+1)
	sched, err := schedule.Parse(lines[n])
	if err != nil {
		return err
	}
	if want, err := strconv.Atoi(value); err != nil || want != len(sched) {
		return fmt.Errorf("line %d: the schedule has %d steps, and should have %s", n, len(sched), value)
	}
	if len(s.Command) == 0 || s.Rule == "" || s.Key == "" {
		return errors.New("the command or the rule is missing")
	}
	s.Schedule = sched
	return nil
}

func (s *Saved) set(name, value string) (err error) {
	text := func(p *string) { *p = unquoted(value) }
	switch name {
	case "filerace":
	case "machine":
		if here := runtime.GOOS + "/" + runtime.GOARCH; value != here {
			return fmt.Errorf("it was recorded on %s, and this is %s: hunt for the race here", value, here)
		}
	case "rule":
		text(&s.Rule)
	case "key":
		text(&s.Key)
	case "headline":
		text(&s.Headline)
	case "command":
		s.Command, err = parseList(value)
	case "dir":
		text(&s.Dir)
	case "setup":
		text(&s.Setup)
	case "check":
		text(&s.Check)
	case "fresh":
		text(&s.Fresh)
	case "run-time":
		if s.RunTime, err = time.ParseDuration(value); err == nil && s.RunTime <= 0 {
			err = fmt.Errorf("a run-time of %s ends every run at once", value)
		}
	case "seed":
		s.Seed, err = strconv.ParseUint(value, 10, 64)
	case "plain":
		_, err = fmt.Sscanf(value, "%d %d", &s.Plain.Status, &s.Plain.Check)
	case "open":
		s.Open = value == "yes"
	case "inside":
		s.Inside = value == "yes"
	case "env":
		s.Env = append(s.Env, unquoted(value))
	case "shared":
		var k string
		k, err = strconv.Unquote(value)
		s.Shared = append(s.Shared, k)
	case "temporary":
		var t string
		t, err = strconv.Unquote(value)
		s.Templates = append(s.Templates, t)
	default:
		err = fmt.Errorf("unknown entry %q", name)
	}
	return err
}

// unquoted undoes the quoting of values that are no plain line of text.
func unquoted(value string) string {
	if s, err := strconv.Unquote(value); err == nil && value[0] == '"' {
		return s
	}
	return value
}
