package op

import (
	"bytes"
	"encoding/binary"
)

// Memory is the memory of the process that made a call.
type Memory interface {
	// ReadMemory fills b from addr on and returns how many bytes it got: fewer
	// than asked for where the next page cannot be read, then with or without an error.
	ReadMemory(addr uint64, b []byte) (int, error)
}

const (
	pageSize = 4096 // the least on either architecture: no read from within one page can fail halfway
	pathMax  = 4096 // PATH_MAX, with the final NUL
	iovMax   = 1024 // UIO_MAXIOV
)

// readFull fills b from addr on and reports whether all of it could be read.
func readFull(mem Memory, addr uint64, b []byte) bool {
	for len(b) > 0 {
		n, err := mem.ReadMemory(addr, b)
		if n <= 0 || n > len(b) {
			return false
		}
		b = b[n:]
		addr += uint64(n)
		if err != nil && len(b) > 0 {
			return false
		}
	}
	return true
}

// readString reads a NUL-terminated string of at most pathMax bytes. ok is false
// where the kernel would answer EFAULT or ENAMETOOLONG.
func readString(mem Memory, addr uint64) (s string, ok bool) {
	if addr == 0 {
		return "", false
	}
	var got []byte
	step := uint64(256) // most paths are shorter: one read
	buf := make([]byte, step)
	for len(got) < pathMax {
		// Never beyond the page: the next one may not be there, and need not be.
		want := min(step, pageSize-addr%pageSize, uint64(pathMax-len(got)))
		n, _ := mem.ReadMemory(addr, buf[:want])
		if n <= 0 || n > int(want) {
			return "", false
		}
		if i := bytes.IndexByte(buf[:n], 0); i >= 0 {
			return string(append(got, buf[:i]...)), true
		}
		got = append(got, buf[:n]...)
		addr += uint64(n)
		if step < pageSize {
			step = pageSize
			buf = make([]byte, step)
		}
	}
	return "", false
}

// readWords reads n little-endian 64-bit words, nil if it cannot.
func readWords(mem Memory, addr uint64, n int) []uint64 {
	b := make([]byte, 8*n)
	if addr == 0 || !readFull(mem, addr, b) {
		return nil
	}
	words := make([]uint64, n)
	for i := range words {
		words[i] = binary.LittleEndian.Uint64(b[8*i:])
	}
	return words
}

// readInt32 reads one int.
func readInt32(mem Memory, addr uint64) (int, bool) {
	var b [4]byte
	if addr == 0 || !readFull(mem, addr, b[:]) {
		return 0, false
	}
	return int(int32(binary.LittleEndian.Uint32(b[:]))), true
}
