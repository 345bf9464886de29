package race

import (
	"filerace/internal/op"
	"filerace/internal/world"
)

// kept is what several rules of one detector remember in common.
type kept struct {
	*holdings // noted by the first rule that asks

	// These the detector notes before any rule sees the operation.
	positions *positions
	readings  *readings

	// And these when all have seen it.
	looks    *looks
	arrivals *arrivals
}

func newKept() *kept {
	return &kept{new(holdings), new(positions), new(readings), new(looks), new(arrivals)}
}

// note is called before the rules see the operation.
func (k *kept) note(w *world.World, e *world.Effect) {
	switch e.Op.Kind {
	case op.Open, op.Stat, op.Seek, op.Write:
		k.positions.note(e)
	case op.Read:
		k.readings.note(w, e)
	case op.Copy:
		k.positions.note(e)
		k.readings.note(w, e)
	}
	for _, d := range e.Closed {
		k.positions.open.drop(d)
	}
}

// noteName is called when the rules have seen an operation on a name.
func (k *kept) noteName(e *world.Effect) {
	k.arrivals.note(e, k.looks) // as it was before the operation
	k.looks.note(e)
}

// Forget drops a file that is gone for good.
func (k *kept) Forget(f *world.File) {
	k.positions.Forget(f)
	k.arrivals.Forget(f)
}

// ForgetName drops a name that the world has forgotten.
func (k *kept) ForgetName(n *world.Entry) {
	k.looks.names.ForgetName(n)
	k.readings.names.ForgetName(n)
}

// once tells the first look at an operation's effect from further ones.
type once struct {
	op *op.Op
	at int
}

func (o *once) first(e *world.Effect) bool {
	if o.op == e.Op && o.at == e.At.Seq {
		return false
	}
	o.op, o.at = e.Op, e.At.Seq
	return true
}
