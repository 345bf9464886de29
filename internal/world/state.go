package world

import (
	"cmp"
	"iter"
	"slices"
	"syscall"

	"filerace/internal/op"
)

// World is the state of the file system as one run has made it. It belongs to
// one goroutine at a time.
type World struct {
	procs   map[op.Actor]*Process
	threads map[op.Actor]*thread
	recent  [recentThreads]*thread // by what their ids leave: nearly always the one that is looked for
	actors  []op.Actor             // by Stamp.Thread, the latest
	slots   int32
	begun   int32                 // processes so far; counts round after 2^32
	ended   [2]map[op.Actor]int32 // numbers of those forgotten last
	free    []freeSlot            // in the order in which they were given up

	actorsFrom int32 // number of the first of actors

	files     map[op.FileID]*File
	entries   map[entryKey]*Entry
	inherited map[inheritKey]*OFD
	finding   map[int]*File // by thread: opens that stand inside the kernel
	ofds      int           // made so far

	net        clock           // everything sent over sockets other than socketpairs
	broadcasts map[int32]clock // kill to several processes, by signal
	waiting    []*Lock         // locks that are slept for, over all files

	seq       int // of the operation being applied
	seen      int // operations applied so far
	last      Stamp
	effect    Effect
	sifted    bool // see Sifted
	forgotten []*File
	unnamed   []*Entry // as forgotten

	filePlaces, namePlaces, ofdPlaces places
	sweepAt                           int // names and files at which to sweep next
}

// New returns a world in which nothing is known yet.
func New() *World {
	return &World{
		procs:      map[op.Actor]*Process{},
		threads:    map[op.Actor]*thread{},
		files:      map[op.FileID]*File{},
		entries:    map[entryKey]*Entry{},
		inherited:  map[inheritKey]*OFD{},
		broadcasts: map[int32]clock{},
		sweepAt:    sweepLeast,
	}
}

// Process returns the actor's process, nil if it is unknown, or has exited and
// been waited for.
func (w *World) Process(a op.Actor) *Process { return w.procs[a.Process()] }

// Processes returns the processes that have not both exited and been waited
// for, by name.
func (w *World) Processes() []*Process {
	ps := make([]*Process, 0, len(w.procs))
	for _, p := range w.procs {
		ps = append(ps, p)
	}
	slices.SortFunc(ps, func(a, b *Process) int { return cmp.Compare(a.Actor, b.Actor) })
	return ps
}

// Entry returns the name base in the directory dir, nil if no operation has
// looked it up, or it has been absent and untouched for long.
func (w *World) Entry(dir op.FileID, base string) *Entry {
	return w.entries[entryKey{dir, base}]
}

// File returns the live file of that identity, nil if there is none.
func (w *World) File(id op.FileID) *File { return w.files[id] }

// Files yields the live files in no particular order.
func (w *World) Files() iter.Seq[*File] {
	return func(yield func(*File) bool) {
		for _, f := range w.files {
			if !yield(f) {
				return
			}
		}
	}
}

// Forgotten returns the files that the last Apply dropped: no name and no
// descriptor leads to them any more. It is valid until the next Apply.
func (w *World) Forgotten() []*File { return w.forgotten }

// ForgottenNames returns the entries that the last Apply dropped: a later operation on such
// a name meets another Entry. It is valid until the next Apply.
func (w *World) ForgottenNames() []*Entry { return w.unnamed }

// Actor returns the actor of Stamp.Thread, "" if too many came after it.
func (w *World) Actor(thread int32) op.Actor {
	at := int(thread - w.actorsFrom)
	if at < 0 || at >= len(w.actors) {
		return ""
	}
	return w.actors[at]
}

// Stamp returns the place of the operation last applied.
func (w *World) Stamp() Stamp { return w.last }

// OFD returns what the descriptor fd of the actor leads to, nil if it is not
// known to be open.
func (w *World) OFD(a op.Actor, fd int) *OFD {
	if d := w.descriptor(w.tableOf(a, 0), fd); d != nil {
		return d.OFD
	}
	return nil
}

