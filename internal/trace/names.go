package trace

import (
	"path"
	"slices"
	"strings"

	"filerace/internal/op"
	"filerace/internal/world"
)

// unknownSize, in bytes, stands for the length of a file that was there before the trace
// and that nobody has measured. It is longer than any real one, so that no read
// seems to meet the end and nothing seems to start at it.
const unknownSize = 1 << 40

// inode is a file as the model knows it.
type inode struct {
	id      op.FileID
	typ     op.FileType
	nlink   int
	derived bool // the identity is made up: Dev is 0, Ino counts

	tree   *tree // a directory: the names among which a source told it
	common bool  // and others among which it did so: each has names of its own for what it holds
}

// among notes that a source told of a directory among the names of a tree.
func (f *inode) among(t *tree) {
	if f.tree == nil {
		f.tree = t
	}
	f.common = f.common || f.tree != t
}

// tree is the names that processes with one view of the file system see (Record.View). What two views show
// under one path may be two files. With another root directory, all names are others. With another
// mount namespace alone, they are those of the first one, until a directory is told to be
// another one there: then it, and all below it, is the view's own.
type tree struct {
	view  View
	base  *tree    // whose names they are but for those below own; nil: all are its own
	own   []string // paths of directories
	nodes map[string]*node
	root  *node
}

// has reports whether a path is one of the view's own.
func (t *tree) has(abs string) bool {
	return t.base == nil || slices.ContainsFunc(t.own, func(dir string) bool {
		rest, below := strings.CutPrefix(abs, dir)
		return below && (rest == "" || rest[0] == '/')
	})
}

// under is the view whose names these are, but for its own.
func (t *tree) under() *tree {
	if t.base != nil {
		return t.base
	}
	return t
}

// node is one name. States are those after the operations that went on so far; link
// is that after the records that came so far.
type node struct {
	path, base string
	tree       *tree
	dir        *node
	kernel     bool // in a file system that the kernel makes up

	teller *tree  // a directory: the view for which its identity was told last
	known  bool   // whether it leads anywhere is known
	file   *inode // known: where it leads, nil: nowhere
	under  *inode // the directory that it was known in
	link   string // of a symbolic link: its target

	waiting []*item // on the way, in the order of their returns
	sight   sight
	touched uint64
	dropped bool
}

// model is the history of names: which were seen there and absent, and which file
// each leads to. Names that nobody has used for long are forgotten, and are then as
// unknown as at the start.
type model struct {
	trees map[View]*tree // by view
	home  *tree          // of the zero view
	nodes int            // in all of them
	cache map[cacheKey]*node
	known recentFiles // by identity that a source told
	links int         // symbolic links known
	files uint64      // identities made up so far
	clock uint64
	sweep int // nodes at which to forget
}

type cacheKey struct {
	tree *tree
	dir  *node
	text string
}

const (
	sweepLeast = 1 << 15
	cacheMax   = 1 << 15
)

func newModel() *model {
	m := &model{trees: map[View]*tree{}, cache: map[cacheKey]*node{}, sweep: sweepLeast}
	m.home = m.tree(View{})
	return m
}

// tree returns the names of a view.
func (m *model) tree(view View) *tree {
	t := m.trees[view]
	if t == nil {
		t = &tree{view: view, nodes: map[string]*node{}}
		if view.Mounts != 0 {
			t.base = m.home
		}
		t.root = &node{path: "/", base: "/", tree: t}
		t.root.dir = t.root
		t.nodes["/"] = t.root
		m.trees[view] = t
		m.nodes++
		m.clock++
	}
	return t
}

// node returns the name of that absolute, clean path.
func (m *model) node(t *tree, abs string) *node {
	if !t.has(abs) {
		return m.node(t.base, abs)
	}
	if n := t.nodes[abs]; n != nil {
		n.touched = m.clock
		return n
	}
	dir, base := path.Split(abs)
	if len(dir) > 1 {
		dir = dir[:len(dir)-1]
	}
	m.clock++ // so that new names alone make others old
	n := &node{path: abs, base: base, tree: t, kernel: kernelPath(abs), touched: m.clock}
	n.dir = m.node(t, dir)
	t.nodes[abs] = n
	m.nodes++
	return n
}

