package trace

import (
	"cmp"
	"slices"
	"strings"

	"filerace/internal/op"
)

const (
	enoent  = 2
	eexist  = 17
	enotdir = 20
)

// complete fills in what an operation's names lead to before and after it, and which
// file it reached, as if someone had looked at the moment at which it took effect.
// What the source knows stands; the rest follows from results: a success tells that
// a name was there, ENOENT that it was not, and what was made or removed stays so
// until someone else changes it.
func (f *Flow) complete(it *item) {
	o, m := it.op, f.names
	switch o.Kind {
	case op.Inherit:
		f.inherited(it)
		return
	case op.Exit, op.Wait, op.Fork, op.Kill, op.Signal:
		return
	}
	if it.names[0] == nil {
		f.descriptors(it)
		return
	}
	told := [2]op.Name{}
	copy(told[:], o.Names)
	o.Names = o.Names[:0]
	for i := range it.names {
		if it.names[i] != nil {
			o.Names = append(o.Names, f.name(it, i, &told[i]))
		}
	}
	if n := it.names[0]; n.kernel {
		if !o.Failed() && o.Kind == op.Open {
			f.opened(it, m.identify(n, o.File.ID, op.Proc))
		}
		return
	}
	if o.Failed() {
		f.failed(it)
		return
	}
	f.succeeded(it, &told)
}

// name begins name i of an operation: where it is.
func (f *Flow) name(it *item, i int, told *op.Name) op.Name {
	n, t := it.names[i], it.tree
	if n.kernel {
		return op.Name{Path: n.path, Base: n.base, Type: op.Proc}
	}
	if n.tree == t.base && t.has(n.path) { // as it turned out meanwhile
		n = f.names.node(t, n.path)
	}
	d := f.names.directory(t, n.dir, told.Dir)
	if d != n.dir { // as it turns out now
		n = f.names.node(d.tree, n.path)
	}
	it.names[i] = n
	if d.file.common {
		f.catchUp(n, d.file.id)
	}
	return op.Name{Dir: d.file.id, Base: n.base, Path: n.path, Seen: told.Seen}
}

// catchUp takes over what became of a name in a directory that several views have: others may have changed it under a
// name of theirs, which the world knows.
func (f *Flow) catchUp(n *node, dir op.FileID) {
	if f.world == nil {
		return
	}
	en := f.world.Entry(dir, n.base)
	if en == nil {
		return
	}
	was, known := f.names.leads(n)
	switch {
	case en.File == nil:
		f.names.lead(n, nil)
	case !known || was == nil || was.id != en.File.ID:
		file := f.names.identified(en.File.ID, en.File.Type)
		file.nlink, file.derived = en.File.Nlink, en.File.ID.MadeUp()
		f.names.lead(n, file)
	}
}

// failed takes from an error what it says of the name.
func (f *Flow) failed(it *item) {
	o, m := it.op, f.names
	n, at := it.names[0], 0
	if it.names[1] != nil && o.Errno() == eexist {
		n, at = it.names[1], 1
	}
	was, known := m.leads(n)
	switch o.Errno() {
	case enotdir:
		if !asksForDirectory(o) && (!known || was == nil || was.typ != op.Symlink) {
			m.lead(n, nil)
		}
	case enoent:
		if o.Flags&op.RENAME_EXCHANGE != 0 && o.Kind == op.Rename {
			break // either of the two is not there
		}
		if !known || was == nil || was.typ != op.Symlink {
			m.lead(n, nil)
		}
	case eexist:
		if !known || was == nil {
			m.lead(n, f.invent(op.UnknownType))
		}
	}
	for i, n := range it.names {
		if n == nil {
			continue
		}
		if was, _ := m.leads(n); was != nil && (i == at || o.Errno() != enoent) {
			f.stays(&o.Names[i], was)
		}
	}
}

// asksForDirectory reports whether an operation fails with ENOTDIR where its name leads to something else: mv(1), cp(1) and
// ln(1) ask so whether their target is one. Else it fails so where the way there leads through something else, and
// the name is not there.
func asksForDirectory(o *op.Op) bool {
	switch o.Kind {
	case op.Open:
		return o.Flags&op.O_DIRECTORY != 0 || strings.HasSuffix(o.Path, "/")
	case op.Stat, op.AccessOp, op.Readlink:
		return strings.HasSuffix(o.Path, "/")
	}
	return true
}

// stays says that a name leads to a file before and after the operation.
func (f *Flow) stays(n *op.Name, file *inode) {
	n.Before, n.After, n.Type, n.Nlink = file.id, file.id, file.typ, uint32(file.nlink)
	n.Size = f.size(file)
}

