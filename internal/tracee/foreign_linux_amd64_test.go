package tracee

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"os"
	"path/filepath"
	"testing"

	"filerace/internal/op"
)

// int80 makes calls of i386: getpid, fork, wait4, exit(7); the child: exit(0).
const int80 = "\xb8\x14\x00\x00\x00\xcd\x80" + "\xb8\x02\x00\x00\x00\xcd\x80" + "\x85\xc0\x74\x1e" +
	"\xb8\x72\x00\x00\x00\xbb\xff\xff\xff\xff\x31\xc9\x31\xd2\x31\xf6\xcd\x80" + "\xb8\x01\x00\x00\x00\xbb\x07\x00\x00\x00\xcd\x80" +
	"\xb8\x01\x00\x00\x00\x31\xdb\xcd\x80"

// Calls of another ABI are let through and reported; what they fork stays under control.
func TestForeignABI(t *testing.T) {
	const base, head = 0x400000, 64 + 56
	var b bytes.Buffer
	for _, v := range []any{
		elf.Header64{Ident: [16]byte{0x7f, 'E', 'L', 'F', byte(elf.ELFCLASS64), byte(elf.ELFDATA2LSB), byte(elf.EV_CURRENT)},
			Type: uint16(elf.ET_EXEC), Machine: uint16(elf.EM_X86_64), Version: 1, Entry: base + head, Phoff: 64, Ehsize: 64, Phentsize: 56, Phnum: 1},
		elf.Prog64{Type: uint32(elf.PT_LOAD), Flags: uint32(elf.PF_R | elf.PF_X), Vaddr: base, Paddr: base,
			Filesz: head + uint64(len(int80)), Memsz: head + uint64(len(int80)), Align: 0x1000},
		[]byte(int80),
	} {
		if err := binary.Write(&b, binary.LittleEndian, v); err != nil {
			t.Fatal(err)
		}
	}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "foreign"), b.Bytes(), 0o755); err != nil {
		t.Fatal(err)
	}
	s := &stage{script: "./foreign; echo $?", dir: dir}
	if out := s.outside(t).out; out != "7\n" {
		t.Skipf("needs a kernel with IA32 emulation: %q", out)
	}
	s.foreign = true
	for _, noFilter := range []bool{false, true} {
		d := newDirector(t, 1)
		s.cfg.NoFilter = noFilter
		s.play(t, d).expect(t, "7")
		if n := d.count(op.Fork); n != 2 {
			t.Errorf("%d forks were seen", n)
		}
	}
}
