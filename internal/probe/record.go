package probe

import (
	"bytes"
	"path"
	"strings"

	"filerace/internal/op"
	"filerace/internal/trace"
)

// decoder turns events into records.
type decoder struct {
	arch  op.Arch
	start int64  // CLOCK_MONOTONIC at time 0
	home  uint64 // what view_of gives of ourselves; 0: not known
	// execed holds what execve(2) became, by thread, until the call's own event comes,
	// which cannot read the path any more: the memory that held it is gone.
	execed map[uint32]*event
}

// record makes the record of an event. ok is false for calls that no row of the
// table describes and for moments that are told with another event.
func (d *decoder) record(e *event) (r trace.Record, ok bool) {
	r = trace.Record{UID: e.uid, Cgroup: e.cgroup, View: d.view(e.view)}
	switch e.what {
	case callEvent:
		r.Op, ok = d.call(e)
		return r, ok
	case bornEvent:
		o := d.bare(e, op.Fork)
		o.Flags = e.args[0]
		o.Thread = o.Flags&op.CLONE_THREAD != 0
		r.What, r.Op, r.Parent = trace.Born, o, int(e.parent)
		return r, true
	case execedEvent:
		keep := *e
		keep.chunks.list[0].b = bytes.Clone(keep.chunks.list[0].b)
		d.execed[e.tid] = &keep
		return r, false
	case endedEvent:
		delete(d.execed, e.tid)
		o := d.bare(e, op.Exit)
		o.Status = op.None
		if e.args[0] == 0 { // the last thread
			o.Status, o.Signal = exitStatus(e.ret)
		}
		r.What, r.Op = trace.Ended, o
		return r, true
	case signalledEvent:
		o := d.bare(e, op.Signal)
		o.Signal = int32(e.args[0])
		r.Op = o
		return r, true
	}
	return r, false
}

// view is trace.Record.View of what view_of gave.
func (d *decoder) view(v uint64) (is trace.View) {
	switch root := uint32(v >> 32); {
	case v == 0 || d.home == 0:
	case root != uint32(d.home>>32):
		is.Root = root
	case v != d.home:
		is.Mounts = uint32(v)
	}
	return is
}

// exitStatus takes the kernel's exit code apart, which is as wait(2) gives it.
func exitStatus(code int64) (status, signal int32) {
	if sig := int32(code & 0x7f); sig != 0 {
		return 128 + sig, sig
	}
	return int32(code >> 8 & 0xff), 0
}

// bare is an operation that is no call.
func (d *decoder) bare(e *event, k op.Kind) *op.Op {
	o := op.New(k)
	d.stamp(o, e)
	o.Enter, o.Done = o.Exit, true
	return o
}

func (d *decoder) stamp(o *op.Op, e *event) {
	o.PID, o.TID, o.Prog = int(e.tgid), int(e.tid), text(e.comm[:])
	o.Enter, o.Exit = e.enter-d.start, e.exit-d.start
}

// text is a NUL-terminated byte string.
func text(b []byte) string {
	if i := bytes.IndexByte(b, 0); i >= 0 {
		b = b[:i]
	}
	return string(b)
}

func (d *decoder) call(e *event) (*op.Op, bool) {
	c := op.Find(d.arch, uint64(e.nr), &e.args)
	if c == nil {
		return nil, false
	}
	o := &op.Op{}
	d.stamp(o, e)
	if c.Kind == op.Exec && e.ret == 0 {
		d.became(e, c)
	}
	op.Decode(o, c, e.args, &e.chunks)
	op.Finish(o, e.ret, &e.chunks)
	d.data(o, e)
	d.descriptors(o, e)
	d.offsets(o, e)
	d.names(o, e)
	return o, true
}

// became gives a successful execve its path and its file.
func (d *decoder) became(e *event, c *op.Call) {
	was := d.execed[e.tid]
	delete(d.execed, e.tid)
	e.chunks.n = 0
	if was == nil || was.chunks.n == 0 {
		return
	}
	for i, a := range c.Args {
		if a == op.ArgPath && e.args[i] != 0 {
			e.chunks.add(e.args[i], was.chunks.list[0].b)
		}
	}
	if was.has(hasReached) {
		e.reached, e.sections = was.reached, e.sections|hasReached
	}
}

// data keeps the first bytes and the sum of a write that is longer than what the kernel programs kept, or shorter than what
// was asked for.
func (d *decoder) data(o *op.Op, e *event) {
	if o.Kind != op.Write || o.Ret <= 0 {
		return
	}
	if e.has(hasSum) {
		o.Sum = e.sum
	}
	if len(o.Data) > 0 {
		return
	}
	for i, a := range o.Call.Args {
		if a != op.ArgBuf {
			continue
		}
		b := make([]byte, min(o.Ret, dataMax))
		if n, _ := e.chunks.ReadMemory(e.args[i], b); n > 0 {
			o.Data = b[:n]
		}
	}
}

// dataMax is how much of a write the kernel programs keep, in bytes (DATA_MAX).
const dataMax = 256

// descriptors fills in the files that descriptors lead to.
func (d *decoder) descriptors(o *op.Op, e *event) {
	if e.has(hasFD) && o.FD >= 0 {
		o.File, o.OFlags = e.fd.object.describe(), d.flags(e.fd.flags)
		if e.fd.object.mode&typeMask == typeRegular {
			o.OldSize = e.fd.wasSize
		}
	}
	if e.has(hasFD2) && (o.Kind == op.Copy || o.Kind == op.Dup) {
		o.SetFile2(e.fd2.object.describe())
	}
	if o.Failed() || !e.has(hasNew) {
		return
	}
	switch o.Kind {
	case op.Open, op.PipeOp, op.SocketOp:
		o.File = e.new.object.describe()
	case op.Dup:
		if o.File.ID.IsZero() {
			o.File = e.new.object.describe()
		}
	}
}