// Apply lets a finished operation take effect. An operation that Waits only
// joins File.Waits; it is applied again, without Waits, when it is let go. An open
// that is Inside and not Done only keeps its file from being forgotten. The
// Effect and what it points to are valid until the next Apply; Stamps and the
// Op may be kept. Offsets and lock ranges of o are filled in as by Enter.
func (w *World) Apply(o *op.Op) *Effect {
	e := &w.effect
	w.tidy(e)
	e.did = did{Op: o}
	w.seen++
	w.seq = o.Seq
	if o.Seq == 0 {
		w.seq = w.seen
	}

	t := w.thread(o)
	if t.waits != nil {
		w.stopWaiting(t)
	}
	t.count++
	t.tick++
	e.Process = t.proc
	if w.sifted {
		w.supersede(t.table, o)
	}
	d := w.resolve(t.table, o)
	if d == nil {
		d = w.missed(t, o)
	}
	if d != nil {
		e.OFD, e.File = d.OFD, d.File
	}
	if len(o.Names) > 0 {
		w.lookUp(o, e)
	}
	w.arrive(t, o, e)
	e.At = t.stamp(w.seq)
	w.last = e.At
	switch {
	case o.Waits:
		w.await(t, o, e)
	case o.Inside && !o.Done:
		w.find(o, e)
	case o.Failed():
		w.fail(t, o, e)
	default:
		w.perform(t, o, e)
	}
	if o.Inside && o.Done {
		w.leave(o)
	}
	if e.OFD != nil && o.Kind != op.Open {
		o.File.Size, o.File.Nlink = e.File.Size, uint32(e.File.Nlink)
	}
	if len(w.files)+len(w.entries) > w.sweepAt {
		w.forget()
	}
	return e
}

// tidy lets go of what the last operation ended, and everybody has been told of.
func (w *World) tidy(e *Effect) {
	if e.TookAway() {
		for _, d := range e.Closed {
			w.ofdPlaces.giveBack(d.Place)
		}
		u := &e.undone
		*u = undone{u.Removed[:0], u.Gone[:0], u.Over[:0], u.Again[:0], u.Dropped[:0], u.Freed[:0], u.Trap[:0], u.Closed[:0]}
	}
	if len(w.forgotten) > 0 {
		for _, f := range w.forgotten {
			w.filePlaces.giveBack(f.Place)
		}
		clear(w.forgotten)
		w.forgotten = w.forgotten[:0]
	}
	if len(w.unnamed) > 0 {
		for _, en := range w.unnamed {
			w.namePlaces.giveBack(en.Place)
		}
		w.unnamed = nil // of a sweep, and long
	}
}

// TookAway reports whether the operation ended anything: one of the lists is not empty.
func (e *Effect) TookAway() bool {
	u := &e.undone
	return len(u.Removed)+len(u.Over)+len(u.Again)+len(u.Dropped)+len(u.Freed)+len(u.Closed) > 0
}

// fail is for the operations that change something although they fail.
func (w *World) fail(t *thread, o *op.Op, e *Effect) {
	switch o.Kind {
	case op.Close:
		// Linux frees the descriptor whatever close(2) returns but EBADF.
		if o.Errno() != int(syscall.EBADF) {
			w.closeFD(t.table, o.FD, e)
		}
	case op.LockOp:
		w.failLock(o, e)
	}
}

// perform is for operations that succeeded.
func (w *World) perform(t *thread, o *op.Op, e *Effect) {
	if o.Inside { // what its name leads to now says nothing of the file
		e.File = w.file(o.File.ID)
	}
	w.settleNames(o, e)
	switch o.Kind {
	case op.Open:
		w.open(t, o, e)
	case op.Close:
		w.closeFD(t.table, o.FD, e)
	case op.CloseRange:
		w.closeRange(t, o, e)
	case op.Dup:
		w.dup(t, o, e)
	case op.SetFlags:
		w.setFlags(t, o)
	case op.PipeOp, op.SocketOp:
		w.channel(t, o, e)
	case op.Read, op.Recv:
		w.read(o, e)
	case op.Write, op.Send:
		w.write(o, e)
	case op.Copy:
		w.copy(t, o, e)
	case op.Seek:
		w.seek(o, e)
	case op.Truncate:
		w.truncate(e, o.Len)
	case op.Allocate:
		w.allocate(o, e)
	case op.LockOp:
		w.lock(t, o, e)
	default:
		w.processes(t, o, e)
	}
}

// processes is for what happens to processes.
func (w *World) processes(t *thread, o *op.Op, e *Effect) {
	switch o.Kind {
	case op.Inherit:
		w.inherit(t, o)
	case op.Fork:
		w.fork(t, o, e)
	case op.Exec:
		w.exec(t, e)
	case op.Exit:
		w.exit(t, o, e)
	case op.Wait:
		w.reap(o)
	case op.Kill:
		w.kill(o, e)
	}
}
