package saved

import (
	"math"

	"filerace/internal/op"
)

// Registers are kept only where they say more than the decoded fields: a pointer is
// kept as null or not (1), a register that the call does not use as 0. What is left
// is descriptors with a strange upper half, modes, and the like.

// follows returns what an argument would be if the decoded fields told all of it.
func follows(o *op.Op, a op.Arg) uint64 {
	switch tells[a] {
	case tellsPointer:
		return 1
	case tellsFD:
		return uint64(uint32(o.FD))
	case tellsFD2:
		return uint64(uint32(o.FD2))
	case tellsFlags:
		return o.Flags &^ o.Call.Flags
	case tellsLen:
		return uint64(o.Len)
	case tellsOff:
		return uint64(o.Off)
	case tellsWhence:
		return uint64(uint32(o.Whence))
	case tellsSignal:
		return uint64(uint32(o.Signal))
	case tellsStatus:
		return uint64(uint32(o.Status))
	case tellsCmd:
		return uint64(uint32(o.Cmd))
	}
	return 0
}

// Where an argument comes back from.
const (
	tellsPointer = 1 + iota // an address, which means nothing later
	tellsFD
	tellsFD2
	tellsFlags
	tellsLen
	tellsOff
	tellsWhence
	tellsSignal
	tellsStatus
	tellsCmd
)

var tells = [math.MaxUint8 + 1]uint8{
	op.ArgFD: tellsFD, op.ArgDirFD: tellsFD, op.ArgFD2: tellsFD2, op.ArgDirFD2: tellsFD2, op.ArgLastFD: tellsFD2,
	op.ArgFlags: tellsFlags, op.ArgMapFlags: tellsFlags, op.ArgClone: tellsFlags, op.ArgLen: tellsLen, op.ArgIovCnt: tellsLen,
	op.ArgOff: tellsOff, op.ArgSeek: tellsOff, op.ArgWhence: tellsWhence, op.ArgSignal: tellsSignal, op.ArgStatus: tellsStatus,
	op.ArgFlock: tellsCmd, op.ArgCmd: tellsCmd, op.ArgProt: tellsCmd,

	op.ArgPath: tellsPointer, op.ArgPath2: tellsPointer, op.ArgText: tellsPointer, op.ArgBuf: tellsPointer, op.ArgPtr: tellsPointer,
	op.ArgIov: tellsPointer, op.ArgOffPtr: tellsPointer, op.ArgOffPtr2: tellsPointer, op.ArgHow: tellsPointer,
	op.ArgCloneArgs: tellsPointer, op.ArgFDPair: tellsPointer, op.ArgTime: tellsPointer, op.ArgTimeval: tellsPointer,
	op.ArgWaitStatus: tellsPointer, op.ArgSigInfo: tellsPointer,
}

// plainArgs returns the registers as a recording gives them back.
func plainArgs(o *op.Op) [6]uint64 {
	var out [6]uint64
	for i, kind := range argsOf(o.Call) {
		out[i] = o.Args[i]
		if tells[kind] == tellsPointer {
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
