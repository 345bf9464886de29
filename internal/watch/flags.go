package watch

import "filerace/internal/op"

// flagArgs are the arguments that say how a call is to work, and not on what.
var flagArgs = map[op.Arg]bool{
	op.ArgFlags: true, op.ArgHow: true, op.ArgMapFlags: true, op.ArgClone: true, op.ArgCloneArgs: true,
	op.ArgFlock: true, op.ArgCmd: true, op.ArgFcntl: true, op.ArgProt: true, op.ArgWhence: true, op.ArgSignal: true,
}

// flagsOnly holds each row of the table with the other arguments blanked, so that
// the table's own printer writes the flags and nothing else. Rows whose flags are
// implied by the call (creat, lstat) get a place for them.
var flagsOnly = func() map[*op.Call]*op.Call {
	all := make(map[*op.Call]*op.Call, len(op.Calls))
	for i := range op.Calls {
		c := op.Calls[i]
		args, shown := make([]op.Arg, len(c.Args)), false
		for j, a := range c.Args {
			if flagArgs[a] {
				args[j], shown = a, true
			}
		}
		if !shown && c.Flags != 0 && len(args) < len(op.Op{}.Args) {
			args, shown = append(args, op.ArgFlags), true
		}
		if shown {
			c.Args = args
			all[&op.Calls[i]] = &c
		}
	}
	return all
}()

// flagWords writes the flags of an operation by their names, "-" where there are
// none to give.
func flagWords(o *op.Op) string {
	only := flagsOnly[o.Call]
	if only == nil {
		return "-"
	}
	blanked := op.Op{Call: only, Kind: o.Kind, Args: o.Args, Flags: o.Flags, Cmd: o.Cmd, Whence: o.Whence, Lock: o.Lock, Signal: o.Signal}
	if s := blanked.ArgString(); s != "" && s != "0" {
		return s
	}
	return "-"
}
