package saved

import (
	"math"
	"math/bits"

	"filerace/internal/op"
	"filerace/internal/trace"
)

// A glance at a row reads those columns that tell which subjects it is about (race.Sieve). Most
// of them say something of few rows only, and are read for those.

// need says of which rows a glance reads a column.
type need uint8

const (
	ofAll need = iota
	ofNamed
	ofChanging // names, with two of them, or with names and a file that is not known
	ofOpening
	ofMapping
	ofCopying // what has two files
	ofLives   // of processes, and signals
	needs
)

var glances = map[string]need{
	"event": ofAll, "actor": ofAll, "kind": ofAll, "result": ofAll, "lock_family": ofAll, "names": ofAll, "waits": ofAll, "inside": ofAll,
	"file_type": ofAll, "dev": ofAll, "ino": ofAll, "birth": ofAll,
	"path": ofNamed, "base": ofNamed, "dir_dev": ofNamed, "dir_ino": ofNamed, "dir_birth": ofNamed,
	"flags": ofOpening, "nlink": ofOpening,
	"before_dev": ofChanging, "before_ino": ofChanging, "before_birth": ofChanging,
	"after_dev": ofChanging, "after_ino": ofChanging, "after_birth": ofChanging,
	"path2": ofChanging, "base2": ofChanging, "dir2_dev": ofChanging, "dir2_ino": ofChanging, "dir2_birth": ofChanging,
	"before2_dev": ofChanging, "before2_ino": ofChanging, "before2_birth": ofChanging,
	"after2_dev": ofChanging, "after2_ino": ofChanging, "after2_birth": ofChanging,
	"cmd":        ofMapping,
	"file2_type": ofCopying, "file2_dev": ofCopying, "file2_ino": ofCopying, "file2_birth": ofCopying,
	"child": ofLives, "signal": ofLives,
}

// glance reads what tells of the next rows whether they are kept, and returns how many rows there are and which
// of them can be seen through.
func (d *decoder) glance() (n int, clear uint64, err error) {
	n = int(min(d.left, rowsAtOnce))
	all := uint64(math.MaxUint64) >> (rowsAtOnce - n)
	if err := d.readOf(ofAll, n, all); err != nil {
		return 0, 0, err
	}
	var rows [needs]uint64
	for i, s := range d.slots[:n] {
		// Other rows are read as a whole, which tells what is wrong with them.
		if s.what != trace.Returned || s.count < 0 || int(s.count) > len(s.names) {
			continue
		}
		bit := uint64(1) << i
		clear |= bit
		if s.count > 0 {
			rows[ofNamed] |= bit
			if s.count > 1 || s.op.File.ID.IsZero() {
				rows[ofChanging] |= bit
			}
		}
		switch s.op.Kind {
		case op.Open:
			rows[ofOpening] |= bit
		case op.Unlink, op.Rmdir, op.Rename, op.Link, op.SymlinkOp, op.Mkdir, op.Mknod:
			rows[ofChanging] |= bit
		case op.Mmap:
			rows[ofMapping] |= bit
		case op.Copy, op.Dup:
			rows[ofCopying] |= bit
		case op.Fork, op.Wait, op.Kill, op.Signal:
			rows[ofLives] |= bit
		}
	}
	for of := ofNamed; of < needs; of++ {
		if of != ofChanging {
			if err := d.readOf(of, n, rows[of]); err != nil {
				return 0, 0, err
			}
		}
	}
	for left := rows[ofOpening]; left != 0; left &= left - 1 {
		if i := bits.TrailingZeros64(left); d.slots[i].op.Flags&op.O_CREAT != 0 {
			rows[ofChanging] |= 1 << i
		}
	}
	rows[ofAll] = all
	d.glimpsed = rows
	return n, clear, d.readOf(ofChanging, n, rows[ofChanging])
}

// readOf reads columns for the rows that need them.
func (d *decoder) readOf(of need, n int, rows uint64) error {
	if rows == 0 && d.filter != nil {
		return nil // perhaps they are kept
	}
	for _, c := range d.glanced[of] {
		wanted := rows
		if of != ofAll && d.filter != nil && !c.mark(n) {
			wanted = math.MaxUint64 >> (rowsAtOnce - n)
		}
		if err := c.read(n, wanted); err != nil {
			return &Error{d.name, ErrDamaged, err}
		}
	}
	return nil
}

