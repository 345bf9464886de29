package race

import (
	"fmt"

	"filerace/internal/op"
	"filerace/internal/world"
)

// truncatedAwayRule finds bytes that a truncation cut off although the truncating
// side had not seen them: it read the file to its end, another process added to
// it, and then it was truncated (copytruncate); or it emptied, without looking, a
// file to which another process appends (> log in one job, >> log in another).
//
// Emptying a file that another rewrites as a whole is "the last one wins" and not
// reported.
type truncatedAwayRule struct {
	readings  *readings
	positions *positions
}

func newTruncatedAway() Rule {
	return &truncatedAwayRule{}
}

func (r *truncatedAwayRule) share(k *kept) { r.positions, r.readings = k.positions, k.readings }

func (r *truncatedAwayRule) Step(_ *world.World, e *world.Effect, report func(Finding)) {
	if len(e.Dropped) == 0 || e.Op.Failed() || !isRegular(e.File) || e.Op.Kind != op.Open && e.Op.Kind != op.Truncate {
		return
	}
	n := e.Entry
	if n == nil && e.OFD != nil {
		n = e.OFD.Entry
	}
	read, ok := reading{}, false
	if n != nil {
		read, ok = r.readings.last(n, e)
		ok = ok && read.file == e.File
	}
	for _, s := range e.Dropped {
		d := deed{s.At, s.By}
		if !d.rival(e) || !r.unseen(d, s, read, ok, e.File) {
			continue
		}
		report(r.finding(e, d, read.deed))
		return
	}
}

// unseen reports whether the bytes s were added at the end, where the truncating
// side did not see them.
func (r *truncatedAwayRule) unseen(d deed, s world.Seg, read reading, looked bool, f *world.File) bool {
	w, ok := r.positions.writer(f, d)
	appended := ok && w.from == byAppend
	if !looked {
		return appended
	}
	return d.after(read.deed) && rivals(d, read.deed) && (appended || read.hi > 0 && s.Lo >= read.hi)
}

func (r *truncatedAwayRule) End(*world.World, End, func(Finding)) {}

func (r *truncatedAwayRule) finding(e *world.Effect, lost, read deed) Finding {
	path, me := pathOf(e), actor(deedOf(e))
	f := story("truncated-away", path, e.File, read, lost, deedOf(e))
	f.Headline = fmt.Sprintf("%s truncated %s and with it what %s had just written there", me, path, actor(lost))
	if read.none() {
		f.Why = fmt.Sprintf("%s appended to %s in step %d. %s emptied the file in step %d without a look at it.", actor(lost), path, lost.at.Seq, me, e.At.Seq)
	} else {
		f.Why = fmt.Sprintf("%s read %s up to its end in step %d. After that %s added to it (step %d). Step %d cut off everything, the new bytes, too, "+
			"which nobody has read or copied.", actor(read), path, read.at.Seq, actor(lost), lost.at.Seq, e.At.Seq)
	}
	f.Repair = "To take over a log, rename it and let its writers open a new one; do not copy and truncate it. Let every job append (>>), and " +
		"empty the file once before the first one starts. Where truncation has to be, hold a lock around reading and truncating that the writers take, too."
	return f
}

var truncatedAway = Info{
	Name:  "truncated-away",
	Title: "a truncation dropped bytes that had just been added",
	Fires: "A process truncated a file and dropped bytes that another had written after the first had last read it, or, where it had not read it, bytes that were appended.",
	Harm:  "Log lines or queued records are in neither the copy nor the file. No call fails.",
	Safe: "Renaming instead of copying and truncating; appending in all jobs; a lock around reading and truncating that the writers take. " +
		"Rewriting (>) what another wrote with > is not reported.",
	Wrong: `cp app.log app.log.1
: >app.log`,
	Right: `mv app.log app.log.1
kill -HUP "$(cat app.pid)"    # the program opens app.log again`,
	Source: "logrotate(8), copytruncate: \"there is a very small time slice between copying the file and truncating it\"",
	On:     cuts,
	New:    newTruncatedAway,
}
