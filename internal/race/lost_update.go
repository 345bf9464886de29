package race

import (
	"fmt"
	"slices"

	"filerace/internal/op"
	"filerace/internal/world"
)

// lostUpdateRule finds a change that nobody will ever see: one process read a
// file, another changed it, and the first wrote back what it had made of the
// old contents. Reading and writing may be done by different processes of one
// story: n=$(cat f); echo $((n+1)) >f.
//
// Ruled out: a lock around the reading and the writing (the changes are then
// ordered), reading again before the writing, appending, and writers that never
// read.
type lostUpdateRule struct {
	readings *readings
	arrivals *arrivals
	open     perOFD[*update]
	equals   []Finding // updates lost to one of equal bytes that may be harmless
}

// update is a change cut off by a truncation whose new contents are still to come.
type update struct {
	read  reading
	lost  deed
	cut   deed
	name  *world.Entry
	added bool // nothing but what was added behind the bytes that were read

	severed
}

func newLostUpdate() Rule {
	return &lostUpdateRule{}
}

func (r *lostUpdateRule) share(k *kept) { r.readings, r.arrivals = k.readings, k.arrivals }

func (r *lostUpdateRule) Step(_ *world.World, e *world.Effect, report func(Finding)) {
	if !e.Op.Failed() {
		switch e.Op.Kind {
		case op.Open, op.Truncate:
			r.cut(e)
		case op.Rename:
			r.replace(e, report)
		}
		if e.Op.Kind == op.Write || e.Op.Kind == op.Copy {
			r.write(e, report)
		}
	}
	if r.open.n > 0 {
		for _, d := range e.Closed {
			r.closed(d, e, report)
		}
	}
}

func (r *lostUpdateRule) awake() bool { return r.open.n > 0 }

// conflict returns the tied reading and the rival change that it missed, if the
// contents in segs (or all of file, if nothing is known of who wrote it) are lost now.
func (r *lostUpdateRule) conflict(n *world.Entry, f *world.File, segs []world.Seg, e *world.Effect) (read reading, lost deed, ok bool) {
	if n == nil || f == nil || f.Type != op.Regular {
		return
	}
	k, ok := r.readings.last(n, e)
	if !ok {
		return
	}
	var few [8]deed
	var made []deed
	if k.file == f { // that it got the name anew since is no change of what was read
		made = writers(few[:0], segs)
	} else {
		made = r.arrivals.authors(few[:0], f, segs)
	}
	for _, d := range made {
		if d.after(k.deed) && d.rival(e) && rivals(d, k.deed) {
			return k, d, true
		}
	}
	return reading{}, deed{}, false
}

// replace judges a rename over the name.
func (r *lostUpdateRule) replace(e *world.Effect, report func(Finding)) {
	if e.Entry2 == nil || e.Before2 == nil || e.Entry2.Changed.Seq != e.At.Seq {
		return
	}
	read, lost, ok := r.conflict(e.Entry2, e.Before2, e.Before2.Segs, e)
	if !ok {
		return
	}
	u := update{read: read, lost: lost, name: e.Entry2}
	now := e.Entry2.File
	f := u.finding(now, deedOf(e))
	f.alsoNamed(e.Entry.Path)
	if r.mutual(&u, e.Op) {
		f.eitherWay(lost, deedOf(e))
	}
	if same(e.Before2.Segs, e.Before2.Size, now.Segs, now.Size) && !r.counted(&u, now) {
		r.equal(f)
		return
	}
	report(f)
}

// mutual reports whether the update that was lost had been put in place, too, and been made from the same
// version: the other way round, it would have undone the one that undid it, which is now. What it read, it had read
// before now began.
func (r *lostUpdateRule) mutual(u *update, now *op.Op) bool {
	return u.lost.by.Kind == op.Rename && slices.ContainsFunc(r.readings.names.get(u.name), func(l last[reading]) bool {
		return l.v.file == u.read.file && u.lost.after(l.v.deed) && oneStory(l.v.deed, u.lost) && l.v.by.Exit < now.Enter
	})
}

// cut notes a truncation; what is lost shows when the new contents are known.
func (r *lostUpdateRule) cut(e *world.Effect) {
	if e.OFD == nil || e.Shrunk == 0 {
		return
	}
	if read, lost, ok := r.conflict(e.OFD.Entry, e.File, e.Dropped, e); ok {
		r.open.put(e.OFD, &update{
			read: read, lost: lost, cut: deedOf(e), name: e.OFD.Entry,
			severed: severedBy(e),
			added: read.hi > 0 && read.file == e.File && !slices.ContainsFunc(e.Dropped, func(s world.Seg) bool {
				return s.At.Seq > read.at.Seq && s.Lo < read.hi
			}),
		})
	}
}

