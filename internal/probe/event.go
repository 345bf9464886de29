package probe

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// The layout of event.bpf.h.
const (
	headSize   = 144
	objectSize = 40
	handleSize = objectSize + 40
	entrySize  = 2 * objectSize
	chunkSize  = 16
	thereSize  = 56 + handleSize
)

// what tells the events apart.
type what uint16

const (
	callEvent what = iota + 1
	bornEvent
	execedEvent
	endedEvent
	signalledEvent
)

// The sections that may follow the head, in this order.
const (
	hasFD  = 1 << iota // handle: the descriptor argument
	hasFD2             // handle: the second one
	hasNew             // handle: the descriptor returned
	_
	hasParent  // object: the directory that holds the name by which hasNew was opened
	hasStart   // object: where the first path starts if it is relative
	hasStart2  // object: the second
	hasEntry   // entry: the name changed
	hasEntry2  // entry: the second
	hasReached // object: the file that was looked at by its path
	changedFD  // no section: the descriptor led elsewhere when the call returned
	hasSum     // 8 bytes: CRC-32C of what was written, where it is longer than what is kept of it
)

// object is a file's identity and what stat(2) would say of it.
type object struct {
	ino                    uint64
	size                   int64 // bytes
	dev, gen, nlink, magic uint32
	mode                   uint16
	known                  bool
}

// handle is an open file description.
type handle struct {
	object          object
	file            uint64 // the kernel's address of it
	pos             int64  // bytes, at the call's return, as is the object
	wasSize, wasPos int64  // at its entry
	flags, mode     uint32 // O_*, FMODE_*
}

// entry is a directory entry that the call changes.
type entry struct{ dir, object object }

// event is one record of the ring.
type event struct {
	what                   what
	nr                     uint16
	enter, exit            int64 // ns, CLOCK_MONOTONIC
	tgid, tid, uid, parent uint32
	cgroup                 uint64
	comm                   [16]byte
	args                   [6]uint64
	ret                    int64
	sections               uint32
	view                   uint64

	fd, fd2, new  handle
	parentDir     object
	start, start2 object
	entry, entry2 entry
	reached       object
	sum           uint32
	chunks        chunks
}

func (e *event) has(section uint32) bool { return e.sections&section != 0 }

// errShort is an event that ends too early. The ring keeps events whole, so that
// it tells of a layout that does not fit.
var errShort = errors.New("an event ends too early")

// reader takes little-endian fields off a byte slice.
type reader struct {
	b   []byte
	bad bool
}

func (r *reader) take(n int) []byte {
	if r.bad || len(r.b) < n {
		r.bad = true
		return make([]byte, n)
	}
	b := r.b[:n]
	r.b = r.b[n:]
	return b
}

// parse reads an event of the ring into e. Its chunks refer to b.
func (e *event) parse(b []byte) error {
	if len(b) < headSize {
		return fmt.Errorf("%w: %d bytes", errShort, len(b))
	}
	le := binary.LittleEndian
	e.what, e.nr = what(le.Uint16(b)), le.Uint16(b[2:])
	e.enter, e.exit = int64(le.Uint64(b[16:])), int64(le.Uint64(b[24:]))
	e.tgid, e.tid, e.uid, e.parent = le.Uint32(b[32:]), le.Uint32(b[36:]), le.Uint32(b[40:]), le.Uint32(b[44:])
	e.cgroup = le.Uint64(b[48:])
	copy(e.comm[:], b[56:72])
	for i := range e.args {
		e.args[i] = le.Uint64(b[72+8*i:])
	}
	e.ret = int64(le.Uint64(b[120:]))
	e.sections = le.Uint32(b[128:])
	size := int(le.Uint32(b[132:]))
	e.view = le.Uint64(b[136:])
	r := reader{b: b[headSize:]}
	e.parseSections(&r)
	if r.bad || size > len(r.b) {
		return fmt.Errorf("%w: sections %#x, %d bytes of chunks in %d bytes", errShort, e.sections, size, len(b))
	}
	return e.chunks.parse(r.b[:size])
}

// headLost reads from an event which processor it is of, and what that had lost by then.
func headLost(b []byte) (cpu uint32, lost uint64) {
	return binary.LittleEndian.Uint32(b[4:]), binary.LittleEndian.Uint64(b[8:])
}

