//go:build linux && (amd64 || arm64)

package probe

import (
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
	"github.com/cilium/ebpf/link"
	"golang.org/x/sys/unix"

	"filerace/internal/op"
	"filerace/internal/trace"
)

// functionsAreTraced skips the test where the kernel attaches not even a program that
// does nothing to one of the functions that the hooks are for.
func functionsAreTraced(t *testing.T) {
	t.Helper()
	nothing, err := ebpf.NewProgram(&ebpf.ProgramSpec{
		Type: ebpf.Tracing, AttachType: ebpf.AttachTraceFEntry, AttachTo: "security_inode_unlink", License: "GPL",
		Instructions: asm.Instructions{asm.Mov.Imm(asm.R0, 0), asm.Return()},
	})
	if err != nil {
		t.Skipf("load a program on a function: %v", err)
	}
	defer nothing.Close()
	l, err := link.AttachTracing(link.TracingOptions{Program: nothing})
	if err != nil {
		t.Skipf("attach a program to a function: %v", err)
	}
	l.Close()
}

// changeNames changes names in a directory of its own in every way that there is. Beforehand
// it links to "was A" and "was B" what a and b lead to, so that the test can ask for them.
func changeNames([]string) {
	do := func(err error) {
		if err != nil {
			os.Stderr.WriteString(err.Error() + "\n")
			os.Exit(1)
		}
	}
	do(os.WriteFile("a", nil, 0o644))
	do(os.WriteFile("b", nil, 0o644))
	do(unix.Link("a", "was A"))
	do(unix.Link("b", "was B"))
	do(unix.Rename("a", "b"))
	do(unix.Link("b", "c"))
	do(unix.Unlink("b"))
	do(unix.Mkdir("d", 0o755))
	do(unix.Symlink("c", "s"))
	do(unix.Mkfifo("p", 0o600))
	var st unix.Stat_t
	do(unix.Lstat("c", &st))
	do(os.WriteFile("kept", nil, 0o644))
	do(unix.Renameat2(unix.AT_FDCWD, "c", unix.AT_FDCWD, "kept", unix.RENAME_EXCHANGE))
	do(unix.Mkdir("gone", 0o755))
	do(unix.Rmdir("gone"))
}

// TestHooksTellWhichFileANameLedTo fails if the kernel traces functions and the hooks do
// not attach, or see other files than those that the names led to.
func TestHooksTellWhichFileANameLedTo(t *testing.T) {
	functionsAreTraced(t)
	for _, plain := range []bool{false, true} {
		t.Run("cast="+strconv.FormatBool(!plain), func(t *testing.T) {
			neverCast = plain
			defer func() { neverCast = false }()
			cmd, release := actor(t, "names")
			p := watchHere(t, Options{Trees: []int{cmd.Process.Pid}})
			if err := p.Hooks(); err != nil {
				t.Fatalf("the kernel traces functions, but the hooks do not attach: %+v", err)
			}
			release()
			p.Stop()
			checkNames(t, rest(t, p), cmd.Dir)
		})
	}
}

func checkNames(t *testing.T, all []trace.Record, dir string) {
	t.Helper()
	ino := func(name string) uint64 {
		var st unix.Stat_t
		if err := unix.Lstat(filepath.Join(dir, name), &st); err != nil {
			t.Fatal(err)
		}
		return st.Ino
	}
	a, b, here := ino("was A"), ino("was B"), ino(".")
	type change struct{ before, after uint64 }
	check := func(o *op.Op, want ...change) {
		t.Helper()
		if len(o.Names) != len(want) {
			t.Errorf("%v: names %+v, want %d", o, o.Names, len(want))
			return
		}
		for i, n := range o.Names {
			if n.Dir.Ino != here || n.Before.Ino != want[i].before || n.After.Ino != want[i].after {
				t.Errorf("%v: name %+v in %d, want %+v", o, n, here, want[i])
			}
		}
	}
	named := func(kind op.Kind, path string) *op.Op {
		t.Helper()
		return one(t, all, kind.String()+" of "+path, func(o *op.Op) bool { return o.Kind == kind && o.Path == path })
	}
	check(named(op.Rename, "a"), change{a, 0}, change{b, a})
	linked := one(t, all, "link to c", func(o *op.Op) bool { return o.Kind == op.Link && o.Path2 == "c" })
	check(linked, change{a, a}, change{0, a})
	check(named(op.Unlink, "b"), change{a, 0})
	check(named(op.Mkdir, "d"), change{0, ino("d")})
	check(named(op.Mknod, "p"), change{0, ino("p")})
	symlink := one(t, all, "symlink", func(o *op.Op) bool { return o.Kind == op.SymlinkOp })
	check(symlink, change{0, ino("s")})
	check(named(op.Rename, "c"), change{a, ino("c")}, change{ino("c"), a})
	gone := named(op.Mkdir, "gone").Names[0].After.Ino
	if gone == 0 {
		t.Error("the directory made and removed has no number")
	}
	check(named(op.Rmdir, "gone"), change{gone, 0})
	looked := one(t, all, "lstat of c", func(o *op.Op) bool { return o.Kind == op.Stat && o.Path == "c" })
	if looked.File.ID.Ino != a {
		t.Errorf("%v: file %v, want %d", looked, looked.File.ID, a)
	}
}
