package race

import (
	"fmt"
	"slices"

	"filerace/internal/op"
	"filerace/internal/world"
)

// checkThenCreateRule finds two creators of one file: a process saw that there
// was no such file, another made it, and the first made it again over the
// other's.
//
// Ruled out: O_EXCL and RENAME_NOREPLACE, looking again after the other's
// creation, or reading what the other wrote before writing over it, a lock that
// orders the creations, appending, and equal contents.
type checkThenCreateRule struct {
	looks    *looks
	arrivals *arrivals
	claims   perOFD[*claim]
	byFile   perFile[[]*claim]
}

// claim is a file that was met where none should have been, while it is not
// known yet what becomes of the contents.
type claim struct {
	checked, opened deed
	made            arrival
	ofd             *world.OFD
	name            *world.Entry
	file            *world.File
	cut             severed

	read, reread bool // the claimant has read what the creator wrote, and the other way round
}

func newCheckThenCreate() Rule {
	return &checkThenCreateRule{}
}

func (r *checkThenCreateRule) share(k *kept) { r.looks, r.arrivals = k.looks, k.arrivals }

// Forget drops a file that is gone for good.
func (r *checkThenCreateRule) Forget(f *world.File) {
	r.byFile.Forget(f)
}

func (r *checkThenCreateRule) Step(_ *world.World, e *world.Effect, report func(Finding)) {
	switch e.Op.Kind {
	case op.Open:
		r.open(e)
	case op.Rename:
		r.replace(e, report)
	case op.Write, op.Copy:
		r.write(e, report)
	case op.Read:
		r.read(e)
	}
	if r.claims.n > 0 {
		for _, d := range e.Closed {
			r.closed(d, report)
		}
	}
}

func (r *checkThenCreateRule) awake() bool { return r.claims.n+r.byFile.n > 0 }

// doubled returns the check of the name and the rival creation of file that it missed.
func (r *checkThenCreateRule) doubled(n *world.Entry, file *world.File, e *world.Effect) (checked deed, made arrival, ok bool) {
	came := r.arrivals.at(file)
	if came == nil || came.entry != n || !came.rival(e) {
		return deed{}, arrival{}, false
	}
	k, ok := r.looks.last(n, e)
	if !ok || k.file != nil || !came.after(k.deed) || !rivals(came.deed, k.deed) {
		return deed{}, arrival{}, false
	}
	return k.deed, *came, true
}

func (r *checkThenCreateRule) replace(e *world.Effect, report func(Finding)) {
	if e.Op.Failed() || e.Entry2 == nil || e.Before2 == nil || e.Entry2.Changed.Seq != e.At.Seq || e.Before2.Type == op.Directory {
		return
	}
	checked, made, ok := r.doubled(e.Entry2, e.Before2, e)
	now := e.Entry2.File
	if !ok || now == nil || e.Before2.Size == 0 || same(e.Before2.Segs, e.Before2.Size, now.Segs, now.Size) {
		return
	}
	c := claim{checked: checked, made: made, name: e.Entry2}
	f := c.finding(now, deedOf(e))
	f.alsoNamed(e.Entry.Path)
	report(f)
}

func (r *checkThenCreateRule) open(e *world.Effect) {
	if e.Op.Failed() || !e.Existed || e.Entry == nil || e.File == nil || e.OFD == nil ||
		e.OFD.Flags&op.O_ACCMODE == op.O_RDONLY || e.OFD.Flags&op.O_APPEND != 0 || e.File.Type != op.Regular {
		return
	}
	checked, made, ok := r.doubled(e.Entry, e.File, e)
	if !ok {
		return
	}
	c := &claim{
		checked: checked, made: made, opened: deedOf(e), ofd: e.OFD, name: e.Entry, file: e.File,
		cut: severedBy(e),
	}
	r.claims.put(e.OFD, c)
	r.byFile.put(e.File, append(r.byFile.get(e.File), c))
}

// write judges the contents: the claimant's bytes over the creator's, or the
// creator's over the claimant's.
func (r *checkThenCreateRule) write(e *world.Effect, report func(Finding)) {
	if e.OFD == nil || e.Op.Failed() {
		return
	}
	for _, c := range r.byFile.get(e.File) {
		var harm bool
		if c.ofd == e.OFD {
			harm = len(c.cut.segs) > 0 && c.cut.wrote(e) || !c.read && hasWriter(e.Over, c.made.deed, c.opened)
		} else if sideOf(e.Op.Actor, c.made.deed, c.opened) {
			harm = !c.reread && hasWriter(e.Over, c.opened, c.made.deed)
		}
		if harm {
			report(c.finding(e.File, deedOf(e)))
			r.settle(c)
			return
		}
	}
}

