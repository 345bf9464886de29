package race

import (
	"fmt"

	"filerace/internal/op"
	"filerace/internal/world"
)

// lostAppendRule finds a record written over another that was added meanwhile:
// the writer had looked for the end of the file (lseek, stat), or went on from
// where its own writing had ended, without O_APPEND.
//
// Ruled out: O_APPEND on both sides, one shared description (>log for a whole
// group of commands), and a lock over finding the end and writing.
type lostAppendRule struct {
	positions *positions
}

func newLostAppend() Rule { return &lostAppendRule{} }

func (r *lostAppendRule) share(k *kept) { r.positions = k.positions }

func (r *lostAppendRule) Step(_ *world.World, e *world.Effect, report func(Finding)) {
	if len(e.Over) == 0 || e.Op.Kind != op.Write && e.Op.Kind != op.Copy {
		return
	}
	how := &r.positions.how
	lost, ok := r.positions.overAppended(e)
	if !ok {
		return
	}
	path := pathOf(e)
	f := story("lost-append", path, e.File, how.deed, lost, deedOf(e))
	if lost.by.OFlags&op.O_APPEND == 0 { // it would have written over this one
		f.eitherWay(lost, deedOf(e))
	}
	f.Headline = fmt.Sprintf("%s wrote over what %s had just added to %s", actor(deedOf(e)), actor(lost), path)
	f.Why = fmt.Sprintf("%s %s in step %d: %d bytes. By the time it wrote there, in step %d, %s had added its own bytes at the "+
		"same place (step %d). They are gone.", actor(how.deed), found(how), how.at.Seq, e.Lo, e.At.Seq, actor(lost), lost.at.Seq)
	f.Repair = "Open the file for appending (O_APPEND; >> instead of > in sh, in every job that writes to it): the kernel then finds the end and writes in " +
		"one step. Where that is not possible, hold a lock over both."
	report(f)
}

func (r *lostAppendRule) End(*world.World, End, func(Finding)) {}

func found(how *position) string {
	switch how.from {
	case bySeek:
		return "looked for the end of the file"
	case bySize:
		return "asked for the size of the file"
	}
	return "opened the file, which was empty, and kept its own count of where to write next, now"
}

var lostAppend = Info{
	Name:  "lost-append",
	Title: "a record was appended over another because the end was found in a step of its own",
	Fires: "A process wrote, without O_APPEND, at an end of file that it had found earlier, over bytes that another process had added since.",
	Harm:  "Records of a log or a spool file vanish, or half of one stands in the middle of another.",
	Safe: "With O_APPEND in all writers the kernel moves to the end and writes in one step. Writers that share one open file description " +
		"share its offset, too. A lock over finding the end and writing orders them.",
	Wrong: `fd, err := os.OpenFile("log", os.O_WRONLY|os.O_CREATE, 0o644)
if err != nil {
	return err
}
fd.Seek(0, io.SeekEnd)
fd.Write(record)`,
	Right: `fd, err := os.OpenFile("log", os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o644)
if err != nil {
	return err
}
fd.Write(record)`,
	Source: "TLPI 5.1 (appending data to a file); open(2), O_APPEND; https://github.com/pgbackrest/pgbackrest/issues/154",
	On:     overwrites,
	New:    newLostAppend,
}
