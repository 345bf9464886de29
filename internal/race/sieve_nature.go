package race

import "filerace/internal/op"

// nature is what matters of an operation's kind.
type nature uint8

const (
	always    nature = 1 << iota // a Stream sees it whatever it is about, but see moot
	observing                    // what it finds hangs on what others do to a file or name
	telling                      // on whatever it is, it may tell what became of a lock that its process has (activity), or closes what one that does has opened
	plain                        // on a descriptor, it has to do with that file and nothing else
	handling                     // of descriptors and locks: see handle
)

var natures = func() (all [op.Kinds]nature) {
	set := func(n nature, kinds ...op.Kind) {
		for _, k := range kinds {
			all[k] |= n
		}
	}
	set(always, op.CloseRange, op.PipeOp, op.Fork, op.Exec, op.Exit, op.Wait, op.SocketOp, op.Send, op.Recv, op.Futex, op.Uring, op.Inherit, op.LockOp)
	set(observing, except(op.Close, op.Dup, op.SetFlags, op.Sync, op.Msync)...)
	set(telling, except(op.Stat, op.AccessOp, op.Readlink, op.GetXattr, op.Seek, op.SetFlags, op.Sync, op.Poll, op.Timer, op.Random, op.Pause)...)
	set(handling, op.Open, op.Close, op.LockOp, op.Fork, op.Dup, op.CloseRange, op.Exec, op.Exit, op.Send, op.Uring, op.Inherit)
	set(plain, op.Read, op.Write, op.Seek, op.Stat, op.Close, op.SetFlags, op.Sync)
	return all
}()

func natureOf(o *op.Op) nature {
	if int(o.Kind) >= op.Kinds {
		return observing | telling | handling // a word of a later version
	}
	n := natures[o.Kind]
	if o.Kind == op.Exec && o.Failed() {
		n &^= always
	}
	if n&plain != 0 && (len(o.Names) > 0 || o.File.ID.IsZero() || o.Waits || o.Inside || o.Lock.Family != op.NoLock) {
		n &^= plain
	}
	return n
}

// changes reports whether the operation may have changed a file, or where a name leads.
func changes(o *op.Op) bool {
	if o.Failed() || o.Waits {
		return false
	}
	switch o.Kind {
	case op.Write, op.Truncate, op.Allocate, op.Copy, op.Chmod, op.Chown, op.Utime, op.SetXattr:
		return true
	case op.Mmap:
		return o.Cmd&op.PROT_WRITE != 0
	case op.Open:
		return o.Flags&op.O_TRUNC != 0 && (o.File.ID.IsZero() || !dull(o.File.Type)) || o.ChangesNames() && len(o.Names) > 0 && o.Names[0].Before != o.Names[0].After
	}
	return o.ChangesNames()
}

// vanished reports whether an open returned a file that had lost its last name by then: that may be
// all that is seen of the race.
func vanished(o *op.Op) bool {
	return o.Kind == op.Open && !o.Failed() && o.File.Type == op.Regular && o.File.Nlink == 0 && len(o.Names) > 0 &&
		o.Flags&op.O_TMPFILE != op.O_TMPFILE
}

// moot are operations that neither are on a file or name that anybody can race for nor order others.
func moot(o *op.Op) bool {
	switch {
	case o.Waits:
		return false
	case o.Kind == op.Wait:
		return o.Failed() || o.Child == ""
	case o.Kind == op.SocketOp, o.Kind == op.Close:
		return o.Failed()
	case o.Kind == op.Stat, o.Kind == op.Seek, o.Kind == op.Sync:
		return orders(o.File.Type)
	}
	return false
}

// dull are files that are never raced for here: nothing that is done to them changes what others find, or what comes
// before what for the world.
func dull(t op.FileType) bool { return t == op.Proc || t == op.Device || t == op.Anon }

// orders reports whether operations on such a file order others.
func orders(t op.FileType) bool { return t == op.Pipe || t == op.Socket }