// read notes who knows by now that the other has written, as those do that make a database together.
func (r *checkThenCreateRule) read(e *world.Effect) {
	if e.File == nil || e.Op.Failed() || len(r.byFile.get(e.File)) == 0 {
		return
	}
	from := slices.DeleteFunc(slices.Clone(e.File.Segs), func(s world.Seg) bool { return s.Hi <= e.Lo || e.Hi <= s.Lo })
	for _, c := range r.byFile.get(e.File) {
		switch {
		case sideOf(e.Op.Actor, c.opened, c.made.deed):
			c.read = c.read || hasWriter(from, c.made.deed, c.opened)
		case sideOf(e.Op.Actor, c.made.deed, c.opened):
			c.reread = c.reread || hasWriter(from, c.opened, c.made.deed)
		}
	}
}

func (r *checkThenCreateRule) settle(c *claim) {
	r.claims.drop(c.ofd)
	left := slices.DeleteFunc(r.byFile.get(c.file), func(o *claim) bool { return o == c })
	if len(left) == 0 {
		r.byFile.drop(c.file)
		return
	}
	r.byFile.put(c.file, left)
}

func (r *checkThenCreateRule) closed(d *world.OFD, report func(Finding)) {
	c := r.claims.get(d)
	if c == nil {
		return
	}
	if last, gone := c.cut.gone(d.File); gone && len(c.cut.segs) > 0 {
		if last.none() {
			last = c.opened
		}
		report(c.finding(d.File, last))
	}
	r.claims.drop(d)
	if d.Wrote {
		return // the creator may still write over it: kept until the file is forgotten
	}
	r.settle(c)
}

func (r *checkThenCreateRule) End(*world.World, End, func(Finding)) {}

func (c *claim) finding(file *world.File, last deed) Finding {
	f := story("check-then-create", c.name.Path, file, c.checked, c.made.deed, c.opened, last)
	if now := c.opened; c.made.alike {
		if now.none() {
			now = last
		}
		f.eitherWay(c.made.deed, now)
	}
	f.Headline = fmt.Sprintf("%s and %s both created %s, and the contents of one are gone", actor(c.made.deed), second(c, last), c.name.Path)
	f.Why = fmt.Sprintf("%s looked in step %d and there was no %s. Before it made the file itself, %s made it in step %d. "+
		"Nothing told the later one that the file was there by then, so it wrote over it.",
		actor(c.checked), c.checked.at.Seq, c.name.Path, actor(c.made.deed), c.made.at.Seq)
	f.Repair = "Let the looking and the creating be one step: open with O_CREAT|O_EXCL (in sh: set -C, then > file), or link or " +
		"rename with RENAME_NOREPLACE into place, and treat \"exists\" as the answer that somebody else was first."
	return f
}

// second names the process that created the file again.
func second(c *claim, last deed) string {
	if c.opened.none() {
		return actor(last)
	}
	return actor(c.opened)
}

var checkThenCreate = Info{
	Name:  "check-then-create",
	Title: "a file is created over one that appeared after the check that there was none",
	Fires: "A process saw that a name did not exist, another created it, and the first created it too, without O_EXCL or RENAME_NOREPLACE, over different contents.",
	Harm: "Two processes each believe that they made the file. One of the two contents is lost; if the file is a pid file or a " +
		"marker of who is in charge, two are in charge.",
	Safe: "O_CREAT|O_EXCL, link, mkdir, or rename with RENAME_NOREPLACE decide in one step who was first. A lock held over the check and the " +
		"creation orders them, and so does one on the file itself, if what it holds is read under the lock before it is written. Equal contents are not reported.",
	Wrong: `if [ ! -e daemon.pid ]; then
	echo $$ >daemon.pid
fi`,
	Right: `if ( set -C; echo $$ >daemon.pid ) 2>/dev/null; then
	: # this process made it
else
	echo "already running" >&2
fi`,
	Source:  "TLPI 5.1 (creating a file exclusively); CWE-367; https://github.com/Metaswitch/chronos/pull/191 (start-stop-daemon --make-pidfile)",
	Kinds:   []op.Kind{op.Open, op.Rename},
	Awake:   []op.Kind{op.Write, op.Copy, op.Read},
	AwakeOn: closes,
	New:     newCheckThenCreate,
}
