package saved

import (
	"bytes"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/compress"
	parquetfile "github.com/parquet-go/parquet-go/format"
)

// loader reads segments into memory, each where the last one lay.
type loader struct {
	dir    string
	name   string // of the segment
	text   []byte // of its file
	file   *parquet.File
	chunks []*chunk // by column; nil: not asked for, or stored otherwise
	dicts  [][]byte // by column, where a dictionary lay that was not kept
	room   *int     // bytes that may be kept; nil: none
	held   int      // bytes that are
}

// roomy reports whether more may be kept.
func (l *loader) roomy() bool { return l.room != nil && *l.room > 0 }

// keep notes that so many bytes are kept. Where there is no room nothing is noted: then there may be
// several loaders at work.
func (l *loader) keep(n int) {
	if l.roomy() {
		l.reserve(n)
	}
}

func (l *loader) reserve(n int) {
	*l.room -= n
	l.held += n
}

// open reads a segment and checks that it is what was written, and has those columns, by their paths.
func (l *loader) open(s *segment, columns []string) (err error) {
	name := filepath.Join(l.dir, opsDir, s.name())
	if l.file == nil || l.name != name {
		l.name, l.file, l.chunks = name, nil, nil
		if err := l.read(s); err != nil {
			return err
		}
	}
	if !has(l.file.Schema().Columns(), columns) {
		return &Error{l.name, ErrForeign, errors.New("its columns are not those of a recording")}
	}
	return nil
}

// read reads a segment and checks it.
func (l *loader) read(s *segment) (err error) {
	text, err := l.load()
	switch {
	case err != nil:
		return &Error{l.name, ErrRead, bare(err)}
	case len(text) == 0:
		return &Error{l.name, ErrDamaged, errors.New("it is empty")}
	case s.listed && int64(len(text)) != s.size:
		return &Error{l.name, ErrDamaged, fmt.Errorf("it has %d bytes of %d", len(text), s.size)}
	case s.listed && crc32.Checksum(text, castagnoli) != s.sum:
		return &Error{l.name, ErrDamaged, errors.New("its bytes have changed")}
	}
	defer l.caught(&err)
	f, err := parquet.OpenFile(bytes.NewReader(text), int64(len(text)), parquet.SkipPageIndex(true), parquet.SkipBloomFilters(true))
	if err != nil {
		return &Error{l.name, ErrDamaged, err}
	}
	if n := f.NumRows(); s.listed && n != s.rows || n < 1 {
		return &Error{l.name, ErrDamaged, fmt.Errorf("it says that it has %d rows", n)}
	}
	if groups := f.RowGroups(); len(groups) != 1 {
		return &Error{l.name, ErrDamaged, fmt.Errorf("it has %d row groups", len(groups))}
	}
	for i := range f.Metadata().RowGroups[0].Columns {
		if c := f.Metadata().RowGroups[0].Columns[i].MetaData.Codec; codecs[c] == nil {
			return &Error{l.name, ErrForeign, fmt.Errorf("it is compressed by %v, and recordings are by zstd", c)}
		}
	}
	columns := len(f.Metadata().RowGroups[0].Columns)
	l.text, l.file, l.chunks = text, f, make([]*chunk, columns)
	l.dicts = append(l.dicts, make([][]byte, max(columns-len(l.dicts), 0))...)
	return nil
}

// codecs are what a recording may be compressed by. Others are not asked: some take whatever memory a damaged
// page makes them believe that they need.
var codecs = map[parquetfile.CompressionCodec]compress.Codec{parquetfile.Zstd: &parquet.Zstd, parquetfile.Uncompressed: &parquet.Uncompressed}

// load reads the segment's file.
func (l *loader) load() ([]byte, error) {
	f, err := os.Open(l.name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	text := slices.Grow(l.text[:0], int(info.Size()))[:info.Size()]
	n, err := io.ReadFull(f, text)
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		err = nil // it has become shorter
	}
	return text[:n], err
}

// later are the columns that came after the first recordings of this version.
var later = []string{"inside", "seen", "next", "next2", "same_lo", "same_hi"}

// has reports whether a file with these paths has the columns, but for those that came later. Others are
// those of a later program, and say nothing to this one.
func has(paths [][]string, columns []string) bool {
	there := map[string]bool{}
	for _, path := range paths {
		there[strings.Join(path, ".")] = true
	}
	for _, name := range later {
		there[name] = true
	}
	for _, name := range columns {
		if !there[name] {
			return false
		}
	}
	return true
}

// begin shows f the columns of the segment: path is a column's name, or list, "list", "element", name.
func (l *loader) begin(f func(path []string, chunk *parquet.FileColumnChunk, r func() *runs)) {
	stored := l.file.Metadata().RowGroups[0].Columns
	paths := l.file.Schema().Columns()
	for i, chunk := range l.file.RowGroups()[0].ColumnChunks() {
		f(paths[i], chunk.(*parquet.FileColumnChunk), func() *runs {
			if l.chunks[i] == nil {
				l.chunks[i] = chunkOf(l, i, &stored[i].MetaData)
			}
			if l.chunks[i] == nil {
				return nil
			}
			return &runs{chunk: l.chunks[i]}
		})
	}
}

// caught makes an error of a panic: parquet-go checks much, not everything, and panics
// on some of what a stranger may put into a file.
func (l *loader) caught(err *error) {
	if p := recover(); p != nil {
		*err = l.damaged(fmt.Errorf("%v", p))
	}
}

func (l *loader) damaged(err error) error { return &Error{l.name, ErrDamaged, err} }
