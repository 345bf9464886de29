//go:build linux && (amd64 || arm64)

package probe

import (
	"testing"

	"github.com/cilium/ebpf/asm"
)

// TestLoopsAreThoseThatOldKernelsTake walks each function as check_cfg of
// kernel/bpf/verifier.c does in Linux 5.15 and 6.1: depth first, what follows before what
// is jumped to. A step back to an instruction that the walk has come from is a loop, and
// must be a jump: "back-edge from insn" is the answer to one whose head is fallen into.
func TestLoopsAreThoseThatOldKernelsTake(t *testing.T) {
	spec, err := loadObject()
	if err != nil {
		t.Fatal(err)
	}
	for name, prog := range spec.Programs {
		for from, to := range fallenInto(prog.Instructions) {
			t.Errorf("%s: back-edge from instruction %d to %d, which is no jump", name, from, to)
		}
	}
}

// fallenInto returns the steps back that are no jumps, by where they start. Indices
// count eight bytes each.
func fallenInto(program asm.Instructions) map[int]int {
	at := map[int]asm.Instruction{}
	var functions []int
	for it := program.Iterate(); it.Next(); {
		at[int(it.Offset)] = *it.Ins
		if it.Ins.Symbol() != "" {
			functions = append(functions, int(it.Offset))
		}
	}
	const open, done = 1, 2
	found := map[int]int{}
	state := map[int]int{}
	var visit func(i int)
	visit = func(i int) {
		state[i] = open
		next, jumps := successors(i, at[i])
		for _, n := range next {
			if state[n] == open && !jumps {
				found[i] = n
			}
			if state[n] == 0 {
				visit(n)
			}
		}
		state[i] = done
	}
	for _, i := range functions {
		visit(i)
	}
	return found
}

// successors are where the walk goes on from an instruction, and whether it is a jump.
// A called function is walked by itself.
func successors(i int, ins asm.Instruction) (next []int, jumps bool) {
	size := 1
	if ins.OpCode.IsDWordLoad() {
		size = 2
	}
	to := i + 1 + int(ins.Offset)
	switch ins.OpCode.JumpOp() {
	case asm.InvalidJumpOp, asm.Call:
		return []int{i + size}, false
	case asm.Exit:
		return nil, true
	case asm.Ja:
		return []int{to}, true
	}
	return []int{i + 1, to}, true
}