func (r *lostUpdateRule) write(e *world.Effect, report func(Finding)) {
	if e.OFD == nil {
		return
	}
	if u := r.open.get(e.OFD); u != nil && u.wrote(e) {
		r.open.drop(e.OFD)
		report(u.finding(e.File, deedOf(e)))
		return
	}
	over := e.Over
	if len(over) == 0 && e.File.Size <= op.NumberMax {
		over = e.Again
	}
	if len(over) == 0 || e.OFD.Flags&op.O_APPEND != 0 {
		return
	}
	if read, lost, ok := r.conflict(e.OFD.Entry, e.File, over, e); ok {
		u := update{read: read, lost: lost, name: e.OFD.Entry}
		if f := u.finding(e.File, deedOf(e)); len(e.Over) > 0 || r.counted(&u, e.File) {
			report(f)
		} else {
			r.equal(f)
		}
	}
}

// closed settles a truncation through a description that is done.
func (r *lostUpdateRule) closed(d *world.OFD, e *world.Effect, report func(Finding)) {
	u := r.open.get(d)
	if u == nil {
		return
	}
	r.open.drop(d)
	if u.added {
		return // nothing was written back: truncated-away tells the story
	}
	last, gone := u.gone(d.File)
	if last.none() {
		last = u.cut
	}
	if f := u.finding(d.File, last); gone || r.counted(u, d.File) {
		report(f)
	} else {
		r.equal(f)
	}
}

// counted reports whether the update that was lost had counted from what was
// read to what the file holds now, as the update that took its place did. Who set
// a number without reading the one before did not count.
func (r *lostUpdateRule) counted(u *update, now *world.File) bool {
	if !counted(u.read.all, imprintOf(now.Segs, 0, now.Size)) {
		return false
	}
	return slices.ContainsFunc(r.readings.names.get(u.name), func(l last[reading]) bool {
		k := l.v
		return u.lost.after(k.deed) && oneStory(k.deed, u.lost) && !oneStory(k.deed, u.read.deed) &&
			k.all == u.read.all
	})
}

// equal keeps an update that was lost to one of the same bytes. Two edits that
// both switched an option on have lost nothing, two that both added a line of the
// same text have. The outcome of the run tells which it was.
func (r *lostUpdateRule) equal(f Finding) {
	f.Explains = true
	if len(r.equals) < suspects {
		r.equals = append(r.equals, f)
	}
}

func (r *lostUpdateRule) End(_ *world.World, end End, report func(Finding)) {
	if end.Failed {
		for _, f := range r.equals {
			report(f)
		}
	}
}

func (u *update) finding(file *world.File, last deed) Finding {
	f := story("lost-update", u.name.Path, file, u.read.deed, u.lost, u.cut, last)
	f.Headline = fmt.Sprintf("the change that %s made to %s was lost: %s wrote back what it had made of the contents before",
		actor(u.lost), u.name.Path, actor(last))
	f.Why = fmt.Sprintf("%s read %s in step %d. After that, in step %d, %s changed it. Then %s put its own version in place, "+
		"which was made from the old contents and knows nothing of the change.",
		actor(u.read.deed), u.name.Path, u.read.at.Seq, u.lost.at.Seq, actor(u.lost), actor(last))
	f.Repair = "Hold one lock from before the reading until after the writing, in every program that changes the file (flock on a " +
		"lock file beside it that is never removed), and read the file only after the lock is yours. Replacing the file by a " +
		"rename keeps readers from seeing half of it, but does not keep two writers apart."
	return f
}

var lostUpdate = Info{
	Name:  "lost-update",
	Title: "a change is lost because another process wrote back an older version",
	Fires: "A process read a file, another process changed it, and the first replaced or overwrote that change with contents made from what it had read.",
	Harm: "One of two changes vanishes without an error: one of two edits to a configuration file, one count of a counter, " +
		"one record of an index. Both programs report success.",
	Safe: "A lock held from the reading to the writing by everyone who changes the file; reading again under the lock; appending; " +
		"a database. Writers that never read the file only replace it: the last one wins, and nothing is reported.",
	Wrong: `n=$(cat counter)
echo $((n + 1)) >counter`,
	Right: `(
	flock 9
	n=$(cat counter)
	echo $((n + 1)) >counter
) 9>>counter.lock    # never removed`,
	Source:  "Bernstein, Hadzilacos, Goodman: Concurrency Control and Recovery in Database Systems, 1.2 (lost update); flock(1), EXAMPLES; GNU sed manual, -i",
	Kinds:   []op.Kind{op.Rename},
	On:      overwrites | cuts,
	Awake:   []op.Kind{op.Write, op.Copy},
	AwakeOn: closes,
	New:     newLostUpdate,
}
