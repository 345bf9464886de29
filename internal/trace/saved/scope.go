package saved

import (
	"math"

	"filerace/internal/op"
)

// scope tells in which rows a column counts. In others it is not read.
type scope uint8

const (
	inAll    scope = iota
	inNamed        // with names
	inTwice        // with a second name
	inLocked       // on locks
	inKept         // that keep arguments

	// For a Stream (Reader.ForStream):
	inCopied  // with two files
	inLives   // of the lives of processes, and signals
	inWritten // that put bytes somewhere
	inLong    // with names in a list
	inBegun   // that tell with which descriptors a process began
	scopes
	inNone = scopes // what it finds out itself
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

// kindScopes are, by bits, the scopes that operations of a kind are in for a Stream.
var kindScopes = func() (all [256]uint16) {
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
		return kindScopes[s.op.Kind]>>in&1 != 0
	}
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
	in := kindScopes[s.op.Kind]
	if in>>inCopied&1 == 0 {
		o.Off2 = op.None
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
