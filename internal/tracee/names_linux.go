package tracee

import (
	"golang.org/x/sys/unix"

	"filerace/internal/op"
)

// resolve looks up the names of an operation at its entry.
func (c *control) resolve(t *thread, o *op.Op) {
	o.Names, t.resolved = o.Names[:0], c.changes
	if o.Path == "" {
		return
	}
	fd := unix.AT_FDCWD
	for _, a := range o.Call.Args {
		if a == op.ArgDirFD {
			fd = o.FD
		}
	}
	o.Names = append(o.Names, c.names.name(t.proc, c.names.base(t.proc, fd), o.Path, o.Follows(0)))
	if o.Kind != op.Rename && o.Kind != op.Link {
		return
	}
	fd = unix.AT_FDCWD
	for _, a := range o.Call.Args {
		if a == op.ArgDirFD2 {
			fd = o.FD2
		}
	}
	o.Names = append(o.Names, c.names.name(t.proc, c.names.base(t.proc, fd), o.Path2, o.Follows(1)))
}

// settleNames fills in, when the call has returned, what the names lead to now and
// which file was reached. Nothing else has run meanwhile, so most of it follows
// from what was seen at entry.
func (c *control) settleNames(t *thread, o *op.Op) {
	switch o.Kind {
	case op.PipeOp, op.SocketOp:
		if fd := max(o.NewFD, o.FD); !o.Failed() && fd >= 0 {
			o.File = c.names.descriptor(t.proc.pid, fd)
		}
		return
	case op.Chdir:
		t.proc.cwd = ""
		return
	}
	if len(o.Names) == 0 || o.Failed() {
		return
	}
	n := &o.Names[0]
	switch o.Kind {
	case op.Open:
		if o.Inside {
			c.returned(t, o)
		} else {
			c.opened(t, o, n)
		}
		return
	case op.Unlink, op.Rmdir:
		n.After = op.FileID{}
		n.Nlink = max(n.Nlink, 1) - 1
		if o.Kind == op.Rmdir {
			n.Nlink = 0
		}
	case op.Rename:
		c.renamed(o, n, &o.Names[1])
	case op.Link:
		to := &o.Names[1]
		to.After, to.Type, to.Size = n.Before, n.Type, n.Size
		n.Nlink++
		to.Nlink = n.Nlink
	case op.Mkdir, op.SymlinkOp, op.Mknod:
		c.appeared(n)
	case op.Truncate:
		// Size stays what it was at the beginning.
	}
	if o.Kind == op.Rmdir || o.Kind == op.SymlinkOp ||
		(o.Kind == op.Unlink || o.Kind == op.Rename) && n.Type != op.Regular {
		c.names.forget()
	}
	o.File = op.File{ID: n.Before, Type: n.Type, Path: n.Path, Nlink: n.Nlink, Size: n.Size}
	if o.File.ID.IsZero() {
		o.File.ID = n.After
	}
}

func (c *control) renamed(o *op.Op, from, to *op.Name) {
	if from.Before == to.Before {
		return // two names of one file: rename(2) does nothing
	}
	if o.Flags&unix.RENAME_EXCHANGE != 0 {
		from.After, to.After = to.Before, from.Before
		return
	}
	from.After, to.After = op.FileID{}, from.Before
	if !to.Before.IsZero() {
		to.Nlink = max(to.Nlink, 1) - 1
	} else {
		to.Type, to.Nlink = from.Type, from.Nlink
	}
	if to.Type == op.Directory && !to.Before.IsZero() {
		to.Nlink = 0
	}
}

// opened fills in the file that an open returned.
func (c *control) opened(t *thread, o *op.Op, n *op.Name) {
	if n.Type == op.Proc || o.Flags&op.O_TMPFILE == op.O_TMPFILE || n.Dir.IsZero() {
		o.File = c.names.descriptor(t.proc.pid, o.NewFD)
		return
	}
	created := n.Before.IsZero()
	if created {
		c.appeared(n)
	}
	o.File = op.File{ID: n.After, Type: n.Type, Path: n.Path, Nlink: n.Nlink, Size: n.Size}
	if created || o.Flags&op.O_TRUNC != 0 && n.Type == op.Regular {
		o.File.Size = 0
	}
}

// appeared looks a new entry up.
func (c *control) appeared(n *op.Name) {
	if d := c.names.ids[n.Dir]; d != nil {
		fresh := c.names.entry(d, n.Base)
		n.After, n.Type, n.Nlink, n.Size = fresh.Before, fresh.Type, fresh.Nlink, 0
	}
}
