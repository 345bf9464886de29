//go:build linux && (amd64 || arm64)

package probe

import (
	"encoding/binary"
	"sync"
	"sync/atomic"

	"golang.org/x/sys/unix"
)

// backlog is what has been read of the ring and has not been asked for yet: one goroutine puts
// it, another one takes it. Its pieces lie outside Go's heap, since a burst would otherwise
// raise what the collector lets the heap grow to.
type backlog struct {
	limit   int          // pieces, 2 at least
	reached atomic.Int64 // the latest mark that everything before was taken of

	mu      sync.Mutex
	more    sync.Cond // there is something to take, or it is over
	room    sync.Cond // a piece was given back, or it is over
	pieces  []*piece  // oldest first; the last one is written to
	spare   []*piece
	read    int    // bytes of the first piece that were taken
	in, out uint64 // bytes that were put and may be taken; bytes that were taken
	waiting bool   // for more: what was taken has been dealt with
	mark    mark
	over    bool
	err     error

	// Of the goroutine that puts.
	last *piece
	at   int // bytes written to it
}

// piece is a part of the backlog: elements, each behind a head of 8 bytes and padded to 8.
type piece struct {
	b []byte
	n int // bytes that may be taken
}

const (
	pieceSize = 1 << 20 // bytes
	publishAt = 1 << 16 // bytes after which, at the latest, what was put may be taken
	spareMax  = 4       // pieces that are kept for the next burst
)

// The elements of a backlog.
const (
	eventElement = iota // of the ring
	gapElement          // 8 bytes: trace.Record.Lost
)

// mark is a moment, in ns since the start: once it is passed, all that had returned by then was taken.
type mark struct {
	at  int64
	pos uint64
	set bool
}

func newBacklog(bytes int) *backlog {
	b := &backlog{limit: max(bytes/pieceSize, 2)}
	b.more.L, b.room.L = &b.mu, &b.mu
	return b
}

// put appends an element, and waits until there is room. It reports false when it is over.
func (b *backlog) put(kind uint32, data []byte) bool {
	need := 8 + (len(data)+7)&^7
	if b.last == nil || b.at+need > len(b.last.b) {
		if !b.another() {
			return false
		}
	}
	to := b.last.b[b.at:]
	binary.LittleEndian.PutUint32(to, uint32(len(data)))
	binary.LittleEndian.PutUint32(to[4:], kind)
	copy(to[8:], data)
	b.at += need
	if b.at-b.last.n >= publishAt {
		b.publish()
	}
	return true
}

// another begins a piece.
func (b *backlog) another() bool {
	b.publish()
	b.mu.Lock()
	defer b.mu.Unlock()
	for {
		for !b.over && len(b.pieces) >= b.limit {
			b.room.Wait()
		}
		if b.over {
			return false
		}
		p, err := b.piece()
		switch {
		case err == nil:
			b.pieces = append(b.pieces, p)
			b.last, b.at = p, 0
			return true
		case len(b.pieces) < 2:
			b.finish(err)
			return false
		}
		b.limit = len(b.pieces) // there is no memory for more
	}
}

func (b *backlog) piece() (*piece, error) {
	if n := len(b.spare); n > 0 {
		p := b.spare[n-1]
		b.spare = b.spare[:n-1]
		p.n = 0
		return p, nil
	}
	m, err := unix.Mmap(-1, 0, pieceSize, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_ANON|unix.MAP_PRIVATE)
	return &piece{b: m}, err
}

// publish lets all that was put be taken.
func (b *backlog) publish() {
	if b.last == nil || b.last.n == b.at {
		return
	}
	b.mu.Lock()
	b.in += uint64(b.at - b.last.n)
	b.last.n = b.at
	b.mu.Unlock()
	b.more.Signal()
}

// reach publishes, and marks the moment until which all that returned has been put.
func (b *backlog) reach(at int64) {
	b.publish()
	b.mu.Lock()
	defer b.mu.Unlock()
	switch {
	case b.waiting && b.out == b.in:
		b.reached.Store(at)
	case !b.mark.set: // the one before it comes first
		b.mark = mark{at, b.in, true}
	}
}

// take waits for elements and returns them. They stay until it is called again. ok is false when all
// is taken and it is over.
func (b *backlog) take() (elements []byte, ok bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.mark.set && b.out >= b.mark.pos {
		b.reached.Store(b.mark.at)
		b.mark.set = false
	}
	for {
		if len(b.pieces) > 0 {
			p := b.pieces[0]
			if elements = p.b[b.read:p.n]; len(elements) > 0 {
				b.read = p.n
				b.out += uint64(len(elements))
				return elements, true
			}
			if len(b.pieces) > 1 {
				b.drop()
				continue
			}
		}
		if b.over {
			return nil, false
		}
		b.waiting = true
		b.more.Wait()
		b.waiting = false
	}
}

// drop gives the first piece back.
func (b *backlog) drop() {
	p := b.pieces[0]
	b.pieces = append(b.pieces[:0], b.pieces[1:]...)
	b.read = 0
	if len(b.spare) < spareMax {
		b.spare = append(b.spare, p)
	} else {
		unix.Munmap(p.b)
	}
	b.room.Signal()
}

// close ends it: what was put can still be taken.
func (b *backlog) close(err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.finish(err)
}

func (b *backlog) finish(err error) {
	if !b.over {
		b.over, b.err = true, err
	}
	b.more.Broadcast()
	b.room.Broadcast()
}

// free lets go of the memory. Nobody may put or hold elements any more.
func (b *backlog) free() {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, p := range append(b.pieces, b.spare...) {
		unix.Munmap(p.b)
	}
	b.pieces, b.spare, b.last = nil, nil, nil
}

// element takes the first element off.
func element(elements []byte) (kind uint32, data, rest []byte) {
	n := int(binary.LittleEndian.Uint32(elements))
	kind = binary.LittleEndian.Uint32(elements[4:])
	return kind, elements[8 : 8+n], elements[8+(n+7)&^7:]
}
