package world

import (
	"slices"
	"strings"

	"filerace/internal/op"
)

type entryKey struct {
	dir  op.FileID
	base string
}

// keyOf is the identity of a name. Where the recorder could not tell the
// directory, the path has to do.
func keyOf(n *op.Name) entryKey {
	if n.Dir.IsZero() {
		return entryKey{base: n.Path}
	}
	return entryKey{n.Dir, n.Base}
}

// file returns the file of that identity; nil if it is zero.
func (w *World) file(id op.FileID) *File {
	if id.IsZero() {
		return nil
	}
	f := w.files[id]
	if f == nil {
		f = &File{ID: id, Place: w.filePlaces.take()}
		w.files[id] = f
	}
	f.touched = w.seen
	return f
}

// made returns a file that is new. Whatever had its identity before must have
// ended unseen.
func (w *World) made(id op.FileID, typ op.FileType, at Stamp) *File {
	f := &File{ID: id, Place: w.filePlaces.take(), Type: typ, Created: at, touched: w.seen}
	if id.IsZero() {
		return f // a pipe that the recorder did not look at
	}
	if old := w.files[id]; old != nil {
		for len(old.Names) > 0 {
			w.lead(old.Names[0], nil)
		}
		old.Nlink = 0
		w.letGo(old)
	}
	w.files[id] = f
	return f
}

// adopt takes over what an operation reports about the file.
func (f *File) adopt(r *op.File) {
	if r.ID.IsZero() {
		return
	}
	if r.Type != op.UnknownType {
		f.Type = r.Type
	}
	if f.Path == "" {
		f.Path = r.Path
	}
	switch f.Type {
	case op.Pipe, op.Socket, op.Anon: // fstat tells of one link where there is no name
	default:
		if r.Nlink > 0 || len(f.Names) == 0 {
			f.Nlink = int(r.Nlink)
		}
	}
	f.resized(r.Size)
}

// lead makes the entry lead to f.
func (w *World) lead(en *Entry, f *File) {
	if old := en.File; old != nil {
		if i := slices.Index(old.Names, en); i >= 0 {
			old.Names = slices.Delete(old.Names, i, i+1)
		}
	}
	en.File = f
	if f != nil {
		if f.Names == nil {
			f.Names = f.first[:0]
		}
		f.Names = append(f.Names, en)
		f.Nlink = max(f.Nlink, 1)
		if f.Path == "" {
			f.Path = en.Path
		}
	}
}

// lookUp finds the entries of the operation's names as they were before it.
func (w *World) lookUp(o *op.Op, e *Effect) {
	changes := o.ChangesNames()
	for i := range o.Names {
		en := w.look(&o.Names[i], changes)
		switch i {
		case 0:
			e.Entry, e.Before = en, en.File
		case 1:
			e.Entry2, e.Before2 = en, en.File
		}
	}
	if e.File == nil && len(o.Names) > 0 && (o.Failed() || o.Waits) {
		e.File = e.Before
	}
}

// look returns the entry of one name, brought into line with what the operation
// saw: what others than the run's operations did to it shows only here.
func (w *World) look(n *op.Name, changes bool) *Entry {
	key := keyOf(n)
	en := w.entries[key]
	seen := n.Before
	if !changes && !n.After.IsZero() {
		seen = n.After
	}
	if en == nil {
		en = &Entry{Place: w.namePlaces.take(), Dir: n.Dir, Base: n.Base, Path: n.Path, made: n.Type == op.Proc}
		w.entries[key] = en
		w.lead(en, w.file(seen))
	} else if !agrees(en, n, changes) && !w.reconciled(en, seen) {
		w.lead(en, w.file(seen))
		en.Changed, en.By = Stamp{}, nil
	}
	en.touched = w.seen
	w.learnName(en.File, n)
	return en
}

// agrees reports whether the entry leads where the operation saw it lead. Where
// operations overlap (nobody controls them), another may have returned first with
// the change that this one saw happen.
func agrees(en *Entry, n *op.Name, changes bool) bool {
	var id op.FileID
	if en.File != nil {
		id = en.File.ID
	}
	if id == n.Before {
		return true
	}
	return id == n.After && (!changes || n.Before.IsZero())
}

// reconciled reports whether the entry and an identity may well mean one file, of which one
// side has but a guess. Where the source does not know which file a name led to, it makes an
// identity up; it forgets names sooner than the world does, and may be told the identity later.
func (w *World) reconciled(en *Entry, seen op.FileID) bool {
	f := en.File
	switch {
	case f == nil || seen.IsZero() || f.ID.IsZero() || f.ID.MadeUp() == seen.MadeUp():
		return false
	case seen.MadeUp():
		return true
	case w.files[seen] != nil || w.files[f.ID] != f:
		return false
	}
	delete(w.files, f.ID)
	f.ID = seen
	w.files[seen] = f
	return true
}

