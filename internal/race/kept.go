package race

import (
	"filerace/internal/op"
	"filerace/internal/world"
)

// kept is what several rules of one detector remember in common. The first of
// them that sees an operation notes it for all; none may ask before it has noted,
// unless the answer cannot depend on the operation.
type kept struct {
	*holdings
	*positions
	*readings

	// These the detector notes when all rules have seen the operation.
	looks    *looks
	arrivals *arrivals
}

func newKept() *kept {
	return &kept{new(holdings), newPositions(), new(readings), new(looks), new(arrivals)}
}

// note is called when all rules have seen an operation on a name.
func (k *kept) note(e *world.Effect) {
	k.arrivals.note(e, k.looks) // as it was before the operation
	k.looks.note(e)
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
