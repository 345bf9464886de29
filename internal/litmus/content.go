package litmus

import (
	"bytes"
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// sizes of records and writes, bytes: below, at and above a block, a page and a folio.
var sizes = []int{1, 512, 4 << 10, 64 << 10, 1 << 20}

// sizeName spells a size as the tests' names do.
func sizeName(n int) string {
	switch {
	case n >= 1<<20 && n%(1<<20) == 0:
		return fmt.Sprintf("%d MiB", n>>20)
	case n >= 1<<10 && n%(1<<10) == 0:
		return fmt.Sprintf("%d KiB", n>>10)
	}
	return fmt.Sprintf("%d B", n)
}

var letters = map[byte][]byte{}

// filled returns n times the letter. It is made once and must not be changed.
func filled(letter byte, n int) []byte {
	if len(letters[letter]) < n {
		letters[letter] = bytes.Repeat([]byte{letter}, max(n, 1<<16))
	}
	return letters[letter][:n]
}

// pure tells whether all bytes are the letter.
func pure(b []byte, letter byte) bool { return bytes.Equal(b, filled(letter, len(b))) }

// run is a stretch of one letter.
type run struct {
	at, n  int
	letter byte
}

// runs cuts bytes into stretches of one letter.
func runs(b []byte) (all []run) {
	for i := 0; i < len(b); {
		n := stretch(b[i:])
		all = append(all, run{i, n, b[i]})
		i += n
	}
	return all
}

// stretch is how many of the first bytes are the same.
func stretch(b []byte) (n int) {
	const step = 4096
	for n+step <= len(b) && pure(b[n:n+step], b[0]) {
		n += step
	}
	for n < len(b) && b[n] == b[0] {
		n++
	}
	return n
}

// only tells whether bytes hold no letters but these.
func only(all []run, letters string) bool {
	for _, r := range all {
		if bytes.IndexByte([]byte(letters), r.letter) < 0 {
			return false
		}
	}
	return true
}

// grain is the largest power of two that divides all offsets at which the
// letter changes: the unit in which contents were mixed.
func grain(all []run) int {
	bits := 0
	for _, r := range all[1:] {
		bits |= r.at
	}
	return bits & -bits
}

// picture tells what runs there are, the first few of them.
func picture(all []run) string {
	var s bytes.Buffer
	for i, r := range all {
		if i == 4 {
			fmt.Fprintf(&s, " and %d more stretches", len(all)-i)
			break
		}
		if i > 0 {
			s.WriteString(", ")
		}
		letter := fmt.Sprintf("%q", r.letter)
		if r.letter == 0 {
			letter = "NUL"
		}
		fmt.Fprintf(&s, "%d × %s", r.n, letter)
	}
	if len(all) == 0 {
		return "nothing"
	}
	return s.String()
}

// content reads a file whole, into a buffer that the next call uses again.
func (p *Proc) content(name string) []byte {
	fd := p.Open(name, unix.O_RDONLY)
	defer p.Close(fd)
	b, err := p.readAt(fd, int(p.Fstat(fd).Size))
	p.Must("read "+name, err)
	return b
}

// readAt reads at most n bytes from the beginning, by one call, into a buffer
// that the next call uses again.
func (p *Proc) readAt(fd, n int) ([]byte, error) {
	if len(p.buffer) < n {
		p.buffer = make([]byte, n)
	}
	got, err := unix.Pread(fd, p.buffer[:n], 0)
	return p.buffer[:max(got, 0)], err
}

// tallyMix counts a mixture by its grain: bytes, pages, or folios of several pages.
func (p *Proc) tallyMix(grain int) {
	page := os.Getpagesize()
	switch {
	case grain < page:
		p.Tally("mixed inside a page")
	case grain == page:
		p.Tally("mixed at page edges")
	default:
		p.Tally("mixed at edges of several pages only")
	}
	p.Least("smallest unit mixed, bytes", int64(grain))
}