// actual is the identity of a file that the operation's names led to, where the source has
// but a guess.
func actual(id op.FileID, o *op.Op, e *Effect) op.FileID {
	switch {
	case !id.MadeUp():
	case e.Before != nil && len(o.Names) > 0 && id == o.Names[0].Before:
		return e.Before.ID
	case e.Before2 != nil && len(o.Names) > 1 && id == o.Names[1].Before:
		return e.Before2.ID
	}
	return id
}

// learnName takes over what a name tells about the file that it led to.
func (w *World) learnName(f *File, n *op.Name) {
	if f == nil {
		return
	}
	f.touched = w.seen
	if n.Before != f.ID {
		return
	}
	if f.Type == op.UnknownType {
		f.Type = n.Type
	}
	if n.Nlink > 0 {
		f.Nlink = int(n.Nlink)
	}
	if f.Version == 0 {
		f.resized(n.Size)
	}
}

// settleNames lets the names lead where the operation left them, and finds the
// file that an operation by path is about.
func (w *World) settleNames(o *op.Op, e *Effect) {
	if len(o.Names) == 0 {
		return
	}
	if o.ChangesNames() {
		w.change(o, &o.Names[0], e.Entry, e)
		if len(o.Names) > 1 {
			w.change(o, &o.Names[1], e.Entry2, e)
		}
		w.lose(o, e)
		if o.Kind == op.Open && e.Before != nil {
			e.Existed = true
		}
	}
	if e.File == nil {
		e.File = w.subject(o, e)
	}
	if o.Kind == op.Rename && e.File != nil && e.File.Type == op.Directory {
		w.moved(o)
	}
	for _, f := range e.Gone {
		w.letGo(f)
	}
}

// change makes one entry lead to what the operation left there.
func (w *World) change(o *op.Op, n *op.Name, en *Entry, e *Effect) {
	after := actual(n.After, o, e)
	if o.Kind == op.Unlink || o.Kind == op.Rmdir {
		after = op.FileID{}
	}
	if en.File == nil && after.IsZero() || en.File != nil && en.File.ID == after {
		return
	}
	e.Created = en.File == nil && o.Kind != op.Rename
	if e.Created && o.Kind != op.Link {
		w.lead(en, w.made(after, n.Type, e.At))
	} else {
		w.lead(en, w.file(after))
	}
	if o.Kind == op.Link && en.File != nil && n.Nlink > 0 {
		en.File.Nlink = int(n.Nlink)
	}
	en.Changed, en.By = e.At, o
}

// lose notes which file lost a name, and whether it was its last.
func (w *World) lose(o *op.Op, e *Effect) {
	var f *File
	var n *op.Name
	switch {
	case o.Kind == op.Unlink || o.Kind == op.Rmdir:
		f, n = e.Before, &o.Names[0]
	case o.Kind == op.Rename && len(o.Names) > 1 && o.Flags&op.RENAME_EXCHANGE == 0 && e.Entry2.File != e.Before2:
		f, n = e.Before2, &o.Names[1]
	}
	if f == nil {
		return
	}
	e.Removed = append(e.Removed, f)
	if n.Before.MadeUp() && !f.ID.MadeUp() {
		f.Nlink = max(f.Nlink-1, 0)
	} else {
		f.Nlink = int(n.Nlink)
	}
	// Some file systems keep a link count of 1 on directories.
	if f.Nlink > 0 && o.Kind != op.Rmdir && f.Type != op.Directory {
		return
	}
	f.Nlink, f.gone = 0, true
	for len(f.Names) > 0 {
		w.lead(f.Names[0], nil)
	}
	e.Gone = append(e.Gone, f)
}

// subject is the file that an operation by path is about.
func (w *World) subject(o *op.Op, e *Effect) *File {
	if !o.File.ID.IsZero() && o.Kind != op.Rename && o.Kind != op.Unlink && o.Kind != op.Rmdir {
		f, id := e.Entry.File, actual(o.File.ID, o, e)
		if f == nil || f.ID != id || f.forgotten {
			f = w.file(id)
		}
		if f.Type == op.UnknownType {
			f.Type = o.File.Type
		}
		return f
	}
	last := e.Entry
	if e.Entry2 != nil {
		last = e.Entry2
	}
	if last.File != nil {
		return last.File
	}
	return e.Before
}

// moved gives the entries below a renamed directory their new paths.
func (w *World) moved(o *op.Op) {
	from, to := o.Names[0].Path+"/", o.Names[len(o.Names)-1].Path+"/"
	exchange := o.Flags&op.RENAME_EXCHANGE != 0
	for _, en := range w.entries {
		switch {
		case strings.HasPrefix(en.Path, from):
			en.Path = to + en.Path[len(from):]
		case exchange && strings.HasPrefix(en.Path, to):
			en.Path = from + en.Path[len(to):]
		}
	}
}
