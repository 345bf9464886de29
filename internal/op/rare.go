package op

// Rare is what few operations have, so that the others are smaller by it: runs have millions, and Go's collector
// does more for what is larger than 512 bytes. Copies of an Op share it, so nobody writes to one that is
// in use.
type Rare struct {
	Via   []Name
	FDs   []FDInfo
	File2 File
}

// Via are the entries walked through on the way to Names (directories, symbolic links followed), as far as anyone
// changes them.
func (o *Op) Via() []Name {
	if o.Rare == nil {
		return nil
	}
	return o.Rare.Via
}

// FDs are the open descriptors (Inherit), or those that the operation closes (Exit, Exec, CloseRange).
func (o *Op) FDs() []FDInfo {
	if o.Rare == nil {
		return nil
	}
	return o.Rare.FDs
}

// File2 is the file that is read (Copy), or the one that FD2 led to before, which is thereby closed (Dup).
func (o *Op) File2() (f File) {
	if o.Rare != nil {
		f = o.Rare.File2
	}
	return f
}

// SetVia gives the operation other Via.
func (o *Op) SetVia(via []Name) {
	r := o.parts()
	r.Via = via
	o.setParts(&r)
}

// SetFDs gives the operation other FDs.
func (o *Op) SetFDs(fds []FDInfo) {
	r := o.parts()
	r.FDs = fds
	o.setParts(&r)
}

// SetFile2 gives the operation another File2.
func (o *Op) SetFile2(f File) {
	r := o.parts()
	r.File2 = f
	o.setParts(&r)
}

// parts is a copy of Rare.
func (o *Op) parts() (r Rare) {
	if o.Rare != nil {
		r = *o.Rare
	}
	return r
}

// setParts gives the operation a Rare of its own, or none if there is nothing in it.
func (o *Op) setParts(r *Rare) {
	o.Rare = nil
	if len(r.Via)+len(r.FDs) > 0 || r.File2 != (File{}) {
		o.Rare = new(Rare)
		*o.Rare = *r
	}
}
