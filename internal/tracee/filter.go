package tracee

import (
	"fmt"
	"slices"

	"filerace/internal/op"
	"filerace/internal/tracee/launcher"
)

// Classic BPF opcodes (linux/bpf_common.h) and seccomp's answers (linux/seccomp.h).
const (
	bpfLoad = 0x20 // ld [k]
	bpfAnd  = 0x54 // and #k
	bpfJeq  = 0x15
	bpfJge  = 0x35
	bpfJa   = 0x05
	bpfRet  = 0x06

	low32 = 1<<32 - 1

	retAllow = 0x7fff0000
	retTrace = 0x7ff00000

	// Offsets in struct seccomp_data.
	dataNr   = 0
	dataArch = 4
	dataIP   = 8
	dataArgs = 16
)

// x32Calls is where the numbers of the x32 ABI begin.
const x32Calls = 0x40000000

// foreign is RET_TRACE's data for a call of another ABI (i386, x32): it is let
// through, and the run is told to be incompletely modelled.
const foreign = 1

// filter compiles the table's traced calls for one architecture into a search tree.
// The launcher's own calls pass.
func filter(a op.Arch, audit uint32) []launcher.Instruction {
	rows := map[uint32][]*op.Call{}
	for i := range op.Calls {
		if n := a.Number(&op.Calls[i]); n != op.None {
			rows[uint32(n)] = append(rows[uint32(n)], &op.Calls[i])
		}
	}
	var numbers []uint32
	for n, calls := range rows {
		if slices.ContainsFunc(calls, func(c *op.Call) bool { return c.Trace }) {
			numbers = append(numbers, n)
		}
	}
	slices.Sort(numbers)

	p := []launcher.Instruction{
		{Code: bpfLoad, K: dataArch},
		{Code: bpfJeq, K: audit, Jt: 1},
		{Code: bpfRet, K: retTrace | foreign},
		{Code: bpfLoad, K: dataIP + 4},
		{Code: bpfJeq, K: launcher.ExemptLow >> 32, Jf: 4},
		{Code: bpfLoad, K: dataIP},
		{Code: bpfJge, K: launcher.ExemptLow & low32, Jf: 2},
		{Code: bpfJge, K: launcher.ExemptHigh&low32 + 1, Jt: 1},
		{Code: bpfRet, K: retAllow},
		{Code: bpfLoad, K: dataNr},
		{Code: bpfJge, K: x32Calls, Jf: 1}, // arm64 has none there
		{Code: bpfRet, K: retTrace | foreign},
	}
	p = append(p, tree(numbers, rows)...)
	if len(p) > 4096 { // BPF_MAXINSNS
		panic(fmt.Sprintf("seccomp filter of %d instructions", len(p)))
	}
	return p
}

// tree halves the numbers until few are left; the accumulator holds the number.
func tree(numbers []uint32, rows map[uint32][]*op.Call) []launcher.Instruction {
	if len(numbers) <= 2 {
		return numberBlock(numbers, rows)
	}
	mid := len(numbers) / 2
	less, rest := tree(numbers[:mid], rows), tree(numbers[mid:], rows)
	p := []launcher.Instruction{
		{Code: bpfJge, K: numbers[mid], Jf: 1},
		{Code: bpfJa, K: uint32(len(less))}, // conditional jumps reach 255 instructions only
	}
	return append(append(p, less...), rest...)
}

// numberBlock decides over a few numbers; the accumulator holds the number.
func numberBlock(numbers []uint32, rows map[uint32][]*op.Call) []launcher.Instruction {
	var p []launcher.Instruction
	for _, n := range numbers {
		var body []launcher.Instruction
		for _, c := range rows[n] {
			body = append(body, rowBody(c)...)
		}
		body = append(body, launcher.Instruction{Code: bpfRet, K: retAllow})
		p = append(p, launcher.Instruction{Code: bpfJeq, K: n, Jt: 1},
			launcher.Instruction{Code: bpfJa, K: uint32(len(body))})
		p = append(p, body...)
	}
	return append(p, launcher.Instruction{Code: bpfRet, K: retAllow})
}

// rowBody returns the row's answer if all its tests hold and falls through
// otherwise. Every test looks at the low half of an argument: flags, commands and
// counts all live there.
func rowBody(c *op.Call) []launcher.Instruction {
	answer := launcher.Instruction{Code: bpfRet, K: retAllow}
	if c.Trace {
		answer.K = retTrace
	}
	p := []launcher.Instruction{answer}
	for i := len(c.When) - 1; i >= 0; i-- {
		p = append(testBody(c.When[i], len(p)), p...)
	}
	return p
}

// testBody skips rest instructions unless the test holds.
func testBody(t op.Test, rest int) []launcher.Instruction {
	p := []launcher.Instruction{{Code: bpfLoad, K: dataArgs + 8*uint32(t.Arg)}}
	if t.Mask != 0 && uint32(t.Mask) != ^uint32(0) {
		p = append(p, launcher.Instruction{Code: bpfAnd, K: uint32(t.Mask)})
	}
	for i, v := range t.Values {
		// On a match: over the remaining comparisons and the final jump.
		hit := len(t.Values) - i
		p = append(p, launcher.Instruction{Code: bpfJeq, K: uint32(v), Jt: uint8(hit)})
	}
	if !t.Not {
		return append(p, launcher.Instruction{Code: bpfJa, K: uint32(rest)})
	}
	// No match falls through to "over the next", a match lands on the skip.
	return append(p, launcher.Instruction{Code: bpfJa, K: 1}, launcher.Instruction{Code: bpfJa, K: uint32(rest)})
}
