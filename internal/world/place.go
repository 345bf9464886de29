package world

// Place is a small number for a file, a name or a description as long as the world knows it,
// so that others can keep what they note of it in a list. A number is given again
// later, with another turn. The zero Place is nobody's.
type Place struct {
	At   int32 // from 1
	turn int32
}

// places gives numbers, the ones last given back first.
type places struct {
	free []Place
	made int32
}

func (p *places) take() Place {
	if n := len(p.free); n > 0 {
		at := p.free[n-1]
		p.free = p.free[:n-1]
		return Place{at.At, at.turn + 1}
	}
	p.made++
	return Place{At: p.made}
}

func (p *places) giveBack(at Place) { p.free = append(p.free, at) }
