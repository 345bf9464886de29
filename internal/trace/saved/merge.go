package saved

import (
	"os"
	"path/filepath"

	"github.com/parquet-go/parquet-go"
)

// merger puts small segments together while the recording goes on: each costs some
// 20 KiB, whatever it holds. Sixteen of a kind become one of the next kind, so a row
// is written anew once for each factor of sixteen, and no more once its segment is full.
//
// A merged segment appears under its name when it is whole and on the disk; then sums
// lists it; then the parts go. Until sums lists it, readers take the parts; from then
// on they pass over parts that are still there. So there is no moment at which a
// killed recorder, or a power failure, leaves a row twice or not at all.
//
// Merging is a saving only: when it fails, the parts stay, and the recording goes on.
type merger struct {
	dir  string
	sums *sums
	in   chan segment
	done chan struct{}
	last bool // the recording was closed in order: merge what is left

	all  []segment // in order
	off  bool
	dec  *decoder
	load *loader
	enc  *parquet.GenericWriter[row]

	batch batch // on its way from dec to enc
	rows  []row
}

const (
	mergeWidth = 16
	smallRows  = segmentRows / 4 // of a segment that is merged when the recording ends
)

func startMerger(dir string, list *sums) *merger {
	m := &merger{dir: dir, sums: list, in: make(chan segment, 256), done: make(chan struct{})}
	go m.work()
	return m
}

func (m *merger) add(s segment) { m.in <- s }

// stop ends the merger; in order: when all is written.
func (m *merger) stop(inOrder bool) {
	m.last = inOrder
	close(m.in)
	<-m.done
}

func (m *merger) work() {
	defer close(m.done)
	for s := range m.in {
		m.all = append(m.all, s)
		m.tidy()
	}
	if m.last {
		m.finish()
	}
	if m.dec != nil {
		m.dec.close()
	}
}

// tidy merges the latest segments if there are enough of one level.
func (m *merger) tidy() {
	for {
		level, from := m.all[len(m.all)-1].level, len(m.all)
		for from > 0 && m.all[from-1].level == level {
			from--
		}
		if len(m.all)-from < mergeWidth {
			return
		}
		for i := from; i < len(m.all); i++ {
			m.all[i].level++
		}
		if !m.pack(from) {
			return
		}
	}
}

// finish merges the small ones that are left.
func (m *merger) finish() {
	from := len(m.all)
	for from > 0 && m.all[from-1].rows < smallRows {
		from--
	}
	m.pack(from)
}

// pack merges neighbours from a place on as long as they fit into one segment, and
// reports whether there were any.
func (m *merger) pack(from int) (merged bool) {
	for at := from; at < len(m.all); at++ {
		end, rows := at, int64(0)
		for end < len(m.all) && rows+m.all[end].rows <= segmentRows {
			rows += m.all[end].rows
			end++
		}
		if end-at < 2 || m.off {
			continue
		}
		whole, err := m.merge(m.all[at:end])
		if err != nil {
			m.off = true
			return false
		}
		merged = true
		m.all = append(append(m.all[:at:at], whole), m.all[end:]...)
	}
	return merged
}

// merge makes one segment of several.
func (m *merger) merge(parts []segment) (segment, error) {
	if m.dec == nil {
		m.dec, m.enc, m.load = newDecoder(nil, false), newEncoder(), &loader{dir: m.dir}
	}
	f, err := createFile(m.dir, segment{first: parts[0].first, last: parts[len(parts)-1].last, level: parts[0].level})
	if err != nil {
		return segment{}, err
	}
	if err := m.fill(f, parts); err != nil {
		f.abandon()
		return segment{}, err
	}
	if err := f.finish(); err != nil {
		return segment{}, err
	}
	// The parts may go only when what stands for them would survive a power failure.
	if err := syncPath(filepath.Join(m.dir, opsDir)); err != nil {
		os.Remove(f.path())
		return segment{}, err
	}
	if err := m.sums.add(&f.segment); err != nil {
		os.Remove(f.path())
		return segment{}, err
	}
	if m.off = m.sums.Sync() != nil; m.off {
		return f.segment, nil
	}
	for i := range parts {
		os.Remove(filepath.Join(m.dir, opsDir, parts[i].name())) // one that stays is passed over
	}
	return f.segment, nil
}

// fill copies the rows.
func (m *merger) fill(f *file, parts []segment) error {
	m.enc.Reset(f)
	for i := range parts {
		if err := m.dec.open(m.load, &parts[i], 0); err != nil {
			return err
		}
		for m.dec.left > 0 {
			n, err := m.copy()
			if err != nil {
				return err
			}
			f.rows += int64(n)
		}
	}
	if err := m.enc.Close(); err != nil {
		return err
	}
	return f.to.Sync()
}

// copy copies a few rows.
func (m *merger) copy() (n int, err error) {
	m.batch.records = m.batch.records[:0]
	if err = m.dec.records(&m.batch); err != nil {
		return 0, err
	}
	m.rows = m.rows[:0]
	for i := range m.batch.records {
		m.rows = append(m.rows, rowOf(&m.batch.records[i]))
	}
	return m.enc.Write(m.rows)
}
