package race

import (
	"fmt"
	"slices"

	"filerace/internal/op"
	"filerace/internal/world"
)

// partialReadRule finds a reader that saw a file half-written: empty or cut short,
// between the truncation (or creation) of the file and the last write of whoever
// was writing it.
//
// Whether the writing was over shows only when the writer goes on, and whether
// the reader came to harm only when it does not read again. So a glimpse of a
// file under way is kept, dropped when the reader's side reads the name again,
// and reported when the process that started the reader ends, or the run.
//
// Ruled out: files written under another name and renamed, locks on both sides,
// appended logs, readers that poll a growing file, and readers that then ask for a lock on it
// and do not get it, or get it and read again (SQLite looks at the header first, and gives up if the database is locked).
type partialReadRule struct {
	sessions perFile[[]*session]
	progress perOFD[progress]
	names    perName[[]*glimpse]
	partial  []*glimpse
}

// session is the writing of a file from its truncation or creation on.
type session struct {
	begun    deed
	ofd      *world.OFD
	size     int64 // of the contents before
	glimpses []*glimpse
}

// progress is how far a description was read from the start of the file.
type progress struct {
	last deed // the last read that brought bytes
	hi   int64
}

// glimpse is what a reader saw of a file under way.
type glimpse struct {
	read, written deed // written: by what the writer went on; none yet: no harm so far
	begun         deed
	name          *world.Entry
	file          op.FileID
	ofd           *world.OFD
	session       *session
	hi            int64
	polls         bool // the reader saw another part of the same writing before
	locked        bool // the reader's side has had a lock on the file since
	forgiven      bool
}

func newPartialRead() Rule {
	return &partialReadRule{}
}

// ForgetName drops a name that the world has forgotten.
func (r *partialReadRule) ForgetName(n *world.Entry) { r.names.ForgetName(n) }

// Forget drops a file that is gone for good.
func (r *partialReadRule) Forget(f *world.File) { r.sessions.Forget(f) }

func (r *partialReadRule) Step(w *world.World, e *world.Effect, report func(Finding)) {
	if e.File != nil && !e.Op.Waits && (e.Op.AsksForLock() || e.Op.Kind == op.Read) {
		r.careful(e)
	}
	if !e.Op.Failed() && isRegular(e.File) {
		switch e.Op.Kind {
		case op.Open, op.Truncate:
			r.begin(e)
		case op.Write, op.Copy:
			r.wrote(e)
		case op.Read:
			r.read(e)
		}
	}
	for _, d := range e.Closed {
		r.progress.drop(d)
		r.finish(d)
	}
	if e.Op.Kind == op.Exit && e.Process != nil && e.Process.Exited && len(r.partial) > 0 {
		r.settle(e.Op.Actor.Process(), report)
	}
}

func (r *partialReadRule) awake() bool { return r.sessions.n+len(r.partial) > 0 }

// careful forgives the glimpses of a reader that does not get a lock on the file, as it knows that
// somebody is at work there; or gets one, and reads again.
func (r *partialReadRule) careful(e *world.Effect) {
	look := func(g *glimpse) {
		switch {
		case g.file != e.File.ID || !g.read.tied(e):
		case e.Op.Kind == op.Read:
			g.forgiven = g.forgiven || g.locked && e.Lo < e.Hi
		case e.Op.Failed():
			g.forgiven = true
		default:
			g.locked = true
		}
	}
	for _, s := range r.sessions.get(e.File) {
		for _, g := range s.glimpses {
			look(g)
		}
	}
	for _, g := range r.partial {
		look(g)
	}
}

// begin opens a session where a file has become empty and is about to be written.
func (r *partialReadRule) begin(e *world.Effect) {
	d := e.OFD
	if d == nil || d.Flags&op.O_APPEND != 0 || d.Flags&op.O_ACCMODE == op.O_RDONLY {
		return
	}
	if e.Shrunk > 0 && e.File.Size == 0 || e.Op.Kind == op.Open && e.Created {
		r.finish(d)
		r.sessions.put(e.File, append(r.sessions.get(e.File), &session{begun: deedOf(e), ofd: d, size: e.Shrunk}))
	}
}

func (r *partialReadRule) finish(d *world.OFD) {
	list := r.sessions.get(d.File)
	if len(list) == 0 {
		return
	}
	list = slices.DeleteFunc(list, func(s *session) bool { return s.ofd == d })
	if len(list) == 0 {
		r.sessions.drop(d.File)
		return
	}
	r.sessions.put(d.File, list)
}

// wrote turns the glimpses of a session into partial reads: the writer was not done.
func (r *partialReadRule) wrote(e *world.Effect) {
	if e.Lo >= e.Hi {
		return
	}
	for _, s := range r.sessions.get(e.File) {
		if s.ofd != e.OFD {
			continue
		}
		for _, g := range s.glimpses {
			if g.written.none() && !g.forgiven && rivals(g.read, deedOf(e)) && len(r.partial) < span {
				r.partial = append(r.partial, g)
			}
			g.written = deedOf(e)
		}
	}
}

