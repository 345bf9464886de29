// Package launcher makes the small static program that a run under control
// starts as. It waits on descriptor 3 until it has been seized, sets
// no_new_privs, switches address randomisation off, installs the seccomp filter
// and becomes the command. A program of 500 bytes starts in a tenth of the time
// that a re-executed Go binary takes.
package launcher

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
)

// base is where the program is mapped: any page below the stack does.
const base = 0x400000

// Instruction is one classic BPF instruction (linux/filter.h, struct sock_filter).
type Instruction struct {
	Code   uint16
	Jt, Jf uint8
	K      uint32
}

// ELF returns the launcher as an ELF file that installs filter. With an empty
// filter none is installed: then every system call must be stopped at by
// PTRACE_SYSCALL. Arguments of the program: its name, the path of the command,
// the command's own argument list.
func ELF(filter []Instruction) []byte {
	const headers = 64 + 56
	prog := uint64(headers + len(code)) // struct sock_fprog: u16 len, pad, pointer
	var b bytes.Buffer
	size := prog + 16 + 8*uint64(len(filter))
	le := binary.LittleEndian
	put := func(v any) { binary.Write(&b, le, v) } // a bytes.Buffer does not fail
	put(elf.Header64{
		Ident:     [elf.EI_NIDENT]byte{0x7f, 'E', 'L', 'F', byte(elf.ELFCLASS64), byte(elf.ELFDATA2LSB), byte(elf.EV_CURRENT)},
		Type:      uint16(elf.ET_EXEC),
		Machine:   uint16(machine),
		Version:   uint32(elf.EV_CURRENT),
		Entry:     base + headers,
		Phoff:     64,
		Ehsize:    64,
		Phentsize: 56,
		Phnum:     1,
	})
	put(elf.Prog64{
		Type: uint32(elf.PT_LOAD), Flags: uint32(elf.PF_R | elf.PF_X),
		Vaddr: base, Paddr: base, Filesz: size, Memsz: size, Align: 0x10000, // arm64 may have 64 KiB pages
	})
	b.WriteString(code)
	put(uint64(len(filter)))
	put(uint64(base + prog + 16))
	put(filter)
	return b.Bytes()
}
