package race

import (
	"fmt"

	"filerace/internal/op"
	"filerace/internal/world"
)

// replacedWhileOpenRule finds a process that goes on writing to a file whose name
// another process has given to a new file.
//
// If the old file still has a name (log.1), the bytes are there, though late, and
// it only may explain a failure. Readers of a replaced file have a consistent old
// version and are not reported.
type replacedWhileOpenRule struct{ failures }

func newReplacedWhileOpen() Rule { return &replacedWhileOpenRule{} }

func (r *replacedWhileOpenRule) Step(_ *world.World, e *world.Effect, report func(Finding)) {
	if (e.Op.Kind == op.Write || e.Op.Kind == op.Copy) && e.Lo < e.Hi {
		r.write(e, report)
	}
	r.ended(e, report)
}

func (r *replacedWhileOpenRule) write(e *world.Effect, report func(Finding)) {
	d := e.OFD
	if d == nil || d.Entry == nil || e.File == nil || d.Entry.File == e.File || d.Entry.File == nil || e.File.Type != op.Regular {
		return
	}
	n := d.Entry
	opened, given := deed{d.Opened, d.By}, deed{n.Changed, n.By}
	if opened.none() || given.none() || !given.after(opened) || !rivals(opened, given) ||
		given.at.MayHardBefore(e.At) || given.by.Actor.Process() == e.Op.Actor.Process() {
		return
	}
	lost := e.File.Nlink == 0
	if lost && given.by.Kind != op.Rename {
		return // removed, then made anew: open-unlinked
	}
	f := story("replaced-while-open", n.Path, e.File, opened, given, deedOf(e))
	f.Headline = fmt.Sprintf("%s kept writing to a file that %s had replaced: %s", actor(deedOf(e)), actor(given), n.Path)
	f.Why = fmt.Sprintf("%s opened %s in step %d. In step %d %s gave the name to a new file. What %s writes from then on goes to the "+
		"old file, which ", actor(opened), n.Path, opened.at.Seq, given.at.Seq, actor(given), actor(deedOf(e)))
	f.Repair = "Let one side alone write the file: either everyone replaces it by a rename (under a lock), or everyone writes in place. A " +
		"long-running writer has to open the file again after a rotation; the rotation has to wait until it has (logrotate: create, and a signal in postrotate)."
	if lost {
		f.Why += "has no name left: it is gone when the last descriptor is closed."
		report(f)
		return
	}
	f.Why += "has another name now: whoever looks under " + n.Path + " does not find it."
	r.suspect(e.Op.Actor, nil, f)
}

func (r *replacedWhileOpenRule) End(w *world.World, end End, report func(Finding)) {
	r.failures.End(w, end, report)
}

var replacedWhileOpen = Info{
	Name:  "replaced-while-open",
	Title: "a process writes to a file after its name was given to a new one",
	Fires: "A process writes through a descriptor after another process renamed a new file over the name by which it was opened.",
	Harm: "The writer goes on without an error, but its bytes go to the old file. If that has no name left, they are lost; if it was " +
		"renamed (log.1), they are where nobody looks for them.",
	Safe: "Readers are not harmed: they see a consistent old version. A writer that closes and opens the file again after every rotation, or a lock " +
		"over opening, writing and replacing.",
	Wrong: `exec 3>>app.conf
echo "a = 1" >&3        # meanwhile: sed -i s/x/y/ app.conf
echo "b = 2" >&3`,
	Right: `{
	flock 9
	printf 'a = 1\nb = 2\n' >>app.conf
} 9>>app.conf.lock      # and the same around the sed -i`,
	Source: "rename(2): open file descriptors for newpath are unaffected; logrotate(8), create and copytruncate",
	Kinds:  []op.Kind{op.Write, op.Copy, op.Exit},
	New:    newReplacedWhileOpen,
}