// find resolves a path that starts in dir, of a process with that view. A final symbolic link is followed if
// asked for; links are known as far as the trace saw them made.
func (m *model) find(t *tree, dir *node, text string, follow bool) *node {
	m.clock++
	key := cacheKey{t, dir, text}
	if m.links == 0 {
		if n := m.cache[key]; n != nil && !n.dropped {
			n.touched = m.clock
			return n
		}
	}
	abs := text
	if !strings.HasPrefix(text, "/") {
		abs = dir.path + "/" + text
	}
	abs = path.Clean(abs)
	if dir != nil && dir.tree != t.base && !strings.HasPrefix(text, "/") {
		t = dir.tree // where it was before it got this view
	}
	if m.links > 0 {
		return m.node(t, m.follow(t, abs, follow, 0))
	}
	n := m.node(t, abs)
	if len(m.cache) >= cacheMax {
		clear(m.cache)
	}
	m.cache[key] = n
	return n
}

// linksMax is how many links a path may go through (namei.c, MAXSYMLINKS).
const linksMax = 40

func (m *model) follow(t *tree, abs string, last bool, depth int) string {
	for i := 1; i <= len(abs) && depth < linksMax; i++ {
		if i < len(abs) && abs[i] != '/' || i == len(abs) && !last {
			continue
		}
		in := t
		if !t.has(abs[:i]) {
			in = t.base
		}
		n := in.nodes[abs[:i]]
		if n == nil || n.link == "" {
			continue
		}
		to := n.link
		if !strings.HasPrefix(to, "/") {
			to = n.dir.path + "/" + to
		}
		return m.follow(t, path.Clean(to+abs[i:]), last, depth+1)
	}
	return abs
}

// learnLinks follows where symbolic links are, from records as they come.
func (m *model) learnLinks(o *op.Op, a, b *node) {
	if a == nil || o.Failed() {
		return
	}
	set := func(n *node, to string) {
		if n.link == to {
			return
		}
		if n.link == "" {
			m.links++
		} else if to == "" {
			m.links--
		}
		n.link = to
		clear(m.cache)
	}
	switch o.Kind {
	case op.SymlinkOp:
		set(a, o.Path2)
	case op.Unlink:
		set(a, "")
	case op.Rename:
		if b != nil {
			was := a.link
			set(a, "")
			set(b, was)
		}
	}
}

// leads returns where the name leads; known is false if nobody knows.
func (m *model) leads(n *node) (f *inode, known bool) {
	if n.known && n.dir != n && !sameInode(n.under, n.dir.file) {
		n.known, n.file = false, nil // another directory has that path by now
	}
	return n.file, n.known
}

// sameInode reports whether two are one file: what was not used for long has been forgotten,
// and was made anew.
func sameInode(a, b *inode) bool { return a == b || a != nil && b != nil && a.id == b.id }

func (m *model) lead(n *node, f *inode) {
	n.known, n.file, n.under = true, f, n.dir.file
}

// markOf is the state of a name for the search of an order.
func (m *model) markOf(n *node) world.Mark {
	f, known := m.leads(n)
	switch {
	case !known:
		return world.Unknown
	case f == nil:
		return world.Absent
	case f.derived:
		return world.Present
	}
	return world.MarkOf(f.id)
}

// invent makes an identity for a file that no source identifies.
func (m *model) invent(typ op.FileType) *inode {
	m.files++
	return &inode{id: op.FileID{Ino: m.files}, typ: typ, nlink: 1, derived: true}
}

// identified returns the file of an identity that a source told.
func (m *model) identified(id op.FileID, typ op.FileType) *inode {
	f := m.known.get(id)
	if f == nil {
		f = &inode{id: id, typ: typ, nlink: 1}
		m.known.put(id, f)
	}
	if typ != op.UnknownType {
		f.typ = typ
	}
	return f
}

// told gives a file whose identity was made up the one that a source tells by now, unless another
// file is known to have that.
func (m *model) told(f *inode, id op.FileID) bool {
	if !f.derived || m.known.get(id) != nil {
		return false
	}
	f.id, f.derived = id, false
	m.known.put(id, f)
	return true
}

