package race

import (
	"filerace/internal/op"
	"filerace/internal/world"
)

// origin is where a writer took its offset from.
type origin uint8

const (
	elsewhere origin = iota // a place of its own choice: records, pages
	byOpen                  // the start of a file that was empty when it was opened, and on from there
	bySeek                  // lseek to the end
	bySize                  // the size that stat or fstat gave
	byAppend                // O_APPEND: the kernel finds the end anew at each write
)

// position is how the next write of a description finds its place.
type position struct {
	deed  // the operation that found it
	from  origin
	next  int64 // the offset, if the writing goes on from there
	start int64 // the offset when it was found: the end of the file as the writer knew it
}

// appends reports whether the writer meant to add to the end.
func (p *position) appends() bool { return p.from >= bySeek }

// writer is how a process last wrote to a file.
type writer struct {
	deed
	position
	ofd *world.OFD
}

// positions tells how writers find their offsets, per description, and remembers
// how each process last wrote to each file.
type positions struct {
	open    perOFD[position]
	sizes   perFile[latest[position]] // sizes that processes asked for, the last of each
	writers perFile[latest[writer]]
	how     position // how the last write found its place
}

// Forget drops a file that is gone for good.
func (p *positions) Forget(f *world.File) {
	p.sizes.Forget(f)
	p.writers.Forget(f)
}

// note learns from one operation by which a writer finds its place, or from a write.
func (p *positions) note(e *world.Effect) {
	if e.Op.Failed() || e.File == nil || e.File.Type != op.Regular {
		return
	}
	switch e.Op.Kind {
	case op.Open:
		if e.OFD != nil && e.File.Size == 0 && e.OFD.Flags&op.O_ACCMODE != op.O_RDONLY {
			p.open.put(e.OFD, position{deed: deedOf(e), from: byOpen})
		}
	case op.Stat:
		p.asked(e)
	case op.Seek:
		p.seek(e)
	case op.Write, op.Copy:
		p.write(e)
	}
}

func (p *positions) asked(e *world.Effect) {
	if list, grown := p.sizes.get(e.File).renew(e, position{deedOf(e), bySize, e.File.Size, e.File.Size}); grown {
		p.sizes.put(e.File, list)
	}
}

func (p *positions) seek(e *world.Effect) {
	d := e.OFD
	if d == nil {
		return
	}
	switch {
	case e.Op.Whence == op.SEEK_END && e.Op.Ret == e.File.Size:
		p.open.put(d, position{deedOf(e), bySeek, e.Op.Ret, e.Op.Ret})
	case e.Op.Ret != p.open.get(d).next:
		p.open.drop(d)
	}
}

func (p *positions) write(e *world.Effect) {
	p.how = position{}
	d := e.OFD
	if d == nil || e.Lo >= e.Hi {
		return
	}
	switch at := p.open.at(d); {
	case d.Flags&op.O_APPEND != 0:
		p.how = position{deed: deedOf(e), from: byAppend}
	case at != nil && e.Lo == at.next:
		at.next = e.Hi
		p.how = *at
	default:
		p.how = p.sized(e)
	}
	if list, grown := p.writers.get(e.File).renew(e, writer{deedOf(e), p.how, e.OFD}); grown {
		p.writers.put(e.File, list)
	}
}

// sized finds the size question that the writer's offset answers.
func (p *positions) sized(e *world.Effect) position {
	for _, asked := range p.sizes.get(e.File) {
		if s := asked.v; asked.who == e.At.Process && s.next == e.Lo && e.Lo > 0 {
			s.next = e.Hi
			p.open.put(e.OFD, s)
			return s
		}
	}
	return position{}
}

// writer returns how the process that did d last wrote to f.
func (p *positions) writer(f *world.File, d deed) (writer, bool) {
	list := p.writers.get(f)
	for i := range list {
		if list[i].who == d.number() {
			return list[i].v, true
		}
	}
	return writer{}, false
}

// overAppended returns the write among those written over by the last write whose bytes were added
// to the file after its writer had found its end: what it loses for want of O_APPEND.
func (p *positions) overAppended(e *world.Effect) (deed, bool) {
	how := &p.how
	if how.from == elsewhere || how.from == byAppend {
		return deed{}, false
	}
	for _, s := range e.Over {
		d := deed{s.At, s.By}
		if !d.rival(e) || !d.after(how.deed) || s.Lo < how.start {
			continue
		}
		if how.from != byOpen {
			return d, true
		}
		if w, ok := p.writer(e.File, d); ok && w.appends() {
			return d, true
		}
	}
	return deed{}, false
}