// complete reads of the rows that are kept what the glance did without.
func (d *decoder) complete(n int, kept uint64) error {
	for of := ofAll; of < needs; of++ {
		read := d.glimpsed[of]
		if read != 0 && kept&^read == 0 {
			continue
		}
		for _, c := range d.glanced[of] {
			if read != 0 && !c.goBack() {
				continue // it was read for all rows
			}
			if err := c.read(n, kept); err != nil {
				return &Error{d.name, ErrDamaged, err}
			}
		}
	}
	return nil
}

// glimpse is the operation of a row of the last glance, with only what that read: what race.Sieve.Note asks for. It
// is valid until the next.
func (d *decoder) glimpse(row int) *op.Op {
	s := d.slots[row]
	read := func(of need) bool { return d.glimpsed[of]>>row&1 != 0 }
	o, from := &d.seen, &s.op
	o.Kind, o.Actor, o.Ret, o.Waits, o.Inside, o.Lock.Family = from.Kind, from.Actor, from.Ret, from.Waits, from.Inside, from.Lock.Family
	o.File.ID, o.File.Type, o.Flags = from.File.ID, from.File.Type, 0
	switch {
	case read(ofOpening):
		o.Flags, o.File.Nlink = from.Flags, from.File.Nlink
	case read(ofMapping):
		o.Cmd = from.Cmd
	case read(ofCopying):
		o.File2.ID, o.File2.Type = from.File2.ID, from.File2.Type
	case read(ofLives):
		o.Child, o.Signal = from.Child, from.Signal
	}
	if s.count == 0 {
		o.Names = nil
		return o
	}
	o.Names = d.seenNames[:s.count]
	full := o.File.ID.IsZero() || o.ChangesNames()
	for i := range o.Names {
		n, from := &o.Names[i], &s.names[i]
		n.Dir, n.Base = from.Dir, from.Base
		s.paths[i].name(n)
		if n.Before, n.After = (op.FileID{}), (op.FileID{}); full {
			n.Before, n.After = from.Before, from.After
		}
	}
	return o
}

// skim shows f the rows of the segment at a glance, as long as it wants more: operations, and nil for others.
func (d *decoder) skim(f func(*op.Op) bool) (more bool, err error) {
	defer d.caught(&err)
	for d.left > 0 {
		n, clear, err := d.glance()
		if err != nil {
			return false, err
		}
		for i := range n {
			var o *op.Op
			if clear>>i&1 != 0 {
				o = d.glimpse(i)
			}
			if !f(o) {
				return false, nil
			}
		}
		d.left -= int64(n)
	}
	return true, nil
}

// Filter tells which operations Reader.Next gives back. It is asked by other goroutines, several at a time.
type Filter interface {
	// Known tells by bits which of the n rows, 64 at most, from a place on (from 0) are given back, if it knows that
	// without a look at them.
	Known(from, n int) (kept uint64, ok bool)
	// Keeps tells it of an operation as Reader.Glances yields it.
	Keeps(*op.Op) bool
}

// use makes the decoder leave out rows.
func (d *decoder) use(f Filter) {
	d.filter = f
	for _, c := range d.columns {
		c.spare()
	}
}

// sift tells which of the next rows are kept, by bits, and reads of those what a glance would read of all.
func (d *decoder) sift() (n int, kept uint64, err error) {
	n = int(min(d.left, rowsAtOnce))
	kept = math.MaxUint64 >> (rowsAtOnce - n)
	if d.filter == nil {
		return n, kept, nil
	}
	from := d.row
	d.row += n
	if known, ok := d.filter.Known(from, n); ok {
		d.glimpsed = [needs]uint64{}
		return n, known, d.complete(n, known)
	}
	_, clear, err := d.glance()
	if err != nil {
		return 0, 0, err
	}
	for i := range n {
		if clear>>i&1 != 0 && !d.filter.Keeps(d.glimpse(i)) {
			kept &^= 1 << i
		}
	}
	return n, kept, d.complete(n, kept)
}
