package race

import (
	"bytes"
	"encoding/binary"
	"strconv"
)

// digits bounds the contents that can be one number, in bytes: a 64-bit number in
// decimal, its sign, and the end of the line.
const digits = 22

// counted reports whether the contents were one number and became the next
// higher or lower one. Two processes that both counted from 5 to 6 have lost a
// count. Other equal changes lose nothing as a rule: a setting that both brought
// up to date, a file that both computed, the time of day.
func counted(was, is []byte) bool {
	if a, ok := decimal(was); ok {
		b, ok := decimal(is)
		return ok && neighbours(a, b)
	}
	if len(was) != len(is) || !binaryWord(was) || !binaryWord(is) {
		return false
	}
	return neighbours(word(was, binary.LittleEndian), word(is, binary.LittleEndian)) ||
		neighbours(word(was, binary.BigEndian), word(is, binary.BigEndian))
}

func neighbours(a, b int64) bool { return b == a+1 || b == a-1 }

func decimal(b []byte) (int64, bool) {
	n, err := strconv.ParseInt(string(bytes.TrimSpace(b)), 10, 64)
	return n, err == nil
}

// binaryWord reports whether b may be a number as a processor keeps it, and is no text.
func binaryWord(b []byte) bool {
	switch len(b) {
	case 2, 4, 8:
		return bytes.IndexFunc(b, func(r rune) bool { return r < '\t' || r > '~' }) >= 0
	}
	return false
}

func word(b []byte, order binary.ByteOrder) int64 {
	switch len(b) {
	case 2:
		return int64(order.Uint16(b))
	case 4:
		return int64(order.Uint32(b))
	}
	return int64(order.Uint64(b))
}
