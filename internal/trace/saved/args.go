package saved

import "filerace/internal/op"

// Registers are kept only where they say more than the decoded fields: a pointer is
// kept as null or not (1), a register that the call does not use as 0. What is left
// is descriptors with a strange upper half, modes, and the like.

// follows returns what an argument would be if the decoded fields told all of it.
func follows(o *op.Op, a op.Arg) uint64 {
	switch a {
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
	if pointer(a) {
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
	for i, kind := range argsOf(o.Call) {
		out[i] = o.Args[i]
		if pointer(kind) {
			out[i] = min(out[i], 1)
		}
	}
	return out
}

// argsOf are the arguments that the call has.
func argsOf(c *op.Call) []op.Arg {
	if c == nil {
		return nil
	}
	return c.Args[:min(len(c.Args), len(op.Op{}.Args))]
}

// putArgs fills the argument columns.
func (r *row) putArgs(o *op.Op) {
	cols := [...]*int64{&r.Arg0, &r.Arg1, &r.Arg2, &r.Arg3, &r.Arg4, &r.Arg5}
	for i, v := range plainArgs(o) {
		told := uint64(0)
		if args := argsOf(o.Call); i < len(args) {
			told = follows(o, args[i])
		}
		if v != told {
			r.ArgsKept |= 1 << i
			*cols[i] = int64(v)
		}
	}
}

// setArgs is the reverse; what the fields tell is filled in already.
func (s *slot) setArgs(o *op.Op) {
	for i, a := range argsOf(o.Call) {
		o.Args[i] = follows(o, a)
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
