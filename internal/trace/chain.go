package trace

import "filerace/internal/op"

// fileAt is a file at a name.
type fileAt struct {
	name *node
	file op.FileID
}

// chain brings the points of calls that the source saw meet files near to each other: whoever put a
// file there came just before the one that met it. A call may have to wait for a processor long before
// or after it took effect, while others make hundreds on the same name, and the search looks only at what is near.
func (g *group) chain() {
	puts, takes := map[fileAt]*item{}, map[fileAt]*item{}
	only := func(m map[fileAt]*item, at fileAt, it *item) {
		if _, twice := m[at]; twice {
			it = nil // a file that comes back tells nothing
		}
		m[at] = it
	}
	for _, it := range g.items {
		for _, at := range it.puts() {
			only(puts, at, it)
		}
		if it.op.ChangesNames() {
			for _, at := range it.met() {
				only(takes, at, it)
			}
		}
	}
	if len(puts) == 0 {
		return
	}
	sortItems(g.items)
	todo := append([]*item(nil), g.items...)
	for rest := 4 * len(g.items); rest > 0 && len(todo) > 0; rest-- {
		it := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		for _, at := range it.met() {
			if p := puts[at]; p != nil && p != it && p.point >= it.point && p.begins() < it.point {
				p.point = max(p.begins(), it.point-1)
				todo = append(todo, p)
			}
		}
	}
	sortItems(g.items)
	for _, it := range g.items {
		for _, at := range it.puts() {
			if q := takes[at]; q != nil && q != it {
				q.point = min(q.point, max(q.begins(), it.point+1))
			}
		}
	}
}

// met are the files that the source saw behind the names.
func (it *item) met() (all []fileAt) {
	for k := range it.op.Names[:min(len(it.op.Names), 2)] {
		if n := &it.op.Names[k]; n.Seen && !n.Before.IsZero() && it.names[k] != nil {
			all = append(all, fileAt{it.names[k], n.Before})
		}
	}
	return all
}

// puts are the files that the call left behind names, as far as they were seen.
func (it *item) puts() (all []fileAt) {
	o := it.op
	if o.Failed() || len(o.Names) == 0 || !o.Names[0].Seen {
		return nil
	}
	switch {
	case o.Kind == op.Open && o.Names[0].Before.IsZero():
		return []fileAt{{it.names[0], o.File.ID}}
	case (o.Kind == op.Rename || o.Kind == op.Link) && len(o.Names) > 1 && it.names[1] != nil && o.Names[0].Before != o.Names[1].Before:
		all = append(all, fileAt{it.names[1], o.Names[0].Before})
		if o.Flags&op.RENAME_EXCHANGE != 0 && o.Kind == op.Rename {
			all = append(all, fileAt{it.names[0], o.Names[1].Before})
		}
	}
	return all
}