// read follows a reader from the start of the file to its end.
func (r *partialReadRule) read(e *world.Effect) {
	d := e.OFD
	if d == nil || d.Entry == nil {
		return
	}
	at := r.progress.at(d)
	var earlier progress
	if at != nil {
		earlier = *at
	}
	if at == nil && e.Lo > 0 || at != nil && e.Lo > earlier.hi {
		return // not read from the start
	}
	p := earlier
	if e.Lo < e.Hi {
		p = progress{deedOf(e), max(e.Hi, earlier.hi)}
	}
	if at == nil {
		r.progress.put(d, p)
	} else {
		*at = p
	}
	if e.EOF || e.Hi >= e.File.Size {
		r.complete(e, earlier, p)
	}
}

// complete judges a read that met the end.
func (r *partialReadRule) complete(e *world.Effect, earlier, p progress) {
	n := e.OFD.Entry
	var polled *session
	kept := r.names.get(n)
	if len(kept) > 0 {
		kept = slices.DeleteFunc(kept, func(g *glimpse) bool {
			if !g.read.tied(e) {
				return false
			}
			g.forgiven = true
			if g.ofd != e.OFD && g.hi > 0 || g.polls {
				polled = g.session
			}
			return true
		})
		r.names.put(n, kept)
	}
	for _, s := range r.sessions.get(e.File) {
		if !s.begun.rival(e) || !earlier.last.none() && s.begun.after(earlier.last) && earlier.hi >= s.size {
			continue
		}
		g := &glimpse{
			read: deedOf(e), begun: s.begun, name: n, file: e.File.ID, ofd: e.OFD, session: s, hi: p.hi, polls: polled == s,
		}
		if len(s.glimpses) >= perProcess {
			s.glimpses = s.glimpses[1:]
		}
		s.glimpses = append(s.glimpses, g)
		r.names.put(n, append(kept, g))
		return
	}
}

// settle reports what the children of an ended process read in part: nobody is
// left to read again for them.
func (r *partialReadRule) settle(parent op.Actor, report func(Finding)) {
	r.partial = slices.DeleteFunc(r.partial, func(g *glimpse) bool {
		if g.forgiven {
			return true
		}
		if g.read.by.Actor.Parent() != parent {
			return false
		}
		r.report(g, report)
		return true
	})
}

func (r *partialReadRule) End(_ *world.World, _ End, report func(Finding)) {
	for _, g := range r.partial {
		r.report(g, report)
	}
	r.partial = nil
}

func (r *partialReadRule) report(g *glimpse, report func(Finding)) {
	if g.forgiven || g.polls {
		return
	}
	path := g.name.Path
	saw := "it was empty"
	if g.hi > 0 {
		saw = fmt.Sprintf("it had the first %d bytes", g.hi)
	}
	f := story("partial-read", path, nil, g.begun, g.read, g.written)
	f.ID = g.file
	f.Headline = fmt.Sprintf("%s read %s while %s was still writing it", actor(g.read), path, actor(g.begun))
	f.Why = fmt.Sprintf("In step %d %s emptied or made %s and began to write it. When %s read it in step %d, %s. The rest came later, "+
		"and %s did not read the file again.", g.begun.at.Seq, actor(g.begun), path, actor(g.read), g.read.at.Seq, saw, actor(g.read))
	f.Repair = "Write the new contents to a temporary file in the same directory (O_EXCL, a name of its own) and rename it over the old one when it " +
		"is complete: readers then see the old or the new version, and nothing between. Or let writers and readers hold a lock."
	report(f)
}

var partialRead = Info{
	Name:  "partial-read",
	Title: "a file was read while it was being rewritten",
	Fires: "A process read a file to its end after another had truncated or created it and before that one had written its last bytes, and did not read it again.",
	Harm: "The reader gets an empty file, or the first part of one, and takes it for the whole: a parser complains, a default is " +
		"used, a counter starts at nothing.",
	Safe: "A new version that is written elsewhere and renamed into place; a lock held by writer and reader; reading again. Logs opened for " +
		"appending, readers that poll a growing file, and readers that are then refused a lock on it, or read it again under one, are not reported.",
	Wrong: `echo "$config" >app.conf        # readers find it empty in between`,
	Right: `t=$(mktemp app.conf.XXXXXX) &&
	echo "$config" >"$t" &&
	mv "$t" app.conf`,
	Source: "rename(2); Storable(3perl), store and lock_store; Pillai et al.: All File Systems Are Not Created Equal, OSDI 2014",
	Kinds:  []op.Kind{op.Open, op.Truncate, op.Read, op.Exit},
	On:     closes,
	Awake:  []op.Kind{op.Write, op.Copy, op.LockOp},
	New:    newPartialRead,
}
