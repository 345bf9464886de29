package tracee

import (
	"encoding/binary"
	"testing"

	"filerace/internal/op"
	"filerace/internal/tracee/launcher"
)

// interpret runs a classic BPF program over struct seccomp_data.
func interpret(t *testing.T, p []launcher.Instruction, data []byte) uint32 {
	t.Helper()
	var a uint32
	for pc := 0; pc < len(p); pc++ {
		i := p[pc]
		jump := func(hit bool) {
			if hit {
				pc += int(i.Jt)
			} else {
				pc += int(i.Jf)
			}
		}
		switch i.Code {
		case bpfLoad:
			a = binary.LittleEndian.Uint32(data[i.K:])
		case bpfAnd:
			a &= i.K
		case bpfJeq:
			jump(a == i.K)
		case bpfJge:
			jump(a >= i.K)
		case bpfJa:
			pc += int(i.K)
		case bpfRet:
			return i.K
		default:
			t.Fatalf("opcode %#x", i.Code)
		}
	}
	t.Fatal("the program runs off its end")
	return 0
}

// The filter stops at exactly the calls that the table says control is to hold.
func TestFilterIsTheTable(t *testing.T) {
	values := []uint64{0, 1, 2, 3, 5, 6, 7, 14, 16, 37, 38, 0x200, 1024, 1030, 1 << 32, 1<<32 | 5, 1<<64 - 1, 0x20, 0x22, 0x100000, 1<<32 - 1}
	for _, c := range []struct {
		arch  op.Arch
		audit uint32
	}{{op.AMD64, 0xc000003e}, {op.ARM64, 0xc00000b7}} {
		p := filter(c.arch, c.audit)
		t.Logf("%d instructions", len(p))
		for nr := range uint64(600) {
			for _, v := range values {
				for arg := range 6 {
					var args [6]uint64
					args[arg] = v
					if arg == 0 {
						for i := range args {
							args[i] = v
						}
					}
					want := uint32(retAllow)
					if call := op.Find(c.arch, nr, &args); call != nil && call.Trace {
						want = retTrace
					}
					if got := interpret(t, p, seccompData(uint32(nr), c.audit, args)); got != want {
						t.Fatalf("call %d %v: %#x, want %#x", nr, args, got, want)
					}
				}
			}
		}
		for _, d := range [][]byte{seccompData(0, 0x40000003, [6]uint64{}), seccompData(x32Calls, c.audit, [6]uint64{})} {
			if got := interpret(t, p, d); got != retTrace|foreign {
				t.Errorf("a call of another ABI: %#x", got)
			}
		}
	}
}

func seccompData(nr, arch uint32, args [6]uint64) []byte {
	b := make([]byte, 64)
	binary.LittleEndian.PutUint32(b[dataNr:], nr)
	binary.LittleEndian.PutUint32(b[dataArch:], arch)
	for i, v := range args {
		binary.LittleEndian.PutUint64(b[dataArgs+8*i:], v)
	}
	return b
}
