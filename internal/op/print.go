package op

import (
	"strconv"
	"strings"
	"time"
)

// String writes the operation in the manner of strace(1), after the actor:
//
//	1.2 flock(9</run/app.lock>, LOCK_EX) = 0
func (o *Op) String() string {
	var b strings.Builder
	b.WriteString(string(o.Actor))
	b.WriteByte(' ')
	if o.Call != nil {
		b.WriteString(o.Call.Name)
	} else {
		b.WriteString(o.Kind.String())
	}
	b.WriteByte('(')
	b.WriteString(o.ArgString())
	b.WriteByte(')')
	switch {
	case o.Failed():
		b.WriteString(" = -1 " + ErrnoName(o.Errno()))
	case o.Waits:
		b.WriteString(" waits")
	case o.Done && o.Kind != Exit:
		b.WriteString(" = " + strconv.FormatInt(o.Ret, 10))
	}
	if o.Faked {
		b.WriteString(" (answered by filerace)")
	}
	return b.String()
}

// ArgString writes the decoded arguments, separated by commas. Registers that
// hold no more than an address are left out.
func (o *Op) ArgString() string {
	if o.Call == nil {
		switch o.Kind {
		case Signal:
			return SignalName(o.Signal)
		case Inherit:
			return strconv.Itoa(len(o.FDs())) + " descriptors"
		}
		return strconv.Quote(o.Path)
	}
	var parts []string
	for i, kind := range o.Call.Args {
		if s := o.argument(kind, o.Args[i]); s != "" {
			parts = append(parts, s)
		}
	}
	return strings.Join(parts, ", ")
}

// argument writes one argument, "" for what says nothing.
func (o *Op) argument(kind Arg, v uint64) string {
	switch kind {
	case ArgFD:
		return o.descriptor(o.FD, o.File.Path)
	case ArgFD2:
		return o.descriptor(o.FD2, o.File2().Path)
	case ArgDirFD:
		return dirFD(o.FD)
	case ArgDirFD2:
		return dirFD(o.FD2)
	case ArgLastFD:
		return strconv.Itoa(o.FD2)
	case ArgPath:
		return strconv.Quote(o.Path)
	case ArgPath2, ArgText:
		return strconv.Quote(o.Path2)
	case ArgFlags, ArgHow, ArgMapFlags, ArgClone, ArgCloneArgs:
		return o.flagString()
	case ArgProt:
		return bitString(uint64(o.Cmd), protBits)
	case ArgMode:
		if o.Kind == AccessOp {
			return accessModes[v&7]
		}
		return "0" + strconv.FormatUint(v&0xffff, 8)
	case ArgBuf:
		return strconv.Quote(string(o.Data[:min(len(o.Data), 32)]))
	case ArgLen, ArgIovCnt:
		return strconv.FormatInt(o.Len, 10)
	case ArgOff, ArgSeek, ArgInt, ArgPID:
		return strconv.FormatInt(int64(v), 10)
	case ArgOffPtr2:
		return offset(o.Off2)
	case ArgOffPtr:
		return offset(o.Off)
	case ArgWhence:
		return "SEEK_" + whenceNames[min(max(o.Whence, 0), len(whenceNames)-1)]
	case ArgFlock:
		return bitString(uint64(uint32(o.Cmd)), flockBits)
	case ArgCmd:
		return fcntlNames[o.Cmd]
	case ArgFcntl:
		return o.fcntlString(v)
	case ArgSignal:
		return SignalName(o.Signal)
	case ArgStatus:
		return strconv.Itoa(int(o.Status))
	case ArgTime, ArgTimeval, ArgMillis:
		return duration(o.Len)
	case ArgFDPair:
		if o.NewFD >= 0 {
			return "[" + strconv.Itoa(o.NewFD) + ", " + strconv.Itoa(o.NewFD2) + "]"
		}
	}
	return ""
}

var accessModes = [8]string{"F_OK", "X_OK", "W_OK", "W_OK|X_OK", "R_OK", "R_OK|X_OK", "R_OK|W_OK", "R_OK|W_OK|X_OK"}

func (o *Op) descriptor(fd int, path string) string {
	if path == "" {
		return strconv.Itoa(fd)
	}
	return strconv.Itoa(fd) + "<" + strings.Trim(strconv.Quote(path), `"`) + ">"
}

func dirFD(fd int) string {
	if fd == AT_FDCWD {
		return "AT_FDCWD"
	}
	return strconv.Itoa(fd)
}

func offset(off int64) string {
	if off == None {
		return "NULL"
	}
	return strconv.FormatInt(off, 10)
}

func (o *Op) flagString() string {
	if o.Kind == Open {
		return openString(o.Flags)
	}
	return bitString(o.Flags, flagBits[o.Kind])
}

func (o *Op) fcntlString(v uint64) string {
	switch {
	case o.Lock.Family == LeaseLock || o.Kind == LockOp && o.Lock.Family != NoLock:
		return o.Lock.String()
	case o.Cmd == F_SETFL:
		return openString(o.Flags)
	case o.Cmd == F_SETFD:
		return bitString(o.Flags, []bitName{{FD_CLOEXEC, "FD_CLOEXEC"}})
	case o.Kind == GetLock:
		return o.Lock.String()
	}
	return strconv.FormatInt(int64(v), 10)
}

// String writes mode and range: "EX", "SH [0, 10)", "EX [5, end)".
func (l Lock) String() string {
	if l.Start == 0 && l.End == MaxOffset && l.Whence == SEEK_SET {
		return l.Mode.String()
	}
	end := "end"
	if l.End != MaxOffset {
		end = strconv.FormatInt(l.End, 10)
	}
	s := l.Mode.String() + " [" + strconv.FormatInt(l.Start, 10) + ", " + end + ")"
	switch l.Whence {
	case SEEK_CUR:
		s += " from the offset"
	case SEEK_END:
		s += " from the end"
	}
	return s
}

func duration(ns int64) string {
	if ns == None {
		return "for ever"
	}
	return time.Duration(ns).String()
}
