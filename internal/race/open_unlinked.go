package race

import (
	"fmt"

	"filerace/internal/op"
	"filerace/internal/world"
)

// openUnlinkedRule finds a file that lost its last name between being found by
// name and being used: what is written to it reaches nobody.
//
// Ruled out: files that the process or its relatives unlinked (here-documents,
// scratch files), temporaries that it created with O_EXCL, O_TMPFILE, and
// descriptors that come from /proc.
type openUnlinkedRule struct {
	failures
	nameless perOFD[bool] // opened without a name
	gone     perFile[removal]
}

// removal is how a file lost its last name.
type removal struct {
	deed
	name *world.Entry
}

func newOpenUnlinked() Rule {
	return &openUnlinkedRule{}
}

// Forget drops a file that is gone for good.
func (r *openUnlinkedRule) Forget(f *world.File) { r.gone.Forget(f) }

func (r *openUnlinkedRule) Step(_ *world.World, e *world.Effect, report func(Finding)) {
	if !e.Op.Failed() {
		switch e.Op.Kind {
		case op.Open:
			r.open(e)
		case op.Unlink:
			for _, f := range e.Gone {
				if f.Type == op.Regular {
					r.gone.put(f, removal{deedOf(e), e.Entry})
				}
			}
		case op.Write, op.Read, op.Stat, op.Copy:
			r.use(e, report)
		}
	}
	for _, d := range e.Closed {
		r.nameless.drop(d)
	}
	r.ended(e, report)
}

func (r *openUnlinkedRule) awake() bool { return r.nameless.n+r.gone.n > 0 }

func (r *openUnlinkedRule) open(e *world.Effect) {
	f := e.Op.File
	if e.OFD == nil || e.Entry == nil || f.Type != op.Regular || f.Nlink != 0 || f.ID.IsZero() {
		return
	}
	if e.Op.Flags&op.O_TMPFILE != op.O_TMPFILE && len(e.Op.Names) > 0 && e.Op.Names[0].Type == op.Regular {
		r.nameless.put(e.OFD, true)
	}
}

func (r *openUnlinkedRule) use(e *world.Effect, report func(Finding)) {
	d := e.OFD
	if d == nil || e.File == nil {
		return
	}
	opened := deed{d.Opened, d.By}
	at := r.gone.at(e.File)
	removed := at != nil
	if !removed && !r.nameless.get(d) {
		return
	}
	var gone removal
	if removed {
		gone = *at
	}
	writes := e.Lo < e.Hi && e.Op.Kind != op.Read && e.Op.Kind != op.Stat
	if r.nameless.get(d) && e.Op.Kind != op.Stat {
		f := r.finding(d, opened, gone.deed, e)
		readsOnly := e.Op.Kind == op.Read && d.Flags&op.O_ACCMODE == op.O_RDONLY
		if readsOnly && gone.none() && d.Entry.File != nil && d.Entry.File != d.File {
			r.suspect(e.Op.Actor, nil, f) // a new version was renamed into its place, and the old one is whole: safe for readers
		} else {
			report(f)
		}
		return
	}
	if !removed || opened.none() || d.Entry == nil || !rivals(gone.deed, opened) || gone.at.MayHardBefore(e.At) ||
		gone.by.Actor.Process() == e.Op.Actor.Process() || ownTemporary(d) {
		return
	}
	if writes {
		report(r.finding(d, opened, gone.deed, e))
	} else if e.Op.Kind == op.Stat || e.Lo < e.Hi {
		r.suspect(e.Op.Actor, nil, r.finding(d, opened, gone.deed, e))
	}
}

// ownTemporary reports whether the opener made the file for itself.
func ownTemporary(d *world.OFD) bool {
	const exclusive = op.O_CREAT | op.O_EXCL
	return d.By.Flags&exclusive == exclusive
}

func (r *openUnlinkedRule) finding(d *world.OFD, opened, gone deed, e *world.Effect) Finding {
	path, verb, loss := d.Entry.Path, "wrote to", "What it wrote reaches nobody"
	if e.Op.Kind == op.Read || e.Op.Kind == op.Stat {
		verb, loss = "used", "It worked on a file that nobody else can see any more"
	}
	f := story("open-unlinked", path, d.File, opened, gone, deedOf(e))
	remover := "another process"
	if !gone.none() {
		remover = actor(gone)
	}
	f.Headline = fmt.Sprintf("%s %s %s, which %s had removed", actor(deedOf(e)), verb, path, remover)
	f.Why = fmt.Sprintf("%s found %s by its name in step %d. %s took the name away, and the file with it: it lives on only as long "+
		"as somebody has it open. %s.", actor(opened), path, opened.at.Seq, remover, loss)
	f.Repair = "Do not remove a file that others may be about to open: empty it, or keep it. Otherwise hold a lock around opening and " +
		"using on one side and removing on the other, and after locking compare fstat of the descriptor with stat of the path; when they differ, open again."
	return f
}

var openUnlinked = Info{
	Name:  "open-unlinked",
	Title: "a file lost its last name while a process was about to write to it",
	Fires: "A process opened a file by name, another removed the name, and the first wrote to the file (or failed when it noticed); or the open itself returned a file without a name.",
	Harm: "The process writes without an error to a file that has no name left. When it closes the file, the kernel frees it, and " +
		"all that was written is gone.",
	Safe: "Unlinking a file of one's own right after opening it is a good habit and not reported; neither are temporaries made with O_EXCL. " +
		"A lock around opening and removing orders the two.",
	Wrong: `# job                        # cleaner
echo "$record" >>queue       mv queue work; process work; rm work`,
	Right: `# job
( flock 9; echo "$record" >>queue ) 9>>queue.lock
# cleaner
( flock 9; mv queue work ) 9>>queue.lock
process work; rm work`,
	Source:  "unlink(2); TLPI 18.3; flock(2) with removed lock files: https://github.com/gofrs/flock, Unlock",
	Kinds:   []op.Kind{op.Open, op.Unlink, op.Exit},
	Awake:   []op.Kind{op.Write, op.Read, op.Stat, op.Copy},
	AwakeOn: closes,
	New:     newOpenUnlinked,
}
