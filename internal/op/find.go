package op

// Calls is the table. Several rows may share a number; the first one whose
// tests hold counts. A call whose arguments match no row is of no interest.
var Calls = joinRows(openRows, dataRows, lockRows, nameRows, metaRows, processRows, socketRows, sleepRows)

func joinRows(parts ...[]Call) []Call {
	var all []Call
	for _, p := range parts {
		all = append(all, p...)
	}
	return all
}

// byNumber holds, for each architecture, the rows of each number in table order.
var byNumber = [2][][]*Call{indexCalls(AMD64), indexCalls(ARM64)}

func indexCalls(a Arch) [][]*Call {
	var index [][]*Call
	for i := range Calls {
		c := &Calls[i]
		nr := a.Number(c)
		if nr == None {
			continue
		}
		for len(index) <= nr {
			index = append(index, nil)
		}
		index[nr] = append(index[nr], c)
	}
	return index
}

// Find returns the row of system call nr with these arguments, nil if none matches.
func Find(a Arch, nr uint64, args *[6]uint64) *Call {
	index := byNumber[a]
	if nr >= uint64(len(index)) {
		return nil
	}
	for _, c := range index[nr] {
		if c.Matches(args) {
			return c
		}
	}
	return nil
}

// Named returns the first row of that name, nil if there is none.
func Named(name string) *Call {
	for i := range Calls {
		if Calls[i].Name == name {
			return &Calls[i]
		}
	}
	return nil
}

// Matches reports whether all tests of the row hold for these arguments.
func (c *Call) Matches(args *[6]uint64) bool {
	for i := range c.When {
		if !c.When[i].Holds(args) {
			return false
		}
	}
	return true
}

// Holds reports whether the test holds for these arguments.
func (t *Test) Holds(args *[6]uint64) bool {
	v := args[t.Arg]
	if t.Mask != 0 {
		v &= t.Mask
	}
	for _, want := range t.Values {
		if v == want {
			return !t.Not
		}
	}
	return t.Not
}
