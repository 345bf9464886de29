package saved

import (
	"fmt"
	"math"

	"filerace/internal/op"
	"filerace/internal/trace"
)

// record is the reverse of rowOf, but for File2. The error says which column holds what cannot be.
func (s *slot) record(rec *trace.Record, via []*op.Name, fds []*op.FDInfo) (err error) {
	rec.What, rec.UID, rec.Cgroup, rec.Parent, rec.Lost = s.what, s.uid, s.cgroup, s.parent, s.lost
	if s.what != trace.Gap {
		rec.Op, err = s.operation(via, fds)
	}
	return err
}

func (s *slot) operation(via []*op.Name, fds []*op.FDInfo) (*op.Op, error) {
	more := max(int(s.count)-2, 0)
	if s.count < 0 || more > len(via) {
		return nil, fmt.Errorf("column names says %d, and %d are there", s.count, 2+len(via))
	}
	o := s.named(via[:more])
	if err := s.setCall(o); err != nil {
		return nil, err
	}
	if o.Lock.Family == op.NoLock {
		o.Lock = op.Lock{}
	} else if o.Lock.Mode == noMode {
		return nil, unknown("lock_mode", "")
	}
	path := s.paths[0].path
	if s.count > 0 {
		o.Path, o.File.Path = alike(s.argPath, path), alike(s.filePath, path)
	} else {
		o.Path, o.File.Path = s.argPath, path
	}
	if o.OldSize = op.None; s.grown != math.MinInt64 {
		o.OldSize = o.File.Size - s.grown
	}
	if via = via[more:]; len(via) > 0 {
		all := make([]op.Name, len(via))
		putListed(all, via)
		o.SetVia(all)
	}
	if len(fds) > 0 {
		all := make([]op.FDInfo, len(fds))
		for i, d := range fds {
			all[i] = *d
		}
		o.SetFDs(all)
	}
	return o, nil
}

// named makes the operation with its names. Nearly all operations that outlive a
// moment keep these, and one allocation costs less than two.
func (s *slot) named(more []*op.Name) *op.Op {
	switch s.count {
	case 0:
		o := new(op.Op)
		*o = s.op
		return o
	case 1:
		one := new(struct {
			op   op.Op
			name [1]op.Name
		})
		one.op, one.name[0] = s.op, s.names[0]
		s.paths[0].name(&one.name[0])
		one.name[0].Seen = s.seen&1 != 0
		one.op.Names = one.name[:]
		return &one.op
	}
	o := new(op.Op)
	*o = s.op
	o.Names = make([]op.Name, 2+len(more))
	for i := range s.names {
		o.Names[i] = s.names[i]
		s.paths[i].name(&o.Names[i])
	}
	putListed(o.Names[2:], more)
	for i := range o.Names {
		o.Names[i].Seen = s.seen>>i&1 != 0
	}
	return o
}

// name completes a name.
func (p *place) name(n *op.Name) {
	n.Path = p.path
	if n.Base == "" {
		n.Base = p.last
	} else if n.Base == nothing {
		n.Base = ""
	}
}

func putListed(to []op.Name, from []*op.Name) {
	for i, n := range from {
		to[i] = *n
		(&place{n.Path, lastOf(n.Path)}).name(&to[i])
	}
}

// rows are those of the table that have the call's name and kind.
func (s *slot) rows() []*op.Call {
	if kind := int(s.op.Kind); kind < len(s.call.by) {
		return s.call.by[kind]
	}
	return nil
}

// setCall finds the table's row. Several rows may share name and kind, told apart by
// tests on the arguments; the first whose tests hold counts, as when it was decoded.
func (s *slot) setCall(o *op.Op) error {
	rows := s.rows()
	switch len(rows) {
	case 0:
		if s.call.word != "" {
			return s.unknownCall()
		}
	case 1: // a log's arguments may be unknown
		o.Call = rows[0]
	default:
		for _, o.Call = range rows {
			if s.setArgs(o); o.Call.Matches(&o.Args) {
				return nil
			}
			o.Args = [6]uint64{}
		}
		o.Call = rows[0]
	}
	s.setArgs(o)
	return nil
}

func (s *slot) unknownCall() error { return unknown("call", s.call.word+" ("+s.op.Kind.String()+")") }

// check finds the first word that this version does not know.
func (s *slot) check(v *vocabulary, via []*op.Name, fds []*op.FDInfo) error {
	if err := v.known("event", uint8(s.what)); err != nil || s.what == trace.Gap {
		return err
	}
	o := &s.op
	if err := v.known("kind", uint8(o.Kind)); err != nil {
		return err
	}
	if s.call.word != "" && len(s.rows()) == 0 {
		return s.unknownCall()
	}
	if l := &o.Lock; l.Family != op.NoLock {
		if err := v.known("lock_family", uint8(l.Family)); err != nil {
			return err
		}
		if err := v.known("lock_mode", uint8(l.Mode)); err != nil {
			return err
		}
	}
	for i := range s.names[:min(max(s.count, 0), 2)] {
		if err := v.known("name_type", uint8(s.names[i].Type)); err != nil {
			return err
		}
	}
	for _, n := range via {
		if err := v.known("name_type", uint8(n.Type)); err != nil {
			return err
		}
	}
	files := []*op.File{&o.File, &s.file2}
	for _, d := range fds {
		files = append(files, &d.File)
	}
	for _, f := range files {
		if err := v.known("file_type", uint8(f.Type)); err != nil {
			return err
		}
	}
	return nil
}
