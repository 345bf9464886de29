package safefile

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// onTmpfs runs a role on a file system of its own, in user and mount namespaces of its own. sh makes it
// in $1; the files are looked at through a copy, as the mount ends with the namespace.
func onTmpfs(t *testing.T, errno, script string) {
	if err := exec.Command("unshare", "-rm", "true").Run(); err != nil {
		t.Skip("no user and mount namespaces here:", err)
	}
	dir, after := t.TempDir(), t.TempDir()
	whole := `mount -t tmpfs -o size=256k none "$1" && echo "old\c" >"$1/file" && ` + script +
		` "$0" "$1" role; status=$?; unset SAFEFILE_TEST_ROLE; cp -a "$1"/. "$2" && exit $status`
	cmd := exec.Command("unshare", "-rm", "sh", "-c", whole, os.Args[0], dir, after)
	checkLimited(t, after, errno, cmd)
	if left := entries(t, dir); len(left) > 0 {
		t.Errorf("outside the namespace: %v", left)
	}
}

func TestDiskFull(t *testing.T) {
	onTmpfs(t, "no space left on device", `head -c 100k /dev/zero >"$1/fill" &&`)
}

func TestReadOnly(t *testing.T) {
	onTmpfs(t, "read-only file system", `mount -o remount,bind,ro "$1" &&`)
}

// Attributes that cannot be kept: the old file stays.
func TestForeignOwnerIsKept(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can make somebody else's file")
	}
	dir := t.TempDir()
	ok(t, os.Chmod(dir, 0o777))
	ok(t, os.WriteFile(filepath.Join(dir, "file"), []byte("old"), 0o644))
	cmd := exec.Command(publicCopy(t), dir, "foreign")
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	cmd.Env = append(os.Environ(), roleVariable+"=limited")
	out, err := cmd.CombinedOutput()
	if err != nil || !strings.Contains(string(out), "WriteFile: write ") && !strings.Contains(string(out), "WriteFile: commit ") {
		t.Fatalf("%v\n%s", err, out)
	}
	content(t, filepath.Join(dir, "file"), "old")
	for _, name := range entries(t, dir) {
		if filepath.Ext(name) == ".temp-0" {
			t.Errorf("left: %s", name)
		}
	}
}