func (e *event) parseSections(r *reader) {
	for _, s := range [...]struct {
		bit uint32
		to  *handle
	}{{hasFD, &e.fd}, {hasFD2, &e.fd2}, {hasNew, &e.new}} {
		if e.has(s.bit) {
			s.to.parse(r.take(handleSize))
		}
	}
	for _, s := range [...]struct {
		bit uint32
		to  *object
	}{{hasParent, &e.parentDir}, {hasStart, &e.start}, {hasStart2, &e.start2}} {
		if e.has(s.bit) {
			s.to.parse(r.take(objectSize))
		}
	}
	for _, s := range [...]struct {
		bit uint32
		to  *entry
	}{{hasEntry, &e.entry}, {hasEntry2, &e.entry2}} {
		if e.has(s.bit) {
			b := r.take(entrySize)
			s.to.dir.parse(b)
			s.to.object.parse(b[objectSize:])
		}
	}
	if e.has(hasReached) {
		e.reached.parse(r.take(objectSize))
	}
	if e.has(hasSum) {
		e.sum = uint32(binary.LittleEndian.Uint64(r.take(8)))
	}
}

func (o *object) parse(b []byte) {
	le := binary.LittleEndian
	*o = object{ino: le.Uint64(b), size: int64(le.Uint64(b[8:])), dev: le.Uint32(b[16:]), gen: le.Uint32(b[20:]),
		nlink: le.Uint32(b[24:]), magic: le.Uint32(b[28:]), mode: le.Uint16(b[32:]), known: le.Uint16(b[34:]) != 0}
}

func (h *handle) parse(b []byte) {
	le := binary.LittleEndian
	h.object.parse(b)
	b = b[objectSize:]
	h.file = le.Uint64(b)
	h.pos, h.wasSize, h.wasPos = int64(le.Uint64(b[8:])), int64(le.Uint64(b[16:])), int64(le.Uint64(b[24:]))
	h.flags, h.mode = le.Uint32(b[32:]), le.Uint32(b[36:])
}

// chunk is a piece of the memory of the process that made the call; at address 0,
// a text of the kernel's.
type chunk struct {
	addr uint64
	b    []byte
}

// chunks are the memory that was kept of a call. They are op.Memory.
type chunks struct {
	list [8]chunk
	n    int
}

func (c *chunks) parse(b []byte) error {
	c.n = 0
	for len(b) > 0 {
		if len(b) < chunkSize || c.n == len(c.list) {
			return fmt.Errorf("%w: in a chunk", errShort)
		}
		n := int(binary.LittleEndian.Uint32(b[8:]))
		padded := (n + 7) &^ 7
		if n > len(b) || padded > len(b)-chunkSize {
			return fmt.Errorf("%w: a chunk of %d bytes in %d", errShort, n, len(b))
		}
		c.list[c.n] = chunk{binary.LittleEndian.Uint64(b), b[chunkSize : chunkSize+n]}
		c.n++
		b = b[chunkSize+padded:]
	}
	return nil
}

// errNotKept says that the memory was not kept.
var errNotKept = errors.New("memory was not kept")

func (c *chunks) ReadMemory(addr uint64, b []byte) (int, error) {
	for _, k := range c.list[:c.n] {
		if addr >= k.addr && addr-k.addr < uint64(len(k.b)) {
			return copy(b, k.b[addr-k.addr:]), nil
		}
	}
	return 0, errNotKept
}

// add keeps another chunk, if there is room.
func (c *chunks) add(addr uint64, b []byte) {
	if c.n < len(c.list) {
		c.list[c.n] = chunk{addr, b}
		c.n++
	}
}

// kernelText is the text that the kernel gave, without its NUL; "" if there is none.
func (c *chunks) kernelText() string {
	for _, k := range c.list[:c.n] {
		if k.addr == 0 && len(k.b) > 0 {
			return string(k.b[:len(k.b)-1])
		}
	}
	return ""
}

// there is what the kernel's iterators tell of a process, or of a descriptor.
type there struct {
	time                   int64 // ns, CLOCK_MONOTONIC
	tgid, tid, parent, uid uint32
	fd                     int32 // -1: the process itself; -2: the watcher
	cloexec                bool
	comm                   [16]byte
	view                   uint64
	handle                 handle
}

func (t *there) parse(b []byte) error {
	if len(b) != thereSize {
		return fmt.Errorf("%w: %d bytes of a process", errShort, len(b))
	}
	le := binary.LittleEndian
	t.time = int64(le.Uint64(b))
	t.tgid, t.tid, t.parent, t.uid = le.Uint32(b[8:]), le.Uint32(b[12:]), le.Uint32(b[16:]), le.Uint32(b[20:])
	t.fd, t.cloexec = int32(le.Uint32(b[24:])), le.Uint32(b[28:]) != 0
	copy(t.comm[:], b[32:48])
	t.view = le.Uint64(b[48:])
	t.handle.parse(b[56:])
	return nil
}
