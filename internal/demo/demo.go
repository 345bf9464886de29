// Package demo holds small programs that have a race on files, each with a
// variant that has not. They are there to be read and to be hunted: every actor
// is a process of its own and makes its system calls one by one, with nothing
// that provokes the race and nothing that hides it.
package demo

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"slices"
	"strings"
)

// A Demo is one program. It works in the current directory, on files of its own
// that it lays out anew at each start.
type Demo struct {
	Name   string
	Title  string   // one line, lower case
	Rule   string   // the rule that a hunt names
	Flags  []Flag   // beyond --safe
	Actors []string // the processes that run at once

	setup func(o Options) error                         // by the parent, before the actors
	act   func(c *caller, o Options, actor string)      // by each actor, in its own process
	tell  func(o Options, say []Answer) (Result, error) // by the parent, after the actors
}

// Flag is one flag of a demo.
type Flag struct {
	Name  string
	Value string // what stands after it, as in "flock|lockf"; "" for a switch
	Title string
}

// Options are the flags of one run.
type Options struct {
	Safe bool
	set  map[string]string
}

// On reports whether a switch was given.
func (o Options) On(name string) bool { return o.set[name] != "" }

// Value returns what was given for a flag, "" for none.
func (o Options) Value(name string) string { return o.set[name] }

// Answer is what one actor said and how it ended.
type Answer struct {
	Actor string
	Text  string
}

// Result is the end of a demo: what was seen, and whether it ends with status 1.
type Result struct {
	Text   string
	Failed bool
}

// The exit statuses of a demo.
const (
	exitOK     = 0
	exitHarm   = 1 // only demos whose actors check what they read
	exitUsage  = 2
	exitBroken = 3 // the demo could not do its work
	exitMisfit = 4 // of an actor: what it got does not fit together
)

// List is every demo, in the order in which they are shown.
var List = []Demo{
	concurrentDelete,
	unlinkViolation,
	lockfileDelete,
	exclusiveOpen,
	appendRecords,
	overlappingWrite,
	upgrade,
	counter,
	truncateWrite,
}

// Find returns the demo of a name.
func Find(name string) (Demo, bool) {
	i := slices.IndexFunc(List, func(d Demo) bool { return d.Name == name })
	if i < 0 {
		return Demo{}, false
	}
	return List[i], true
}

// Main runs a demo: args are the arguments after its name. It returns the exit
// status: 0, also when the race did harm that nobody noticed; 1 when a reader of
// concurrent-delete or upgrade noticed; 2 for wrong usage; 3 if the demo could
// not do its work.
func Main(name string, args []string, stdout, stderr io.Writer) int {
	d, ok := Find(name)
	if !ok {
		fmt.Fprintf(stderr, "filerace demo: no demo is named %q\nThe demos are: %s.\n", name, strings.Join(names(), ", "))
		return exitUsage
	}
	o, actor, err := d.parse(args)
	switch {
	case errors.Is(err, flag.ErrHelp):
		d.usage(stdout)
		return exitOK
	case err != nil:
		fmt.Fprintf(stderr, "filerace demo %s: %v\n", name, err)
		d.usage(stderr)
		return exitUsage
	case actor != "":
		return d.runActor(o, actor)
	}
	r, err := d.run(o, args)
	if err != nil {
		fmt.Fprintf(stderr, "filerace demo %s: %v\n", name, err)
		return exitBroken
	}
	fmt.Fprintln(stdout, r.Text)
	if r.Failed {
		return exitHarm
	}
	return exitOK
}

func names() []string {
	var s []string
	for _, d := range List {
		s = append(s, d.Name)
	}
	return s
}

func (d *Demo) parse(args []string) (o Options, actor string, err error) {
	o.set = map[string]string{}
	fs := flag.NewFlagSet(d.Name, flag.ContinueOnError)
	fs.SetOutput(io.Discard)
	fs.BoolVar(&o.Safe, "safe", false, "")
	fs.StringVar(&actor, "actor", "", "")
	for _, f := range d.Flags {
		name := f.Name
		if f.Value == "" {
			fs.BoolFunc(name, "", func(s string) error { o.set[name] = s; return nil })
			continue
		}
		fs.Func(name, "", func(s string) error {
			if !slices.Contains(strings.Split(f.Value, "|"), s) {
				return fmt.Errorf("must be one of %s", f.Value)
			}
			o.set[name] = s
			return nil
		})
	}
	if err := fs.Parse(args); err != nil {
		return o, "", err
	}
	if fs.NArg() > 0 {
		return o, "", fmt.Errorf("unexpected argument %q", fs.Arg(0))
	}
	if actor != "" && !slices.Contains(d.Actors, actor) {
		return o, "", fmt.Errorf("no actor is named %q", actor)
	}
	return o, actor, nil
}

func (d *Demo) usage(w io.Writer) {
	fmt.Fprintf(w, "%s: %s\n  --safe  the same without the race\n", d.Name, d.Title)
	for _, f := range d.Flags {
		fmt.Fprintf(w, "  --%s  %s\n", strings.TrimSpace(f.Name+" "+f.Value), f.Title)
	}
}
