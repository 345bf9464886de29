package saved

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"filerace/internal/op"
	"filerace/internal/trace"
)

// record is the reverse of rowOf. The error says which column holds what cannot be.
func (r *row) record() (trace.Record, error) {
	what := slices.Index(events[:], r.Event)
	if what < 0 {
		return trace.Record{}, unknown("event", r.Event)
	}
	rec := trace.Record{What: trace.What(what), UID: r.UID, Cgroup: r.Cgroup, Parent: int(r.Parent), Lost: r.Lost}
	if rec.What == trace.Gap {
		return rec, nil
	}
	var err error
	rec.Op, err = r.op()
	return rec, err
}

func unknown(column, value string) error {
	return fmt.Errorf("column %s holds %q, which this version does not know", column, value)
}

func (r *row) op() (*op.Op, error) {
	c := callsOf(r.Call, r.Kind)
	if !c.known {
		return nil, unknown("kind", r.Kind)
	}
	o, first := r.blank()
	*o = op.Op{
		Seq: int(r.Seq), Actor: op.Actor(r.Actor), Prog: r.Prog, PID: int(r.PID), TID: int(r.TID), Kind: c.kind,
		Enter: r.Enter, Exit: r.Exit, Ret: r.Result,
		FD: int(r.FD), FD2: int(r.FD2), NewFD: int(r.NewFD), NewFD2: int(r.NewFD2),
		Flags: r.Flags, Cmd: int(r.Cmd), Off: r.Off, Len: r.Len, Whence: int(r.Whence), Path: r.ArgPath, Path2: r.ArgPath2,
		Sum: r.Sum, Reaped: int(r.Reaped), Child: op.Actor(r.Child), Status: int(r.Status), Signal: int(r.Signal),
		Waits: r.Waits, Faked: r.Faked, Thread: r.Thread, NoLocks: r.NoLocks, Done: r.Done, Inside: r.Inside,
		Off2: r.Off2, OFlags: r.OFlags, OldSize: op.None, OFD: int(r.OFD), OFD2: int(r.OFD2), Decision: int(r.Decision),
	}
	var ok bool
	if o.Call, ok = r.callOf(c, o); !ok {
		return nil, unknown("call", r.Call+" ("+r.Kind+")")
	}
	o.Args = r.args(o)
	if err := r.lock(&o.Lock); err != nil {
		return nil, err
	}
	var err error
	if o.Names, o.Via, err = r.names(first); err != nil {
		return nil, err
	}
	for i := range o.Names {
		o.Names[i].Seen = r.Seen>>i&1 != 0
	}
	filePath := r.Path
	if r.Names > 0 {
		o.Path, filePath = alike(r.ArgPath, r.Path), alike(r.FilePath, r.Path)
	}
	if o.File, err = (&fileRow{r.Dev, r.Ino, r.Birth, r.FileType, filePath, r.Nlink, r.Size}).file(); err != nil {
		return nil, err
	}
	if r.Grown != math.MinInt64 {
		o.OldSize = o.File.Size - r.Grown
	}
	if o.File2, err = (&fileRow{r.File2Dev, r.File2Ino, r.File2Birth, r.File2Type, r.File2Path, r.File2Nlink, r.File2Size}).file(); err != nil {
		return nil, err
	}
	o.FDs, err = r.fds()
	return o, err
}

// blank makes room for the operation, and for its name if it has one: nearly all
// operations that outlive a moment keep it, and one allocation costs less than two.
func (r *row) blank() (o *op.Op, first []op.Name) {
	if r.Names != 1 {
		return new(op.Op), nil
	}
	named := new(struct {
		op   op.Op
		name [1]op.Name
	})
	return &named.op, named.name[:]
}

func (r *row) lock(l *op.Lock) error {
	if r.LockFamily == "" {
		return nil
	}
	family, ok := families[r.LockFamily]
	if !ok {
		return unknown("lock_family", r.LockFamily)
	}
	mode, ok := modes[r.LockMode]
	if !ok {
		return unknown("lock_mode", r.LockMode)
	}
	*l = op.Lock{Family: family, Mode: mode, Wait: r.LockWait, Start: r.LockStart, End: r.LockEnd, Whence: int(r.LockWhence)}
	return nil
}

