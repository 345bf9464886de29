package op

// Overlaps reports whether x and y are, in part, the same thing.
func (x Object) Overlaps(y Object) bool {
	if x.Kind != y.Kind {
		return false
	}
	switch x.Kind {
	case ObjName:
		return x.File == y.File && (x.Base == y.Base || x.Base == "*" || y.Base == "*")
	case ObjData, ObjLock:
		return x.File == y.File && x.meets(y)
	case ObjOffset:
		return x.File == y.File && (x.OFD == y.OFD || x.OFD == 0 || y.OFD == 0) && x.meets(y)
	case ObjPipe:
		return x.File == y.File && x.OFD == y.OFD
	case ObjProcess:
		switch {
		case x.Base == y.Base:
			return x.Proc == y.Proc
		case x.Base == "*":
			return x.Proc == y.Proc.Parent()
		default:
			return x.Proc.Parent() == y.Proc
		}
	case ObjFD:
		return x.Proc == y.Proc && x.meets(y)
	}
	return x.File == y.File
}

func (x Object) meets(y Object) bool { return x.Lo < y.Hi && y.Lo < x.Hi }

// Conflicts reports whether the order of x and y, accesses of two actors, can matter.
func (x Access) Conflicts(y Access) bool {
	if x.Kind == ObjBusy {
		return x.Write != y.Write && x.Overlaps(y.Object)
	}
	return (x.Write || y.Write) && x.Overlaps(y.Object)
}

// Conflict reports whether any access of a conflicts with one of b.
func Conflict(a, b []Access) bool {
	for i := range a {
		for j := range b {
			if a[i].Conflicts(b[j]) {
				return true
			}
		}
	}
	return false
}

// Dependent reports whether a and b, of different actors, may not be swapped:
// done in the other order, they could return something else or leave another
// state behind. It may say so of operations that do commute, never the reverse,
// with these exceptions: descriptor numbers that threads of one process are
// given, times of last access, and set-user-ID bits that a write clears.
func Dependent(a, b *Op) bool {
	if a.Actor == b.Actor {
		return false
	}
	if a.signals(b) || b.signals(a) {
		return true
	}
	return Conflict(Accesses(a), Accesses(b))
}

// signals reports whether o may interrupt the actor of p. A signal comes between
// two operations of its target, so it depends on all of them.
func (o *Op) signals(p *Op) bool {
	return o.Kind == Kill && o.Signal != 0 && (o.Child == "" || o.Child.Process() == p.Actor.Process())
}
