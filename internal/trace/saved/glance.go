package saved

import (
	"math/bits"

	"github.com/parquet-go/parquet-go"

	"filerace/internal/op"
	"filerace/internal/trace"
)

// skimmer reads of rows only what tells which subjects they are about (race.Sieve): a fraction of the columns, of which
// most say something of few rows only, and are read for those.
type skimmer struct {
	*loader
	vocabulary vocabulary
	slots      []*glimpse
	columns    map[string]glanced
	paths      []string         // of the columns
	active     [needs][]*column // those that have more than one value in the segment
	picks      []pick
	row        int // next row of the segment

	seen      op.Op
	seenNames [2]op.Name
}

// glimpse is what is read of a row. Fields that are read of all rows come first: they lie together.
type glimpse struct {
	what          trace.What
	kind          op.Kind
	family        op.LockFamily
	fileType      op.FileType
	waits, inside bool
	count         int32 // of names
	result        int64
	actor         op.Actor
	file          op.FileID
	names         [2]glimpsedName
	flags         uint64
	nlink         uint32
	cmd           int
	fd            int
	mode          op.LockMode
	child         op.Actor
	signal        int32
	file2         op.FileID
	file2Type     op.FileType
}

type glimpsedName struct {
	path          place
	base          string
	dir           op.FileID
	before, after op.FileID
	fileType      op.FileType // of the first
}

// glanced is a column that a glance reads.
type glanced struct {
	*column
	of need
}

// need says of which rows a column is read.
type need uint8

const (
	ofAll need = iota
	ofNamed
	ofTwice    // with two names
	ofChanging // names, or with names and a file that is not known; if it did not fail
	ofOpening  // and forks: what has flags
	ofMapping
	ofCopying // what has two files
	ofHolding // of descriptors, and locks
	ofMoving  // a name to another
	ofLives   // of processes, and signals
	needs
)

// fields tell which column goes where.
func (g *glimpse) fields() (all [needs][]field) {
	all = [needs][]field{
		ofAll: append([]field{
			{"event", &g.what}, {"actor", &g.actor}, {"kind", &g.kind}, {"result", &g.result}, {"lock_family", &g.family}, {"names", &g.count},
			{"waits", &g.waits}, {"inside", &g.inside}, {"file_type", &g.fileType},
		}, idFields("", &g.file)...),
		ofOpening: {{"flags", &g.flags}, {"nlink", &g.nlink}},
		ofMapping: {{"cmd", &g.cmd}},
		ofCopying: append([]field{{"file2_type", &g.file2Type}}, idFields("file2_", &g.file2)...),
		ofHolding: {{"fd", narrow{&g.fd}}, {"lock_mode", &g.mode}},
		ofMoving:  {{"name_type", &g.names[0].fileType}},
		ofLives:   {{"child", &g.child}, {"signal", &g.signal}},
	}
	for i, nth := range [...]string{"", "2"} {
		n := &g.names[i]
		named, changing := ofNamed, ofChanging
		if i > 0 {
			named, changing = ofTwice, ofTwice
		}
		all[named] = append(all[named], field{"path" + nth, &n.path}, field{"base" + nth, &n.base})
		all[named] = append(all[named], idFields("dir"+nth+"_", &n.dir)...)
		all[changing] = append(all[changing], idFields("before"+nth+"_", &n.before)...)
		all[changing] = append(all[changing], idFields("after"+nth+"_", &n.after)...)
	}
	return all
}

func newSkimmer() *skimmer {
	d := &skimmer{slots: slotsOf[glimpse](), columns: map[string]glanced{}}
	d.vocabulary.scraps = new(scraps)
	fields := map[*glimpse][needs][]field{}
	for _, g := range d.slots {
		fields[g] = g.fields()
	}
	for of := range needs {
		for _, c := range columnsOf(&d.vocabulary, d.slots, func(g *glimpse) []field { return fields[g][of] }) {
			d.columns[c.name] = glanced{c, of}
			d.paths = append(d.paths, c.name)
		}
	}
	return d
}

// open begins with a segment.
func (d *skimmer) open(l *loader, s *segment) (err error) {
	if err := l.open(s, d.paths); err != nil {
		return err
	}
	defer l.caught(&err)
	d.begin(l)
	return nil
}

// begin begins with the segment that has been loaded.
func (d *skimmer) begin(l *loader) {
	d.loader, d.row = l, 0
	for of := range d.active {
		d.active[of] = d.active[of][:0]
	}
	for _, name := range later {
		if c, ok := d.columns[name]; ok {
			c.clear()
		}
	}
	l.begin(func(path []string, chunk *parquet.FileColumnChunk, r func() *runs) {
		if c, ok := d.columns[path[0]]; ok && len(path) == 1 && !c.fixed(chunk) {
			c.begin(chunk, r())
			d.active[c.of] = append(d.active[c.of], c.column)
		}
	})
}