// offsets finds the byte at which a call that uses the description's own offset
// began: the offset afterwards tells, if nobody else moved it meanwhile.
func (d *decoder) offsets(o *op.Op, e *event) {
	if o.Kind == op.Copy {
		// copy_file_range(2) and splice(2) have moved the offsets behind their pointers.
		if o.Ret > 0 && o.Off != op.None {
			o.Off -= o.Ret
		}
		if o.Ret > 0 && o.Off2 != op.None {
			o.Off2 -= o.Ret
		}
		return
	}
	h := &e.fd
	if o.Kind != op.Read && o.Kind != op.Write || o.Off != op.None || o.Failed() ||
		!e.has(hasFD) || e.has(changedFD) || h.object.mode&typeMask != typeRegular {
		return
	}
	appends := o.OFlags&op.O_APPEND != 0 && o.Kind == op.Write
	if appends || h.wasPos+o.Ret == h.pos {
		o.Off = h.pos - o.Ret
	}
}

// names fills in what the kernel knows of the names: the directory that holds an
// entry, and the files that it named before and after.
func (d *decoder) names(o *op.Op, e *event) {
	switch {
	case o.Path == "":
		if e.has(hasStart) && o.FD >= 0 { // AT_EMPTY_PATH
			o.File = e.start.describe()
		}
		return
	case e.has(hasEntry):
		d.entries(o, e)
		return
	case o.Kind == op.Open && !o.Failed() && e.has(hasNew):
		d.opened(o, e)
		return
	case o.Kind == op.Chdir:
		if e.has(hasStart) && !o.Failed() {
			o.File = e.start.describe()
		}
		return
	case e.has(hasReached) && !o.Failed():
		o.File = e.reached.describe()
	}
	o.Names = single(o.Names, o.Path, e.has(hasStart), &e.start)
	if (o.Kind == op.Rename || o.Kind == op.Link) && len(o.Names) == 1 {
		o.Names = single(o.Names, o.Path2, e.has(hasStart2), &e.start2)
	}
}

// single appends the name of a path that is one component: it lies in the directory
// where the path starts.
func single(names []op.Name, text string, known bool, start *object) []op.Name {
	text = strings.TrimRight(text, "/")
	if !known || !start.known || text == "" || text == "." || text == ".." || strings.Contains(text, "/") {
		return names
	}
	return append(names, op.Name{Dir: start.id(), Base: text})
}

// opened names what an open returned. A name that is not the one asked for was
// reached through a symbolic link, or has changed since: then nothing is known.
func (d *decoder) opened(o *op.Op, e *event) {
	base := e.chunks.kernelText()
	if !e.has(hasParent) || !e.parentDir.known || base != path.Base(o.Path) || o.Flags&op.O_TMPFILE == op.O_TMPFILE {
		return
	}
	n := op.Name{Dir: e.parentDir.id(), Base: base, After: o.File.ID, Type: o.File.Type, Nlink: o.File.Nlink, Seen: true}
	if e.new.mode&modeCreated == 0 {
		n.Before = n.After
		if o.Flags&op.O_TRUNC == 0 {
			n.Size = o.File.Size
		}
	}
	o.Names = append(o.Names, n)
}

// modeCreated is FMODE_CREATED (include/linux/fs.h): this very open made the file.
const modeCreated = 1 << 20

// entries takes over what the security hooks saw.
func (d *decoder) entries(o *op.Op, e *event) {
	a := e.entry.name(path.Base(o.Path))
	switch {
	case o.Kind == op.Unlink || o.Kind == op.Rmdir:
		if !o.Failed() {
			a.After = op.FileID{}
			a.Nlink = max(a.Nlink, 1) - 1
			if o.Kind == op.Rmdir {
				a.Nlink = 0
			}
			a.Seen = !a.Before.IsZero()
		}
		o.Names = append(o.Names, a)
	case o.Kind == op.Mkdir || o.Kind == op.SymlinkOp || o.Kind == op.Mknod:
		if !o.Failed() {
			a.Before = op.FileID{}
		}
		o.Names = append(o.Names, a)
	case o.Kind == op.Rename && e.has(hasEntry2):
		b := e.entry2.name(path.Base(o.Path2))
		if !o.Failed() {
			// Both directories are locked between the hook and the change, so that what is not there is seen, too.
			a.Seen, b.Seen = !a.Before.IsZero(), true
			if a.Before != b.Before {
				renamed(o, &a, &b)
			}
		}
		o.Names = append(o.Names, a, b)
	case o.Kind == op.Link && e.has(hasEntry2):
		b := e.entry2.name(path.Base(o.Path2))
		if !o.Failed() {
			a.Nlink++
			a.Seen, b.Seen = !a.Before.IsZero(), true
			b.Before, b.After, b.Type, b.Nlink = op.FileID{}, a.After, a.Type, a.Nlink
		}
		o.Names = append(o.Names, a, b)
	}
}

func renamed(o *op.Op, a, b *op.Name) {
	if o.Flags&op.RENAME_EXCHANGE != 0 {
		a.After, b.After = b.Before, a.Before
		return
	}
	a.After, b.After = op.FileID{}, a.Before
	if b.Before.IsZero() {
		b.Type, b.Nlink = a.Type, a.Nlink
	} else {
		b.Nlink = max(b.Nlink, 1) - 1
	}
}

// name is the entry as it was when the hook saw it.
func (n *entry) name(base string) op.Name {
	f := n.object.describe()
	return op.Name{Dir: n.dir.id(), Base: base, Before: f.ID, After: f.ID, Type: f.Type, Nlink: f.Nlink}
}
