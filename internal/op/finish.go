package op

import "encoding/binary"

// Finish fills in the result of an operation that Decode began: ret is what the
// kernel returned, -errno on failure. Memory is read for descriptor pairs and
// wait statuses only.
func Finish(o *Op, ret int64, mem Memory) {
	o.Ret, o.Done = ret, true
	if o.Kind == Write || o.Kind == Send {
		o.keepWritten(ret)
	}
	if o.Failed() || o.Call == nil {
		return
	}
	if o.Call.NewFD {
		o.NewFD = int(ret)
	}
	for i, kind := range o.Call.Args {
		switch kind {
		case ArgFDPair:
			o.finishPair(o.Args[i], mem)
		case ArgWaitStatus:
			o.finishWait(o.Args[i], mem)
		case ArgSigInfo:
			o.finishSigInfo(o.Args[i], mem)
		}
	}
}

func (o *Op) finishPair(addr uint64, mem Memory) {
	a, ok := readInt32(mem, addr)
	b, ok2 := readInt32(mem, addr+4)
	if ok && ok2 {
		o.NewFD, o.NewFD2 = a, b
	}
}

// finishWait reads the status word of wait(2); a return of 0 (WNOHANG) wrote none.
func (o *Op) finishWait(addr uint64, mem Memory) {
	o.Reaped = int32(o.Ret)
	word, ok := readInt32(mem, addr)
	if !ok || o.Ret == 0 {
		return
	}
	switch sig := word & 0x7f; sig {
	case 0:
		o.Status = int32(word >> 8 & 0xff)
	case 0x7f: // stopped or continued: still there
		o.Reaped = 0
	default:
		o.Status = int32(128 + sig)
	}
}

// The codes of SIGCHLD that tell of an end (sigaction(2)).
const (
	cldExited = 1
	cldKilled = 2
	cldDumped = 3
)

// finishSigInfo reads the siginfo_t of waitid: si_code at byte 8, si_pid at 16,
// si_status at 24. A si_pid of 0 says that no child had ended (WNOHANG).
func (o *Op) finishSigInfo(addr uint64, mem Memory) {
	var b [28]byte
	if addr == 0 || !readFull(mem, addr, b[:]) || binary.LittleEndian.Uint32(b[16:]) == 0 {
		return
	}
	o.Reaped = int32(binary.LittleEndian.Uint32(b[16:]))
	status := int32(binary.LittleEndian.Uint32(b[24:]))
	switch binary.LittleEndian.Uint32(b[8:]) {
	case cldExited:
		o.Status = status & 0xff
	case cldKilled, cldDumped:
		o.Status = 128 + status
	}
}
