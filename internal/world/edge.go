package world

import "filerace/internal/op"

// arrive lets the operation's thread learn what comes before it but for program
// order: the edges of the happens-before order that end here.
func (w *World) arrive(t *thread, o *op.Op, e *Effect) {
	if o.Waits {
		return
	}
	switch o.Kind {
	case op.Futex:
		t.learnClock(&t.proc.exits) // pthread_join(3) awaits the thread's end so
		return
	case op.Signal:
		w.delivered(t, o.Signal)
		return
	}
	if o.Failed() {
		return
	}
	switch o.Kind {
	case op.Exit:
		if t == t.proc.leader {
			t.learnThreads(w.seq)
			w.delivered(t, o.Status-128) // SIGKILL has no delivery of its own
		}
	case op.Exec:
		t.learnThreads(w.seq)
	case op.Wait:
		if p := w.procs[o.Child.Process()]; p != nil && o.Child != "" && p.Exited {
			t.learn(p.end)
		}
	case op.Read, op.Recv, op.Copy, op.SocketOp:
		w.arriveRead(t, o, e)
	case op.LockOp:
		if e.File != nil && len(e.File.released) > 0 {
			e.File.acquire(t, &o.Lock)
		}
	case op.Open, op.Mkdir, op.Link, op.SymlinkOp, op.Mknod, op.Rename:
		w.arriveName(t, o, e)
	}
}

// learnThreads orders what the process's other threads did before an operation
// that ends them.
func (t *thread) learnThreads(seq int) {
	for _, other := range t.proc.threads {
		if other != t && other.count > 0 {
			t.learn(other.stamp(seq))
		}
	}
	t.learnClock(&t.proc.exits)
}

// delivered orders the sending of a signal before its delivery.
func (w *World) delivered(t *thread, signal int32) {
	if c, ok := t.proc.signals[signal]; ok {
		t.learnClock(&c)
	}
	if c, ok := w.broadcasts[signal]; ok {
		t.learnClock(&c)
	}
}

// stream is the clock of what goes through a pipe or socket. All sockets that
// are no pair share one, as nothing tells which are connected: that orders more
// than it should and so may hide a race, but invents none.
func (w *World) stream(f *File, end bool) *clock {
	switch {
	case f.Type == op.Socket && !f.pair:
		return &w.net
	case end:
		return &f.closed
	}
	return &f.wrote
}

func (f *File) isStream() bool { return f.Type == op.Pipe || f.Type == op.Socket }

// arriveRead orders the writes to a pipe before a read of it, and the closing of
// its writing ends before the read that meets the end.
func (w *World) arriveRead(t *thread, o *op.Op, e *Effect) {
	f := e.File
	if o.Kind == op.Copy {
		if d := w.descriptor(t.table, o.FD2); d != nil {
			f = d.File
		}
	}
	if o.Kind == op.SocketOp {
		if o.FD >= 0 { // accept, connect
			t.learnClock(&w.net)
		}
		return
	}
	if f == nil || !f.isStream() {
		if o.Kind == op.Recv {
			t.learnClock(&w.net)
		}
		return
	}
	t.learnClock(w.stream(f, false))
	if o.Ret == 0 {
		t.learnClock(w.stream(f, true))
	}
}

// departWrite is the other side of arriveRead.
func (w *World) departWrite(o *op.Op, e *Effect) {
	switch {
	case e.File != nil && e.File.isStream():
		w.stream(e.File, false).add(e.At)
	case o.Kind == op.Send:
		w.net.add(e.At)
	}
}

// arriveName orders the removal of a name before its next creation by a call
// that would have failed had the name still been there.
func (w *World) arriveName(t *thread, o *op.Op, e *Effect) {
	const exclusive = op.O_CREAT | op.O_EXCL
	if o.Kind == op.Open && o.Flags&exclusive != exclusive ||
		o.Kind == op.Rename && o.Flags&op.RENAME_NOREPLACE == 0 {
		return
	}
	made := e.Entry
	if e.Entry2 != nil {
		made = e.Entry2
	}
	if made != nil && made.File == nil && !made.Changed.IsZero() {
		t.learnHere(made.Changed)
	}
}
