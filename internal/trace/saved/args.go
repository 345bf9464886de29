package saved

import "filerace/internal/op"

// Registers are kept only where they say more than the decoded fields: a pointer is
// kept as null or not (1), a register that the call does not use as 0. What is left
// is descriptors with a strange upper half, modes, and the like.

// follows returns what argument i would be if the decoded fields told all of it.
func follows(o *op.Op, i int) uint64 {
	if o.Call == nil || i >= len(o.Call.Args) {
		return 0
	}
	switch o.Call.Args[i] {
	case op.ArgFD, op.ArgDirFD:
		return uint64(uint32(o.FD))
	case op.ArgFD2, op.ArgDirFD2, op.ArgLastFD:
		return uint64(uint32(o.FD2))
	case op.ArgFlags, op.ArgMapFlags, op.ArgClone:
		return o.Flags &^ o.Call.Flags
	case op.ArgLen, op.ArgIovCnt:
		return uint64(o.Len)
	case op.ArgOff, op.ArgSeek:
		return uint64(o.Off)
	case op.ArgWhence:
		return uint64(uint32(o.Whence))
	case op.ArgSignal:
		return uint64(uint32(o.Signal))
	case op.ArgStatus:
		return uint64(uint32(o.Status))
	case op.ArgFlock, op.ArgCmd, op.ArgProt:
		return uint64(uint32(o.Cmd))
	}
	if pointer(o.Call.Args[i]) {
		return 1
	}
	return 0
}

// pointer reports whether the argument is an address, which means nothing later.
func pointer(a op.Arg) bool {
	switch a {
	case op.ArgPath, op.ArgPath2, op.ArgText, op.ArgBuf, op.ArgPtr, op.ArgIov, op.ArgOffPtr, op.ArgOffPtr2, op.ArgHow,
		op.ArgCloneArgs, op.ArgFDPair, op.ArgTime, op.ArgTimeval, op.ArgWaitStatus, op.ArgSigInfo:
		return true
	}
	return false
}

// plainArgs returns the registers as a recording gives them back.
func plainArgs(o *op.Op) [6]uint64 {
	var out [6]uint64
	if o.Call == nil {
		return out
	}
	for i, kind := range o.Call.Args[:min(len(o.Call.Args), len(out))] {
		out[i] = o.Args[i]
		if pointer(kind) {
			out[i] = min(out[i], 1)
		}
	}
	return out
}

// putArgs fills the argument columns.
func (r *row) putArgs(o *op.Op) {
	cols := [...]*int64{&r.Arg0, &r.Arg1, &r.Arg2, &r.Arg3, &r.Arg4, &r.Arg5}
	for i, v := range plainArgs(o) {
		if v != follows(o, i) {
			r.ArgsKept |= 1 << i
			*cols[i] = int64(v)
		}
	}
}

// setArgs is the reverse; what the fields tell is filled in already.
func (s *slot) setArgs(o *op.Op) {
	o.Args = [6]uint64{}
	if o.Call != nil {
		for i := range min(len(o.Call.Args), len(o.Args)) {
			o.Args[i] = follows(o, i)
		}
	}
	if s.kept == 0 {
		return
	}
	for i, v := range s.args {
		if s.kept&(1<<i) != 0 {
			o.Args[i] = uint64(v)
		}
	}
}
