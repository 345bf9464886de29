package logs

import "encoding/binary"

// memory holds what a log shows of a process's memory, at made-up addresses, so
// that op.Decode reads it as it reads a process. Behind every chunk lies a hole:
// a string that the log cuts short ends in it.
type memory struct {
	buf  []byte
	ends []int // of the chunks, ascending
}

const (
	firstAddress = 1 << 40 // no log shows such an address of its own: amd64 has 47 bits, mappings lie at their top
	chunkGap     = 16
)

func (m *memory) reset() { m.buf, m.ends = m.buf[:0], m.ends[:0] }

// begin opens a chunk and returns its address; what is appended to buf until
// end belongs to it.
func (m *memory) begin() uint64 { return firstAddress + uint64(len(m.buf)) }

func (m *memory) end() {
	m.ends = append(m.ends, len(m.buf))
	var gap [chunkGap]byte
	m.buf = append(m.buf, gap[:]...)
}

// words stores 64-bit words and returns their address.
func (m *memory) words(words ...uint64) uint64 {
	addr := m.begin()
	for _, w := range words {
		m.buf = binary.LittleEndian.AppendUint64(m.buf, w)
	}
	m.end()
	return addr
}

// bytes stores b and returns its address.
func (m *memory) bytes(b []byte) uint64 {
	addr := m.begin()
	m.buf = append(m.buf, b...)
	m.end()
	return addr
}

// ReadMemory reads within one chunk.
func (m *memory) ReadMemory(addr uint64, b []byte) (int, error) {
	if addr < firstAddress || addr-firstAddress >= uint64(len(m.buf)) {
		return 0, nil
	}
	off := int(addr - firstAddress)
	for _, end := range m.ends {
		if off < end {
			return copy(b, m.buf[off:end]), nil
		}
		if off < end+chunkGap {
			break
		}
	}
	return 0, nil
}
