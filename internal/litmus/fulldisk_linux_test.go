package litmus

import (
	"context"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// A small disk is made in a mount namespace of a process's own, as root or in a
// user namespace, and is gone with it.
func TestFullDisk(t *testing.T) {
	cmd := exec.Command(os.Args[0], "-test.run=^TestOnSmallDisk$", "-test.v")
	cmd.Env = append(os.Environ(), "LITMUS_SMALL_DISK="+t.TempDir())
	cmd.SysProcAttr = &syscall.SysProcAttr{Unshareflags: unix.CLONE_NEWNS}
	if os.Getuid() != 0 {
		cmd.SysProcAttr = &syscall.SysProcAttr{
			Cloneflags:  unix.CLONE_NEWUSER | unix.CLONE_NEWNS,
			UidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}},
			GidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}},
		}
	}
	out, err := cmd.CombinedOutput()
	if err != nil && len(out) == 0 {
		t.Skip("no mount namespace of one's own: ", err)
	}
	if err != nil || !strings.Contains(string(out), "--- PASS: TestOnSmallDisk") {
		t.Errorf("%v\n%s", err, out)
	}
}

// TestOnSmallDisk is what TestFullDisk runs in the namespace.
func TestOnSmallDisk(t *testing.T) {
	dir := os.Getenv("LITMUS_SMALL_DISK")
	if dir == "" {
		t.Skip("started by TestFullDisk only")
	}
	if err := unix.Mount("none", dir, "tmpfs", 0, "size=4m"); err != nil {
		t.Fatal(err)
	}
	defer unix.Unmount(dir, unix.MNT_DETACH)
	for _, shim := range []bool{false, true} {
		m, err := Run(context.Background(), []Place{{Dir: dir}}, Options{Select: []string{"short-write/full disk"}, Shim: shim})
		if err != nil {
			t.Fatal(err)
		}
		want := VerdictAllowed
		if shim {
			want = VerdictBroken
		}
		if res := m.Columns[0].Results[0]; res.Verdict != want {
			t.Errorf("shim %v: %+v", shim, res)
		}
	}
}
