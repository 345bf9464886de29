package launcher

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// TestCode holds the committed bytes and the assembler's source equal.
func TestCode(t *testing.T) {
	tool := func(name string) string {
		path, err := exec.LookPath(name)
		if err != nil {
			t.Skipf("needs %s (binutils) for %s", name, runtime.GOARCH)
		}
		return path
	}
	as, objcopy, nm := tool("as"), tool("objcopy"), tool("nm")
	dir := t.TempDir()
	object, raw := filepath.Join(dir, "o"), filepath.Join(dir, "bin")
	for _, cmd := range []*exec.Cmd{
		exec.Command(as, "-o", object, "testdata/launcher_"+runtime.GOARCH+".S"),
		exec.Command(objcopy, "-O", "binary", "-j", ".text", object, raw),
	} {
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
	}
	text, err := os.ReadFile(raw)
	if err != nil {
		t.Fatal(err)
	}
	if string(text) != code {
		t.Errorf("the assembler makes %d bytes that differ from the %d committed:\n%x\n%x", len(text), len(code), text, code)
	}
	symbols, err := exec.Command(nm, object).Output()
	if want := fmt.Sprintf("%016x t become", become); err != nil || !strings.Contains(string(symbols), want) {
		t.Errorf("no %q in the symbols %v\n%s", want, err, symbols)
	}
}

func TestELF(t *testing.T) {
	filter := []Instruction{{Code: 6, K: 0x7fff0000}, {Code: 0x15, Jt: 1, Jf: 2, K: 3}}
	f, err := elf.NewFile(bytes.NewReader(ELF(filter)))
	if err != nil {
		t.Fatal(err)
	}
	if f.Type != elf.ET_EXEC || f.Machine != machine || len(f.Progs) != 2 {
		t.Fatalf("%+v", f.FileHeader)
	}
	body := make([]byte, f.Progs[0].Filesz)
	if _, err := f.Progs[0].ReadAt(body, 0); err != nil {
		t.Fatal(err)
	}
	const address = 8 // of the area, filled in behind the code
	at := f.Entry - f.Progs[0].Vaddr
	if got := string(body[at:][:len(code)-address]); got != code[:len(code)-address] {
		t.Error("the entry point is not the code's beginning")
	}
	if got := binary.LittleEndian.Uint64(body[at+uint64(len(code))-address:]); got != Area {
		t.Errorf("the program looks for its area at %#x", got)
	}
	if area := f.Progs[1]; area.Vaddr != Area || area.Memsz != AreaSize || area.Filesz != 0 {
		t.Errorf("the area is %+v", area.ProgHeader)
	}
	// struct sock_fprog and the filter lie behind the code, which finds them there.
	tail := body[len(body)-16-8*len(filter):]
	want := []byte{2, 0, 0, 0, 0, 0, 0, 0}
	if !bytes.Equal(tail[:8], want) || !bytes.Equal(tail[16:24], []byte{6, 0, 0, 0, 0, 0, 0xff, 0x7f}) ||
		!bytes.Equal(tail[24:], []byte{0x15, 0, 1, 2, 3, 0, 0, 0}) {
		t.Errorf("% x", tail)
	}
}
