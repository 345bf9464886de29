package saved

import (
	"filerace/internal/op"
	"filerace/internal/trace"
)

// slot is where the columns of one row come together. It serves one row after the
// other: a column that does not change is not copied again. So nobody but the lanes
// may write to what they fill.
type slot struct {
	op    op.Op // but for what follows
	names [2]op.Name
	paths [2]place // of the names

	file2 op.File

	what   trace.What
	uid    uint32
	cgroup uint64
	parent int
	lost   uint64

	call     *callWord
	kept     int32
	args     [6]int64
	count    int32 // of names
	seen     uint32
	argPath  string
	filePath string
	grown    int64
}

// fields tell which column goes where.
func (s *slot) fields() []field {
	o := &s.op
	all := []field{
		{"event", &s.what}, {"seq", &o.Seq}, {"actor", &o.Actor}, {"prog", &o.Prog}, {"pid", narrow{&o.PID}}, {"tid", narrow{&o.TID}},
		{"uid", &s.uid}, {"cgroup", &s.cgroup}, {"parent", narrow{&s.parent}}, {"lost", &s.lost},
		{"call", &s.call}, {"kind", &o.Kind}, {"args_kept", &s.kept},
		{"arg0", &s.args[0]}, {"arg1", &s.args[1]}, {"arg2", &s.args[2]}, {"arg3", &s.args[3]}, {"arg4", &s.args[4]}, {"arg5", &s.args[5]},
		{"enter_ns", &o.Enter}, {"exit_ns", &o.Exit}, {"result", &o.Ret},
		{"fd", narrow{&o.FD}}, {"fd2", narrow{&o.FD2}}, {"new_fd", narrow{&o.NewFD}}, {"new_fd2", narrow{&o.NewFD2}},
		{"flags", &o.Flags}, {"cmd", &o.Cmd}, {"off", &o.Off}, {"len", &o.Len}, {"whence", &o.Whence},
		{"lock_family", &o.Lock.Family}, {"lock_mode", &o.Lock.Mode}, {"lock_wait", &o.Lock.Wait},
		{"lock_start", &o.Lock.Start}, {"lock_end", &o.Lock.End}, {"lock_whence", &o.Lock.Whence},
		{"arg_path", &s.argPath}, {"arg_path2", &o.Path2}, {"names", &s.count}, {"seen", &s.seen}, {"file_path", &s.filePath},
		{"sum", &o.Sum}, {"reaped", &o.Reaped}, {"child", &o.Child}, {"status", &o.Status}, {"signal", &o.Signal},
		{"waits", &o.Waits}, {"faked", &o.Faked}, {"thread", &o.Thread}, {"no_locks", &o.NoLocks}, {"done", &o.Done}, {"inside", &o.Inside},
		{"off2", &o.Off2}, {"oflags", &o.OFlags}, {"grown", &s.grown}, {"ofd", &o.OFD}, {"ofd2", &o.OFD2}, {"decision", &o.Decision},
		{"file2_path", &s.file2.Path}, {"next", &o.Next[0]}, {"next2", &o.Next[1]}, {"same_lo", &o.Same[0]}, {"same_hi", &o.Same[1]},
	}
	all = append(all, idFields("", &o.File.ID)...)
	all = append(all, field{"file_type", &o.File.Type}, field{"nlink", &o.File.Nlink}, field{"size", &o.File.Size})
	all = append(all, idFields("file2_", &s.file2.ID)...)
	all = append(all, field{"file2_type", &s.file2.Type}, field{"file2_nlink", &s.file2.Nlink}, field{"file2_size", &s.file2.Size})
	for i, nth := range [...]string{"", "2"} {
		n := &s.names[i]
		all = append(all, field{"path" + nth, &s.paths[i]}, field{"base" + nth, &n.Base})
		all = append(all, idFields("dir"+nth+"_", &n.Dir)...)
		all = append(all, idFields("before"+nth+"_", &n.Before)...)
		all = append(all, idFields("after"+nth+"_", &n.After)...)
		all = append(all, field{"name" + nth + "_type", &n.Type}, field{"name" + nth + "_nlink", &n.Nlink}, field{"name" + nth + "_size", &n.Size})
	}
	return all
}

func idFields(before string, id *op.FileID) []field {
	return []field{{before + "dev", &id.Dev}, {before + "ino", &id.Ino}, {before + "birth", &id.Birth}}
}

// nameFields are those of an element of the list via.
func nameFields(n *op.Name) []field {
	all := append(idFields("dir_", &n.Dir), idFields("before_", &n.Before)...)
	all = append(all, idFields("after_", &n.After)...)
	return append(all, field{"path", &n.Path}, field{"base", &n.Base}, field{"type", &n.Type}, field{"nlink", &n.Nlink}, field{"size", &n.Size})
}

// fdFields are those of an element of the list fds.
func fdFields(d *op.FDInfo) []field {
	f := &d.File
	return append(idFields("", &f.ID), field{"fd", narrow{&d.FD}}, field{"type", &f.Type}, field{"path", &f.Path}, field{"nlink", &f.Nlink},
		field{"size", &f.Size}, field{"flags", &d.Flags}, field{"off", &d.Off}, field{"shared", &d.Shared})
}
