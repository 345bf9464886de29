package watch

import (
	"cmp"
	"slices"

	"filerace/internal/op"
)

// maxPaths bounds the paths whose accesses are counted. Beyond it those that
// nobody contended for, and then those that were used least recently, are forgotten.
const maxPaths = 1 << 14

// contention counts for each path the accesses that conflicted with the one before
// by another process.
type contention struct {
	paths  map[string]*contended
	most   int // paths at once
	forgot uint64
	used   uint64 // operations so far
	buf    []op.Access
}

// contended is what is kept of one path: of each kind of object the last write and
// the last read, which is what the next access can conflict with.
type contended struct {
	conflicts uint64
	drawn     uint64          // conflicts when last drawn
	used      uint64          // contention.used at the last access
	counted   uint64          // contention.used at the last conflict: an operation counts once
	last      []sideAccess    // few: a path has a handful of objects
	who       [maxWho]process // that conflicted, the last ones
}

const maxWho = 3

// process is one that took part, as people know it.
type process struct {
	pid  int
	prog string
}

type sideAccess struct {
	access op.Access
	by     process
}

func newContention() *contention {
	return &contention{paths: map[string]*contended{}, most: maxPaths}
}

// see counts one operation that has taken effect.
func (c *contention) see(o *op.Op) {
	if o.Waits {
		return
	}
	c.used++
	c.buf = op.AppendAccesses(c.buf[:0], o)
	by := process{o.PID, o.Prog}
	for i := range c.buf {
		a := &c.buf[i]
		if a.Path == "" || a.Base == "*" || !countedKind(a.Kind) {
			continue
		}
		p := c.paths[a.Path]
		if p == nil {
			if len(c.paths) >= c.most {
				c.forget()
			}
			p = &contended{}
			c.paths[a.Path] = p
		}
		p.used = c.used
		p.see(a, by, c.used)
	}
}

// countedKind leaves out what no other process can be at odds about, and the
// mode and times, which nearly every call reads.
func countedKind(k op.ObjectKind) bool {
	switch k {
	case op.ObjName, op.ObjData, op.ObjSize, op.ObjLock, op.ObjOffset, op.ObjLease:
		return true
	}
	return false
}

func (p *contended) see(a *op.Access, by process, now uint64) {
	var same *sideAccess
	for i := range p.last {
		old := &p.last[i]
		if old.access.Kind != a.Kind {
			continue
		}
		if old.access.Write == a.Write {
			same = old
		}
		if old.by.pid != by.pid && p.counted != now && a.Conflicts(old.access) {
			p.counted = now
			p.conflicts++
			p.meet(old.by)
			p.meet(by)
		}
	}
	if same == nil {
		p.last = append(p.last, sideAccess{})
		same = &p.last[len(p.last)-1]
	}
	*same = sideAccess{*a, by}
}

// meet puts a process in front of those that took part.
func (p *contended) meet(by process) {
	i := slices.IndexFunc(p.who[:], func(q process) bool { return q.pid == by.pid })
	if i < 0 {
		i = maxWho - 1
	}
	copy(p.who[1:i+1], p.who[:i])
	p.who[0] = by
}

// forget makes room: three quarters of the paths stay.
func (c *contention) forget() {
	type candidate struct {
		path string
		*contended
	}
	all := make([]candidate, 0, len(c.paths))
	for path, p := range c.paths {
		all = append(all, candidate{path, p})
	}
	slices.SortFunc(all, func(a, b candidate) int {
		quiet := func(c candidate) int { return int(min(c.conflicts, 1)) }
		return cmp.Or(quiet(a)-quiet(b), cmp.Compare(a.used, b.used))
	})
	for _, old := range all[:len(all)-c.most*3/4] {
		delete(c.paths, old.path)
		c.forgot++
	}
}

// TopFile is a path that processes contend for.
type TopFile struct {
	Path      string
	Conflicts uint64 // accesses that conflicted with another process's
	Since     uint64 // of these, since the last drawing
	Who       []string
}

// top lists the paths with conflicts, most first.
func (c *contention) top(keep func(path string) bool) []TopFile {
	var all []TopFile
	for path, p := range c.paths {
		if p.conflicts == 0 || !keep(path) {
			continue
		}
		f := TopFile{Path: path, Conflicts: p.conflicts, Since: p.conflicts - p.drawn}
		p.drawn = p.conflicts
		for _, w := range p.who {
			if w.pid != 0 {
				f.Who = append(f.Who, w.String())
			}
		}
		all = append(all, f)
	}
	slices.SortFunc(all, func(a, b TopFile) int {
		return cmp.Or(cmp.Compare(b.Conflicts, a.Conflicts), cmp.Compare(a.Path, b.Path))
	})
	return all
}
