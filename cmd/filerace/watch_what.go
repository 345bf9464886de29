package main

import (
	"cmp"
	"fmt"
	"os"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"filerace/internal/op"
	"filerace/internal/probe"
	"filerace/internal/watch"
)

// usageError is wrong usage that shows only when the flags are looked into.
type usageError struct{ text string }

func (e *usageError) Error() string { return e.text }

func misused(format string, args ...any) error { return &usageError{fmt.Sprintf(format, args...)} }

// commMax is how much of a program's name the kernel keeps, in bytes.
const commMax = 15

// plan turns the flags into what the probe watches and what is shown of it.
//
// The kernel leaves calls out only where no races are looked for in them: what a
// process does that is not shown may well order what others do.
func (w *watchFlags) plan(c *console) (*watching, error) {
	dir, err := os.Getwd()
	if err != nil {
		return nil, fmt.Errorf("find the current directory: %w", err)
	}
	p := &watching{flags: *w, dir: dir}
	p.options = watch.Options{JSON: w.json, Entry: w.entry, All: w.all, Dir: dir, Proc: "/proc"}
	switch {
	case w.events:
		p.options.Show = watch.Calls
	case w.top:
		p.options.Show = watch.Picture
	}
	p.probe.RingSize, p.probe.NoIdle = w.ring<<20, !w.events && w.record == ""
	if err := w.filter(&p.options.Filter, dir); err != nil {
		return nil, err
	}
	if p.probe.Trees, err = processes(w.trees, "--tree"); err != nil {
		return nil, err
	}
	if w.cgroup != "" {
		if p.probe.Cgroup, err = cgroupDir(w.cgroup); err != nil {
			return nil, err
		}
	}
	if p.record, err = recordDir(w.record); err != nil {
		return nil, err
	}
	if w.events && w.record == "" {
		p.narrow()
	}
	p.what = p.words()
	return p, nil
}

// narrow has the kernel leave out what is not shown. Where paths are asked for, those of
// other programs and users go on being told: a process whose birth was not seen has no
// known working directory, and its paths would match nothing.
func (p *watching) narrow() {
	f := &p.options.Filter
	p.probe.PIDs, p.probe.Calls = f.PIDs, f.Calls
	if f.Path != nil && len(f.Path.Head()) > len("/") {
		head := f.Path.Head()
		p.probe.Prefix = []string{head[:min(len(head), probe.PrefixMax)]}
	} else {
		for _, n := range f.Names {
			p.probe.Names = append(p.probe.Names, n[:min(len(n), commMax)])
		}
		if len(f.UIDs) > 0 {
			uid := int(f.UIDs[0])
			p.probe.UID = &uid
		}
	}
	p.options.Partial = len(f.PIDs)+len(f.Names)+len(f.UIDs)+len(f.Calls)+len(p.probe.Prefix) > 0
}

func (w *watchFlags) filter(f *watch.Filter, dir string) (err error) {
	if f.PIDs, err = processes(w.pids, "-p"); err != nil {
		return err
	}
	if slices.Contains(w.names, "") {
		return misused("-n takes the name of a program")
	}
	f.Names = w.names
	if w.user != "" {
		uid, err := userID(w.user)
		if err != nil {
			return err
		}
		f.UIDs = []uint32{uid}
	}
	if w.path != "" {
		if f.Path, err = watch.ParseGlob(w.path, dir); err != nil {
			return misused("--path: %v", err)
		}
	}
	for name := range strings.SplitSeq(w.calls, ",") {
		if name = strings.TrimSpace(name); name == "" {
			continue
		}
		if op.Named(name) == nil {
			return misused("--calls: filerace knows no call %q; near it: %s", name, strings.Join(nearCalls(name), ", "))
		}
		f.Calls = append(f.Calls, name)
	}
	if w.calls != "" && len(f.Calls) == 0 {
		return misused("--calls takes names of calls, as in open,openat,unlink")
	}
	return nil
}

// processes reads process ids; each must be there.
func processes(given []string, flag string) (pids []int, err error) {
	for _, text := range given {
		pid, err := strconv.Atoi(text)
		if err != nil || pid < 1 {
			return nil, misused("%s takes a process id, and %q is none", flag, text)
		}
		if _, err := os.Stat(filepath.Join("/proc", text)); err != nil {
			return nil, &remedied{fmt.Errorf("there is no process %d", pid), "start it first, or give the id of another one"}
		}
		pids = append(pids, pid)
	}
	return pids, nil
}

func userID(text string) (uint32, error) {
	if n, err := strconv.ParseUint(text, 10, 32); err == nil {
		return uint32(n), nil
	}
	u, err := user.Lookup(text)
	if err != nil {
		return 0, misused("--uid: there is no user %q", text)
	}
	n, err := strconv.ParseUint(u.Uid, 10, 32)
	if err != nil {
		return 0, misused("--uid: the user %q has the id %q, which is no number", text, u.Uid)
	}
	return uint32(n), nil
}

// nearCalls returns the calls whose names differ least from name.
func nearCalls(name string) []string {
	var all []string
	for i := range op.Calls {
		all = append(all, op.Calls[i].Name)
	}
	slices.Sort(all)
	all = slices.Compact(all)
	near := func(a string) int {
		if strings.Contains(a, name) && len(name) > 2 {
			return 0
		}
		return edits(a, name)
	}
	slices.SortStableFunc(all, func(a, b string) int { return cmp.Compare(near(a), near(b)) })
	return all[:4]
}

// edits is how many bytes have to be put in, taken out or changed to make b of a
// (Levenshtein).
func edits(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		last := row[0]
		row[0] = i + 1
		for j := range len(b) {
			change := last
			if a[i] != b[j] {
				change++
			}
			last = row[j+1]
			row[j+1] = min(change, row[j+1]+1, row[j]+1)
		}
	}
	return row[len(b)]
}

// words says what is watched.
func (p *watching) words() string {
	of := "the whole system"
	var parts []string
	add := func(what string, values []string) {
		if len(values) > 0 {
			parts = append(parts, what+" "+strings.Join(values, ", "))
		}
	}
	add("the tree of", p.flags.trees)
	if p.flags.cgroup != "" {
		parts = append(parts, "the cgroup "+p.probe.Cgroup)
	}
	if len(parts) > 0 {
		of = strings.Join(parts, " and ")
	}
	parts = nil
	add("processes", p.flags.pids)
	add("programs", p.flags.names)
	add("calls", p.options.Filter.Calls)
	if p.flags.user != "" {
		parts = append(parts, "user "+p.flags.user)
	}
	if p.flags.path != "" {
		parts = append(parts, "paths "+p.flags.path)
	}
	text := "watching " + of
	if len(parts) > 0 {
		text += ", showing " + strings.Join(parts, ", ")
	}
	if p.record != "" {
		text += ", recording to " + filepath.Base(p.record)
	}
	return text
}
