package world

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"filerace/internal/op"
)

// overlapped makes events of lines "FROM EXIT CALL NAME=BEFORE… [flags]": the files that the
// source saw behind the names, 0 for none; "+" before a file: the open made it; NAME=- was not seen.
func overlapped(t *testing.T, seen bool, script string) (events []*Event) {
	t.Helper()
	for line := range strings.Lines(strings.TrimSpace(script)) {
		w := strings.Fields(line)
		var from, exit int64
		fmt.Sscan(w[0], &from)
		fmt.Sscan(w[1], &exit)
		call := op.Named(w[2])
		o := &op.Op{Call: call, Kind: call.Kind, Actor: op.Actor(fmt.Sprint(len(events) + 1)), TID: len(events) + 1, Seq: len(events) + 1, Enter: from, Exit: exit, Done: true}
		for _, word := range w[3:] {
			name, file, ok := strings.Cut(word, "=")
			if name == "links" { // that are left
				fmt.Sscan(file, &o.Names[0].Nlink)
				continue
			}
			if !ok {
				fmt.Sscan(word, &o.Flags)
				continue
			}
			n := op.Name{Dir: op.FileID{Dev: 1, Ino: 1}, Base: name, Path: "/" + name, Seen: seen && file != "-"}
			made := strings.HasPrefix(file, "+")
			var ino uint64
			fmt.Sscan(strings.TrimPrefix(file, "+"), &ino)
			if ino != 0 {
				n.Before = op.FileID{Dev: 1, Ino: ino}
			}
			if o.Kind == op.Open {
				o.Flags |= op.O_CREAT
				o.File.ID, n.After = n.Before, n.Before
				if made {
					n.Before = op.FileID{}
				}
			}
			o.Names = append(o.Names, n)
		}
		events = append(events, &Event{Op: o, From: from})
	}
	return events
}

// What operations were seen to meet fixes their order: the first line before the second.
func TestIdentitiesFixTheOrder(t *testing.T) {
	for name, script := range map[string]string{
		"rename over, rename over": "10 50 rename t=2 n=1\n20 40 rename u=3 n=2",
		"rename away, unlink":      "10 50 rename n=1 m=0\n20 40 unlink m=1",
		"unlink, rename away":      "10 50 unlink n=1\n20 40 rename n=2 m=0\n15 45 rename t=2 n=0",
		"rename over, unlink":      "10 50 rename t=2 n=1\n20 40 unlink n=2",
		"unlink, rename over":      "10 50 unlink n=1\n20 40 rename t=2 n=0",
		"rename over, open":        "10 50 rename t=2 n=1\n20 40 open n=2",
		"open, rename over":        "10 50 open n=1\n20 40 rename t=2 n=1",
		"open that makes, rename":  "10 50 open n=+1\n20 40 rename t=2 n=1",
		"rename away, open makes":  "10 50 rename n=1 m=0\n20 40 open n=+2",
		"open that makes, unlink":  "10 50 open n=+1\n20 40 unlink n=1",
		"link, rename over":        "10 50 link n=1 m=0\n20 40 rename t=2 n=1",
		"rename over, link":        "10 50 rename t=2 n=1\n20 40 link n=2 m=0",
		"exchange, rename over":    "10 50 renameat2 n=1 m=2 2\n20 40 rename t=3 n=2",
		"rename over, exchange":    "10 50 rename t=3 n=1\n20 40 renameat2 n=3 m=2 2",
		"exchange, unlink":         "10 50 renameat2 n=1 m=2 2\n20 40 unlink m=1",
	} {
		for _, c := range []struct{ seen, want bool }{{true, true}, {false, false}} {
			if name == "open that makes, unlink" || name == "exchange, unlink" || name == "rename away, open makes" || name == "open, rename over" ||
				name == "unlink, rename away" {
				if !c.seen {
					continue // that the calls succeeded may tell as much
				}
			}
			events := overlapped(t, c.seen, script)
			if len(events) == 3 { // the third comes between the two
				events[1], events[2] = events[2], events[1]
				if got := Told(events[0], events[2], events, 0); got != c.want {
					t.Errorf("%s: %v", name, got)
				}
				continue
			}
			if got := Told(events[0], events[1], events, 0); got != c.want {
				t.Errorf("%s, seen %v: %v", name, c.seen, got)
			}
			if c.seen {
				slices.Reverse(events)
				if Told(events[0], events[1], events, 0) {
					t.Errorf("%s: told the other way round", name)
				}
			}
		}
	}
}

// Where files come back, or somebody saw nothing, another order may explain as much.
func TestIdentitiesDoNotFixTheOrder(t *testing.T) {
	for name, script := range map[string]string{
		"link, unlink":               "10 50 link n=1 m=0\n20 40 unlink m=1 links=1", // it may have had both names before
		"two exchanges":              "10 50 renameat2 n=1 m=2 2\n20 40 renameat2 n=2 m=1 2",
		"one was not seen":           "10 50 rename t=2 n=1\n20 40 rename u=- n=-",
		"neither was seen":           "10 50 rename t=- n=-\n20 40 unlink n=-",
		"two names of one file":      "10 50 rename t=1 n=1\n20 40 rename u=1 n=1",
		"made and gone, twice":       "10 50 unlink n=1\n10 50 open n=+2\n10 50 open n=+1\n10 50 unlink n=2",
		"what nothing can have made": "10 50 rename t=2 n=1\n20 40 rename u=3 n=4",
	} {
		events := overlapped(t, true, script)
		a, b := events[0], events[1]
		if name == "made and gone, twice" { // 1 is made and removed, 2 is; or the other way round
			events = []*Event{events[2], events[0], events[1], events[3]}
		}
		if Told(a, b, events, 0) {
			t.Errorf("%s: told", name)
		}
	}
}

// Calls that kept to their turn fix the order of those that did not.
func TestOthersFixTheOrder(t *testing.T) {
	events := overlapped(t, true, "10 12 open n=+1\n11 50 unlink n=1\n20 49 open n=+2\n49 60 unlink n=2")
	if !Told(events[1], events[2], events, 0) {
		t.Error("the first file was made before the second open began, and that made another one")
	}
	var many []*Event
	for i := range OthersMax + 3 {
		many = append(many, overlapped(t, true, fmt.Sprintf("10 50 rename t%d=%d n=%d", i, i+2, i+1))...)
	}
	if Told(many[0], many[1], many, 0) {
		t.Error("told of more than it looks at")
	}
	if few := many[:OthersMax+2]; !Told(few[0], few[1], few, 0) {
		t.Error("a chain of renames does not tell its order")
	}
}
