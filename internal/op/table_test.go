package op

import (
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"
	"testing"
)

// kernelFile returns a file of golang.org/x/sys/unix, generated from the kernel's
// headers, as the Go distribution carries it.
func kernelFile(t *testing.T, file string) string {
	t.Helper()
	root, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		t.Skipf("no go command: %v", err)
	}
	b, err := os.ReadFile(filepath.Join(strings.TrimSpace(string(root)), "src/cmd/vendor/golang.org/x/sys/unix", file))
	if err != nil {
		t.Skipf("Go's sources are not installed: %v", err)
	}
	return string(b)
}

// kernelNumbers returns the system call numbers of an architecture by lower-case name.
func kernelNumbers(t *testing.T, arch Arch) map[string]int {
	t.Helper()
	numbers := map[string]int{}
	for name, value := range kernelConstants(t, "zsysnum_linux_"+arch.String()+".go", "SYS_") {
		n, err := strconv.Atoi(value)
		if err != nil {
			t.Fatalf("parse %s: %v", name, err)
		}
		numbers[strings.ToLower(name[len("SYS_"):])] = n
	}
	return numbers
}

func TestNumbersAreTheKernels(t *testing.T) {
	for _, arch := range []Arch{AMD64, ARM64} {
		numbers := kernelNumbers(t, arch)
		for i := range Calls {
			c := &Calls[i]
			want, ok := numbers[c.Name]
			if !ok {
				want = None
			}
			if got := arch.Number(c); got != want {
				t.Errorf("%s on %s: number %d, the kernel's headers say %d", c.Name, arch, got, want)
			}
		}
	}
}

func TestRowsAreSound(t *testing.T) {
	for i := range Calls {
		c := &Calls[i]
		if c.Kind == NoKind || c.Kind >= kindMax || len(c.Args) > 6 {
			t.Errorf("%s: kind %d, %d arguments", c.Name, c.Kind, len(c.Args))
		}
		for _, test := range c.When {
			if test.Arg < 0 || test.Arg > 5 || len(test.Values) == 0 {
				t.Errorf("%s: test %+v", c.Name, test)
			}
			for _, v := range test.Values {
				if test.Mask != 0 && v&^test.Mask != 0 {
					t.Errorf("%s: value %#x can never pass mask %#x", c.Name, v, test.Mask)
				}
			}
		}
		if !c.Trace && !c.Sleep {
			t.Errorf("%s: neither held nor slept in: why is it here?", c.Name)
		}
	}
}

// A row behind one with the same number and fewer tests would never count.
func TestNoRowIsHidden(t *testing.T) {
	for _, arch := range []Arch{AMD64, ARM64} {
		for nr, rows := range byNumber[arch] {
			for i, c := range rows {
				if len(c.When) == 0 && i != len(rows)-1 {
					t.Errorf("%s %s (%d): row %d hides the ones behind it", arch, c.Name, nr, i)
				}
			}
		}
	}
}

func TestFind(t *testing.T) {
	const junk = 0xdead << 32 // the kernel ignores the upper half of an int
	tests := []struct {
		name  string
		args  [6]uint64
		kind  Kind // NoKind: no row
		held  bool
		sleep bool
	}{
		{"openat", [6]uint64{}, Open, true, true},
		{"unlinkat", [6]uint64{0, 0, AT_REMOVEDIR}, Rmdir, true, false},
		{"unlinkat", [6]uint64{0, 0, 0}, Unlink, true, false},
		{"fcntl", [6]uint64{3, F_SETLKW}, LockOp, true, true},
		{"fcntl", [6]uint64{3, junk | F_SETLK}, LockOp, true, false},
		{"fcntl", [6]uint64{3, F_OFD_SETLKW}, LockOp, true, true},
		{"fcntl", [6]uint64{3, F_SETLEASE}, LockOp, true, false},
		{"fcntl", [6]uint64{3, F_OFD_GETLK}, GetLock, true, false},
		{"fcntl", [6]uint64{3, F_DUPFD_CLOEXEC}, Dup, true, false},
		{"fcntl", [6]uint64{3, F_SETFL}, SetFlags, true, false},
		{"fcntl", [6]uint64{3, F_GETFD}, NoKind, false, false},
		{"fcntl", [6]uint64{3, F_GETFL}, NoKind, false, false},
		{"ppoll", [6]uint64{0, junk, 0}, Sleep, true, true},
		{"ppoll", [6]uint64{0, 1, 0}, Poll, false, true},
		{"pselect6", [6]uint64{0}, Sleep, true, true},
		{"pselect6", [6]uint64{4}, Poll, false, true},
		{"epoll_pwait", [6]uint64{4}, Poll, false, true},
		{"futex", [6]uint64{4}, Futex, false, true},
		{"mmap", [6]uint64{0, 4096, 3, MAP_SHARED, 3, 0}, Mmap, true, false},
		{"mmap", [6]uint64{0, 4096, 3, MAP_SHARED_VALIDATE | 0x80000, 3, 0}, Mmap, true, false},
		{"mmap", [6]uint64{0, 4096, 3, MAP_SHARED | MAP_ANONYMOUS, 3, 0}, NoKind, false, false},
		{"mmap", [6]uint64{0, 4096, 3, MAP_PRIVATE, 3, 0}, NoKind, false, false},
	}
	for _, tt := range tests {
		for _, arch := range []Arch{AMD64, ARM64} {
			c := Find(arch, uint64(arch.Number(Named(tt.name))), &tt.args)
			switch {
			case c == nil:
				if tt.kind != NoKind {
					t.Errorf("%s %s %#x: no row", arch, tt.name, tt.args)
				}
			case c.Name != tt.name || c.Kind != tt.kind || c.Trace != tt.held || c.Sleep != tt.sleep:
				t.Errorf("%s %s %#x: row %s, kind %d, held %v, sleeps %v", arch, tt.name, tt.args, c.Name, c.Kind, c.Trace, c.Sleep)
			}
		}
	}
	for _, nr := range []uint64{9999, 1 << 40, ^uint64(0)} {
		if c := Find(AMD64, nr, &[6]uint64{}); c != nil {
			t.Errorf("number %d: row %s", nr, c.Name)
		}
	}
	if Named("no such call") != nil {
		t.Error("a call that is not there has a row")
	}
}

// A row travels as text and comes back as itself.
func TestCallsAsText(t *testing.T) {
	for i := range Calls {
		text, err := Calls[i].MarshalText()
		if err != nil {
			t.Fatal(err)
		}
		var c Call
		if err := c.UnmarshalText(text); err != nil || !reflect.DeepEqual(c, Calls[i]) {
			t.Errorf("%s as %q: %+v, %v", Calls[i].Name, text, c, err)
		}
		if again, err := c.MarshalText(); err != nil || string(again) != string(text) {
			t.Errorf("a copy of %s as %q: %q, %v", c.Name, text, again, err)
		}
	}
	for _, bad := range []string{"", "-1", "9999", "open"} {
		if err := new(Call).UnmarshalText([]byte(bad)); err == nil {
			t.Errorf("%q is no row", bad)
		}
	}
	if _, err := (&Call{Name: "open"}).MarshalText(); err == nil {
		t.Error("a call of no kind is no row")
	}
}

func BenchmarkFind(b *testing.B) {
	args := [6]uint64{3, F_GETLK}
	for b.Loop() {
		if Find(AMD64, 72, &args) == nil {
			b.Fatal("no row")
		}
	}
}
