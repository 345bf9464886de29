package op

// The functions here let the table read as a table.

// held makes a row at whose entry control stops the caller.
func held(name string, amd64, arm64 int, k Kind, args ...Arg) Call {
	return Call{Name: name, AMD64: amd64, ARM64: arm64, Kind: k, Args: args, Trace: true}
}

// asleep makes a row by which a sleeping thread is recognised; control does not stop at it.
func asleep(name string, amd64, arm64 int, k Kind, args ...Arg) Call {
	return Call{Name: name, AMD64: amd64, ARM64: arm64, Kind: k, Args: args, Sleep: true}
}

func (c Call) sleeps() Call            { c.Sleep = true; return c }
func (c Call) when(tests ...Test) Call { c.When = tests; return c }
func (c Call) makesFD() Call           { c.NewFD = true; return c }
func (c Call) implies(f uint64) Call   { c.Flags = f; return c }
func (c Call) note(s string) Call      { c.Note = s; return c }

// low32 masks an argument that the kernel takes as an int: it ignores the upper
// half of the register, and so must the tests.
const low32 = 1<<32 - 1

// arg32 is the test that argument i, an int, is one of values.
func arg32(i int, values ...uint64) Test {
	return Test{Arg: i, Mask: low32, Values: values}
}

// bits is the test that argument i, masked, is one of values.
func bits(i int, mask uint64, values ...uint64) Test {
	return Test{Arg: i, Mask: mask, Values: values}
}