// look reads what is needed of the next n rows, and tells by bits which of them can be seen through: operations with
// no more than two names.
func (d *skimmer) look(n int) (clear uint64, err error) {
	if err := d.read(ofAll, n); err != nil {
		return 0, err
	}
	var rows [needs]uint64
	for i, s := range d.slots[:n] {
		// Other rows are read as a whole, which tells what is wrong with them.
		if s.what != trace.Returned || s.count < 0 || int(s.count) > len(s.names) {
			continue
		}
		bit := uint64(1) << i
		clear |= bit
		if s.count > 0 {
			rows[ofNamed] |= bit
			if s.count > 1 {
				rows[ofTwice] |= bit
			}
			if s.file.IsZero() {
				rows[ofChanging] |= bit
			}
		}
		for set := needsOf[s.kind]; set != 0; set &= set - 1 {
			rows[bits.TrailingZeros16(set)] |= bit
		}
		if op.IsError(s.result) {
			rows[ofChanging] &^= bit
		}
	}
	for of := ofNamed; of < needs; of++ {
		if of != ofChanging {
			if err := d.pick(of, rows[of], n); err != nil {
				return 0, err
			}
		}
	}
	for left := rows[ofOpening]; left != 0; left &= left - 1 {
		if s := d.slots[bits.TrailingZeros64(left)]; s.kind == op.Open && s.flags&op.O_CREAT != 0 && !op.IsError(s.result) {
			rows[ofChanging] |= left & -left
		}
	}
	d.row += n
	return clear, d.pick(ofChanging, rows[ofChanging], n)
}

// read reads columns for the next n rows.
func (d *skimmer) read(of need, n int) error {
	for _, c := range d.active[of] {
		if err := c.read(n); err != nil {
			return d.damaged(err)
		}
	}
	return nil
}

// needsOf are columns that operations of a kind have need of, by bits.
var needsOf = func() (all [256]uint16) {
	for of, kinds := range [needs][]op.Kind{
		ofOpening:  {op.Open, op.Fork},
		ofChanging: {op.Unlink, op.Rmdir, op.Rename, op.Link, op.SymlinkOp, op.Mkdir, op.Mknod},
		ofMapping:  {op.Mmap},
		ofCopying:  {op.Copy, op.Dup},
		ofHolding:  {op.Close, op.LockOp},
		ofMoving:   {op.Rename},
		ofLives:    {op.Fork, op.Wait, op.Kill, op.Signal},
	} {
		for _, k := range kinds {
			all[k] |= 1 << of
		}
	}
	return all
}()

// pick reads columns for those of the next n rows that need them, given by bits.
func (d *skimmer) pick(of need, rows uint64, n int) error {
	if bits.OnesCount64(rows) > n/3 {
		return d.read(of, n) // which takes less time
	}
	d.picks = d.picks[:0]
	for ; rows != 0; rows &= rows - 1 {
		i := int32(bits.TrailingZeros64(rows))
		d.picks = append(d.picks, pick{i, i})
	}
	for _, c := range d.active[of] {
		if err := c.pick(d.picks, n); err != nil {
			return d.damaged(err)
		}
	}
	return nil
}

// glimpse is the operation of a row of the last look, with only what that read: what race.Sieve.Note asks for. It
// is valid until the next.
func (d *skimmer) glimpse(row int) *op.Op {
	s, o := d.slots[row], &d.seen
	o.Kind, o.Actor, o.Ret, o.Waits, o.Inside, o.Lock.Family = s.kind, s.actor, s.result, s.waits, s.inside, s.family
	o.File.ID, o.File.Type, o.Flags = s.file, s.fileType, 0
	d.seenNames[0].Type = op.UnknownType
	for set := needsOf[s.kind]; set != 0; set &= set - 1 {
		switch need(bits.TrailingZeros16(set)) {
		case ofOpening:
			o.Flags, o.File.Nlink = s.flags, s.nlink
		case ofMapping:
			o.Cmd = s.cmd
		case ofCopying:
			o.SetFile2(op.File{ID: s.file2, Type: s.file2Type})
		case ofHolding:
			if o.FD, o.Lock.Mode = s.fd, s.mode; s.family == op.NoLock {
				o.Lock.Mode = 0
			}
		case ofMoving:
			d.seenNames[0].Type = s.names[0].fileType
		case ofLives:
			o.Child, o.Signal = s.child, s.signal
		}
	}
	if s.count == 0 {
		o.Names = nil
		return o
	}
	o.Names = d.seenNames[:s.count]
	full := o.File.ID.IsZero() && !o.Failed() || o.ChangesNames()
	for i := range o.Names {
		n, from := &o.Names[i], &s.names[i]
		n.Dir, n.Base = from.dir, from.base
		from.path.name(n)
		if n.Before, n.After = (op.FileID{}), (op.FileID{}); full {
			n.Before, n.After = from.before, from.after
		}
	}
	return o
}

// skim shows f the rows of the segment, as long as it wants more: operations, and nil for others.
func (d *skimmer) skim(f func(*op.Op) bool) (more bool, err error) {
	defer d.caught(&err)
	for left := int(d.file.NumRows()); left > 0; {
		n := min(left, rowsAtOnce)
		clear, err := d.look(n)
		if err != nil {
			return false, err
		}
		for i := range n {
			var o *op.Op
			if clear>>i&1 != 0 {
				o = d.glimpse(i)
			}
			if !f(o) {
				return false, nil
			}
		}
		left -= n
	}
	return true, nil
}

// ask looks at n rows from a row of the segment on, rowsAtOnce at most, and asks the filter for them.
func (d *skimmer) ask(f Filter, from, n int) (kept uint64, err error) {
	for _, of := range d.active {
		for _, c := range of {
			c.owed += from - d.row
		}
	}
	d.row = from
	clear, err := d.look(n)
	for i := range n {
		if clear>>i&1 == 0 || f.Keeps(d.glimpse(i)) {
			kept |= 1 << i
		}
	}
	return kept, err
}

func (d *skimmer) close() {
	for _, c := range d.columns {
		c.close()
	}
}
