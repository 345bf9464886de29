package op

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"math"
	"strconv"
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// SetSums keeps what can be told of the bytes written, b, when they are gone: Sum and Next.
func (o *Op) SetSums(b []byte) {
	o.Sum = crc32.Checksum(b, castagnoli)
	o.Next = [2]uint32{}
	for i, up := range successors(b) {
		if up != nil {
			o.Next[i] = crc32.Checksum(up, castagnoli)
		}
	}
}

// NumberMax bounds the contents that can be one number, in bytes: a 64-bit number in
// decimal, its sign, and the end of the line.
const NumberMax = 22

// successors returns b counted one up, if it is one number: a decimal one in the same width where it is padded, or one as
// a processor keeps it, least and most significant byte first; nil where it is none.
func successors(b []byte) (up [2][]byte) {
	if len(b) > NumberMax {
		return up
	}
	if text := bytes.TrimSpace(b); len(text) > 0 && isDigit(text[len(text)-1]) {
		if n, err := strconv.ParseInt(string(text), 10, 64); err == nil {
			if n < math.MaxInt64 {
				up[0] = nextDecimal(b, text, n+1)
			}
			return up
		}
	}
	if !binaryWord(b) {
		return up
	}
	word, bits := make([]byte, 8), 8*len(b)
	copy(word, b)
	if n := binary.LittleEndian.Uint64(word); n+1 < 1<<bits || bits == 64 {
		up[0] = binary.LittleEndian.AppendUint64(nil, n+1)[:len(b)]
	}
	if n := binary.BigEndian.Uint64(word) >> (64 - bits); n+1 < 1<<bits || bits == 64 {
		up[1] = binary.BigEndian.AppendUint64(nil, n+1)[8-len(b):]
	}
	return up
}

// nextDecimal puts n in the place of text, which is a number in b.
func nextDecimal(b, text []byte, n int64) []byte {
	lead := bytes.Index(b, text)
	s := strconv.FormatInt(n, 10)
	if text[0] == '0' && len(text) > len(s) {
		s = string(bytes.Repeat([]byte{'0'}, len(text)-len(s))) + s
	}
	var out []byte
	if lead > 0 {
		out = append(out, bytes.Repeat(b[:1], max(0, lead+len(text)-len(s)))...)
	}
	return append(append(out, s...), b[lead+len(text):]...)
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

// binaryWord reports whether b may be a number as a processor keeps it, and is no text.
func binaryWord(b []byte) bool {
	switch len(b) {
	case 2, 4, 8:
		return bytes.IndexFunc(b, func(r rune) bool { return r < '\t' || r > '~' }) >= 0
	}
	return false
}

// JoinSums returns the CRC-32C of one text followed by another of n bytes, of which it
// is given the sums. The sum of the first is multiplied by x^8n modulo the polynomial, bits reversed (as crc32_combine of
// zlib does it).
func JoinSums(first, second uint32, n int64) uint32 {
	power := uint32(1) << 23 // x^8
	for ; n > 0; n >>= 1 {
		if n&1 != 0 {
			first = times(first, power)
		}
		power = times(power, power)
	}
	return first ^ second
}

// times multiplies two polynomials, the highest bit being x^0.
func times(a, b uint32) (product uint32) {
	for ; a != 0; a <<= 1 {
		if a&(1<<31) != 0 {
			product ^= b
		}
		low := b & 1
		b >>= 1
		if low != 0 {
			b ^= crc32.Castagnoli
		}
	}
	return product
}
