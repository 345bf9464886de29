// Package launcher makes the small static program from which runs under control
// start. It waits on descriptor 3 until it has been seized, sets no_new_privs,
// switches address randomisation off and installs the seccomp filter. From then on
// it makes a child for each order, and the child becomes the command: the filter,
// which takes the kernel longer to install than to start a program, is inherited.
package launcher

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
)

// The program is mapped where no other is, so that the filter can tell its calls
// by their address. Processors of 64 bits may have no more than 39 bits of
// addresses (arm64 with small page tables).
const (
	base = 0x1a_cef1_0000

	// Area is where orders are put, AreaSize bytes: arguments and environment take
	// at most a quarter of the stack's limit, and 6 MiB (execve(2)).
	Area     = base + 0x100_0000
	AreaSize = 16 << 20

	headers = 64 + 2*56
)

// Exempt is the range of instruction pointers, both ends within, at which the
// launcher's own calls are seen, but for the one that becomes the command.
const (
	ExemptLow  = base + headers
	ExemptHigh = base + headers + become
)

// Instruction is one classic BPF instruction (linux/filter.h, struct sock_filter).
type Instruction struct {
	Code   uint16
	Jt, Jf uint8
	K      uint32
}

// ELF returns the launcher as an ELF file that installs filter. With an empty
// filter none is installed: then every system call must be stopped at by
// PTRACE_SYSCALL.
func ELF(filter []Instruction) []byte {
	const prog = uint64(headers + len(code)) // struct sock_fprog: u16 len, pad, pointer
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
		Phnum:     2,
	})
	put(elf.Prog64{
		Type: uint32(elf.PT_LOAD), Flags: uint32(elf.PF_R | elf.PF_X),
		Vaddr: base, Paddr: base, Filesz: size, Memsz: size, Align: 0x10000, // arm64 may have 64 KiB pages
	})
	put(elf.Prog64{
		Type: uint32(elf.PT_LOAD), Flags: uint32(elf.PF_R | elf.PF_W),
		Vaddr: Area, Paddr: Area, Memsz: AreaSize, Align: 0x10000,
	})
	b.WriteString(code[:len(code)-8])
	put(uint64(Area))
	put(uint64(len(filter)))
	put(uint64(base + prog + 16))
	put(filter)
	return b.Bytes()
}