// size is the length of a file as the world knows it, in bytes.
func (f *Flow) size(file *inode) int64 {
	if f.world != nil {
		if w := f.world.File(file.id); w != nil {
			return w.Size
		}
	}
	if file.typ == op.Directory {
		return 0
	}
	return unknownSize
}

func (f *Flow) invent(typ op.FileType) *inode {
	f.derived.Files++
	return f.names.invent(typ)
}

// identify returns the file that a name is known to lead to by now: that of the
// identity told, else the one that it led to, else one that is new to the trace.
func (m *model) identify(n *node, told op.FileID, typ op.FileType) *inode {
	was, known := m.leads(n)
	switch {
	case !told.IsZero():
		if !known || was == nil || was.id != told && !m.told(was, told) {
			m.lead(n, m.identified(told, typ))
		}
	case !known || was == nil:
		m.lead(n, m.invent(typ))
	}
	if typ != op.UnknownType && n.file.typ == op.UnknownType {
		n.file.typ = typ
	}
	return n.file
}

func (f *Flow) there(n *node, told op.FileID, typ op.FileType) *inode {
	before := f.names.files
	file := f.names.identify(n, told, typ)
	f.derived.Files += int(f.names.files - before)
	return file
}

// succeeded plays a call that did what it was to do.
func (f *Flow) succeeded(it *item, told *[2]op.Name) {
	o, m, n := it.op, f.names, it.names[0]
	name := &o.Names[0]
	switch o.Kind {
	case op.Open:
		f.open(it, told)
	case op.Unlink, op.Rmdir:
		typ := told[0].Type
		if typ == op.UnknownType && o.Kind == op.Rmdir {
			typ = op.Directory
		}
		file := f.there(n, told[0].Before, typ)
		f.stays(name, file)
		f.unlinked(file, o.Kind == op.Rmdir)
		if told[0].Seen {
			file.nlink = int(told[0].Nlink)
		}
		m.lead(n, nil)
		name.After, name.Nlink = op.FileID{}, uint32(file.nlink)
		o.File = op.File{ID: file.id, Type: file.typ, Path: n.path, Nlink: name.Nlink, Size: name.Size}
	case op.Rename:
		f.rename(it, told)
	case op.Link:
		f.link(it, told)
	case op.Mkdir, op.SymlinkOp, op.Mknod:
		typ := map[op.Kind]op.FileType{op.Mkdir: op.Directory, op.SymlinkOp: op.Symlink}[o.Kind]
		f.create(it, told[0].After, typ)
		o.File = op.File{ID: name.After, Type: name.Type, Path: n.path, Nlink: name.Nlink}
	default:
		typ := o.File.Type
		if o.Kind == op.Readlink {
			typ = op.Symlink
		} else if o.Kind == op.Chdir {
			typ = op.Directory
		}
		id := o.File.ID
		if id.IsZero() {
			id = told[0].Before
		} else {
			name.Seen = true
		}
		file := f.there(n, id, typ)
		f.stays(name, file)
		o.File = op.File{ID: file.id, Type: file.typ, Path: n.path, Nlink: name.Nlink, Size: name.Size}
	}
}

// unlinked takes a link off a file.
func (f *Flow) unlinked(file *inode, all bool) {
	file.nlink--
	if all || file.nlink < 0 || file.typ == op.Directory {
		file.nlink = 0
	}
}

// create lets a name come into being.
func (f *Flow) create(it *item, told op.FileID, typ op.FileType) *inode {
	n, name := it.names[0], &it.op.Names[0]
	var file *inode
	if told.IsZero() {
		file = f.invent(typ)
	} else {
		file = f.names.identified(told, typ)
		file.nlink = 1
	}
	f.names.lead(n, file)
	name.Before, name.After, name.Type, name.Nlink, name.Size = op.FileID{}, file.id, file.typ, 1, 0
	return file
}

// open finds the file that an open returned.
func (f *Flow) open(it *item, told *[2]op.Name) {
	const exclusive = op.O_CREAT | op.O_EXCL
	o, m, n := it.op, f.names, it.names[0]
	id, typ := o.File.ID, o.File.Type
	if id.IsZero() {
		id = told[0].After
	}
	if typ == op.UnknownType {
		if typ = op.Regular; o.Flags&op.O_DIRECTORY != 0 {
			typ = op.Directory
		}
	}
	if o.Flags&op.O_TMPFILE == op.O_TMPFILE {
		f.stays(&o.Names[0], f.there(n, op.FileID{}, op.Directory))
		file := f.invent(op.Regular)
		if !id.IsZero() {
			file = m.identified(id, op.Regular)
		}
		o.File = op.File{ID: file.id, Type: op.Regular, Path: n.path}
		return
	}
	was, known := m.leads(n)
	made := o.Flags&exclusive == exclusive || o.Flags&op.O_CREAT != 0 && known && was == nil
	if !told[0].After.IsZero() { // the kernel knows whether this very call made it
		made = told[0].Before.IsZero()
	}
	if made {
		f.opened(it, f.create(it, id, typ))
		return
	}
	file := f.there(n, id, typ)
	f.stays(&o.Names[0], file)
	f.opened(it, file)
}