// names puts the only name into first, if there is room.
func (r *row) names(first []op.Name) (names, via []op.Name, err error) {
	more := max(int(r.Names)-2, 0)
	if r.Names < 0 || more > len(r.Via) {
		return nil, nil, fmt.Errorf("column names says %d, and %d are there", r.Names, 2+len(r.Via))
	}
	if r.Names == 0 && len(r.Via) == 0 {
		return nil, nil, nil
	}
	flat := [2]nameRow{{
		r.Path, r.Base, r.DirDev, r.DirIno, r.DirBirth, r.BeforeDev, r.BeforeIno, r.BeforeBirth,
		r.AfterDev, r.AfterIno, r.AfterBirth, r.NameType, r.NameNlink, r.NameSize,
	}, {
		r.Path2, r.Base2, r.Dir2Dev, r.Dir2Ino, r.Dir2Birth, r.Before2Dev, r.Before2Ino, r.Before2Birth,
		r.After2Dev, r.After2Ino, r.After2Birth, r.Name2Type, r.Name2Nlink, r.Name2Size,
	}}
	if names, err = namesOf(append(flat[:min(r.Names, 2)], r.Via[:more]...), first); err != nil {
		return nil, nil, err
	}
	via, err = namesOf(r.Via[more:], nil)
	return names, via, err
}

func namesOf(rows []nameRow, out []op.Name) ([]op.Name, error) {
	if len(rows) == 0 {
		return nil, nil
	}
	if len(out) != len(rows) {
		out = make([]op.Name, len(rows))
	}
	for i := range rows {
		r := &rows[i]
		t := slices.Index(types[:], r.Type)
		if t < 0 {
			return nil, unknown("name_type", r.Type)
		}
		out[i] = op.Name{
			Dir: op.FileID{Dev: r.DirDev, Ino: r.DirIno, Birth: r.DirBirth}, Base: alike(r.Base, lastOf(r.Path)), Path: r.Path,
			Before: op.FileID{Dev: r.BeforeDev, Ino: r.BeforeIno, Birth: r.BeforeBirth},
			After:  op.FileID{Dev: r.AfterDev, Ino: r.AfterIno, Birth: r.AfterBirth},
			Type:   op.FileType(t), Nlink: r.Nlink, Size: r.Size,
		}
	}
	return out, nil
}

func (r *fileRow) file() (op.File, error) {
	t := slices.Index(types[:], r.Type)
	if t < 0 {
		return op.File{}, unknown("file_type", r.Type)
	}
	return op.File{
		ID: op.FileID{Dev: r.Dev, Ino: r.Ino, Birth: r.Birth}, Type: op.FileType(t), Path: r.Path, Nlink: r.Nlink, Size: r.Size,
	}, nil
}

func (r *row) fds() ([]op.FDInfo, error) {
	if len(r.FDs) == 0 {
		return nil, nil
	}
	out := make([]op.FDInfo, len(r.FDs))
	for i := range r.FDs {
		d := &r.FDs[i]
		f, err := (&fileRow{d.Dev, d.Ino, d.Birth, d.Type, d.Path, d.Nlink, d.Size}).file()
		if err != nil {
			return nil, err
		}
		out[i] = op.FDInfo{FD: int(d.FD), File: f, Flags: d.Flags, Off: d.Off, Shared: int(d.Shared)}
	}
	return out, nil
}

// The words of kinds, lock families and modes, backwards. A number without
// a word is "kind N", and none of ours.
var (
	kinds    = backwards[op.Kind](math.MaxUint8)
	families = backwards[op.LockFamily](int(op.LeaseLock) + 1)
	modes    = backwards[op.LockMode](int(op.Exclusive) + 1)
)

func backwards[T interface {
	~uint8
	fmt.Stringer
}](n int) map[string]T {
	m := make(map[string]T, n)
	for i := range n {
		if word := T(i).String(); !strings.HasPrefix(word, "kind ") {
			m[word] = T(i)
		}
	}
	return m
}
