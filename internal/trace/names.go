package trace

import (
	"path"
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
}

// node is one name. States are those after the operations that went on so far; link
// is that after the records that came so far.
type node struct {
	path, base string
	dir        *node
	kernel     bool // in a file system that the kernel makes up

	known bool   // whether it leads anywhere is known
	file  *inode // known: where it leads, nil: nowhere
	under *inode // the directory that it was known in
	link  string // of a symbolic link: its target

	waiting []*item // on the way, in the order of their returns
	sight   sight
	touched uint64
	dropped bool
}

// model is the history of names: which were seen there and absent, and which file
// each leads to. Names that nobody has used for long are forgotten, and are then as
// unknown as at the start.
type model struct {
	nodes map[string]*node
	cache map[cacheKey]*node
	known recentFiles // by identity that a source told
	links int         // symbolic links known
	files uint64      // identities made up so far
	clock uint64
	sweep int // nodes at which to forget
}

type cacheKey struct {
	dir  *node
	text string
}

const (
	sweepLeast = 1 << 15
	cacheMax   = 1 << 15
)

func newModel() *model {
	m := &model{nodes: map[string]*node{}, cache: map[cacheKey]*node{}, sweep: sweepLeast}
	root := &node{path: "/", base: "/"}
	root.dir = root
	m.nodes["/"] = root
	return m
}

// node returns the name of that absolute, clean path.
func (m *model) node(abs string) *node {
	if n := m.nodes[abs]; n != nil {
		n.touched = m.clock
		return n
	}
	dir, base := path.Split(abs)
	if len(dir) > 1 {
		dir = dir[:len(dir)-1]
	}
	n := &node{path: abs, base: base, kernel: kernelPath(abs), touched: m.clock}
	n.dir = m.node(dir)
	m.nodes[abs] = n
	return n
}

// find resolves a path that starts in dir. A final symbolic link is followed if
// asked for; links are known as far as the trace saw them made.
func (m *model) find(dir *node, text string, follow bool) *node {
	m.clock++
	key := cacheKey{dir, text}
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
	if m.links > 0 {
		return m.node(m.follow(abs, follow, 0))
	}
	n := m.node(abs)
	if len(m.cache) >= cacheMax {
		clear(m.cache)
	}
	m.cache[key] = n
	return n
}

// linksMax is how many links a path may go through (namei.c, MAXSYMLINKS).
const linksMax = 40

func (m *model) follow(abs string, last bool, depth int) string {
	for i := 1; i <= len(abs) && depth < linksMax; i++ {
		if i < len(abs) && abs[i] != '/' || i == len(abs) && !last {
			continue
		}
		n := m.nodes[abs[:i]]
		if n == nil || n.link == "" {
			continue
		}
		to := n.link
		if !strings.HasPrefix(to, "/") {
			to = n.dir.path + "/" + to
		}
		return m.follow(path.Clean(to+abs[i:]), last, depth+1)
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

// directory returns the identity of a directory, invented if need be; told is what
// the source says.
func (m *model) directory(d *node, told op.FileID) op.FileID {
	f, known := m.leads(d)
	switch {
	case !told.IsZero():
		if !known || f == nil || f.id != told && !m.told(f, told) {
			m.lead(d, m.identified(told, op.Directory))
		}
	case !known || f == nil:
		m.lead(d, m.invent(op.Directory))
	}
	return d.file.id
}

// moved gives everything below a renamed directory its new path.
func (m *model) moved(from, to *node) {
	prefix := from.path + "/"
	var below []*node
	for p, n := range m.nodes {
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
		now := m.node(to.path + "/" + n.path[len(prefix):])
		now.known, now.file, now.under = true, f, under
		if n.link != "" {
			now.link, n.link = n.link, ""
		}
	}
	clear(m.cache)
}

// forgetStates is for gaps: what happened to names meanwhile is not known.
func (m *model) forgetStates() {
	for _, n := range m.nodes {
		n.known, n.file = false, nil
	}
}

// tidy forgets names that have not been used for long.
func (m *model) tidy() {
	if len(m.nodes) <= m.sweep {
		return
	}
	old := m.clock - min(m.clock, uint64(m.sweep/2))
	keep := map[*node]bool{}
	for _, n := range m.nodes {
		if n.touched >= old || len(n.waiting) > 0 || len(n.sight.looks)+len(n.sight.writes) > 0 || n.link != "" || n.dir == n {
			for d := n; !keep[d]; d = d.dir {
				keep[d] = true
			}
		}
	}
	for p, n := range m.nodes {
		if !keep[n] {
			n.dropped = true
			delete(m.nodes, p)
		}
	}
	clear(m.cache)
	m.sweep = max(sweepLeast, 2*len(m.nodes))
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
