package report

import (
	"slices"
	"strconv"
	"strings"

	"filerace/internal/op"
	"filerace/internal/world"
)

// fileState is how the file of a finding stands at one moment.
type fileState struct {
	known   bool      // some operation has looked the name up
	file    op.FileID // that the name leads to; zero: no such name
	size    int64
	version int
	locks   []holder
	others  []former
}

// holder is who holds a lock, and of which family it is.
type holder struct {
	actor  op.Actor
	family op.LockFamily
	mode   op.LockMode
}

// former is a file that the name led to before and that is still in use.
type former struct {
	file  op.FileID
	path  string // its name now; "" if it has none
	locks []holder
}

func (s *subject) state(w *world.World) fileState {
	_, known := s.keys[s.found.Path]
	st := fileState{known: known}
	now := s.named(w)
	if now != nil {
		st.file, st.size, st.version, st.locks = now.ID, now.Size, now.Version, holders(w, now)
	}
	for _, id := range s.past {
		f := w.File(id)
		if f == nil || f == now || f.Opens == 0 {
			continue
		}
		o := former{file: id, locks: holders(w, f)}
		for _, e := range f.Names {
			o.path = e.Path
		}
		st.others = append(st.others, o)
	}
	return st
}

func holders(w *world.World, f *world.File) []holder {
	var hs []holder
	for _, l := range f.Locks {
		h := holder{owner(w, l), l.Family, l.Mode}
		if !slices.Contains(hs, h) {
			hs = append(hs, h)
		}
	}
	return hs
}

// owner is the process that holds the lock now. A lock of an open file
// description outlives the process that asked for it, as flock(1) does in a
// script, while another has the description open.
func owner(w *world.World, l *world.Lock) op.Actor {
	if l.OFD == nil || l.Family == op.PosixLock {
		return l.Proc
	}
	if by := l.OFD.By; by != nil && has(w.Process(by.Actor), l.OFD) {
		return by.Actor.Process() // the script, rather than the flock(1) that it ran
	}
	if has(w.Process(l.Proc), l.OFD) {
		return l.Proc
	}
	for _, p := range w.Processes() {
		if has(p, l.OFD) {
			return p.Actor
		}
	}
	return l.Proc
}

func has(p *world.Process, d *world.OFD) bool {
	if p == nil || p.Exited {
		return false
	}
	for _, fd := range p.FDs.All() {
		if fd.OFD == d {
			return true
		}
	}
	return false
}

// phrasing says how states are put into words, alike in all rows of one table.
type phrasing struct {
	names    names
	content  bool // size and version matter
	inode    bool // more than one file has the name in turn, or nothing else is there to say
	families bool // locks of several families meet
	terse    int  // how little room there is: 0 to maxTerse
}

const maxTerse = 2

// phrase chooses the words for a table.
func phrase(rule string, rows []row, n names) phrasing {
	p := phrasing{names: n, content: aboutContent(rule)}
	var files []op.FileID
	var families []op.LockFamily
	for _, r := range rows {
		if r.op == nil {
			continue
		}
		hs := r.file.locks
		for _, o := range r.file.others {
			files = append(files, o.file)
			hs = append(hs[:len(hs):len(hs)], o.locks...)
		}
		for _, h := range hs {
			families = append(families, h.family)
		}
		if !r.file.file.IsZero() {
			files = append(files, r.file.file)
		}
	}
	p.inode = !p.content || several(files)
	p.families = several(families)
	return p
}

func several[T comparable](s []T) bool {
	return slices.ContainsFunc(s, func(v T) bool { return v != s[0] })
}

// aboutContent tells the rules whose harm is in the bytes of a file.
func aboutContent(rule string) bool {
	switch rule {
	case "lost-update", "lost-append", "overlapping-write", "partial-read", "truncated-away", "temp-collision":
		return true
	}
	return false
}

func (p phrasing) words(s fileState) string {
	if !s.known {
		return ""
	}
	var parts []string
	if s.file.IsZero() {
		parts = append(parts, "no such name")
	} else {
		parts = append(parts, strings.Join(p.present(s), ", "))
	}
	for _, o := range s.others {
		parts = append(parts, p.former(o))
	}
	return strings.Join(parts, "; ")
}

func (p phrasing) present(s fileState) []string {
	var parts []string
	locked := len(s.locks) > 0
	switch {
	case p.inode && locked && p.terse == maxTerse:
		parts, locked = append(parts, p.holds(s.locks)+p.number(s.file)), false
	case p.inode:
		parts = append(parts, p.number(s.file))
	}
	if p.content {
		parts = append(parts, p.bytes(s)...)
	}
	if locked {
		parts = append(parts, "held by "+p.list(s.locks))
	}
	return parts
}

// bytes counts versions from 1: what was there first.
func (p phrasing) bytes(s fileState) []string {
	size, version := count(int(s.size), "byte"), "version "
	if p.terse == maxTerse {
		size, version = strconv.FormatInt(s.size, 10)+" B", "v"
	}
	if s.size == 0 {
		size = "empty"
	}
	return []string{size, version + strconv.Itoa(s.version+1)}
}

// number tells a file from others.
func (p phrasing) number(file op.FileID) string {
	word := "inode "
	if file.MadeUp() {
		word = "file "
	}
	return word + strconv.FormatUint(file.Ino, 10)
}

// holds begins a sentence on what the holders have.
func (p phrasing) holds(hs []holder) string {
	if len(hs) > 1 {
		return p.list(hs) + " hold "
	}
	return p.list(hs) + " holds "
}

func (p phrasing) former(o former) string {
	number := p.number(o.file)
	switch {
	case len(o.locks) > 0 && p.terse > 0:
		return p.holds(o.locks) + strconv.FormatUint(o.file.Ino, 10)
	case len(o.locks) > 0:
		return strings.Replace(p.holds(o.locks), " hold", " still hold", 1) + number
	case o.path != "":
		return number + " is now " + p.names.short(o.path)
	}
	return number + " lives on"
}

// list names the holders: "1.1 and 1.2 (shared)", "1.1 and 6 others".
func (p phrasing) list(hs []holder) string {
	if n := len(hs) - 1; n > 1 {
		return p.list(hs[:1]) + " and " + count(n, "other")
	}
	var parts []string
	for _, h := range hs {
		var notes []string
		if p.families {
			notes = append(notes, familyNames[h.family])
		}
		if h.mode == op.Shared {
			notes = append(notes, "shared")
		}
		part := string(h.actor)
		if len(notes) > 0 {
			part += " (" + strings.Join(notes, ", ") + ")"
		}
		parts = append(parts, part)
	}
	return strings.Join(parts, " and ")
}

var familyNames = map[op.LockFamily]string{
	op.FlockLock: "flock", op.PosixLock: "fcntl", op.OFDLock: "OFD", op.LeaseLock: "lease",
}
