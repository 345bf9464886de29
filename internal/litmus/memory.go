package litmus

import (
	"fmt"
	"os"
	"sync/atomic"
	"unsafe"

	"golang.org/x/sys/unix"
)

// board is the memory that the processes of a case share: where they meet, and
// what they tell each other. One writer for each field unless it says otherwise.
type board struct {
	trial  atomic.Int64 // the trial that may begin; written by the first role
	turn   atomic.Int64 // whose turn it is; written by whoever has it
	stop   atomic.Int32 // not 0: all leave; written by anyone
	ended  atomic.Int32 // 1: the result is complete
	start  atomic.Int64 // when the sections of this trial begin, ns; 0: not yet
	inside atomic.Int32 // how many have called Enter and not Leave
	_      [16]byte
	slots  [maxRoles]slot
}

const maxRoles = 8

// slot is one role's part of the board.
type slot struct {
	pid, tid atomic.Int32
	ready    atomic.Int64  // the last trial in which it was ready to race
	done     atomic.Int64  // the last trial that it finished
	blocking atomic.Int32  // 1: in a call that may sleep
	failed   atomic.Int32  // see failure kinds; text says why
	inside   atomic.Uint64 // the inode by which it entered; 0: it has not
	delay    atomic.Int64  // ns after start; written by the first role

	// Of the current trial, ns since start.
	began, finished int64 // the section
	opened, closed  int64 // the window

	values  [16]int64
	errno   int32
	textLen int32
	text    [1024]byte
	_       [64]byte
}

const boardSize = int(unsafe.Sizeof(board{}))

// mapBoard maps the shared memory that f holds.
func mapBoard(f *os.File) (*board, error) {
	mem, err := unix.Mmap(int(f.Fd()), 0, boardSize, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	if err != nil {
		return nil, fmt.Errorf("map the memory that the processes share: %w", err)
	}
	return (*board)(unsafe.Pointer(&mem[0])), nil
}

// unmap gives the memory back; the board must not be used afterwards.
func (b *board) unmap() {
	unix.Munmap(unsafe.Slice((*byte)(unsafe.Pointer(b)), boardSize))
}

// newBoard makes the memory and the file that stands for it.
func newBoard() (*board, *os.File, error) {
	f, err := memoryFile()
	if err != nil {
		return nil, nil, fmt.Errorf("make memory that processes share: %w", err)
	}
	if err := f.Truncate(int64(boardSize)); err != nil {
		f.Close()
		return nil, nil, fmt.Errorf("make memory that processes share: %w", err)
	}
	b, err := mapBoard(f)
	if err != nil {
		f.Close()
		return nil, nil, err
	}
	return b, f, nil
}

// put stores a text, cut to what there is room for.
func (s *slot) put(text string) { s.textLen = int32(copy(s.text[:], text)) }

func (s *slot) string() string { return string(s.text[:s.textLen]) }

// reset forgets what was said.
func (s *slot) reset() {
	s.errno, s.textLen, s.values = 0, 0, [16]int64{}
	s.blocking.Store(0)
	s.inside.Store(0)
}