// directory gives a directory an identity, invented if need be, and returns it as a process with that view
// has it; told is what the source says.
func (m *model) directory(t *tree, d *node, told op.FileID) *node {
	f, known := m.leads(d)
	switch {
	case !told.IsZero():
		if !known || f == nil || f.id != told && !m.told(f, told) {
			if known && f != nil && d.teller != nil && d.teller != t {
				m.lead(m.part(d.teller, d), f)
				d = m.part(t, d)
			}
			m.lead(d, m.identified(told, op.Directory))
		}
		d.teller = t
		d.file.among(d.tree)
	case !known || f == nil:
		m.lead(d, m.invent(op.Directory))
	}
	return d
}

// part makes a directory, and all below it, a view's own, if the view has any of its own. It returns the directory
// as the view has it.
func (m *model) part(t *tree, d *node) *node {
	if t.base != nil && !t.has(d.path) {
		t.own = append(t.own, d.path)
		clear(m.cache)
	}
	return m.node(t, d.path)
}

// moved gives everything below a renamed directory its new path.
func (m *model) moved(from, to *node) {
	prefix := from.path + "/"
	var below []*node
	for p, n := range from.tree.nodes {
		if strings.HasPrefix(p, prefix) {
			below = append(below, n)
		}
	}
	for _, n := range below {
		f, known := n.file, n.known && sameInode(n.under, n.dir.file)
		under := n.under
		n.known, n.file = false, nil
		if !known {
			continue
		}
		now := m.node(to.tree, to.path+"/"+n.path[len(prefix):])
		now.known, now.file, now.under = true, f, under
		if n.link != "" {
			now.link, n.link = n.link, ""
		}
	}
	clear(m.cache)
}

// forgetStates is for gaps: what happened to names meanwhile is not known.
func (m *model) forgetStates() {
	for _, t := range m.trees {
		for _, n := range t.nodes {
			n.known, n.file = false, nil
		}
	}
}

// tidy forgets names that have not been used for long, and views of which no other name is left.
func (m *model) tidy() {
	if m.nodes <= m.sweep {
		return
	}
	old := m.clock - min(m.clock, uint64(m.sweep/2))
	m.nodes = 0
	for _, t := range m.trees {
		t.forget(old)
		if len(t.nodes) == 1 && t != m.home && t.root.touched < old {
			delete(m.trees, t.view)
			continue
		}
		m.nodes += len(t.nodes)
	}
	clear(m.cache)
	m.sweep = max(sweepLeast, 2*m.nodes)
}

// forget forgets names that have not been used since then.
func (t *tree) forget(old uint64) {
	keep := map[*node]bool{}
	for _, n := range t.nodes {
		if n.touched >= old || len(n.waiting) > 0 || len(n.sight.looks)+len(n.sight.writes) > 0 || n.link != "" || n.dir == n {
			for d := n; !keep[d]; d = d.dir {
				keep[d] = true
			}
		}
	}
	for p, n := range t.nodes {
		if !keep[n] {
			n.dropped = true
			delete(t.nodes, p)
		}
	}
}

// recentFiles holds the last used files, in two generations.
type recentFiles struct{ young, old map[op.FileID]*inode }

const filesMax = 1 << 15

func (r *recentFiles) get(id op.FileID) *inode {
	f := r.young[id]
	if f == nil {
		if f = r.old[id]; f != nil {
			r.put(id, f)
		}
	}
	return f
}

func (r *recentFiles) put(id op.FileID, f *inode) {
	if r.young == nil || len(r.young) >= filesMax {
		r.young, r.old = map[op.FileID]*inode{}, r.young
	}
	r.young[id] = f
}

// kernelPath reports whether a path lies where the kernel makes the files up.
func kernelPath(p string) bool {
	if strings.HasPrefix(p, "/dev/shm") || strings.HasPrefix(p, "/dev/mqueue") {
		return false
	}
	for _, top := range [...]string{"/proc", "/sys", "/dev"} {
		if strings.HasPrefix(p, top) && (len(p) == len(top) || p[len(top)] == '/') {
			return true
		}
	}
	return false
}
