package hunt

import (
	"path"
	"slices"
	"strings"

	"filerace/internal/op"
	"filerace/internal/world"
)

// sharing learns which objects two actors touch, one of them writing, in an order
// that another schedule could turn round. Only operations on these are decisions.
type sharing struct {
	uses    map[string]*uses
	offsets map[int]*offset // of open file descriptions, by number, until they are closed

	accesses []op.Access // of the last operation
}

// offset is what is shared of a description: one file has many.
type offset struct {
	key string
	uses
}

// uses are the accesses of one object: of each thread the first and the last of
// each sort, which is enough to find a pair that nothing orders.
type uses struct {
	by     map[int32]*[4]world.Stamp // first read, last read, first write, last write
	wrote  bool                      // somebody
	shared bool
}

func newSharing() *sharing { return &sharing{uses: map[string]*uses{}, offsets: map[int]*offset{}} }

// see takes in one operation that has returned.
func (s *sharing) see(n *naming, o *op.Op, e *world.Effect) {
	at := e.At
	s.accesses = op.AppendAccesses(s.accesses[:0], o)
	for _, a := range s.accesses {
		key := n.key(&a)
		if key == "" || !matters(o, &a) {
			continue
		}
		switch {
		case a.Kind == op.ObjOffset:
			s.useOffset(a.OFD, key, at, a.Write)
			continue
		case a.Kind == op.ObjLock && o.Kind != op.LockOp && len(e.Freed) == 0:
			continue // closing what bears no lock
		}
		s.use(key, at, a.Write)
		if a.Kind == op.ObjName && a.Write && a.Base != "*" {
			// A listing of the directory reads every entry. Two changes of different entries
			// do not touch each other: only readers make the list an object.
			s.use("list "+path.Dir(strings.TrimPrefix(key, "name ")), at, true)
		}
	}
	for _, d := range e.Closed {
		delete(s.offsets, d.ID)
	}
}

func (s *sharing) useOffset(ofd int, key string, at world.Stamp, write bool) {
	o := s.offsets[ofd]
	if o == nil {
		o = &offset{key: key}
		s.offsets[ofd] = o
	}
	if o.add(at, write, false); o.shared {
		s.uses[key] = &uses{shared: true}
	}
}

// matters leaves out what is an access in the strict sense only: a directory's
// times depend on its entries, but nobody who stats a directory asks for them.
func matters(o *op.Op, a *op.Access) bool {
	return a.Kind != op.ObjName || a.Base != "*" || o.Kind != op.Stat
}

func (s *sharing) use(key string, at world.Stamp, write bool) {
	u := s.uses[key]
	if u == nil {
		u = &uses{}
		s.uses[key] = u
	}
	u.add(at, write, strings.HasPrefix(key, "list "))
}

func (u *uses) add(at world.Stamp, write, listing bool) {
	if u.shared {
		return
	}
	if u.by == nil {
		u.by = map[int32]*[4]world.Stamp{}
	}
	mine := u.by[at.Thread]
	if mine == nil {
		mine = &[4]world.Stamp{}
		u.by[at.Thread] = mine
	}
	i := 0
	if write {
		i = 2
	}
	if mine[i].IsZero() {
		mine[i] = at
	}
	mine[i+1] = at
	if u.wrote = u.wrote || write; !u.wrote {
		return
	}
	for thread, other := range u.by {
		if thread == at.Thread {
			continue
		}
		for j, t := range other {
			conflict := write || j >= 2
			if listing {
				conflict = write != (j >= 2)
			}
			if conflict && world.HardUnordered(t, at) {
				u.shared, u.by = true, nil
				return
			}
		}
	}
}

// keys lists the shared objects, sorted.
func (s *sharing) keys() []string {
	var k []string
	for key, u := range s.uses {
		if u.shared {
			k = append(k, key)
		}
	}
	slices.Sort(k)
	return k
}

// decides reports whether the operation touches one of the objects.
func decides(n *naming, shared map[string]bool, o *op.Op) bool {
	if len(shared) == 0 {
		return false
	}
	for _, a := range op.Accesses(o) {
		key := n.key(&a)
		if key == "" || !matters(o, &a) {
			continue
		}
		if shared[key] {
			return true
		}
		if a.Kind == op.ObjName && a.Write && shared["list "+path.Dir(strings.TrimPrefix(key, "name "))] {
			return true
		}
	}
	return false
}
