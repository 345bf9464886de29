package race

import (
	"fmt"

	"filerace/internal/op"
	"filerace/internal/world"
)

// listings remembers when each process last listed each directory.
type listings struct {
	dirs recent[op.FileID, latest[deed]]
}

func (l *listings) note(e *world.Effect) {
	if e.Op.Kind != op.ReadDir || e.Op.Failed() || e.File == nil {
		return
	}
	list := l.dirs.get(e.File.ID)
	for _, d := range list {
		if d.who == e.At.Process && e.Op.Ret == 0 {
			return // the end of the list: no news
		}
	}
	if list, grown := list.renew(e, deedOf(e)); grown {
		l.dirs.put(e.File.ID, list)
	}
}

// last returns the last listing by the actor of e and those tied to it that the
// change came after.
func (l *listings) last(dir op.FileID, change deed, e *world.Effect) (deed, bool) {
	d := l.dirs.get(dir).newest(func(d *deed) bool { return change.after(*d) && d.tied(e) })
	if d == nil {
		return deed{}, false
	}
	return *d, rivals(*d, change)
}

// directoryRaceRule finds two processes in each other's way in one directory: one
// listed it, or made up its mind about an entry, and then failed at the entry
// because the other had removed or made it meanwhile.
//
// It is harm only if the process fails: find -ignore_readdir_race, rm -f and
// mkdir -p take it as it comes.
type directoryRaceRule struct {
	failures
	looks    *looks
	listings listings
	arrived  recent[op.FileID, latest[deed]] // creations in a directory, the last of each process
}

func newDirectoryRace() Rule { return &directoryRaceRule{} }

func (r *directoryRaceRule) share(k *kept) { r.looks = k.looks }

func (r *directoryRaceRule) Step(_ *world.World, e *world.Effect, report func(Finding)) {
	if e.Entry != nil {
		if e.Op.Failed() {
			r.failed(e)
		} else {
			r.arrive(e.Entry, e)
			r.arrive(e.Entry2, e)
		}
		r.overcome(e)
	}
	r.listings.note(e)
	r.ended(e, report)
}

func (r *directoryRaceRule) arrive(n *world.Entry, e *world.Effect) {
	if n == nil || n.File == nil || n.Changed.Seq != e.At.Seq {
		return
	}
	if list, grown := r.arrived.get(n.Dir).renew(e, deedOf(e)); grown {
		r.arrived.put(n.Dir, list)
	}
}

func (r *directoryRaceRule) failed(e *world.Effect) {
	switch e.Op.Errno() {
	case enoent, enotdir:
		r.missing(e)
	case eexist:
		if e.Op.Kind == op.Mkdir {
			r.inTheWay(e)
			return
		}
		fallthrough // rename and rmdir say EEXIST for ENOTEMPTY on some file systems
	case enotempty:
		r.notEmpty(e)
	}
}

// missing judges an entry that was listed and is no more.
func (r *directoryRaceRule) missing(e *world.Effect) {
	switch e.Op.Kind {
	case op.Open, op.Stat, op.AccessOp, op.Unlink, op.Rmdir, op.Rename, op.Chmod, op.Chown, op.Readlink, op.Chdir, op.Exec:
	default:
		return
	}
	n := e.Entry
	gone := deed{n.Changed, n.By}
	if gone.none() || n.File != nil || !gone.rival(e) {
		return
	}
	if listed, ok := r.listings.last(n.Dir, gone, e); ok {
		f := story("directory-race", n.Path, nil, listed, gone, deedOf(e))
		f.Headline = fmt.Sprintf("%s failed at %s, which %s had removed after the directory was listed", actor(deedOf(e)), n.Path, actor(gone))
		f.Why = fmt.Sprintf("The list that %s got in step %d still had %s in it. In step %d %s removed it, so that step %d met no such entry.",
			actor(listed), listed.at.Seq, n.Base, gone.at.Seq, actor(gone), e.At.Seq)
		f.Repair = directoryRaceRepair
		r.suspect(e.Op.Actor, n, f)
	}
}

// inTheWay judges a mkdir of a directory that was looked for and not found.
func (r *directoryRaceRule) inTheWay(e *world.Effect) {
	n := e.Entry
	made := deed{n.Changed, n.By}
	k, ok := r.looks.last(n, e)
	if !ok || k.file != nil || made.none() || !made.after(k.deed) || !made.rival(e) || !rivals(made, k.deed) {
		return
	}
	f := story("directory-race", n.Path, n.File, k.deed, made, deedOf(e))
	f.Headline = fmt.Sprintf("%s failed to make %s, which %s had made after it was looked for", actor(deedOf(e)), n.Path, actor(made))
	f.Why = fmt.Sprintf("In step %d there was no %s. In step %d %s made it, so that the mkdir of step %d found it there and failed.",
		k.at.Seq, n.Path, made.at.Seq, actor(made), e.At.Seq)
	f.Repair = directoryRaceRepair
	r.suspect(e.Op.Actor, n, f)
}

// notEmpty judges the removal of a directory that was listed, and emptied, while
// another process put something new there.
func (r *directoryRaceRule) notEmpty(e *world.Effect) {
	n, dir := e.Entry, e.Before
	if e.Op.Kind == op.Rename {
		n, dir = e.Entry2, e.Before2
	} else if e.Op.Kind != op.Rmdir {
		return
	}
	if n == nil || dir == nil {
		return
	}
	for _, a := range r.arrived.get(dir.ID) {
		made := a.v
		listed, ok := r.listings.last(dir.ID, made, e)
		if !ok || !made.rival(e) {
			continue
		}
		f := story("directory-race", n.Path, dir, listed, made, deedOf(e))
		f.Headline = fmt.Sprintf("%s failed to remove %s, in which %s had made an entry after it was listed", actor(deedOf(e)), n.Path, actor(made))
		f.Why = fmt.Sprintf("%s listed %s in step %d and removed what it had found. In step %d %s put something new there, so that "+
			"the directory was not empty in step %d.", actor(listed), n.Path, listed.at.Seq, made.at.Seq, actor(made), e.At.Seq)
		f.Repair = directoryRaceRepair
		r.suspect(e.Op.Actor, n, f)
		return
	}
}

const directoryRaceRepair = "Take a missing entry on removal, and an existing directory on mkdir, as success (rm -f, mkdir -p, " +
	"find -ignore_readdir_race; errors.Is(err, fs.ErrNotExist) in Go), try again when a directory is not empty, or let one process at a time work on " +
	"the tree under a lock."

var directoryRace = Info{
	Name:  "directory-race",
	Title: "two processes work on one directory tree in each other's way",
	Fires: "A process listed a directory or looked for an entry, another process removed or made the entry, and the first failed at it.",
	Harm: "A cleaner, an installer or a backup stops half-way with \"No such file or directory\", \"File exists\" or \"Directory not empty\", " +
		"though nothing is wrong with the tree.",
	Safe:   "Programs that take the entry's state as they find it do not fail, and nothing is reported of them.",
	Wrong:  `find cache -type f -mtime +7 -delete     # from cron, and by hand at the same time`,
	Right:  `find cache -ignore_readdir_race -type f -mtime +7 -delete`,
	Source: "GNU findutils manual, -ignore_readdir_race; readdir(3), NOTES; POSIX mkdir -p, RATIONALE",
	Kinds:  except(onDescriptors...),
	New:    newDirectoryRace,
}
