package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"slices"
	"strings"
	"time"

	"filerace/internal/litmus"
	"filerace/internal/litmus/lab"
)

const litmusAbout = `Tries what this kernel and a file system guarantee to processes that race: real processes, in DIR (the
current directory), which is left as it was. NAME is a test ("append") or a case of one ("append/write 1 B");
what is a directory is taken as one, so write ./append if both exist.`

// litmusFlags are the flags of `filerace litmus`.
type litmusFlags struct {
	list, markdown bool
	made           string
	options        litmus.Options
	out            *output
}

func litmusCommand(ctx context.Context, c *console, args []string) int {
	f := newFlags(c, "litmus", "[DIR…] [NAME…]", litmusAbout)
	l := &litmusFlags{out: outputFlags(f)}
	f.BoolVar(&l.list, "list", false, "the tests and their cases")
	f.BoolVar(&l.markdown, "markdown", false, "the result as a page of documentation")
	trials := f.Int("trials", litmus.DefaultTrials, "`N` trials of a case at most; without --time they are done however long it takes")
	limit := f.Duration("time", litmus.DefaultTime, "for all tests in one directory together")
	f.Uint64Var(&l.options.Seed, "seed", 1, "draws the delays")
	f.StringVar(&l.made, "make", "", "`LIST` of file systems to make, to try, and to drop again (root): "+strings.Join(lab.Names(), ","))
	if stop, status := parse(c, f, args); stop {
		return status
	}
	// What is not given is left to the package: trials that are asked for are not cut by a default.
	f.Visit(func(given *flag.Flag) {
		switch given.Name {
		case "trials":
			l.options.Trials = *trials
		case "time":
			l.options.Time = *limit
		}
	})
	switch {
	case *trials < 1:
		return wrong(c, "litmus", "--trials must be at least 1")
	case *limit <= 0:
		return wrong(c, "litmus", "--time must be more than 0")
	case l.list:
		for _, t := range litmus.Tests {
			section(c, t.Name+": "+t.Guarantee)
			for _, k := range t.Cases {
				fmt.Fprintf(c.out, "    %s/%s\n", t.Name, k.Name)
			}
			fmt.Fprintln(c.out)
		}
		return exitClean
	}
	places, names := split(f.Args())
	l.options.Select = names
	if err := litmus.Check(names); err != nil {
		return wrong(c, "litmus", err.Error()+", nor a directory of that name; `filerace litmus --list` lists them")
	}
	if l.made != "" {
		return l.make(ctx, c, places)
	}
	if len(places) == 0 {
		places = []litmus.Place{{Dir: "."}}
	}
	return l.run(ctx, c, places, nil)
}

// split tells directories from names of tests.
func split(args []string) (places []litmus.Place, names []string) {
	for _, a := range args {
		info, err := os.Stat(a)
		if err == nil && info.IsDir() || err != nil && strings.HasPrefix(a, "/") || strings.HasPrefix(a, ".") {
			places = append(places, litmus.Place{Dir: a})
		} else {
			names = append(names, a)
		}
	}
	return places, names
}

// make runs the tests in file systems that are made for them, in a mount
// namespace that the program enters by starting itself once more.
func (l *litmusFlags) make(ctx context.Context, c *console, places []litmus.Place) int {
	wanted := strings.Split(l.made, ",")
	for _, name := range wanted {
		if !slices.Contains(lab.Names(), name) {
			return wrong(c, "litmus", fmt.Sprintf("--make knows no file system %q, but %s", name, strings.Join(lab.Names(), ", ")))
		}
	}
	if !lab.Inside() {
		status, err := lab.Enter()
		if err != nil {
			return failed(c, "litmus", &remedied{err, "become root to make file systems, or give the directories of those that are mounted"})
		}
		return status
	}
	made, err := lab.Build(wanted)
	if err != nil {
		return failed(c, "litmus", &remedied{err, "give the directories of file systems that are mounted"})
	}
	defer made.Close()
	for i := range made.Places {
		made.Places[i].Made = madeBy(ctx, made.Places[i].Label)
	}
	var missing []*litmus.Column
	for _, m := range made.Missing {
		missing = append(missing, litmus.Missing(m.Name, m.Why, l.options.Select))
	}
	return l.run(ctx, c, append(places, made.Places...), missing)
}

// madeBy tells the program that makes a file system, and its version, as it
// names itself; "" if there is none.
func madeBy(ctx context.Context, name string) string {
	maker := map[string]string{"ext4": "mkfs.ext4", "xfs": "mkfs.xfs", "btrfs": "mkfs.btrfs"}[name]
	if maker == "" {
		return ""
	}
	out, _ := exec.CommandContext(ctx, maker, "-V").CombinedOutput()
	first, _, _ := strings.Cut(strings.TrimSpace(string(out)), "\n")
	return first
}

func (l *litmusFlags) run(ctx context.Context, c *console, places []litmus.Place, missing []*litmus.Column) int {
	if err := l.out.open(c); err != nil {
		return failed(c, "litmus", err)
	}
	p := newProgress(c.err, false)
	l.options.Progress = func(at litmus.Progress) {
		if at.Left > 0 {
			p.line(fmt.Sprintf("%s: %s/%s, which sleeps until its time is over, takes %v more", at.Label, at.Test, at.Case, at.Left.Round(time.Second)))
			return
		}
		p.line(fmt.Sprintf("%s %d of %d: %s/%s, %d trials", at.Label, at.Done+1, at.All, at.Test, at.Case, at.Trials))
	}
	began := time.Now()
	m, err := litmus.Run(ctx, places, l.options)
	p.clear()
	switch {
	case errors.Is(err, context.Canceled):
		return interrupted(c, "litmus")
	case errors.Is(err, fs.ErrNotExist):
		return failed(c, "litmus", &remedied{err, "give a directory that exists"})
	case err != nil:
		return failed(c, "litmus", &remedied{err, "give a directory that you can write"})
	}
	m.Columns = append(m.Columns, missing...)
	m.Seconds = time.Since(began).Seconds()
	var text bytes.Buffer
	switch {
	case l.out.asJSON:
		enc := json.NewEncoder(&text)
		enc.SetIndent("", "  ")
		err = enc.Encode(m)
	case l.markdown:
		err = m.Markdown(&text)
	default:
		err = m.Text(&text)
	}
	if err == nil {
		err = l.out.put(text.Bytes())
	}
	if err != nil {
		return failed(c, "litmus", err)
	}
	return exitClean
}
