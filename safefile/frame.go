package safefile

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"io"
	"iter"
	"math"
)

// A framed record is 4 bytes of mark, the length (4 bytes, big endian), the CRC-32C of
// length and record (4 bytes, big endian), and the record. The mark is no valid UTF-8, so it
// does not occur in text.
const (
	frameMark   = "\xf5rec"
	frameHeader = len(frameMark) + 8
)

// MaxRecord is the longest record that can be framed, in bytes. A length that damage
// made up must not make the reader take up all memory.
const MaxRecord = 1 << 26

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

var errTooLong = errors.New("record longer than MaxRecord")

func frame(record []byte) ([]byte, error) {
	if len(record) > MaxRecord || len(record) > math.MaxUint32 {
		return nil, errTooLong
	}
	b := make([]byte, 0, frameHeader+len(record))
	b = append(b, frameMark...)
	b = binary.BigEndian.AppendUint32(b, uint32(len(record)))
	b = binary.BigEndian.AppendUint32(b, checksum(b[len(frameMark):], record))
	return append(b, record...), nil
}

func checksum(length, record []byte) uint32 {
	return crc32.Update(crc32.Checksum(length, castagnoli), castagnoli, record)
}

// Records yields the framed records of r in their order. Bytes that belong to no whole record, as
// a write that was cut short leaves them, are passed over: of two records that run
// into each other the whole one is found. An error of r is yielded last.
func Records(r io.Reader) iter.Seq2[[]byte, error] {
	return func(yield func([]byte, error) bool) {
		in := bufio.NewReaderSize(r, 1<<16)
		var buf []byte // read, and not yet given out or passed over
		// fill makes buf n bytes long, if there are so many.
		fill := func(n int) error {
			if have := len(buf); have < n {
				chunk, err := io.ReadAll(io.LimitReader(in, int64(n-have)))
				buf = append(buf, chunk...)
				return err
			}
			return nil
		}
		for {
			if err := fill(frameHeader); err != nil {
				yield(nil, err)
				return
			}
			if len(buf) < frameHeader {
				return
			}
			if i := bytes.Index(buf, []byte(frameMark)); i != 0 {
				buf = buf[skip(buf, i):]
				continue
			}
			n := binary.BigEndian.Uint32(buf[4:])
			if n > MaxRecord {
				buf = buf[1:]
				continue
			}
			if err := fill(frameHeader + int(n)); err != nil {
				yield(nil, err)
				return
			}
			end := frameHeader + int(n)
			if len(buf) < end || checksum(buf[4:8], buf[frameHeader:end]) != binary.BigEndian.Uint32(buf[8:]) {
				buf = buf[1:]
				continue
			}
			if !yield(bytes.Clone(buf[frameHeader:end]), nil) {
				return
			}
			buf = buf[end:]
		}
	}
}

// skip is how many bytes begin no frame; the last ones may begin one that goes on
// in what is not read yet.
func skip(buf []byte, mark int) int {
	if mark > 0 {
		return mark
	}
	return max(1, len(buf)-len(frameMark)+1)
}
