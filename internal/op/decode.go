package op

import "math"

// Decode fills in what is known of the operation when call c is entered with
// these arguments: kind, descriptors, paths, flags, ranges, the lock asked for,
// and a sum over the data to be written. Memory that cannot be read leaves its
// field empty; the kernel will answer EFAULT. The call is one of this machine:
// open flags come out with the values of amd64.
func Decode(o *Op, c *Call, args [6]uint64, mem Memory) {
	decodeOn(Native, o, c, args, mem)
}

func decodeOn(a Arch, o *Op, c *Call, args [6]uint64, mem Memory) {
	o.Call, o.Kind, o.Args = c, c.Kind, args
	o.FD, o.FD2, o.NewFD, o.NewFD2 = None, None, None, None
	o.Off, o.Off2, o.OldSize = None, None, None
	o.Flags = c.Flags
	d := decoder{Op: o, arch: a, mem: mem}
	for i, kind := range c.Args {
		d.arg(kind, args[i])
	}
	d.finish()
}

// decoder is one call of Decode.
type decoder struct {
	*Op
	arch Arch
	mem  Memory
	buf  uint64 // address of the data
	iov  uint64 // address of the iovecs
	vecs []uint64
}

// fd takes a descriptor as the kernel does: an int, whatever the upper half says.
func fd(v uint64) int { return int(int32(v)) }

func (d *decoder) arg(kind Arg, v uint64) {
	switch kind {
	case ArgFD, ArgDirFD:
		d.FD = fd(v)
	case ArgFD2, ArgDirFD2:
		d.FD2 = fd(v)
	case ArgLastFD:
		d.FD2 = int(min(v&low32, math.MaxInt32))
	case ArgPath:
		d.Path, _ = readString(d.mem, v)
	case ArgPath2, ArgText:
		d.Path2, _ = readString(d.mem, v)
	case ArgFlags:
		d.flags(v & low32)
	case ArgMapFlags:
		d.Flags |= v
	case ArgProt:
		d.Cmd = int(v & (PROT_READ | PROT_WRITE | PROT_EXEC))
	case ArgBuf:
		d.buf = v
	case ArgIov:
		d.iov = v
	case ArgLen:
		d.Len = int64(v)
	case ArgIovCnt:
		d.iovecs(v)
	case ArgOff, ArgSeek:
		d.Off = int64(v)
	case ArgWhence:
		d.Whence = int(v & low32)
	case ArgOffPtr:
		d.Off = d.offset(v)
	case ArgOffPtr2:
		d.Off2 = d.offset(v)
	case ArgStatus:
		d.Status = int32(v & 0xff)
	case ArgSignal:
		d.Signal = int32(v)
	case ArgFlock:
		d.flock(int(int32(v)))
	case ArgCmd:
		d.Cmd = int(v & low32)
	case ArgFcntl:
		d.fcntl(v)
	default:
		d.structArg(kind, v)
	}
}

// structArg decodes what lies behind a pointer, and times.
func (d *decoder) structArg(kind Arg, v uint64) {
	switch kind {
	case ArgHow: // struct open_how: flags, mode, resolve
		if w := readWords(d.mem, v, 3); w != nil {
			d.flags(w[0])
			d.Cmd = int(w[2])
		}
	case ArgClone:
		d.clone(v)
	case ArgCloneArgs: // struct clone_args begins with the flags
		if w := readWords(d.mem, v, 1); w != nil {
			d.clone(w[0])
		}
	case ArgTime:
		d.timeout(v, 1)
	case ArgTimeval:
		d.timeout(v, 1000)
	case ArgMillis:
		d.Len = None
		if ms := int64(int32(v)); ms >= 0 {
			d.Len = ms * 1e6
		}
	}
}

func (d *decoder) flags(v uint64) {
	if d.Kind == Open || d.Kind == PipeOp {
		v = d.arch.openFlags(v)
	}
	d.Flags |= v
}

func (d *decoder) clone(v uint64) {
	d.Flags |= v
	d.Thread = v&CLONE_THREAD != 0
}

func (d *decoder) offset(addr uint64) int64 {
	if w := readWords(d.mem, addr, 1); w != nil {
		return int64(w[0])
	}
	return None
}

// timeout reads seconds and a fraction in units of ns. The kernel refuses what
// is negative, so None cannot be mistaken for such a time.
func (d *decoder) timeout(addr uint64, unit int64) {
	d.Len = None
	if d.Kind == Futex && !futexWaits(d.Args[1]) {
		return // the register holds a count
	}
	w := readWords(d.mem, addr, 2)
	if w == nil {
		return
	}
	sec, frac := int64(w[0]), int64(w[1])
	if sec < 0 || frac < 0 || frac >= 1e9/unit {
		return
	}
	if sec >= math.MaxInt64/1_000_000_000 {
		d.Len = math.MaxInt64
		return
	}
	d.Len = sec*1e9 + frac*unit
}

// futexWaits reports whether that futex operation takes a timeout: FUTEX_WAIT,
// LOCK_PI, WAIT_BITSET, WAIT_REQUEUE_PI, LOCK_PI2. The time is relative for
// FUTEX_WAIT alone.
func futexWaits(op uint64) bool {
	switch op & 0x7f {
	case 0, 6, 9, 11, 13:
		return true
	}
	return false
}

// finish does what takes several arguments.
func (d *decoder) finish() {
	if d.Kind == Write || d.Kind == Send {
		d.sumData()
	}
	switch d.Kind {
	case Read, Write:
		if d.Off < 0 {
			d.Off = None // preadv2 and pwritev2 take -1 for the descriptor's own offset
		}
	case Wait:
		d.Status = None
	case Pause:
		d.Len = None
	}
}
