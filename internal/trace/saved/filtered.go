package saved

import (
	"math"
	"math/bits"

	"filerace/internal/op"
)

// Filter tells which operations Reader.Next gives back. It is asked by other goroutines, several at a time.
type Filter interface {
	// Known tells by bits which of the n rows, 64 at most, from a place on (from 0) are given back, if it knows that
	// without a look at them.
	Known(from, n int) (kept uint64, ok bool)
	// Keeps tells it of an operation as Reader.Glances yields it.
	Keeps(*op.Op) bool
}

// filtered is what a decoder needs that reads only some of the rows.
type filtered struct {
	filter Filter // nil: all rows are kept
	picks  []pick // of the next span rows, those that are kept
	span   int
	first  int    // number of the segment's first row in the recording
	row    int    // next row of the segment
	asked  int    // rows of the segment that the filter was asked for
	kept   uint64 // by bits, those of the last rows that it was asked for that are yet to be picked
	from   int    // where these rows begin

	scopes [scopes][]*column
	some   []pick   // those that are in a scope
	glance *skimmer // nil: the filter always knew
}

// scope tells in which rows a column counts. In others it is not read.
type scope uint8

const (
	inAll    scope = iota
	inNamed        // with names
	inTwice        // with a second name
	inLocked       // on locks
	inKept         // that keep arguments

	// Where operations are judged:
	inCopied  // with two files
	inLives   // of the lives of processes, and signals
	inWritten // that put bytes somewhere
	inLong    // with names in a list
	inBegun   // that tell with which descriptors a process began
	scopes
	inNone = scopes // what judging makes of operations itself
)

// scopeOf is by columns; those that are not in it count in all rows.
var scopeOf = func() map[string]scope {
	all := map[string]scope{"seen": inNamed, "file_path": inNamed}
	put := func(in scope, columns ...string) {
		for _, c := range columns {
			all[c] = in
		}
	}
	for i, nth := range [...]string{"", "2"} {
		in := [...]scope{inNamed, inTwice}[i]
		for _, of := range [...]string{"dir", "before", "after"} {
			put(in, of+nth+"_dev", of+nth+"_ino", of+nth+"_birth")
		}
		put(in, "base"+nth, "name"+nth+"_type", "name"+nth+"_nlink", "name"+nth+"_size")
	}
	put(inTwice, "path2") // path is a file's, too
	put(inLocked, "lock_mode", "lock_wait", "lock_start", "lock_end", "lock_whence")
	put(inNone, "seq", "uid", "cgroup", "parent", "ofd", "ofd2", "no_locks", "decision")
	put(inKept, "arg0", "arg1", "arg2", "arg3", "arg4", "arg5")
	put(inCopied, "file2_dev", "file2_ino", "file2_birth", "file2_type", "file2_path", "file2_nlink", "file2_size", "off2")
	put(inLives, "child", "reaped", "status", "signal", "thread")
	put(inWritten, "sum", "next", "next2", "same_lo", "same_hi")
	return all
}()

// scopesOf are, by bits, the scopes that operations of a kind are in when they are judged.
var scopesOf = func() (all [256]uint16) {
	for kind := op.Kinds; kind < len(all); kind++ { // words of a later version
		all[kind] = math.MaxUint16
	}
	for in, kinds := range map[scope][]op.Kind{
		inCopied:  {op.Copy, op.Dup},
		inLives:   {op.Fork, op.Exit, op.Wait, op.Kill, op.Signal},
		inWritten: {op.Write, op.Copy, op.Send},
		inBegun:   {op.Inherit},
	} {
		for _, k := range kinds {
			all[k] |= 1 << in
		}
	}
	return all
}()

// within reports whether a row is in a scope; what counts in all rows has been read of it.
func (s *slot) within(in scope) bool {
	switch in {
	case inNamed:
		return s.count > 0
	case inTwice:
		return s.count > 1
	case inLocked:
		return s.op.Lock.Family != op.NoLock
	case inKept:
		return s.kept != 0
	case inLong:
		return int(s.count) > len(s.names)
	case inCopied, inLives, inWritten, inBegun:
		return scopesOf[s.op.Kind]>>in&1 != 0
	}
	return true
}

// restart begins with another segment.
func (f *filtered) restart(first int) {
	f.first, f.row, f.asked, f.kept = first, 0, 0, 0
	if f.glance != nil {
		f.glance.loader = nil
	}
}

// skips reports whether the filter knows that none of the n rows of a segment is kept, and goes behind them. What the
// segment holds has been looked at, if that is known.
func (f *filtered) skips(first, n int) bool {
	if f.filter == nil {
		return false
	}
	for at := 0; at < n; at += rowsAtOnce {
		if kept, ok := f.filter.Known(first+at, min(rowsAtOnce, n-at)); !ok || kept != 0 {
			return false
		}
	}
	f.restart(first)
	f.row = n
	return true
}

// readScopes reads the columns of the rows that were picked of the next span rows, each where it counts.
func (d *decoder) readScopes() error {
	for in := range scopes {
		if len(d.scopes[in]) == 0 {
			continue
		}
		some := d.picks
		if in != inAll {
			some = d.those(in, some)
		}
		all := d.filter == nil && len(some) > d.span/3 // which takes less time
		for _, c := range d.scopes[in] {
			var err error
			if all {
				err = c.read(d.span)
			} else {
				err = c.pick(some, d.span)
			}
			if err != nil {
				return d.damaged(err)
			}
		}
	}
	return nil
}

// strip takes off an operation what other rows have left in its slot.
func (s *slot) strip(o *op.Op) {
	in := scopesOf[s.op.Kind]
	if in>>inCopied&1 == 0 {
		o.File2, o.Off2 = op.File{}, 0
	}
	if in>>inLives&1 == 0 {
		o.Child, o.Reaped, o.Status, o.Signal, o.Thread = "", 0, 0, 0, false
	}
	if in>>inWritten&1 == 0 {
		o.Sum, o.Next, o.Same = 0, [2]uint32{}, [2]uint16{}
	}
}

// those are the picks in a scope, until the next call.
func (d *decoder) those(in scope, picks []pick) []pick {
	d.some = d.some[:0]
	for _, k := range picks {
		if d.slots[k.slot].within(in) {
			d.some = append(d.some, k)
		}
	}
	return d.some
}

// choose finds the next rows that are kept, and passes over others, up to the segment's end if there are few.
func (d *decoder) choose() (err error) {
	d.picks, d.span = d.picks[:0], d.left
	for rows := d.row + d.left; len(d.picks) < rowsAtOnce; {
		if d.kept == 0 {
			if d.asked == rows {
				return nil
			}
			d.from = d.asked
			d.asked = min(d.asked+rowsAtOnce, rows)
			if d.kept, err = d.ask(d.from, d.asked-d.from); err != nil {
				return err
			}
			continue
		}
		row := d.from + bits.TrailingZeros64(d.kept) - d.row
		d.kept &= d.kept - 1
		d.picks = append(d.picks, pick{int32(row), int32(len(d.picks))})
		d.span = row + 1
	}
	return nil
}

// ask asks the filter for n rows from a row of the segment on.
func (d *decoder) ask(from, n int) (kept uint64, err error) {
	if kept, ok := d.filter.Known(d.first+from, n); ok {
		return kept, nil
	}
	if d.glance == nil {
		d.glance = newSkimmer()
	}
	if d.glance.loader == nil {
		d.glance.begin(d.loader)
	}
	return d.glance.ask(d.filter, from, n)
}

func (f *filtered) closeGlance() {
	if f.glance != nil {
		f.glance.close()
	}
}
