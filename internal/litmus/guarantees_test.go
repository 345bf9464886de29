package litmus

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// page is where the measured matrix is kept.
const page = "../../docs/guarantees.md"

// renew is how the page is written again.
const renew = "filerace litmus --make ext4,xfs,btrfs,tmpfs,overlay --markdown -o docs/guarantees.md"

// cellText is what a cell of the matrix may say.
var cellText = regexp.MustCompile(`^(kept, \d+ (of \d+|in turn)|allowed, \d+ of \d+|\*\*broken\*\*|not tested)$`)

// pageSection is a test's part of the page.
type pageSection struct {
	name, text string
	heads      []string
	rows       map[string][]string // cells by case
	order      []string            // of the cases
}

func readPage(t *testing.T) (sections []pageSection) {
	t.Helper()
	b, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	parts := strings.Split(string(b), "\n## ")
	for _, part := range parts[1:] {
		name, text, _ := strings.Cut(part, "\n")
		s := pageSection{name: name, text: text, rows: map[string][]string{}}
		for line := range strings.Lines(text) {
			cells := tableCells(line)
			switch {
			case cells == nil || strings.HasPrefix(cells[0], "---"):
			case cells[0] == "case":
				s.heads = cells[1:]
			default:
				s.rows[cells[0]] = cells[1:]
				s.order = append(s.order, cells[0])
			}
		}
		sections = append(sections, s)
	}
	return sections
}

// tableCells cuts a line of a table into its cells; nil: it is none.
func tableCells(line string) (cells []string) {
	line = strings.TrimSpace(line)
	if !strings.HasPrefix(line, "|") {
		return nil
	}
	line = strings.ReplaceAll(line, `\|`, "\x00")
	for _, c := range strings.Split(strings.Trim(line, "|"), "|") {
		cells = append(cells, strings.ReplaceAll(strings.TrimSpace(c), "\x00", "|"))
	}
	return cells
}

// The page tells of today's tests and of no others, as they call themselves.
func TestPageIsOfToday(t *testing.T) {
	sections := readPage(t)
	var tests []*Test
	for _, test := range Tests {
		if test != own {
			tests = append(tests, test)
		}
	}
	if len(sections) != len(tests) {
		t.Fatalf("%s has %d tests, there are %d; renew it: %s", page, len(sections), len(tests), renew)
	}
	for i, test := range tests {
		s := sections[i]
		if s.name != test.Name || !strings.Contains(s.text, test.Guarantee) || !strings.Contains(s.text, "Source: "+test.Source) {
			t.Errorf("%s: %q does not stand in %s as it is; renew it: %s", test.Name, test.Guarantee, page, renew)
		}
		var names []string
		for _, c := range test.Cases {
			names = append(names, c.Name)
		}
		if !slices.Equal(s.order, names) {
			t.Errorf("%s: %s has the cases %q, want %q; renew it: %s", test.Name, page, s.order, names, renew)
		}
		for name, cells := range s.rows {
			if len(cells) != len(s.heads) {
				t.Errorf("%s/%s: %d cells, %d file systems", test.Name, name, len(cells), len(s.heads))
			}
			for _, c := range cells {
				if !cellText.MatchString(c) {
					t.Errorf("%s/%s: a cell says %q", test.Name, name, c)
				}
			}
		}
	}
}

// Where file systems differ in a verdict, the page says why; and where one was not
// tested, for what reason.
func TestPageExplainsDifferences(t *testing.T) {
	for _, s := range readPage(t) {
		for name, cells := range s.rows {
			verdicts := map[string]bool{}
			for i, c := range cells {
				verdict, _, _ := strings.Cut(c, ",")
				if verdict == string(VerdictNotTested) {
					if !strings.Contains(s.text, "- `"+name+"`: ") {
						t.Errorf("%s/%s: no reason why it was not tested on %s", s.name, name, s.heads[i])
					}
					continue
				}
				verdicts[verdict] = true
			}
			_, c := find(s.name, name)
			if len(verdicts) < 2 || c == nil {
				continue
			}
			for fs, why := range c.Why {
				line := regexp.MustCompile("(?m)^- Why " + fs + " differs in .*`" + regexp.QuoteMeta(name) + "`.*: " + regexp.QuoteMeta(why) + "$")
				if slices.Contains(s.heads, fs) && !line.MatchString(s.text) {
					t.Errorf("%s/%s: %s does not say why %s differs; renew it: %s", s.name, name, page, fs, renew)
				}
			}
			if len(c.Why) == 0 {
				t.Errorf("%s/%s differs between file systems, and nothing says why", s.name, name)
			}
		}
	}
}
