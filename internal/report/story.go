package report

import (
	"slices"

	"filerace/internal/op"
	"filerace/internal/world"
)

// A row is one operation of the story that a finding tells.
type row struct {
	op    *op.Op
	mark  bool
	told  bool      // a mark, or the texts speak of it: never left out
	other string    // the file it was done to, if that is not the finding's
	file  fileState // after the operation
	left  int       // op is nil: so many operations are left out here
}

// maxRows bounds a timeline, unless all is asked for.
const maxRows = 24

// story chooses the operations that tell the finding, and says after each how
// its file stood. The state comes from a world to which the run is applied anew.
func story(f *Found) []row {
	if len(f.Marks) == 0 {
		return nil
	}
	first, last := slices.Min(f.Marks), slices.Max(f.Marks)
	told := slices.Concat(f.Marks, stepsIn(f.Headline), stepsIn(f.Why), stepsIn(f.Repair))
	told = append(told, halves(f.Ops, told)...)
	s := &subject{found: f, keys: map[string]entryKey{}, ids: map[op.FileID]bool{}}
	w := world.New()
	var rows []row
	for _, o := range f.Ops {
		if o.Seq > last {
			break
		}
		again := *o // Apply fills in offsets and lock ranges
		s.learn(&again)
		closeStale(w, o)
		e := w.Apply(&again)
		s.follow(w)
		r := row{op: &again, mark: slices.Contains(f.Marks, o.Seq), told: slices.Contains(told, o.Seq)}
		if r.told || o.Seq > first && s.shows(&again, e) {
			r.other, r.file = s.other(&again), s.state(w)
			rows = append(rows, r)
		}
	}
	return rows
}

// closeStale closes the operation's descriptor if it led elsewhere by what came before: the closing of it is not among
// the operations, which are those that are still kept of a long run.
func closeStale(w *world.World, o *op.Op) {
	if len(o.Names) > 0 || o.FD < 0 || o.File.ID.IsZero() {
		return
	}
	d := w.OFD(o.Actor, o.FD)
	if d == nil || d.File.ID == o.File.ID || d.File.ID.MadeUp() != o.File.ID.MadeUp() { // which it really is may have been told later
		return
	}
	c := op.New(op.Close)
	c.Actor, c.PID, c.TID, c.FD, c.Enter, c.Exit, c.Done = o.Actor, o.PID, o.TID, o.FD, o.Enter, o.Enter, true
	w.Apply(c)
}

// halves are the first steps of those of the operations that were two: an open that
// stopped inside the kernel.
func halves(ops []*op.Op, of []int) (seqs []int) {
	inside := map[int]int{} // by thread: where its open found the file
	for _, o := range ops {
		switch {
		case o.Inside && !o.Done:
			inside[o.TID] = o.Seq
		case o.Inside && slices.Contains(of, o.Seq):
			seqs = append(seqs, inside[o.TID])
		}
	}
	return seqs
}

// other is the path of the file that an operation was done to, "" for the
// finding's own.
func (s *subject) other(o *op.Op) string {
	path := o.File.Path
	if len(o.Names) > 0 {
		path = o.Names[0].Path
	} else if slices.Contains(s.past, o.File.ID) {
		return ""
	}
	if path == s.found.Path {
		return ""
	}
	return path
}

type entryKey struct {
	dir  op.FileID
	base string
}

// subject is the file that a finding is about, and the further names of its story.
type subject struct {
	found *Found
	keys  map[string]entryKey // by path
	ids   map[op.FileID]bool  // the files that the names led to so far
	past  []op.FileID         // those of the finding's own path, in order of appearance
}

func (s *subject) about(path string) bool {
	return path != "" && (path == s.found.Path || slices.Contains(s.found.Paths, path))
}

// learn takes from an operation which directory entries the story's paths are,
// and which files they led to.
func (s *subject) learn(o *op.Op) {
	for i := range o.Names {
		n := &o.Names[i]
		if !s.about(n.Path) {
			continue
		}
		s.keys[n.Path] = entryKey{n.Dir, n.Base}
		for _, id := range []op.FileID{n.Before, n.After} {
			if id.IsZero() {
				continue
			}
			s.ids[id] = true
			if n.Path == s.found.Path && !slices.Contains(s.past, id) {
				s.past = append(s.past, id)
			}
		}
	}
}

// follow keeps what the finding's path leads to now among its files.
func (s *subject) follow(w *world.World) {
	if f := s.named(w); f != nil && !slices.Contains(s.past, f.ID) {
		s.past = append(s.past, f.ID)
		s.ids[f.ID] = true
	}
}

// named is the file that the finding's path leads to, nil if none is known to.
func (s *subject) named(w *world.World) *world.File {
	k, ok := s.keys[s.found.Path]
	if !ok {
		return nil
	}
	if e := w.Entry(k.dir, k.base); e != nil {
		return e.File
	}
	return nil
}

// shows tells whether an operation between the first and the last mark belongs
// to the story: the actors involved use or change one of its names or files.
func (s *subject) shows(o *op.Op, e *world.Effect) bool {
	if !s.involved(o.Actor) || !telling(o.Kind) {
		return false
	}
	if o.Kind == op.Close && len(e.Closed) == 0 {
		return false // another descriptor still leads there: nothing has happened
	}
	if o.Kind == op.Exit || o.Kind == op.Exec || o.Kind == op.CloseRange {
		return slices.ContainsFunc(e.Freed, func(l *world.Lock) bool { return l.File != nil && s.ids[l.File.ID] })
	}
	for i := range o.Names {
		if s.about(o.Names[i].Path) {
			return true
		}
	}
	return !o.File.ID.IsZero() && s.ids[o.File.ID]
}

func (s *subject) involved(a op.Actor) bool {
	return slices.Contains(s.found.Actors, a) || slices.Contains(s.found.Actors, a.Process())
}

// telling are the kinds that change or look at a file or its name.
func telling(k op.Kind) bool {
	switch k {
	case op.Open, op.Close, op.CloseRange, op.Read, op.Write, op.Seek, op.Truncate, op.Allocate, op.Copy,
		op.LockOp, op.GetLock, op.Stat, op.AccessOp, op.Readlink, op.ReadDir, op.Unlink, op.Rmdir, op.Rename,
		op.Link, op.SymlinkOp, op.Mkdir, op.Mknod, op.Chmod, op.Chown, op.Exit, op.Exec:
		return true
	}
	return false
}

// shortened leaves the rows out that are farthest from those that the finding
// tells of, so that most rows remain, and puts rows in their place that count them.
func shortened(rows []row, most int) []row {
	if len(rows) <= most {
		return rows
	}
	keep := make([]bool, len(rows))
	kept := 0
	for near := 0; near < len(rows); near++ {
		before := kept
		for i := range rows {
			if !keep[i] && (kept < most || near == 0) && toldAt(rows, i-near, i+near) {
				keep[i] = true
				kept++
			}
		}
		if near > 0 && kept == before && kept >= most {
			break
		}
	}
	var out []row
	for i, r := range rows {
		switch {
		case keep[i]:
			out = append(out, r)
		case len(out) > 0 && out[len(out)-1].op == nil:
			out[len(out)-1].left++
		default:
			out = append(out, row{left: 1})
		}
	}
	return out
}

// toldAt reports whether the finding tells of row a or row b.
func toldAt(rows []row, a, b int) bool {
	return a >= 0 && rows[a].told || b < len(rows) && rows[b].told
}
