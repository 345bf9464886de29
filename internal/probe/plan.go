package probe

import (
	"slices"

	"filerace/internal/op"
)

// The layout of struct plan in state.bpf.h: what the kernel keeps of a call.
const (
	planCalls  = 512
	planTests  = 2
	planValues = 16
	noArg      = 7
)

// Where a path starts if it is relative.
const (
	nowhere       = iota // it is not looked up
	atCwd                // in the working directory
	atDescriptor         // at the directory descriptor, which may be AT_FDCWD
	cwdAfterwards        // chdir: the directory reached is kept instead
)

const (
	returnsFD   = 1 << iota
	returnsName // the descriptor was opened by a name
)

type planTest struct {
	Arg, Count uint32
	Mask       uint64
	Values     [planValues]uint32
}

// plan says what to keep of one system call. The fields are indices of
// arguments, noArg if the call has no such argument.
type plan struct {
	Wanted, Tests, Returns, Scan         uint8
	FD, FD2, Data, Length, Iov, IovCount uint8
	Text, Start, Dir                     [2]uint8
	Fixed, Size                          [2]uint8
	Pair, Status, Seek, Whence, Whom     uint8
	Vain                                 uint8 // an errno: a call that fails with it tells nothing (Options.NoIdle)
	_                                    [6]uint8
	Test                                 [planTests]planTest
}

// unseen are the kinds that watching leaves out: they touch no file and order nothing.
// The end of a thread is told by the kernel, as a call that does not return cannot be.
var unseen = []op.Kind{op.Random, op.Sleep, op.Timer, op.Exit, op.Poll, op.Futex, op.Pause}

// plans makes the plan of every system call number from the table. want says
// whether a row is asked for; nil: all are.
func plans(a op.Arch, want func(*op.Call) bool) (all [planCalls]plan) {
	rows := map[int][]*op.Call{}
	for i := range op.Calls {
		c := &op.Calls[i]
		nr := a.Number(c)
		if !c.Trace || nr < 0 || nr >= planCalls || slices.Contains(unseen, c.Kind) || want != nil && !want(c) {
			continue
		}
		rows[nr] = append(rows[nr], c)
	}
	for nr, list := range rows {
		p := newPlan()
		if ordersPaths(list) {
			p.Wanted = always
		}
		for _, c := range list {
			p.add(c)
		}
		p.tests(list)
		all[nr] = p
	}
	return all
}

// always is a call that passes the filter by paths whatever its paths are.
const always = 2

// ordersPaths reports whether the calls of one number tell where later paths start
// or which program runs, or close what no argument names.
func ordersPaths(rows []*op.Call) bool {
	return slices.ContainsFunc(rows, func(c *op.Call) bool {
		return c.Kind == op.Chdir || c.Kind == op.Exec || c.Kind == op.Fork || c.Kind == op.CloseRange
	})
}

func newPlan() plan {
	none := [2]uint8{noArg, noArg}
	return plan{Wanted: 1, FD: noArg, FD2: noArg, Data: noArg, Length: noArg, Iov: noArg, IovCount: noArg,
		Text: none, Dir: none, Fixed: none, Pair: noArg, Status: noArg, Seek: noArg, Whence: noArg, Whom: noArg}
}

// add plans what row c keeps. Rows of one number have the same arguments.
func (p *plan) add(c *op.Call) {
	if c.NewFD {
		p.Returns |= returnsFD
	}
	if c.Kind == op.Open {
		p.Returns |= returnsName
	}
	switch c.Kind {
	case op.Write:
		p.Scan = 1
	case op.Readlink:
		p.Vain = op.EINVAL
	}
	fixed := 0
	for i, kind := range c.Args {
		at := uint8(i)
		if n := fixedSize(kind); n > 0 && fixed < len(p.Fixed) {
			p.Fixed[fixed], p.Size[fixed] = at, n
			fixed++
		}
		switch kind {
		case op.ArgFD:
			p.FD = at
		case op.ArgFD2:
			p.FD2 = at
		case op.ArgDirFD:
			p.Dir[0], p.Start[0] = at, atDescriptor
		case op.ArgDirFD2:
			p.Dir[1], p.Start[1] = at, atDescriptor
		case op.ArgPath:
			p.text(0, at)
		case op.ArgPath2:
			p.text(1, at)
		case op.ArgText:
			p.Text[1] = at
		case op.ArgBuf:
			p.Data = at
		case op.ArgLen:
			p.Length = at
		case op.ArgIov:
			p.Iov = at
		case op.ArgIovCnt:
			p.IovCount = at
		case op.ArgFDPair:
			p.Pair = at
		case op.ArgFcntl:
			if c.Kind == op.SetFlags {
				p.Status = at
			}
		case op.ArgSeek:
			p.Seek = at
		case op.ArgWhence:
			p.Whence = at
		case op.ArgPID:
			if c.Kind == op.Kill && i == 0 {
				p.Whom = at
			}
		}
	}
	if c.Kind == op.Chdir && p.Text[0] != noArg {
		p.Start[0] = cwdAfterwards
	}
}

func (p *plan) text(k int, at uint8) {
	p.Text[k] = at
	if p.Start[k] == nowhere {
		p.Start[k] = atCwd
	}
}

// fixedSize is how many bytes lie behind a pointer argument, 0 if none are wanted.
func fixedSize(kind op.Arg) uint8 {
	switch kind {
	case op.ArgFDPair, op.ArgCloneArgs, op.ArgOffPtr, op.ArgOffPtr2:
		return 8
	case op.ArgFcntl, op.ArgHow: // struct flock, struct open_how
		return 24
	case op.ArgWaitStatus:
		return 4
	case op.ArgSigInfo:
		return 28
	}
	return 0
}

// tests gives the kernel the rows' conditions, as far as it can decide them: those of
// a single row, or those of several that look at one argument. The reader decides
// the rest (op.Find).
func (p *plan) tests(rows []*op.Call) {
	if len(rows) == 1 {
		for _, t := range rows[0].When {
			p.test(t)
		}
		return
	}
	var merged op.Test
	for i, c := range rows {
		if len(c.When) != 1 || c.When[0].Not || i > 0 && (c.When[0].Arg != merged.Arg || c.When[0].Mask != merged.Mask) {
			return
		}
		merged.Arg, merged.Mask = c.When[0].Arg, c.When[0].Mask
		merged.Values = append(merged.Values, c.When[0].Values...)
	}
	p.test(merged)
}

func (p *plan) test(t op.Test) {
	if t.Not || len(t.Values) > planValues || p.Tests == planTests {
		return
	}
	to := &p.Test[p.Tests]
	to.Arg, to.Count, to.Mask = uint32(t.Arg), uint32(len(t.Values)), t.Mask
	if to.Mask == 0 {
		to.Mask = ^uint64(0)
	}
	for i, v := range t.Values {
		if v != uint64(uint32(v)) {
			return
		}
		to.Values[i] = uint32(v)
	}
	p.Tests++
}
