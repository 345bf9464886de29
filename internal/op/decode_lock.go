package op

import "encoding/binary"

// flock decodes the operation of flock(2). One that the kernel refuses leaves Lock empty.
func (d *decoder) flock(operation int) {
	d.Cmd = operation
	var mode LockMode
	switch operation &^ LOCK_NB {
	case LOCK_SH:
		mode = Shared
	case LOCK_EX:
		mode = Exclusive
	case LOCK_UN:
		mode = Unlock
	default:
		return
	}
	d.Lock = Lock{Family: FlockLock, Mode: mode, Wait: operation&LOCK_NB == 0 && mode != Unlock, End: MaxOffset}
}

// fcntl decodes the argument of fcntl(2), whose meaning the command gives.
func (d *decoder) fcntl(v uint64) {
	switch d.Cmd {
	case F_DUPFD_CLOEXEC:
		d.Flags |= O_CLOEXEC
	case F_SETFD:
		d.Flags |= v & low32
	case F_SETFL:
		d.Flags |= d.arch.openFlags(v & low32)
	case F_SETLK, F_SETLKW, F_GETLK:
		d.structFlock(PosixLock, v)
	case F_OFD_SETLK, F_OFD_SETLKW, F_OFD_GETLK:
		d.structFlock(OFDLock, v)
	case F_SETLEASE:
		if mode, ok := lockMode(int16(v)); ok {
			d.Lock = Lock{Family: LeaseLock, Mode: mode, End: MaxOffset}
		}
	case F_GETLEASE:
		d.Lock = Lock{Family: LeaseLock, End: MaxOffset}
	}
}

func lockMode(typ int16) (LockMode, bool) {
	switch typ {
	case F_RDLCK:
		return Shared, true
	case F_WRLCK:
		return Exclusive, true
	case F_UNLCK:
		return Unlock, true
	}
	return Unlock, false
}

// structFlock reads a struct flock: short type, short whence, padding, start,
// length. A length of 0 reaches to the end of the file, a negative one lies
// before start.
func (d *decoder) structFlock(family LockFamily, addr uint64) {
	var b [24]byte
	if addr == 0 || !readFull(d.mem, addr, b[:]) {
		return
	}
	mode, ok := lockMode(int16(binary.LittleEndian.Uint16(b[0:])))
	if !ok {
		return
	}
	start := int64(binary.LittleEndian.Uint64(b[8:]))
	length := int64(binary.LittleEndian.Uint64(b[16:]))
	lo, hi := start, MaxOffset
	switch {
	case length > 0 && start <= MaxOffset-length:
		hi = start + length
	case length < 0 && start >= -MaxOffset-length:
		lo, hi = start+length, start
	}
	d.Lock = Lock{
		Family: family,
		Mode:   mode,
		Wait:   (d.Cmd == F_SETLKW || d.Cmd == F_OFD_SETLKW) && mode != Unlock,
		Start:  lo,
		End:    hi,
		Whence: int16(binary.LittleEndian.Uint16(b[2:])),
	}
}
