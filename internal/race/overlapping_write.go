package race

import (
	"fmt"
	"slices"

	"filerace/internal/op"
	"filerace/internal/world"
)

// overlappingWriteRule finds two processes that wrote different bytes to one
// place, with nothing to say who comes last.
//
// Two writers that each rewrite the whole file (O_TRUNC) are judged when both
// are done: if the bytes of one alone remain, the last one won; if parts of both
// remain, the file is what neither wrote. Where the loser had added to the end,
// lost-append tells the story.
type overlappingWriteRule struct {
	positions *positions
	readings  *readings
	mixing    perFile[[]mix]
}

// mix is two whole-file writers at work at the same time.
type mix struct {
	early, late         deed
	earlyOFD, lateOFD   *world.OFD
	earlyDone, lateDone bool
	path                string
}

func newOverlappingWrite() Rule {
	return &overlappingWriteRule{}
}

// Forget drops a file that is gone for good.
func (r *overlappingWriteRule) Forget(f *world.File) { r.mixing.Forget(f) }

func (r *overlappingWriteRule) share(k *kept) { r.positions, r.readings = k.positions, k.readings }

func (r *overlappingWriteRule) Step(_ *world.World, e *world.Effect, report func(Finding)) {
	if len(e.Over) > 0 && isRegular(e.File) && e.OFD != nil && (e.Op.Kind == op.Write || e.Op.Kind == op.Copy) {
		r.overlap(e, report)
	}
	if r.mixing.n > 0 {
		for _, d := range e.Closed {
			r.closed(d, report)
		}
	}
}

func (r *overlappingWriteRule) awake() bool { return r.mixing.n > 0 }

func (r *overlappingWriteRule) overlap(e *world.Effect, report func(Finding)) {
	if e.OFD.Flags&op.O_APPEND != 0 || r.positions.how.appends() {
		return
	}
	if _, lost := r.positions.overAppended(e); lost {
		return
	}
	for _, s := range e.Over {
		d := deed{s.At, s.By}
		if !d.rival(e) {
			continue
		}
		w, known := r.positions.writer(e.File, d)
		if known && w.appends() {
			continue
		}
		if r.knew(e, d, s.Hi) {
			continue
		}
		if known && publishes(w.ofd) && publishes(e.OFD) && w.ofd != e.OFD {
			r.watch(mix{early: d, late: deedOf(e), earlyOFD: w.ofd, lateOFD: e.OFD, path: pathOf(e)}, e.File)
			continue
		}
		report(mix{early: d, late: deedOf(e), path: pathOf(e)}.finding(e.File, s.Lo, s.Hi))
		return
	}
}

// knew reports whether the writer had read what it overwrote, up to byte hi, after
// it was written: then it changed the file as it stood, and lost nothing.
func (r *overlappingWriteRule) knew(e *world.Effect, early deed, hi int64) bool {
	if e.OFD.Entry == nil {
		return false
	}
	k, ok := r.readings.last(e.OFD.Entry, e)
	return ok && k.file == e.File && k.after(early) && k.hi >= min(hi, e.Hi)
}

// publishes reports whether the description was opened to rewrite the whole file.
func publishes(d *world.OFD) bool { return d.Flags&op.O_TRUNC != 0 && d.Flags&op.O_APPEND == 0 }

func (r *overlappingWriteRule) watch(m mix, f *world.File) {
	list := r.mixing.get(f)
	for i := range list {
		if o := &list[i]; o.earlyOFD == m.earlyOFD && o.lateOFD == m.lateOFD {
			o.early, o.late = m.early, m.late
			return
		}
	}
	m.earlyDone = m.earlyOFD.Refs == 0
	r.mixing.put(f, append(list, m))
}

// closed judges the pairs of writers of which both are done.
func (r *overlappingWriteRule) closed(d *world.OFD, report func(Finding)) {
	list := r.mixing.get(d.File)
	if len(list) == 0 {
		return
	}
	for i := range list {
		list[i].earlyDone = list[i].earlyDone || list[i].earlyOFD == d
		list[i].lateDone = list[i].lateDone || list[i].lateOFD == d
		if list[i].earlyDone && list[i].lateDone {
			r.judge(list[i], d.File, report)
		}
	}
	list = slices.DeleteFunc(list, func(m mix) bool { return m.earlyDone && m.lateDone })
	if len(list) == 0 {
		r.mixing.drop(d.File)
		return
	}
	r.mixing.put(d.File, list)
}

func (r *overlappingWriteRule) judge(m mix, f *world.File, report func(Finding)) {
	if hasWriter(f.Segs, m.early, m.late) && hasWriter(f.Segs, m.late, m.early) {
		report(m.finding(f, 0, f.Size))
	}
}

func (r *overlappingWriteRule) End(_ *world.World, _ End, report func(Finding)) {
	for list := range r.mixing.all() {
		for _, m := range *list {
			r.judge(m, m.earlyOFD.File, report)
		}
	}
}

func (m mix) finding(file *world.File, lo, hi int64) Finding {
	f := story("overlapping-write", m.path, file, m.early, m.late)
	f.eitherWay(m.early, m.late)
	f.Headline = fmt.Sprintf("%s and %s wrote different bytes to the same place in %s", actor(m.early), actor(m.late), m.path)
	f.Why = fmt.Sprintf("Both wrote within bytes %d to %d, in steps %d and %d, and nothing orders the two. What stands there now is a "+
		"matter of chance, and may be part of the one and part of the other.", lo, hi, m.early.at.Seq, m.late.at.Seq)
	f.Repair = "Hold a lock around the writing (fcntl on the range of bytes, or flock on a lock file), give each writer a part or a file of its own, or " +
		"write a new file under a temporary name of its own and rename it into place."
	return f
}

var overlappingWrite = Info{
	Name:  "overlapping-write",
	Title: "two processes write different bytes to one place",
	Fires: "Two processes wrote different bytes to common positions of a file, and no lock or other order lies between them.",
	Harm: "The last write stands, and which one that is differs from run to run; where the writes differ in length or come in pieces, the file " +
		"ends up as a mixture that neither program wrote.",
	Safe: "A lock around the writing; a separate range for each writer; O_APPEND. Two programs that each truncate and rewrite the whole " +
		"file are not reported as long as only the last one's bytes remain.",
	Wrong: `int fd = open("table", O_RDWR);
pwrite(fd, &rec, sizeof rec, slot * sizeof rec);`,
	Right: `int fd = open("table", O_RDWR);
struct flock l = { .l_type = F_WRLCK, .l_whence = SEEK_SET,
                   .l_start = slot * sizeof rec, .l_len = sizeof rec };
if (fcntl(fd, F_SETLKW, &l) == 0) {
	pwrite(fd, &rec, sizeof rec, slot * sizeof rec);
	l.l_type = F_UNLCK;
	fcntl(fd, F_SETLK, &l);
}`,
	Source:  "TLPI 55.3 (record locking); write(2), NOTES; POSIX write, RATIONALE (atomicity)",
	On:      overwrites,
	AwakeOn: closes,
	New:     newOverlappingWrite,
}
