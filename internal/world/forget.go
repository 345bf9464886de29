package world

// What is looked up but neither open nor changed need not be remembered for
// ever: a search along PATH, a walk through a tree. When names and files have
// doubled since the last sweep, those that no operation has touched for a while
// go. A name that an open description came by stays, as does every file that the
// run has made, written or holds locks on.
const (
	sweepLeast = 1 << 14 // names and files below which nothing is swept
	sweepAge   = 1 << 12 // operations
)

func (w *World) forget() {
	w.sweep()
	w.sweepAt = max(2*(len(w.files)+len(w.entries)), sweepLeast)
}

// sweep lets go first of names that the kernel makes up: who looks for processes in /proc
// meets thousands, and what was learnt of real names meanwhile still counts.
func (w *World) sweep() {
	old := w.seen - sweepAge
	w.sweepNames(old, func(en *Entry) bool { return en.made })
	w.sweepFiles(old)
	if 2*(len(w.files)+len(w.entries)) > w.sweepAt {
		w.sweepNames(old, func(*Entry) bool { return true })
		w.sweepFiles(old)
	}
	for key, d := range w.inherited {
		if d.Refs == 0 {
			delete(w.inherited, key)
		}
	}
}

func (w *World) sweepNames(old int, which func(*Entry) bool) {
	for key, en := range w.entries {
		if en.touched >= old || en.opened > 0 || !which(en) {
			continue
		}
		if en.File != nil {
			if !en.File.dull(old) || !en.Changed.IsZero() {
				continue
			}
			w.lead(en, nil)
		}
		delete(w.entries, key)
		w.unnamed = append(w.unnamed, en)
	}
}

func (w *World) sweepFiles(old int) {
	for id, f := range w.files {
		if len(f.Names) == 0 && f.dull(old) {
			delete(w.files, id)
			f.forgotten = true
			w.forgotten = append(w.forgotten, f)
		}
	}
}

// dull reports whether nothing in the run has come of the file.
func (f *File) dull(old int) bool {
	return f.touched < old && f.Opens == 0 && f.Version == 0 && f.Created.IsZero() &&
		len(f.Segs) == 0 && len(f.Locks) == 0 && len(f.Waits) == 0
}
