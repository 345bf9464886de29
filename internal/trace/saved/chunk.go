package saved

import (
	"errors"
	"hash/crc32"
	"slices"

	"github.com/parquet-go/parquet-go/compress"
	"github.com/parquet-go/parquet-go/encoding"
	"github.com/parquet-go/parquet-go/encoding/plain"
	"github.com/parquet-go/parquet-go/encoding/thrift"
	parquetfile "github.com/parquet-go/parquet-go/format"
)

// chunk is a column of a segment as it lies in the file: a dictionary, and pages that count in it. What is
// decompressed of it is kept while its loader has room for that.
type chunk struct {
	loader *loader
	column int
	codec  compress.Codec
	typ    parquetfile.Type
	text   []byte // compressed

	learnt bool
	dict   encoding.Values
	words  int    // of the dictionary
	pages  []page // the first ones
	rest   []byte // compressed, behind these
}

// page is a page that counts in a dictionary.
type page struct {
	text   []byte // plain, and then padding
	values int
}

const (
	padding     = 8       // a value is taken from as many bytes
	believedMax = 1 << 26 // bytes of a page for which room is made because it says so
)

// errOther is for a chunk or a page that is stored otherwise.
var errOther = errors.New("not a dictionary's page")

// chunkOf returns nil for a chunk that is stored otherwise.
func chunkOf(l *loader, column int, stored *parquetfile.ColumnMetaData) *chunk {
	from, to := stored.DictionaryPageOffset, stored.DictionaryPageOffset+stored.TotalCompressedSize
	if from <= 0 || to <= from || to > int64(len(l.text)) || stored.DataPageOffset <= from {
		return nil
	}
	return &chunk{loader: l, column: column, codec: codecs[stored.Codec], typ: stored.Type, text: l.text[from:to]}
}

// dictionary returns what the pages count in, and how much that is.
func (c *chunk) dictionary() (encoding.Values, int, error) {
	if c.learnt {
		return c.dict, c.words, nil
	}
	header, body, rest, err := cutPage(c.text)
	if err != nil {
		return c.dict, 0, err
	}
	h := header.DictionaryPageHeader
	if header.Type != parquetfile.DictionaryPage || !h.Valid || h.V.NumValues < 0 || h.V.Encoding != parquetfile.Plain {
		return c.dict, 0, errOther
	}
	var buffer []byte
	if !c.loader.roomy() {
		buffer = c.loader.dicts[c.column]
	}
	text, err := c.decompress(buffer, body, header.UncompressedPageSize)
	if err != nil {
		return c.dict, 0, err
	}
	if c.loader.roomy() {
		c.loader.keep(len(text))
	} else {
		c.loader.dicts[c.column] = text
	}
	c.words = int(h.V.NumValues)
	if err := c.understand(text); err != nil {
		return c.dict, 0, err
	}
	c.learnt, c.rest = true, rest
	return c.dict, c.words, nil
}

// understand makes words of the dictionary's page.
func (c *chunk) understand(text []byte) error {
	size := 0
	switch c.typ {
	case parquetfile.Int32:
		c.dict, size = encoding.Int32ValuesFromBytes(text), 4*c.words
	case parquetfile.Int64:
		c.dict, size = encoding.Int64ValuesFromBytes(text), 8*c.words
	case parquetfile.ByteArray:
		words, ends, err := new(plain.Encoding).DecodeByteArray(make([]byte, 0, len(text)), text, make([]uint32, 0, min(c.words, len(text))+1))
		if err == nil && len(ends) != c.words+1 {
			err = errors.New("a dictionary has another length than it says")
		}
		c.dict = encoding.ByteArrayValues(words, ends)
		return err
	default:
		return errOther
	}
	if len(text) != size {
		return errors.New("a dictionary has another length than it says")
	}
	return nil
}

// next decompresses the first page of some text into a buffer, and returns what is behind it; after an error, the same text.
func (c *chunk) next(text, buffer []byte) (p page, rest []byte, err error) {
	header, body, rest, err := cutPage(text)
	if err != nil {
		return page{}, text, err
	}
	v2 := &header.DataPageHeaderV2
	if !v2.Valid || v2.V.Encoding != parquetfile.RLEDictionary || v2.V.NumNulls != 0 || v2.V.NumValues < 0 ||
		v2.V.DefinitionLevelsByteLength != 0 || v2.V.RepetitionLevelsByteLength != 0 || v2.V.IsCompressed.Valid && !v2.V.IsCompressed.V {
		return page{}, text, errOther
	}
	p.text, err = c.decompress(buffer, body, header.UncompressedPageSize)
	switch {
	case err != nil:
		return page{}, text, err
	case len(p.text) == 0 || p.text[0] > 32:
		return page{}, text, errors.New("a page is empty")
	}
	p.text, p.values = append(p.text, make([]byte, padding)...), int(v2.V.NumValues)
	return p, rest, nil
}

// decompress puts what a page holds into a buffer, or a larger one; size is what its header says that it takes.
func (c *chunk) decompress(buffer, body []byte, size int32) ([]byte, error) {
	if 0 < size && size < believedMax {
		buffer = slices.Grow(buffer[:0], int(size)+padding)
	}
	return c.codec.Decode(buffer[:cap(buffer)], body)
}

// cutPage takes a page off some text.
func cutPage(text []byte) (header parquetfile.PageHeader, body, rest []byte, err error) {
	in := new(thrift.CompactProtocol).NewReaderFromBytes(text)
	if err := thrift.NewDecoder(in).Decode(&header); err != nil {
		return header, nil, nil, err
	}
	from := in.BytesRead()
	body = text[from : from+int(header.CompressedPageSize)]
	if header.CRC != 0 && uint32(header.CRC) != crc32.ChecksumIEEE(body) {
		return header, nil, nil, errors.New("a page's bytes have changed")
	}
	return header, body, text[from+len(body):], nil
}
