package litmus

import (
	"fmt"
	"strings"
)

// Matrix is what came of all tests in all places.
type Matrix struct {
	System  string    `json:"system"`  // kernel and architecture
	Seconds float64   `json:"seconds"` // all of the run
	Columns []*Column `json:"columns"`
}

// Column is what came of the tests in one place.
type Column struct {
	Label   string     `json:"label"`
	Dir     string     `json:"dir"`
	FS      FileSystem `json:"fs"`
	Made    string     `json:"made,omitempty"` // by what, if for the tests
	Results []Result   `json:"results"`
}

// FileSystem is what a place is on.
type FileSystem struct {
	Type    string `json:"type"`
	Source  string `json:"source,omitempty"`  // device or server
	Options string `json:"options,omitempty"` // as mounted
}

// chosen is a case and the test to which it belongs.
type chosen struct {
	test *Test
	c    *Case
}

// Missing is a column of a place that there is not, and why.
func Missing(label, why string, names []string) *Column {
	col := &Column{Label: label, FS: FileSystem{Type: label}}
	cases, err := choose(names)
	if err != nil {
		return col
	}
	for _, c := range cases {
		col.Results = append(col.Results, Result{Test: c.test.Name, Case: c.c.Name, Verdict: VerdictNotTested, Reason: why})
	}
	return col
}

// UnknownError is a name that no test has.
type UnknownError struct{ Name string }

func (e *UnknownError) Error() string { return fmt.Sprintf("there is no litmus test %q", e.Name) }

// Check returns an *UnknownError if a name selects nothing.
func Check(names []string) error {
	_, err := choose(names)
	return err
}

// choose returns the cases that the names select, in the order of Tests.
func choose(names []string) ([]chosen, error) {
	for _, n := range names {
		if !known(n) {
			return nil, &UnknownError{n}
		}
	}
	var all []chosen
	for _, t := range Tests {
		for _, c := range t.Cases {
			if wanted(t, c, names) {
				all = append(all, chosen{t, c})
			}
		}
	}
	return all, nil
}

func known(name string) bool {
	test, c, one := strings.Cut(name, "/")
	for _, t := range Tests {
		if t.Name != test {
			continue
		}
		if _, found := find(test, c); !one || found != nil {
			return true
		}
	}
	return false
}

func wanted(t *Test, c *Case, names []string) bool {
	if len(names) == 0 {
		return true
	}
	for _, n := range names {
		if n == t.Name || n == t.Name+"/"+c.Name {
			return true
		}
	}
	return false
}

// find returns the case of that name; nil if there is none.
func find(test, name string) (*Test, *Case) {
	for _, t := range Tests {
		for _, c := range t.Cases {
			if t.Name == test && c.Name == name {
				return t, c
			}
		}
	}
	return nil, nil
}
