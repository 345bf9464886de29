package race

import (
	"filerace/internal/op"
	"filerace/internal/world"
)

// activity is what an operation says of a process that has just got a lock.
type activity uint8

const (
	idle      activity = iota // lets go, waits, prints a message
	rechecks                  // finds out whether the path still leads to the locked file, or opens it again
	goesOn                    // may be part of such a check (a shell forks for stat), or of the work
	tidies                    // the work is done: removes the lock file, or a name of it
	works                     // the work: changes a file or a name
	worksOnIt                 // the work, on the contents of the locked file itself
)

func (g *guard) activity(e *world.Effect) activity {
	switch e.Op.Kind {
	case op.Stat, op.AccessOp, op.Readlink:
		if (e.File == g.file || e.Entry == g.entry) && !e.Op.FindsNoLink() {
			return rechecks
		}
		return idle
	case op.Open:
		return g.opens(e)
	case op.Read, op.Write, op.Copy, op.Truncate, op.Allocate, op.ReadDir:
		return g.data(e)
	case op.Unlink, op.Rmdir, op.Rename:
		return g.removes(e)
	case op.Link:
		if e.Entry == g.entry || e.Entry2 == g.entry {
			return idle // a second name of the lock file, or its own one back: part of finding out
		}
		return g.changes(e)
	case op.SymlinkOp, op.Mkdir, op.Mknod, op.SetXattr, op.Chmod, op.Chown, op.Utime:
		return g.changes(e)
	case op.Fork, op.Exec, op.Sleep, op.Chdir:
		return goesOn
	}
	return idle
}

func (g *guard) changes(e *world.Effect) activity {
	if e.Op.Failed() {
		return idle
	}
	return works
}

func (g *guard) removes(e *world.Effect) activity {
	own := e.Entry == g.entry || e.Before == g.file
	switch {
	case own && (!e.Op.Failed() || e.Op.Errno() == enoent):
		return tidies
	case e.Op.Failed():
		return idle
	}
	return works
}

func (g *guard) opens(e *world.Effect) activity {
	switch {
	case e.Entry == g.entry:
		return rechecks
	case e.Op.Failed():
		return idle
	case e.Created || e.Shrunk > 0:
		return works
	}
	return goesOn
}

func (g *guard) data(e *world.Effect) activity {
	if e.Op.Failed() || e.File == nil || e.File.Type != op.Regular && e.File.Type != op.Directory {
		return idle // a message on a terminal or a pipe
	}
	switch {
	case e.File == g.file:
		return worksOnIt
	case e.Op.Kind == op.Read || e.Op.Kind == op.ReadDir:
		return goesOn
	case g.checked && !g.known && e.OFD != nil && e.OFD.Flags&op.O_APPEND != 0:
		return idle // tells a log that it starts over
	}
	return works
}
