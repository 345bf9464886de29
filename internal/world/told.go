package world

import (
	"syscall"

	"filerace/internal/op"
)

// Mark is what is known of a name while an order of operations is tried.
type Mark uint64

// A name leads to nothing, to some file, or to a certain one: one made in this order
// (from fresh on), or one whose identity a source told.
const (
	Unknown Mark = iota
	Absent
	Present
	fresh
)

// madeMax is how many operations an order may have whose files are told apart.
const madeMax = 64

// Explains lets an operation take effect on where its names lead, and reports whether
// it can have returned what it did, and met the files that the source saw it meet. It is the
// semantics of names. a and b are the marks of the operation's first and second name,
// nil if it has none; index, below 64, tells files apart that are made in the order tried.
func Explains(o *op.Op, a, b *Mark, index int) bool {
	return explains(o, a, b, fresh+Mark(index), MarkOf(o.File.ID))
}

// explains takes the file that the operation reached, 0 if nobody saw it.
func explains(o *op.Op, a, b *Mark, made, id Mark) bool {
	if a == nil {
		return true
	}
	if o.Failed() {
		return explainsFailure(o, a, b)
	}
	switch o.Kind {
	case op.Open:
		const exclusive = op.O_CREAT | op.O_EXCL
		switch {
		case o.Flags&exclusive == exclusive:
			return a.create(made, id)
		case o.Flags&op.O_CREAT == 0:
		case id != 0 && saw(o, 0): // whether this very call made it
			if o.Names[0].Before.IsZero() {
				return a.create(made, id)
			}
		case *a == Absent:
			return a.create(made, id)
		}
		return a.there(id)
	case op.Mkdir, op.Mknod, op.SymlinkOp:
		return a.create(made, 0)
	case op.Unlink, op.Rmdir:
		if !a.there(seen(o, 0)) {
			return false
		}
		*a = Absent
	case op.Rename:
		return renames(o, a, b)
	case op.Link:
		if !a.there(seen(o, 0)) {
			return false
		}
		if b != nil {
			if *b >= Present {
				return false
			}
			*b = *a
		}
	default:
		return a.there(id)
	}
	return true
}

func renames(o *op.Op, a, b *Mark) bool {
	if b == nil {
		return true
	}
	if !a.there(seen(o, 0)) || o.Flags&op.RENAME_NOREPLACE != 0 && *b >= Present {
		return false
	}
	if saw(o, 1) {
		if was := seen(o, 1); was != 0 && !b.there(was) || was == 0 && !b.gone() {
			return false
		}
	}
	switch {
	case *a == *b && *a >= fresh: // two names of one file: nothing happens
	case o.Flags&op.RENAME_EXCHANGE != 0:
		*a, *b = *b, *a
		return *a != Absent
	default:
		*a, *b = Absent, *a
	}
	return true
}

// explainsFailure: what an error says of a name.
func explainsFailure(o *op.Op, a, b *Mark) bool {
	switch syscall.Errno(o.Errno()) {
	case syscall.ENOENT:
		switch {
		case o.Kind == op.Rename && o.Flags&op.RENAME_EXCHANGE != 0 && b != nil:
			return *a < Present || *b < Present
		case o.Kind == op.Rename || o.Kind == op.Link || b == nil:
			return a.gone()
		}
	case syscall.EEXIST:
		if b != nil {
			return b.there(0)
		}
		return a.there(0)
	}
	return true
}

// there: the name leads to a file, to that one if it is known.
func (m *Mark) there(id Mark) bool {
	if *m == Absent || id != 0 && *m >= fresh && *m != id && !m.made() {
		return false
	}
	switch {
	case id != 0:
		*m = id
	case *m == Unknown:
		*m = Present
	}
	return true
}

// made reports whether the mark stands for a file made in the order that is tried,
// whose identity nobody told.
func (m Mark) made() bool { return m >= fresh && m < fresh+madeMax }

func (m *Mark) gone() bool {
	if *m >= Present {
		return false
	}
	*m = Absent
	return true
}

func (m *Mark) create(made, id Mark) bool {
	if *m >= Present {
		return false
	}
	if *m = made; id != 0 {
		*m = id
	}
	return true
}

// MarkOf is the mark of an identity that a source told; 0 if none did.
func MarkOf(id op.FileID) Mark {
	if id.Dev == 0 {
		return 0
	}
	h := (id.Dev*0x9e3779b97f4a7c15 ^ id.Ino) * 0xff51afd7ed558ccd
	return Mark(h^uint64(id.Birth)*0xc4ceb9fe1a85ec53) | 1<<63
}

// saw reports whether the source saw what the operation's name led to.
func saw(o *op.Op, i int) bool { return i < len(o.Names) && o.Names[i].Seen }

// seen is the mark of the file that the source saw there, 0 if it saw none.
func seen(o *op.Op, i int) Mark {
	if saw(o, i) {
		return MarkOf(o.Names[i].Before)
	}
	return 0
}