// opened fills in the file of an open. One that loses its last name before the
// open returns comes without a name.
func (f *Flow) opened(it *item, file *inode) {
	o, n := it.op, it.names[0]
	source := o.File
	o.File = op.File{ID: file.id, Type: file.typ, Path: n.path, Nlink: uint32(file.nlink), Size: f.size(file)}
	switch {
	case !source.ID.IsZero():
		o.File.Nlink, o.File.Size = source.Nlink, source.Size
		if source.Nlink > 0 {
			file.nlink = int(source.Nlink)
			o.Names[0].Nlink = source.Nlink
		}
	case file.nlink == 1 && n.removedBy(it):
		o.File.Nlink = 0
	}
	if source.ID.IsZero() && file.typ == op.Regular && (o.Flags&op.O_TRUNC != 0 || o.Names[0].Before.IsZero()) {
		o.File.Size = 0
	}
}

// removedBy reports whether somebody else takes the name away after the operation has
// taken effect and before it returns.
func (n *node) removedBy(it *item) bool {
	// Those that wait are in the order of their returns.
	i, _ := slices.BinarySearchFunc(n.waiting, it.from+1, func(o *item, at int64) int { return cmp.Compare(o.exit, at) })
	for ; i < len(n.waiting) && n.waiting[i].exit <= it.exit; i++ {
		o := n.waiting[i]
		if o.done || o == it || o.op.Failed() {
			continue
		}
		if o.op.Kind == op.Unlink || o.op.Kind == op.Rename && o.names[1] == n {
			return true
		}
	}
	return false
}

func (f *Flow) rename(it *item, told *[2]op.Name) {
	o, m, n, to := it.op, f.names, it.names[0], it.names[1]
	if to == nil {
		return
	}
	file := f.there(n, told[0].Before, told[0].Type)
	f.stays(&o.Names[0], file)
	o.File = op.File{ID: file.id, Type: file.typ, Path: n.path, Nlink: o.Names[0].Nlink, Size: o.Names[0].Size}
	switch {
	case !told[1].Before.IsZero():
		m.identify(to, told[1].Before, told[1].Type)
	case told[1].Seen:
		m.lead(to, nil)
	default:
		f.recall(to, &o.Names[1])
	}
	replaced, _ := m.leads(to)
	if replaced != nil {
		f.stays(&o.Names[1], replaced)
	}
	a, b := &o.Names[0], &o.Names[1]
	switch {
	case replaced == file: // two names of one file: nothing happens
		return
	case o.Flags&op.RENAME_EXCHANGE != 0:
		if replaced == nil {
			replaced = f.there(to, op.FileID{}, op.UnknownType)
			f.stays(b, replaced)
		}
		m.lead(n, replaced)
		m.lead(to, file)
		a.After, b.After = replaced.id, file.id
		return
	}
	if file.typ == op.Directory {
		m.moved(n, to)
	}
	m.lead(n, nil)
	m.lead(to, file)
	a.After, b.After = op.FileID{}, file.id
	if replaced == nil {
		b.Type, b.Nlink, b.Size = file.typ, uint32(file.nlink), a.Size
		return
	}
	f.unlinked(replaced, false)
	b.Nlink = uint32(replaced.nlink)
}

// recall takes what the world knows of a name that was not used for so long that it is forgotten here.
func (f *Flow) recall(n *node, name *op.Name) {
	if _, known := f.names.leads(n); known || f.world == nil {
		return
	}
	if en := f.world.Entry(name.Dir, name.Base); en != nil && en.File != nil {
		f.names.identify(n, en.File.ID, en.File.Type).nlink = en.File.Nlink
	}
}

func (f *Flow) link(it *item, told *[2]op.Name) {
	o, m, n, to := it.op, f.names, it.names[0], it.names[1]
	if to == nil {
		return
	}
	id := told[0].Before
	if id.IsZero() {
		id = told[1].After
	}
	file := f.there(n, id, told[0].Type)
	file.nlink++
	f.stays(&o.Names[0], file)
	m.lead(to, file)
	b := &o.Names[1]
	b.Before, b.After, b.Type, b.Nlink, b.Size = op.FileID{}, file.id, file.typ, uint32(file.nlink), o.Names[0].Size
	o.File = op.File{ID: file.id, Type: file.typ, Path: n.path, Nlink: b.Nlink, Size: b.Size}
}
